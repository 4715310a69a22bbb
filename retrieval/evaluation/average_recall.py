"""COCO's average recall of segments as proposals, whatever their class, by `pycocotools`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ..catalog import Catalog
from ..images.masks import MaskRun, encode_mask
from .datasets import AnnotatedObject, AnnotatedPhoto

PROPOSALS = (10, 100, 1000)
"""So many of the best segments of each photo."""


def average_recall(
    catalog: Catalog, holding: Mapping[int, AnnotatedPhoto], failed: Sequence[AnnotatedPhoto] = ()
) -> dict[str, float]:
    """AR@10, @100 and @1000: recall of objects by masks, the mean over IoU .5 to .95 in steps of .05.

    Parameters
    ----------
    catalog : Catalog
    holding : mapping of int to AnnotatedPhoto
        The photos by their ids.
    failed : sequence of AnnotatedPhoto
        Those that did not enter; their objects count as missed.

    Returns
    -------
    dict of str to float
        In [0, 1]; empty if there is no object.

    Notes
    -----
    Masks are compared at the size of the segments', O(photos · segments · objects).

    References
    ----------
    Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; Hosang et al., "What Makes for Effective
    Detection Proposals?", PAMI 2016, section 4 (average recall).
    """
    objects: list[dict[str, Any]] = []
    proposals: list[dict[str, Any]] = []
    for image_id, photo in holding.items():
        segments = catalog.segments.of_image(image_id)
        size = segments[0].mask_size_hw if segments else None
        objects += [_annotation(image_id, *_run_of(each, size)) for each in photo.objects]
        proposals += [
            {**_annotation(image_id, each.mask_size_hw, each.mask_counts), "score": each.quality} for each in segments
        ]
    unused = max(holding, default=0) + 1
    for image_id, photo in enumerate(failed, unused):
        objects += [_annotation(image_id, *_run_of(each)) for each in photo.objects]
    if not objects:
        return {}
    with redirect_stdout(io.StringIO()):  # it prints how long each step took
        measure = COCOeval(_dataset(objects), _dataset(proposals), "segm")
        measure.params.useCats = 0
        measure.params.maxDets = list(PROPOSALS)
        measure.params.imgIds = sorted({each["image_id"] for each in objects})
        measure.params.areaRng, measure.params.areaRngLbl = measure.params.areaRng[:1], measure.params.areaRngLbl[:1]
        measure.evaluate()
        measure.accumulate()
    recalls = np.maximum(measure.eval["recall"], 0).reshape(-1, len(PROPOSALS)).mean(axis=0)
    return {f"AR@{count}": float(recall) for count, recall in zip(PROPOSALS, recalls, strict=True)}


def _run_of(found: AnnotatedObject, size_hw: tuple[int, int] | None = None) -> MaskRun:
    mask = found.mask(size_hw)
    return (mask.shape[0], mask.shape[1]), encode_mask(mask)


def _annotation(image_id: int, size_hw: tuple[int, int], counts: bytes) -> dict[str, Any]:
    run = {"size": list(size_hw), "counts": counts}
    return {"image_id": image_id, "category_id": 1, "segmentation": run, "area": 1, "iscrowd": 0}


def _dataset(annotations: Sequence[dict[str, Any]]) -> Any:
    sizes = {each["image_id"]: each["segmentation"]["size"] for each in annotations}
    found = COCO()
    found.dataset = {
        "images": [{"id": key, "height": height, "width": width} for key, (height, width) in sizes.items()],
        "categories": [{"id": 1}],
        "annotations": [{**each, "id": number} for number, each in enumerate(annotations, 1)],
    }
    found.createIndex()
    return found
