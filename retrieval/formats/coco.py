"""COCO's JSON of instances.

References
----------
Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014. Fields beyond COCO's are ``sha256`` of images and
``score``, ``segment_label`` and ``concepts`` of annotations; its tools pass them over. FiftyOne makes them attributes
of its own ``Detection``, which has a ``label`` already, so that none may have this name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from ..errors import QueryError
from ..images.masks import MaskRun, checked_mask, encode_mask, resized_mask
from ..images.polygons import polygons_of
from .dataset import AnnotatedImage, Annotation, Dataset
from .labelled import LabelledObject, LabelledPhoto, checked_quality, checked_size


def coco_json(dataset: Dataset, *, polygons: bool = False) -> Iterator[bytes]:
    """A JSON file, part by part: the photos, their annotations, and the categories that occur.

    Parameters
    ----------
    dataset : Dataset
    polygons : bool
        Whether masks are polygons instead of compressed run lengths. A hole is joined to the outline by a cut.

    Notes
    -----
    Holds the annotations of one photo, and the id of every photo. Photos that are added meanwhile are left out.
    """
    written: set[int] = set()
    categories: dict[str, int] = {}
    yield b'{"info": {"description": "SegSearch export"},\n"images": ['
    for image in dataset.images():
        row = {
            "id": image.id,
            "file_name": image.displayed,
            "width": image.width,
            "height": image.height,
            "sha256": image.sha256,
        }
        yield json_row(row, is_first=not written)
        written.add(image.id)
    yield b'],\n"annotations": ['
    is_first = True
    for entry in dataset:
        if entry.image.id in written:
            for annotation in entry.annotations:
                yield json_row(_annotation(entry, annotation, categories, polygons=polygons), is_first=is_first)
                is_first = False
    rows = [{"id": key, "name": name} for name, key in categories.items()]
    yield f'],\n"categories": {json.dumps(rows)}}}\n'.encode()


def json_row(row: dict[str, Any], *, is_first: bool) -> bytes:
    """A row of a list in JSON, with the comma before it."""
    return ("\n" if is_first else ",\n").encode() + json.dumps(row).encode()


def _annotation(
    entry: AnnotatedImage, annotation: Annotation, categories: dict[str, int], *, polygons: bool
) -> dict[str, Any]:
    """The mask in the frame of the upright original, one at a time; box and area are those of that mask."""
    segment, (height, width) = annotation.segment, entry.size_hw
    mask = resized_mask((segment.mask_size_hw, segment.mask_counts), entry.size_hw)
    return {
        "id": segment.id,
        "image_id": entry.image.id,
        "category_id": categories.setdefault(annotation.category, len(categories) + 1),
        "bbox": bbox_of(mask),
        "area": int(mask.sum()),
        "iscrowd": 0,
        "score": round(segment.quality, 4),
        "segment_label": segment.label,
        "concepts": list(annotation.concepts),
        "segmentation": [each.ravel().tolist() for each in polygons_of(mask)]
        if polygons
        else {"size": [height, width], "counts": encode_mask(mask).decode("ascii")},
    }


def bbox_of(mask: NDArray[np.bool_]) -> list[int]:
    """The box of a mask as COCO tells it: x, y, width and height."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return [0, 0, 0, 0]
    x, y = int(columns[0]), int(rows[0])
    return [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]


def read_coco(file: Path) -> Iterator[LabelledPhoto]:
    """The photos of a file of instances, with their objects; crowds are left out.

    Raises
    ------
    QueryError
        It cannot be read, or is no such file.

    Notes
    -----
    The file is read as a whole.
    """
    try:
        with file.open("rb") as stream:
            stored = json.load(stream)
        names = {each["id"]: str(each["name"]) for each in stored["categories"]}
        images = {each["id"]: each for each in stored["images"]}
        objects: dict[Any, list[dict[str, Any]]] = {key: [] for key in images}
        for each in stored["annotations"]:
            if not each.get("iscrowd"):
                objects[each["image_id"]].append(each)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise QueryError(
            f"{file} is not a COCO instances JSON (images, annotations, categories): {type(error).__name__} {error}"
        ) from error
    except OSError as error:
        raise QueryError(f"{file} cannot be read: {error.strerror}") from error
    for key, image in images.items():
        yield _photo(file, image, objects.pop(key), names)


def _photo(file: Path, image: Mapping[str, Any], rows: list[dict[str, Any]], names: Mapping[Any, str]) -> LabelledPhoto:
    found: list[LabelledObject] = []
    faults: list[str] = []
    size = None
    try:
        path = str(image["file_name"])
        if image.get("width") and image.get("height"):
            size = checked_size(image["height"], image["width"])
    except (KeyError, ValueError) as error:
        raise QueryError(f"{file}: image {image.get('id')!r} has no usable name or size: {error}") from error
    for row in rows:
        try:
            found.append(_object(row, names, size))
        except KeyError as error:
            faults.append(f"annotation {row.get('id')!r}: it has no {error}")
        except (TypeError, ValueError) as error:
            faults.append(f"annotation {row.get('id')!r}: {error}")
    digest = image.get("sha256")
    return LabelledPhoto(
        path=path, objects=found, size_hw=size, sha256=str(digest) if digest else None, faults=tuple(faults)
    )


def _object(row: Mapping[str, Any], names: Mapping[Any, str], size: tuple[int, int] | None) -> LabelledObject:
    category = names.get(row.get("category_id"))
    if category is None:
        raise ValueError(f"there is no category {row.get('category_id')!r}")
    shape, quality = row.get("segmentation"), checked_quality(row.get("score"))
    if not shape:
        raise ValueError("it has no segmentation")
    if isinstance(shape, list):
        if size is None:
            raise ValueError("its polygons need the width and height of the image")
        polygons = tuple(tuple(float(number) for number in each) for each in shape)
        return LabelledObject(category=category, quality=quality, frame_hw=size, polygons=polygons)
    run = _run(checked_size(*shape["size"]), shape["counts"])
    return LabelledObject(category=category, quality=quality, run=run)


def _run(size_hw: tuple[int, int], counts: object) -> MaskRun:
    """Run lengths from a file: compressed, or a list of numbers."""
    if isinstance(counts, str):
        return checked_mask(size_hw, counts)
    if not isinstance(counts, list) or not all(isinstance(each, int) and each >= 0 for each in counts):
        raise ValueError("its counts are neither run lengths nor compressed ones")
    if sum(counts) != size_hw[0] * size_hw[1]:
        raise ValueError(f"its counts add up to {sum(counts)} pixels, not to {size_hw[0]} x {size_hw[1]}")
    run = coco.frPyObjects({"size": list(size_hw), "counts": counts}, *size_hw)
    return size_hw, bytes(run["counts"])
