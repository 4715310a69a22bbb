"""Photos with annotated objects.

`load_photos` reads three kinds of folder: COCO's (``instances.json`` beside the photos or a folder of them), PASCAL
VOC's (``JPEGImages`` with ``SegmentationClass``; objects from ``SegmentationObject``, else from the class within each
box of ``animal_boxes.json``, else the connected parts of each class), and one that is easily made::

    photos/NAME.jpg     a photo, of any format that Pillow reads
    masks/NAME.png      8 or 16 bits, as large as the upright photo: the number of the object each pixel lies on,
                        0 for none
    labels.json         {"NAME": {"1": "dog", "2": "cat"}, "OTHER": {}}

Every photo is named in ``labels.json``, every number in its mask has a class and the other way round; a photo
without objects needs no mask.

`load_drawn` reads photos that people divided into regions of no class, as in the Berkeley Segmentation Data Set:
``ID.jpg`` with ``ID.npz``, whose ``segmentations`` are label maps, (annotators, H, W).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base
from pycocotools import mask as coco

from ..errors import ConfigurationError
from .semantic import VOC_CLASSES, VOID

MIN_AREA = 32 * 32
"""Smaller objects are left out, in pixels of the photo."""


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

    @property
    def area(self) -> int:
        """Pixels of the photo that it covers."""
        return int(coco.area(self.run))

    def pole(self) -> tuple[int, int]:
        """The pole of inaccessibility: the pixel x, y farthest from the outside, where a person would click."""
        padded = np.pad(coco.decode(self.run), 1)
        inside = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(inside.argmax()), inside.shape)
        return int(x), int(y)


@dataclass(frozen=True, eq=False, slots=True)
class AnnotatedPhoto:
    """A photo with its objects, the small ones left out.

    Attributes
    ----------
    path : Path
    objects : tuple of AnnotatedObject
    classes_path : Path or None
        Where PASCAL VOC's class of every pixel is told: the picture of its class map.
    """

    path: Path
    objects: tuple[AnnotatedObject, ...]
    classes_path: Path | None = None

    def class_map(self) -> NDArray[np.uint8] | None:
        """VOC's class of every pixel, (H, W): 0 the background, 255 void; None if it is not told. Read at each call.

        Raises
        ------
        ConfigurationError
            It cannot be read, or has other classes.
        """
        if self.classes_path is None:
            return None
        try:
            with Image.open(self.classes_path) as opened:
                found = np.asarray(opened)
        except OSError as error:
            raise ConfigurationError(f"{self.classes_path} cannot be read: {error}") from error
        if found.ndim != 2 or (found[found != VOID] > len(VOC_CLASSES)).any():
            raise ConfigurationError(
                f"{self.classes_path} must be indexed or grey: 0 to {len(VOC_CLASSES)} are VOC's classes, {VOID} void"
            )
        return found.astype(np.uint8)

    @property
    def categories(self) -> frozenset[str]:
        """Classes of its objects."""
        return frozenset(each.category for each in self.objects)


@dataclass(frozen=True, eq=False, slots=True)
class DrawnPhoto:
    """A photo that several people divided into regions.

    Attributes
    ----------
    path : Path
    maps_path : Path
        The ``.npz`` with their label maps.
    """

    path: Path
    maps_path: Path

    def maps(self) -> NDArray[np.integer]:
        """The label maps, (annotators, H, W); read at each call.

        Raises
        ------
        ConfigurationError
            The file is broken, holds no such maps, or they are not of the photo's size.
        """
        try:
            with np.load(self.maps_path) as stored:
                maps: NDArray[np.integer] = stored["segmentations"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ConfigurationError(f"{self.maps_path} has no array named 'segmentations': {error}") from error
        if maps.ndim != 3 or not len(maps) or maps.dtype.kind not in "iu" or maps.min() < 0:
            raise ConfigurationError(
                f"{self.maps_path}: 'segmentations' must be whole numbers from 0, (annotators, height, width), "
                f"not {maps.dtype} {maps.shape}"
            )
        if maps.shape[1:] != (size := _upright_size(self.path)):
            raise ConfigurationError(
                f"{self.maps_path}: maps of {maps.shape[1:]} for a photo of {size} (height, width)"
            )
        return maps


def load_photos(
    folder: Path, *, splits: Path | None = None, part: str = "select", min_area: int = MIN_AREA
) -> list[AnnotatedPhoto]:
    """Read the photos of a folder, all of them or those of one part of a ``splits.json``.

    Objects of fewer than `min_area` pixels are left out.

    Raises
    ------
    ConfigurationError
        The folder is of neither kind, or the split does not name it.
    """
    names = _names(folder, splits, part)
    if (folder / "instances.json").is_file():
        return list(_coco(folder, names, min_area))
    if (folder / "JPEGImages").is_dir() and (folder / "SegmentationClass").is_dir():
        return list(_voc(folder, names, min_area))
    if (folder / "labels.json").is_file():
        return list(_labelled(folder, names, min_area))
    raise ConfigurationError(
        f"{folder} holds neither instances.json (COCO) nor JPEGImages and SegmentationClass (VOC) nor labels.json with "
        "photos and masks"
    )


def load_drawn(folder: Path) -> list[DrawnPhoto]:
    """Read a folder of photos that people divided into regions, ``ID.jpg`` with ``ID.npz``, in order of their names.

    Raises
    ------
    ConfigurationError
        There is no such photo, or one of the two files is missing.
    """
    photos = {path.stem: path for path in folder.glob("*.jpg")}
    maps = {path.stem: path for path in folder.glob("*.npz")}
    if not photos:
        raise ConfigurationError(f"{folder} holds no photos: name the folder with ID.jpg and ID.npz")
    if alone := sorted(photos.keys() ^ maps.keys()):
        missing = ".npz" if alone[0] in photos else ".jpg"
        raise ConfigurationError(f"{folder / alone[0]}{missing} is missing ({len(alone)} such files)")
    return [DrawnPhoto(photos[name], maps[name]) for name in sorted(photos)]


def _names(folder: Path, splits: Path | None, part: str) -> frozenset[str] | None:
    if splits is None:
        return None
    try:
        stored = json.loads(splits.read_text(encoding="utf-8"))
        return frozenset(str(name) for name in stored[folder.name][part])
    except ValueError as error:
        raise ConfigurationError(f'{splits} must be like {{"FOLDER": {{"PART": ["NAME"]}}}}: {error}') from error
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"{splits} has no part {part!r} of {folder.name!r}") from error


def _coco(folder: Path, names: frozenset[str] | None, min_area: int) -> Iterator[AnnotatedPhoto]:
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
        yield AnnotatedPhoto(photos / image["file_name"], _large(objects, min_area))


def _coco_run(segmentation: Any, image: dict[str, Any]) -> dict[str, Any]:
    """Polygons, uncompressed or compressed runs, all as compressed runs."""
    if isinstance(segmentation, dict) and not isinstance(segmentation["counts"], list):
        return segmentation
    found = coco.frPyObjects(segmentation, image["height"], image["width"])
    return dict(coco.merge(found)) if isinstance(found, list) else dict(found)


def _voc(folder: Path, names: frozenset[str] | None, min_area: int) -> Iterator[AnnotatedPhoto]:
    boxes: dict[str, Any] = {}
    if (folder / "animal_boxes.json").is_file():
        boxes = json.loads((folder / "animal_boxes.json").read_text())
    for path in sorted((folder / "JPEGImages").glob("*.jpg")):
        if names is None or path.stem in names:
            objects = _large(_voc_objects(folder, path.stem, boxes), min_area)
            yield AnnotatedPhoto(path, objects, folder / "SegmentationClass" / f"{path.stem}.png")


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


def _labelled(folder: Path, names: frozenset[str] | None, min_area: int) -> Iterator[AnnotatedPhoto]:
    labels, photos = _labels(folder / "labels.json"), _photos_by_name(folder / "photos")
    if unknown := sorted(photos.keys() - labels.keys()):
        raise ConfigurationError(f"labels.json does not name {photos[unknown[0]]}: write {{}} if it shows no object")
    for name in sorted(labels):
        if name not in photos:
            raise ConfigurationError(f"labels.json names {name!r}, but {folder / 'photos'} holds no such photo")
        if names is None or name in names:
            objects = _labelled_objects(photos[name], folder / "masks" / f"{name}.png", labels[name])
            yield AnnotatedPhoto(photos[name], _large(objects, min_area))


def _labels(path: Path) -> dict[str, dict[int, str]]:
    """Classes by number, by photo."""
    example = '{"NAME": {"1": "dog"}}'
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        found = {name: {int(number): kind for number, kind in each.items()} for name, each in stored.items()}
    except (ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path} must be like {example}: {error}") from error
    for name, each in found.items():
        if any(not isinstance(kind, str) or not kind for kind in each.values()):
            raise ConfigurationError(f"{path}: {name!r} has a class that is not a word; it must be like {example}")
        if any(not 0 < number < 1 << 16 for number in each) or len(each) != len(stored[name]):
            raise ConfigurationError(f"{path}: numbers of {name!r} must be different ones from 1 to 65535")
    return found


def _photos_by_name(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is missing: it must hold the photos that labels.json names")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            if path.stem in found:
                raise ConfigurationError(f"{found[path.stem]} and {path} have the same name: rename one")
            found[path.stem] = path
    return found


def _labelled_objects(photo: Path, mask: Path, classes: dict[int, str]) -> list[AnnotatedObject]:
    size = _upright_size(photo)
    if not mask.is_file():
        if classes:
            raise ConfigurationError(f"{mask} is missing: {photo.name} has {len(classes)} objects in labels.json")
        return []
    try:
        with Image.open(mask) as opened:
            mode, labels = opened.mode, np.asarray(opened)
    except OSError as error:
        raise ConfigurationError(f"{mask} cannot be read: {error}") from error
    if mode not in ("L", "P", "I", "I;16", "I;16B"):
        raise ConfigurationError(f"{mask} is in colour ({mode}): it must be grey or indexed, of 8 or 16 bits")
    if labels.shape != size:
        raise ConfigurationError(f"{mask} is {labels.shape}, {photo.name} upright {size} (height, width)")
    numbers = {int(number) for number in np.unique(labels)} - {0}
    if numbers != classes.keys():
        number = min(numbers ^ classes.keys())
        which = "has no class in labels.json" if number in numbers else "is in labels.json, but not in the mask"
        raise ConfigurationError(f"{mask}: object {number} {which}")
    return [_object(classes[number], labels == number) for number in sorted(numbers)]


def _upright_size(path: Path) -> tuple[int, int]:
    """Height and width of a photo when it is held as it was taken."""
    try:
        with Image.open(path) as photo:
            turned = photo.getexif().get(Base.Orientation, 1) >= 5
            return photo.size if turned else photo.size[::-1]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _object(category: str, mask: NDArray[np.bool_]) -> AnnotatedObject:
    return AnnotatedObject(category, dict(coco.encode(np.asfortranarray(mask, np.uint8))))


def _large(objects: list[AnnotatedObject], min_area: int) -> tuple[AnnotatedObject, ...]:
    return tuple(each for each in objects if coco.area(each.run) >= min_area)
