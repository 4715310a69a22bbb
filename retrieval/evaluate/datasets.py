"""Photos with annotated objects.

Two kinds of folder are read: COCO's (``instances.json`` beside the photos or a folder of them) and PASCAL VOC's
(``JPEGImages`` with ``SegmentationClass``; objects from ``SegmentationObject``, else from the class within each box of
``animal_boxes.json``, else the connected parts of each class).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from ..errors import ConfigurationError

MIN_AREA = 32 * 32
"""Smaller objects are left out, in pixels of the photo."""

VOC_CLASSES = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


@dataclass(frozen=True, eq=False, slots=True)
class AnnotatedObject:
    """One object.

    Attributes
    ----------
    category : str
    run : dict
        Its mask as COCO compressed RLE, in pixels of the photo.
    """

    category: str
    run: dict[str, Any]

    def mask(self, size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """The mask, brought to a size."""
        mask = coco.decode(self.run)
        if size_hw is not None and mask.shape != size_hw:
            mask = cv2.resize(mask, size_hw[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(mask, dtype=bool)

    def pole(self) -> tuple[int, int]:
        """The pole of inaccessibility: the pixel x, y farthest from the outside, where a person would click."""
        padded = np.pad(coco.decode(self.run), 1)
        inside = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(inside.argmax()), inside.shape)
        return int(x), int(y)


@dataclass(frozen=True, eq=False, slots=True)
class AnnotatedPhoto:
    """A photo with its objects of at least `MIN_AREA` pixels."""

    path: Path
    objects: tuple[AnnotatedObject, ...]

    @property
    def categories(self) -> frozenset[str]:
        """Classes of its objects."""
        return frozenset(each.category for each in self.objects)


def load_photos(folder: Path, *, splits: Path | None = None, part: str = "select") -> list[AnnotatedPhoto]:
    """Read the photos of a folder, all of them or those of one part of a ``splits.json``.

    Raises
    ------
    ConfigurationError
        The folder is of neither kind, or the split does not name it.
    """
    names = _names(folder, splits, part)
    if (folder / "instances.json").is_file():
        return list(_coco(folder, names))
    if (folder / "JPEGImages").is_dir() and (folder / "SegmentationClass").is_dir():
        return list(_voc(folder, names))
    raise ConfigurationError(f"{folder} holds neither instances.json (COCO) nor JPEGImages and SegmentationClass (VOC)")


def _names(folder: Path, splits: Path | None, part: str) -> frozenset[str] | None:
    if splits is None:
        return None
    stored = json.loads(splits.read_text())
    try:
        return frozenset(str(name) for name in stored[folder.name][part])
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"{splits} has no part {part!r} of {folder.name!r}") from error


def _coco(folder: Path, names: frozenset[str] | None) -> Iterator[AnnotatedPhoto]:
    stored = json.loads((folder / "instances.json").read_text())
    categories = {each["id"]: each["name"] for each in stored["categories"]}
    annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for each in stored["annotations"]:
        annotations[each["image_id"]].append(each)
    photos = folder / "images" if (folder / "images").is_dir() else folder
    for image in stored["images"]:
        if names is not None and str(image["id"]) not in names:
            continue
        objects = [
            AnnotatedObject(categories[each["category_id"]], _coco_run(each["segmentation"], image))
            for each in annotations[image["id"]]
            if not each.get("iscrowd")
        ]
        yield AnnotatedPhoto(photos / image["file_name"], _large(objects))


def _coco_run(segmentation: Any, image: dict[str, Any]) -> dict[str, Any]:
    """Polygons, uncompressed or compressed runs, all as compressed runs."""
    if isinstance(segmentation, dict) and not isinstance(segmentation["counts"], list):
        return segmentation
    found = coco.frPyObjects(segmentation, image["height"], image["width"])
    return dict(coco.merge(found)) if isinstance(found, list) else dict(found)


def _voc(folder: Path, names: frozenset[str] | None) -> Iterator[AnnotatedPhoto]:
    boxes: dict[str, Any] = {}
    if (folder / "animal_boxes.json").is_file():
        boxes = json.loads((folder / "animal_boxes.json").read_text())
    for path in sorted((folder / "JPEGImages").glob("*.jpg")):
        if names is None or path.stem in names:
            yield AnnotatedPhoto(path, _large(_voc_objects(folder, path.stem, boxes)))


def _voc_objects(folder: Path, name: str, boxes: dict[str, Any]) -> list[AnnotatedObject]:
    classes = np.asarray(Image.open(folder / "SegmentationClass" / f"{name}.png"))
    instances = folder / "SegmentationObject" / f"{name}.png"
    if instances.is_file():
        labels = np.asarray(Image.open(instances))
        found = [(labels == value) & (classes != 255) for value in np.unique(labels) if 0 < value < 255]
        return [
            _object(VOC_CLASSES[int(np.bincount(classes[mask]).argmax()) - 1], mask) for mask in found if mask.any()
        ]
    objects: list[AnnotatedObject] = []
    boxed: set[str] = set()
    names = boxes.get("categories", {})
    for x0, y0, x1, y1, kind in boxes.get("boxes_xyxy_category", {}).get(name, ()):
        category = names[str(kind)] if isinstance(names, dict) else names[kind - 1]
        mask = np.zeros(classes.shape, bool)
        inside = slice(max(0, int(y0)), int(np.ceil(y1))), slice(max(0, int(x0)), int(np.ceil(x1)))
        mask[inside] = classes[inside] == VOC_CLASSES.index(category) + 1
        objects.append(_object(category, mask))
        boxed.add(category)
    for value in np.unique(classes):
        if 0 < value < 255 and VOC_CLASSES[value - 1] not in boxed:
            count, parts = cv2.connectedComponents((classes == value).astype(np.uint8))
            objects += [_object(VOC_CLASSES[value - 1], parts == part) for part in range(1, count)]
    return objects


def _object(category: str, mask: NDArray[np.bool_]) -> AnnotatedObject:
    return AnnotatedObject(category, dict(coco.encode(np.asfortranarray(mask, np.uint8))))


def _large(objects: list[AnnotatedObject]) -> tuple[AnnotatedObject, ...]:
    return tuple(each for each in objects if coco.area(each.run) >= MIN_AREA)
