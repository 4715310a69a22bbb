"""A drawn picture of two things, whose boundaries and centres are given, as regions that marks are compared with."""

from __future__ import annotations

import cv2
import numpy as np

from retrieval.recipes.lite import LEARNED
from retrieval.segment.hierarchy import HierarchySegmenter
from retrieval.segment.prompt_measures import PromptRegions
from retrieval.types import Features

SIZE = 128
BODY, HEAD, OTHER = (20, 50, 70, 100), (35, 20, 60, 50), (85, 40, 120, 90)
"""A thing of two parts of different colours, and another thing beside it."""


def drawn_regions() -> PromptRegions:
    """The picture of the two things as `lite` would see it."""
    image = np.full((SIZE, SIZE, 3), 230, np.uint8)
    lines = np.zeros((SIZE, SIZE), np.float32)
    objects = np.zeros((SIZE // 4, SIZE // 4, 3), np.float32)
    rows, columns = np.mgrid[: SIZE // 4, : SIZE // 4] / (SIZE // 4)
    things = [((BODY, (200, 30, 30)), (HEAD, (240, 200, 60))), ((OTHER, (30, 40, 200)),)]
    for parts in things:
        boxes = np.array([box for box, _ in parts])
        middle = np.concatenate([boxes[:, :2], boxes[:, 2:]]).mean(axis=0) / SIZE
        for (x0, y0, x1, y1), color in parts:
            image[y0:y1, x0:x1] = color
            cv2.rectangle(lines, (x0, y0), (x1 - 1, y1 - 1), 1, 2)
            cell = slice(y0 // 4, y1 // 4), slice(x0 // 4, x1 // 4)
            objects[cell] = np.stack([np.ones_like(rows), middle[0] - columns, middle[1] - rows], axis=2)[cell]
    maps = {16: np.ascontiguousarray(cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA), np.float32)}
    features = Features(
        maps, np.ones((1, 1, 8), np.float32), edges=np.stack([lines, lines], axis=2)[::2, ::2], objects=objects
    )
    segmenter = HierarchySegmenter(LEARNED)
    hierarchies = segmenter.hierarchies(image, features)
    return PromptRegions(hierarchies, segmenter.quality(hierarchies.candidates))


def drawn(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())
