"""Files of annotations are read; what is wrong in them is told, and the rest is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as pycoco

from retrieval.errors import QueryError
from retrieval.formats.coco import read_coco
from retrieval.formats.labelled import LabelledObject, LabelledPhoto
from retrieval.formats.voc import read_voc
from retrieval.formats.yolo import read_yolo

MASK = np.zeros((20, 30), bool)
MASK[4:10, 6:21] = True
SQUARE = [6.0, 4.0, 21.0, 4.0, 21.0, 10.0, 6.0, 10.0]


def coco_file(folder: Path, *shapes: Any, **changes: Any) -> Path:
    annotations = [
        {"id": number, "image_id": 7, "category_id": 3, "segmentation": shape} for number, shape in enumerate(shapes, 1)
    ]
    stored = {
        "images": [{"id": 7, "file_name": "a.png", "width": 30, "height": 20}],
        "categories": [{"id": 3, "name": "cow"}],
        "annotations": annotations,
    }
    path = folder / "instances.json"
    path.write_text(json.dumps({**stored, **changes}))
    return path


def compressed(mask: np.ndarray) -> dict[str, Any]:
    run = pycoco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": run["size"], "counts": run["counts"].decode()}


def plain(mask: np.ndarray) -> dict[str, Any]:
    flat = np.concatenate([[False], mask.T.ravel()])
    ends = [*(np.flatnonzero(np.diff(flat)) + 0).tolist(), mask.size]
    return {"size": list(mask.shape), "counts": np.diff([0, *ends]).tolist()}


def test_coco_of_every_kind(tmp_path: Path) -> None:
    (photo,) = read_coco(coco_file(tmp_path, [SQUARE], compressed(MASK), plain(MASK)))
    assert (photo.path, photo.size_hw, photo.faults) == ("a.png", (20, 30), ())
    for each in photo.objects:
        assert (each.category, each.quality) == ("cow", 1.0)
        np.testing.assert_array_equal(each.mask((20, 30)), MASK)
        assert each.mask((40, 60)).sum() == 4 * MASK.sum()


@pytest.mark.parametrize("category", [9, None, "person", [1]])
def test_coco_with_an_unknown_category(tmp_path: Path, category: Any) -> None:
    file = coco_file(tmp_path, [SQUARE])
    stored = json.loads(file.read_text())
    stored["annotations"][0]["category_id"] = category
    file.write_text(json.dumps(stored))
    (photo,) = read_coco(file)
    assert photo.objects == []
    (fault,) = photo.faults
    assert fault.startswith("annotation 1: ")
    assert "there is no category" in fault or "unhashable" in fault


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (None, "no segmentation"),
        ([], "no segmentation"),
        ({"size": [20, 30]}, "counts"),
        ({"size": [20, 30], "counts": [1, 2]}, "add up to 3 pixels"),
        ({"size": [20, 30], "counts": [-600, 1200]}, "neither run lengths"),
        ({"size": [20, 30], "counts": "###"}, "no compressed run lengths"),
        ({"size": [10**5, 10**5], "counts": [10**10]}, "more than the"),
        ({"size": [0, 30], "counts": []}, "not the size of a picture"),
        ([["x"]], "could not convert"),
    ],
)
def test_coco_with_a_broken_object(tmp_path: Path, shape: Any, told: str) -> None:
    (photo,) = read_coco(coco_file(tmp_path, shape, [SQUARE]))
    assert len(photo.objects) == 1
    (fault,) = photo.faults
    assert fault.startswith("annotation 1: ")
    assert told in fault


def test_crowds_are_left_out_and_scores_are_qualities(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "image_id": 7, "category_id": 3, "segmentation": [SQUARE], "iscrowd": 1},
        {"id": 2, "image_id": 7, "category_id": 3, "segmentation": [SQUARE], "score": 0.25},
        {"id": 3, "image_id": 7, "category_id": 3, "segmentation": [SQUARE], "score": 7},
    ]
    (photo,) = read_coco(coco_file(tmp_path, annotations=rows))
    assert [each.quality for each in photo.objects] == [0.25, 1.0]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"images": [], "annotations": [{}], "categories": []}', "[" * 100_000]
)
def test_files_that_are_not_coco(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(QueryError, match="not a COCO instances JSON"):
        list(read_coco(tmp_path / "a.json"))


def test_coco_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="cannot be read"):
        list(read_coco(tmp_path / "a.json"))


def test_an_image_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="image 7 has no usable name"):
        list(read_coco(coco_file(tmp_path, images=[{"id": 7}])))


def test_what_is_smaller_than_a_pixel_is_one() -> None:
    tiny = LabelledObject(category="x", frame_hw=(1000, 1000), polygons=((500.1, 500.1, 500.2, 500.1, 500.2, 500.2),))
    assert np.argwhere(tiny.mask((10, 10))).tolist() == [[5, 5]]
    outside = LabelledObject(category="x", frame_hw=(10, 10), polygons=((20, 20, 30, 20, 30, 30),))
    with pytest.raises(ValueError, match="lies outside the photo"):
        outside.mask((10, 10))


def test_masks_are_not_lost_when_they_shrink() -> None:
    from retrieval.images.masks import encode_mask

    dot = np.zeros((100, 100), bool)
    dot[33, 71] = True
    small = LabelledObject(category="x", run=((100, 100), encode_mask(dot))).mask((10, 10))
    assert np.argwhere(small).tolist() == [[3, 7]]


@pytest.mark.parametrize(
    ("told", "photo", "fits"),
    [((480, 640), (480, 640), True), ((480, 640), (3000, 4000), True), ((480, 640), (640, 480), False),
     ((479, 640), (480, 640), True), ((480, 640), (480, 700), False), ((10, 3), (1000, 301), True)],
)  # fmt: skip
def test_annotations_of_a_turned_photo_are_noticed(told: tuple[int, int], photo: tuple[int, int], fits: bool) -> None:
    fault = LabelledPhoto(path="a", objects=(), size_hw=told).fault_of_size(photo)
    assert (fault is None) == fits


# ---- YOLO


def yolo_folder(folder: Path, text: str, names: str = "names: [cow, 'two words']\n") -> Path:
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels" / "train" / "a.b.txt").write_text(text)
    (folder / "data.yaml").write_text(names)
    return folder


def test_yolo(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    corners = " ".join(str(number / side) for number, side in zip(SQUARE, [30, 20] * 4, strict=True))
    (photo,) = read_yolo(yolo_folder(tmp_path, f"0 {corners}\n\n1 {corners}\n"))
    assert (photo.path, photo.is_stem) == ("images/train/a.b", True)
    assert [each.category for each in photo.objects] == ["cow", "two words"]
    np.testing.assert_array_equal(photo.objects[0].mask((20, 30)), MASK)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2 0 0 1 0 1 1", "no class 2"),
        ("0 0.5 0.5 0.1 0.1", "a box, not a polygon"),
        ("0 0 0 1 0 1", "and this has 5 numbers"),
        ("0 0 0", "and this has 2 numbers"),
        ("x 0 0 1 0 1 1", "invalid literal"),
        ("0 0 0 1 0 1 y", "could not convert"),
    ],
)
def test_yolo_with_a_broken_line(tmp_path: Path, line: str, told: str) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    (photo,) = read_yolo(yolo_folder(tmp_path, f"0 0 0 1 0 1 1\n{line}\n") / "data.yaml")
    assert len(photo.objects) == 1
    assert photo.faults[0].startswith("line 2: ")
    assert told in photo.faults[0]


@pytest.mark.parametrize("names", ["", "names: 3", "names: {a: b}", "a: [", "!!python/object/apply:os.system ['true']"])
def test_yolo_without_names(tmp_path: Path, names: str) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    with pytest.raises(QueryError, match=r"not YOLO's data\.yaml"):
        list(read_yolo(yolo_folder(tmp_path, "", names)))


def test_yolo_without_labels(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    (tmp_path / "data.yaml").write_text("names: {0: cow}")
    (tmp_path / "notes.txt").write_text("0 0 0 1 0 1 1")
    with pytest.raises(QueryError, match="folder named labels"):
        list(read_yolo(tmp_path))
    with pytest.raises(QueryError, match="cannot be read"):
        list(read_yolo(tmp_path / "none.yaml"))


# ---- VOC

OBJECT = "<object><name>cow</name>{}</object>"


def voc_folder(folder: Path, *objects: str, drawn: np.ndarray | None = None, size: str = "") -> Path:
    (folder / "Annotations").mkdir()
    size = size or "<size><width>30</width><height>20</height><depth>3</depth></size>"
    text = f"<annotation><filename>a.png</filename>{size}{''.join(objects)}</annotation>"
    (folder / "Annotations" / "a.xml").write_text(text)
    if drawn is not None:
        (folder / "SegmentationObject").mkdir()
        Image.fromarray(drawn).save(folder / "SegmentationObject" / "a.png")
    return folder


def test_voc_as_it_is_published(tmp_path: Path) -> None:
    drawn = np.where(MASK, 1, 0).astype(np.uint8)
    drawn[15:, 25:] = 2
    drawn[3, 6:21] = 255
    (photo,) = read_voc(voc_folder(tmp_path, OBJECT.format(""), OBJECT.format(""), OBJECT.format(""), drawn=drawn))
    np.testing.assert_array_equal(photo.objects[0].mask((20, 30)), MASK)
    assert photo.objects[1].mask((20, 30)).sum() == 25
    assert photo.faults == ("object 3: SegmentationObject has no pixel of it",)


@pytest.mark.parametrize(
    ("objects", "drawn", "told"),
    [
        ([OBJECT.format("")], None, "it has no mask"),
        ([OBJECT.format("")], np.zeros((5, 5), np.uint8), "not of 30 x 20 pixels"),
        ([OBJECT.format("")], np.zeros((20, 30, 3), np.uint8), "it must have a palette"),
        ([OBJECT.format("<rle><size>20 30</size><counts>##</counts></rle>")], None, "no compressed run lengths"),
        ([OBJECT.format("<rle><size>20</size><counts>00</counts></rle>")], None, "not enough values"),
        (["<object><name> </name></object>"], np.zeros((20, 30), np.uint8), "<name> is missing or empty"),
    ],
)
def test_voc_with_a_broken_object(tmp_path: Path, objects: list[str], drawn: np.ndarray | None, told: str) -> None:
    (photo,) = read_voc(voc_folder(tmp_path, *objects, drawn=drawn))
    assert photo.objects == []
    assert told in photo.faults[0]


def test_voc_with_broken_files(tmp_path: Path) -> None:
    folder = voc_folder(tmp_path, size="<size><width>x</width></size>")
    (folder / "Annotations" / "b.xml").write_text("<annotation>")
    (folder / "Annotations" / "c.xml").write_text(
        '<!DOCTYPE a [<!ENTITY x "y">]><annotation><filename>&x;</filename></annotation>'
    )
    photos = list(read_voc(folder))
    assert [len(photo.faults) for photo in photos] == [1, 1, 1]
    with pytest.raises(QueryError, match="folder named Annotations"):
        list(read_voc(tmp_path / "none"))
