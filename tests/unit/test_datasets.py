"""Annotated photos, COCO's way and VOC's way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from retrieval.errors import ConfigurationError
from retrieval.evaluate.datasets import VOC_CLASSES, AnnotatedObject, AnnotatedPhoto, load_photos

HEIGHT, WIDTH = 100, 120


def rectangle(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y0:y1, x0:x1] = True
    return mask


LEFT, RIGHT = rectangle(10, 10, 50, 60), rectangle(70, 20, 110, 90)


def polygon(x0: int, y0: int, x1: int, y1: int) -> list[float]:
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def compressed(mask: np.ndarray) -> dict[str, Any]:
    run = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": run["size"], "counts": run["counts"].decode()}


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    pixels = mask.T.ravel()
    changes = np.flatnonzero(np.diff(pixels, prepend=False))
    counts = np.diff(changes, prepend=0, append=pixels.size)
    return {"size": list(mask.shape), "counts": counts.tolist()}


def coco_folder(folder: Path, annotations: list[dict[str, Any]], *, images_in: str = "") -> Path:
    (folder / images_in).mkdir(parents=True, exist_ok=True)
    images = [{"id": n, "file_name": f"{n}.jpg", "height": HEIGHT, "width": WIDTH} for n in (7, 8)]
    categories = [{"id": 1, "name": "cat"}, {"id": 5, "name": "hot dog"}]
    for number, each in enumerate(annotations):
        each.update({"id": number, "iscrowd": each.get("iscrowd", 0)})
    stored = {"images": images, "categories": categories, "annotations": annotations}
    (folder / "instances.json").write_text(json.dumps(stored))
    return folder


class TestCoco:
    @pytest.mark.parametrize("kind", ["polygon", "compressed", "uncompressed"])
    def test_every_way_to_write_a_mask(self, tmp_path: Path, kind: str) -> None:
        ways = {
            "polygon": [polygon(10, 10, 50, 60)],
            "compressed": compressed(LEFT),
            "uncompressed": uncompressed(LEFT),
        }
        annotation = {"image_id": 7, "category_id": 5, "segmentation": ways[kind]}
        photo, empty = load_photos(coco_folder(tmp_path, [annotation]))
        (found,) = photo.objects
        assert found.category == "hot dog"
        assert (found.mask() & LEFT).sum() / (found.mask() | LEFT).sum() > 0.95
        assert photo.path == tmp_path / "7.jpg"
        assert empty.objects == ()

    def test_several_polygons_are_one_object(self, tmp_path: Path) -> None:
        parts = [polygon(10, 10, 50, 60), polygon(70, 20, 110, 90)]
        photo, _ = load_photos(coco_folder(tmp_path, [{"image_id": 7, "category_id": 1, "segmentation": parts}]))
        (found,) = photo.objects
        both = LEFT | RIGHT
        assert (found.mask() & both).sum() / (found.mask() | both).sum() > 0.95

    def test_crowds_and_small_objects_are_left_out(self, tmp_path: Path) -> None:
        annotations = [
            {"image_id": 7, "category_id": 1, "segmentation": compressed(LEFT), "iscrowd": 1},
            {"image_id": 7, "category_id": 1, "segmentation": compressed(rectangle(0, 0, 31, 32))},
            {"image_id": 7, "category_id": 1, "segmentation": compressed(rectangle(0, 0, 32, 32))},
        ]
        photo, _ = load_photos(coco_folder(tmp_path, annotations))
        assert [each.mask().sum() for each in photo.objects] == [1024]

    def test_photos_may_be_in_a_folder_of_their_own(self, tmp_path: Path) -> None:
        photo, _ = load_photos(coco_folder(tmp_path, [], images_in="images"))
        assert photo.path == tmp_path / "images" / "7.jpg"

    def test_a_part_of_a_split(self, tmp_path: Path) -> None:
        folder, splits = coco_folder(tmp_path / "toys", []), tmp_path / "splits.json"
        splits.write_text(json.dumps({"toys": {"select": ["8"], "train": [7]}}))
        assert [photo.path.name for photo in load_photos(folder, splits=splits)] == ["8.jpg"]
        assert [photo.path.name for photo in load_photos(folder, splits=splits, part="train")] == ["7.jpg"]
        with pytest.raises(ConfigurationError, match="no part 'test' of 'toys'"):
            load_photos(folder, splits=splits, part="test")


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """One photo: a dog on the left, a cat on the right, both void at their edge."""
    for name in ("JPEGImages", "SegmentationClass"):
        (tmp_path / name).mkdir()
    classes = np.zeros((HEIGHT, WIDTH), np.uint8)
    classes[LEFT], classes[RIGHT] = VOC_CLASSES.index("dog") + 1, VOC_CLASSES.index("cat") + 1
    classes[10:12, 10:50] = 255
    save_map(tmp_path / "SegmentationClass" / "a.png", classes)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "JPEGImages" / "a.jpg")
    return tmp_path


def save_map(path: Path, labels: np.ndarray) -> None:
    """A label map as VOC's: an indexed picture."""
    path.parent.mkdir(exist_ok=True)
    picture = Image.fromarray(labels)
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
    picture.save(path)


