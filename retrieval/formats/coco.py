"""COCO's JSON of instances.

References
----------
Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014. Fields beyond COCO's are ``sha256`` of images and
``score``, ``label`` and ``concepts`` of annotations; its tools pass them over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..images.masks import encode_mask, resized_mask
from ..images.polygons import polygons_of
from .dataset import AnnotatedImage, Annotation, Dataset, shown_path


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
            "file_name": shown_path(image),
            "width": image.width,
            "height": image.height,
            "sha256": image.sha256,
        }
        yield _row(row, is_first=not written)
        written.add(image.id)
    yield b'],\n"annotations": ['
    is_first = True
    for entry in dataset:
        if entry.image.id in written:
            for annotation in entry.annotations:
                yield _row(_annotation(entry, annotation, categories, polygons=polygons), is_first=is_first)
                is_first = False
    rows = [{"id": key, "name": name} for name, key in categories.items()]
    yield f'],\n"categories": {json.dumps(rows)}}}\n'.encode()


def _row(row: dict[str, Any], *, is_first: bool) -> bytes:
    return ("\n" if is_first else ",\n").encode() + json.dumps(row).encode()


def _annotation(
    entry: AnnotatedImage, annotation: Annotation, categories: dict[str, int], *, polygons: bool
) -> dict[str, Any]:
    """The mask in the frame of the upright original, one at a time; box and area are those of that mask."""
    segment, (height, width) = annotation.segment, entry.size_hw
    mask = resized_mask((segment.mask_size_hw, segment.mask_counts), entry.size_hw)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    x0, y0 = (int(columns[0]), int(rows[0])) if len(rows) else (0, 0)
    x1, y1 = (int(columns[-1]) + 1, int(rows[-1]) + 1) if len(rows) else (0, 0)
    return {
        "id": segment.id,
        "image_id": entry.image.id,
        "category_id": categories.setdefault(annotation.category, len(categories) + 1),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": int(mask.sum()),
        "iscrowd": 0,
        "score": round(segment.quality, 4),
        "label": segment.label,
        "concepts": list(annotation.concepts),
        "segmentation": [each.ravel().tolist() for each in polygons_of(mask)]
        if polygons
        else {"size": [height, width], "counts": encode_mask(mask).decode("ascii")},
    }
