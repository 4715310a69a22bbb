"""Exports the catalogue as COCO JSON, while it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from retrieval.catalog import Catalog, ImageRecord, SegmentRecord
from retrieval.images.masks import decode_mask

CATEGORY = {"id": 1, "name": "segment"}


def write_coco(catalog: Catalog, out: TextIO) -> None:
    """Write every analysed photo and its segments; uses the memory of one photo."""
    written: dict[int, tuple[int, int]] = {}
    out.write('{"info": {"description": "SegSearch export"},\n"categories": ' + json.dumps([CATEGORY]))
    for name, rows in (("images", _images(catalog, written)), ("annotations", _annotations(catalog, written))):
        out.write(f',\n"{name}": [')
        for number, row in enumerate(rows):
            out.write((",\n" if number else "\n") + json.dumps(row))
        out.write("]")
    out.write("}\n")


def _analysed(catalog: Catalog) -> Iterator[ImageRecord]:
    after = 0
    while page := catalog.images.page(after=after, limit=500):
        yield from (image for image in page if image.recipe is not None)
        after = page[-1].id


def _images(catalog: Catalog, written: dict[int, tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for image in _analysed(catalog):
        written[image.id] = image.height or 1, image.width or 1
        name = str(image.path or "").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        yield {"id": image.id, "file_name": name, "width": image.width, "height": image.height, "sha256": image.sha256}


def _annotations(catalog: Catalog, written: dict[int, tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Segments of the written photos only, because photos may be added and deleted at the same time."""
    for image_id, size_hw in written.items():
        for segment in catalog.segments.of_image(image_id):
            x0, y0, x1, y1 = segment.box_xyxy
            yield {
                "id": segment.id,
                "image_id": image_id,
                "category_id": CATEGORY["id"],
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": segment.area,
                "iscrowd": 0,
                "score": round(segment.quality, 4),
                "label": segment.label,
                "segmentation": _full_size(segment, size_hw),
            }


def _full_size(segment: SegmentRecord, size_hw: tuple[int, int]) -> dict[str, Any]:
    """The mask in the frame of the upright original, one at a time."""
    mask = Image.fromarray(decode_mask(segment.mask_size_hw, segment.mask_counts))
    whole = np.asarray(mask.resize(size_hw[::-1], Image.Resampling.NEAREST), np.uint8)
    return {"size": list(size_hw), "counts": coco.encode(np.asfortranarray(whole))["counts"].decode()}
