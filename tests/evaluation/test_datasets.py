"""Annotated photos: COCO's way, VOC's way, masks with labels, and drawn regions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from retrieval.errors import ConfigurationError
from retrieval.evaluation.datasets import VOC_CLASSES, AnnotatedObject, AnnotatedPhoto, load_drawn, load_photos

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

    def test_class_map(self, voc: Path) -> None:
        (photo,) = load_photos(voc)
        found = photo.class_map()
        assert found is not None
        dog, cat = VOC_CLASSES.index("dog") + 1, VOC_CLASSES.index("cat") + 1
        assert set(np.unique(found).tolist()) == {0, cat, dog, 255}
        assert (found[RIGHT] == cat).all()
        save_map(voc / "SegmentationClass" / "a.png", np.full((HEIGHT, WIDTH), 21, np.uint8))
        with pytest.raises(ConfigurationError, match="0 to 20 are VOC's classes"):
            photo.class_map()
        (voc / "SegmentationClass" / "a.png").write_bytes(b"nothing")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            photo.class_map()
        assert AnnotatedPhoto(voc, ()).class_map() is None

    def test_a_broken_split(self, voc: Path) -> None:
        (voc / "splits.json").write_text("{")
        with pytest.raises(ConfigurationError, match="must be like"):
            load_photos(voc, splits=voc / "splits.json")

    def test_a_split_names_photos_by_their_stem(self, voc: Path) -> None:
        splits = voc / "splits.json"
        splits.write_text(json.dumps({voc.name: {"select": ["b"]}}))
        assert load_photos(voc, splits=splits) == []


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two photos: a dog on the left and a cat on the right of one, nothing on the other."""
    folder = tmp_path / "mine"
    for name in ("photos", "masks"):
        (folder / name).mkdir(parents=True)
    for name in ("a.jpg", "b.png"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "photos" / name)
    save_numbers(folder, {1: LEFT, 7: RIGHT})
    save_labels(folder, {"a": {"1": "dog", "7": "cat"}, "b": {}})
    return folder


def save_numbers(folder: Path, masks: dict[int, np.ndarray], dtype: Any = np.uint8) -> None:
    labels = np.zeros((HEIGHT, WIDTH), dtype)
    for number, mask in masks.items():
        labels[mask] = number
    Image.fromarray(labels).save(folder / "masks" / "a.png")


def save_labels(folder: Path, labels: Any) -> None:
    (folder / "labels.json").write_text(labels if isinstance(labels, str) else json.dumps(labels))


class TestLabelled:
    def test_objects_by_number(self, labelled: Path) -> None:
        photo, empty = load_photos(labelled)
        assert [each.category for each in photo.objects] == ["dog", "cat"]
        np.testing.assert_array_equal(photo.objects[0].mask(), LEFT)
        np.testing.assert_array_equal(photo.objects[1].mask(), RIGHT)
        assert photo.path == labelled / "photos" / "a.jpg"
        assert (empty.path.name, empty.objects) == ("b.png", ())

    def test_masks_of_sixteen_bits(self, labelled: Path) -> None:
        save_numbers(labelled, {300: LEFT, 40000: RIGHT}, np.uint16)
        save_labels(labelled, {"a": {"300": "dog", "40000": "cat"}, "b": {}})
        assert areas(load_photos(labelled)[0]) == {"dog": [LEFT.sum()], "cat": [RIGHT.sum()]}

    def test_indexed_masks(self, labelled: Path) -> None:
        labels = np.where(LEFT, 1, np.where(RIGHT, 7, 0)).astype(np.uint8)
        save_map(labelled / "masks" / "a.png", labels)
        assert areas(load_photos(labelled)[0]) == {"dog": [LEFT.sum()], "cat": [RIGHT.sum()]}

    def test_small_objects_and_parts_of_a_split(self, labelled: Path) -> None:
        save_numbers(labelled, {1: LEFT, 7: rectangle(0, 0, 10, 10)})
        assert [each.category for each in load_photos(labelled)[0].objects] == ["dog"]
        assert len(load_photos(labelled, min_area=100)[0].objects) == 2
        splits = labelled / "splits.json"
        splits.write_text(json.dumps({"mine": {"select": ["b"]}}))
        assert [photo.path.stem for photo in load_photos(labelled, splits=splits)] == ["b"]

    def test_masks_lie_on_the_upright_photo(self, labelled: Path) -> None:
        turned = Image.new("RGB", (HEIGHT, WIDTH))
        exif = turned.getexif()
        exif[0x0112] = 6
        turned.save(labelled / "photos" / "a.jpg", exif=exif)
        assert len(load_photos(labelled)[0].objects) == 2
        exif[0x0112] = 3
        turned.save(labelled / "photos" / "a.jpg", exif=exif)
        with pytest.raises(ConfigurationError, match="upright"):
            load_photos(labelled)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ({"a": {"1": "dog"}, "b": {}}, "object 7 has no class"),
            ({"a": {"1": "dog", "7": "cat", "8": "cow"}, "b": {}}, "object 8 is in labels.json, but not"),
            ({"a": {"1": "dog", "7": "cat"}}, r"does not name .*b\.png"),
            ({"a": {"1": "dog", "7": "cat"}, "b": {}, "c": {}}, "names 'c', but"),
            ({"a": {"1": "dog", "7": "cat"}, "b": {"1": "cow"}}, r"b\.png is missing: .* has 1 objects"),
            ({"a": {"one": "dog"}, "b": {}}, "must be like"),
            ({"a": ["dog"], "b": {}}, "must be like"),
            (["a"], "must be like"),
            ("{", "must be like"),
            ("null", "must be like"),
            ("", "must be like"),
            ({"a": {"1": 5}, "b": {}}, "class that is not a word"),
            ({"a": {"1": ""}, "b": {}}, "class that is not a word"),
            ({"a": {"0": "sky"}, "b": {}}, "from 1 to 65535"),
            ({"a": {"65536": "sky"}, "b": {}}, "from 1 to 65535"),
            ({"a": {"1": "dog", "01": "cat"}, "b": {}}, "different ones"),
        ],
    )
    def test_wrong_labels(self, labelled: Path, labels: Any, message: str) -> None:
        save_labels(labelled, labels)
        with pytest.raises(ConfigurationError, match=message):
            load_photos(labelled)

    def test_wrong_masks(self, labelled: Path) -> None:
        mask = labelled / "masks" / "a.png"
        Image.new("L", (WIDTH, HEIGHT + 1)).save(mask)
        with pytest.raises(ConfigurationError, match=r"a\.png is \(101, 120\), a\.jpg upright \(100, 120\)"):
            load_photos(labelled)
        Image.new("RGB", (WIDTH, HEIGHT)).save(mask)
        with pytest.raises(ConfigurationError, match="in colour"):
            load_photos(labelled)
        mask.write_bytes(b"nothing")
        with pytest.raises(ConfigurationError, match=r"a\.png cannot be read"):
            load_photos(labelled)
        mask.unlink()
        with pytest.raises(ConfigurationError, match=r"a\.png is missing"):
            load_photos(labelled)

    def test_wrong_photos(self, labelled: Path) -> None:
        (labelled / "photos" / "a.jpg").write_bytes(b"nothing")
        with pytest.raises(ConfigurationError, match=r"a\.jpg cannot be read"):
            load_photos(labelled)
        (labelled / "photos" / "a.webp").write_bytes(b"nothing")
        with pytest.raises(ConfigurationError, match="same name"):
            load_photos(labelled)

    def test_no_photos(self, labelled: Path) -> None:
        (labelled / "photos").rename(labelled / "pictures")
        with pytest.raises(ConfigurationError, match="photos is missing"):
            load_photos(labelled)