def areas(photo: AnnotatedPhoto) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for each in photo.objects:
        found.setdefault(each.category, []).append(int(each.mask().sum()))
    return found


class TestVoc:
    def test_parts_of_a_class_are_objects(self, voc: Path) -> None:
        (photo,) = load_photos(voc)
        assert areas(photo) == {"dog": [LEFT.sum() - 80], "cat": [RIGHT.sum()]}
        assert photo.categories == {"dog", "cat"}

    def test_instances_are_objects(self, voc: Path) -> None:
        objects = np.zeros((HEIGHT, WIDTH), np.uint8)
        objects[RIGHT] = 1
        objects[55:90, 70:110] = 2
        objects[LEFT] = 3
        objects[0, :] = 255
        save_map(voc / "SegmentationObject" / "a.png", objects)
        (photo,) = load_photos(voc)
        assert areas(photo) == {"cat": [35 * 40, 35 * 40], "dog": [LEFT.sum() - 80]}

    @pytest.mark.parametrize("kinds", [["cat", "dog"], {"3": "cat", "4": "dog"}])
    def test_boxes_part_a_class(self, voc: Path, kinds: Any) -> None:
        numbers = {"cat": 1, "dog": 2} if isinstance(kinds, list) else {"cat": 3, "dog": 4}
        boxes = [[70, 20, 110, 54.5, numbers["cat"]], [70, 55, 110, 90, numbers["cat"]]]
        stored = {"categories": kinds, "boxes_xyxy_category": {"a": boxes}}
        (voc / "animal_boxes.json").write_text(json.dumps(stored))
        (photo,) = load_photos(voc)
        assert areas(photo) == {"cat": [35 * 40, 35 * 40], "dog": [LEFT.sum() - 80]}, "no box names the dog"

    def test_a_split_names_photos_by_their_stem(self, voc: Path) -> None:
        splits = voc / "splits.json"
        splits.write_text(json.dumps({voc.name: {"select": ["b"]}}))
        assert load_photos(voc, splits=splits) == []


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither instances.json"):
        load_photos(tmp_path)


class TestObjects:
    def test_masks_at_another_size(self) -> None:
        found = AnnotatedObject("cat", compressed(LEFT)).mask((50, 60))
        assert found.shape == (50, 60)
        np.testing.assert_array_equal(found, LEFT[::2, ::2])

    def test_the_pole_is_farthest_from_the_outside(self) -> None:
        mask = rectangle(0, 0, 40, 40) | rectangle(40, 18, 110, 22)
        x, y = AnnotatedObject("pan", compressed(mask)).pole()
        assert abs(x - 20) <= 2
        assert abs(y - 20) <= 2

    def test_the_pole_of_what_fills_the_photo_is_its_middle(self) -> None:
        x, y = AnnotatedObject("sky", compressed(np.ones((HEIGHT, WIDTH), bool))).pole()
        assert mask_margin(x, WIDTH) >= 49
        assert mask_margin(y, HEIGHT) >= 49

    def test_the_pole_lies_on_the_object(self) -> None:
        ring = rectangle(10, 10, 90, 90) & ~rectangle(30, 30, 70, 70)
        x, y = AnnotatedObject("ring", compressed(ring)).pole()
        assert ring[y, x]


def mask_margin(at: int, size: int) -> int:
    """Pixels between a coordinate and the nearer border."""
    return min(at, size - 1 - at)