MAPS = np.stack([LEFT, RIGHT, LEFT | RIGHT]).astype(np.uint8) + 1


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Two photos that three people divided."""
    for name in ("2", "10"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / f"{name}.jpg")
        np.savez(tmp_path / f"{name}.npz", segmentations=MAPS)
    return tmp_path


class TestDrawn:
    def test_maps_of_every_annotator(self, drawn: Path) -> None:
        first, second = load_drawn(drawn)
        assert (first.path, second.path) == (drawn / "10.jpg", drawn / "2.jpg")
        np.testing.assert_array_equal(first.maps(), MAPS)

    def test_a_file_is_missing(self, drawn: Path, tmp_path: Path) -> None:
        (drawn / "2.npz").unlink()
        with pytest.raises(ConfigurationError, match=r"2\.npz is missing"):
            load_drawn(drawn)
        (drawn / "2.jpg").unlink()
        (drawn / "10.jpg").rename(drawn / "11.jpg")
        with pytest.raises(ConfigurationError, match=r"10\.jpg is missing \(2 such"):
            load_drawn(drawn)
        (drawn / "11.jpg").unlink()
        with pytest.raises(ConfigurationError, match="holds no photos"):
            load_drawn(drawn)

    @pytest.mark.parametrize(
        ("stored", "message"),
        [
            ({"maps": MAPS}, "no array named 'segmentations'"),
            ({"segmentations": np.array([None])}, "no array named 'segmentations'"),
            ({"segmentations": MAPS[0]}, "must be whole numbers"),
            ({"segmentations": MAPS[:0]}, "must be whole numbers"),
            ({"segmentations": MAPS.astype(float)}, "must be whole numbers"),
            ({"segmentations": -MAPS.astype(int)}, "must be whole numbers"),
            ({"segmentations": MAPS.transpose(0, 2, 1)}, r"maps of \(120, 100\) for a photo of \(100, 120\)"),
        ],
    )
    def test_wrong_maps(self, drawn: Path, stored: dict[str, np.ndarray], message: str) -> None:
        np.savez(drawn / "10.npz", **stored)
        with pytest.raises(ConfigurationError, match=message):
            load_drawn(drawn)[0].maps()

    def test_broken_files(self, drawn: Path) -> None:
        whole = (drawn / "10.npz").read_bytes()
        for content in (b"", b"nothing", whole[: len(whole) // 2], b"PK\x03\x04nothing"):
            (drawn / "10.npz").write_bytes(content)
            with pytest.raises(ConfigurationError, match="no array named 'segmentations'"):
                load_drawn(drawn)[0].maps()


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
