"""What is measured of a recipe alone, without a catalogue: its time, and the classes it gives to pixels."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from ..analysis.local import ANALYSIS_SIDE
from ..errors import ImageError
from ..images.decode import decode
from ..processes.tables import Console
from ..recipes.protocols import Recipe, SemanticSegmenter
from ..types import RgbImage
from .datasets import AnnotatedPhoto
from .semantic import VOC_CLASS_COUNT, confusion_matrix, mean_iou, voc_numbers

TIMED = 12
"""Photos that a recipe is timed on, drawn evenly from all."""


@dataclass(frozen=True, slots=True)
class PixelClasses:
    """How well a recipe names pixels, as PASCAL VOC measures it.

    Attributes
    ----------
    mean_iou : float
        Over the classes that are there or were predicted, background among them.
    known : int
        How many of VOC's twenty classes the recipe has; of the others it can find nothing.
    photos : int
    """

    mean_iou: float
    known: int
    photos: int


def milliseconds_a_photo(recipe: Recipe, paths: Sequence[Path]) -> float:
    """Median time from the decoded photo to its vectors, one photo at a time as for a query.

    Notes
    -----
    Over at most `TIMED` photos; the first is passed once before, to warm up. Photos that cannot be decoded are left
    out; 0 if there is none.
    """
    taken: list[float] = []
    for _, image in _decoded(paths[:: max(1, -(-len(paths) // TIMED))]):
        for _ in range(1 if taken else 2):
            started = time.perf_counter()
            (features,) = recipe.extract([image])
            recipe.embed(image, features, recipe.segment(image, features))
            last = time.perf_counter() - started
        taken.append(1000 * last)
    return float(np.median(taken)) if taken else 0.0


def pixel_classes(recipe: Recipe, photos: Sequence[AnnotatedPhoto]) -> PixelClasses | None:
    """Mean IoU of the recipe's class maps with VOC's; None if either does not tell the classes of pixels.

    Notes
    -----
    One more pass over every photo. Maps are compared at the size of VOC's, all photos in one confusion matrix; classes
    that are not VOC's count as background.

    References
    ----------
    Everingham et al., "The PASCAL Visual Object Classes Challenge: A Retrospective", IJCV 2015, section 2.2.2.
    """
    told = {photo.path: photo for photo in photos if photo.classes_path is not None}
    if not isinstance(recipe, SemanticSegmenter) or not recipe.class_names or not told:
        return None
    numbers = voc_numbers(recipe.class_names)
    confusion, compared = np.zeros((VOC_CLASS_COUNT, VOC_CLASS_COUNT), np.int64), 0
    for path, image in _decoded(track(list(told), "classes of pixels", console=Console(stderr=True))):
        truth = told[path].class_map()
        if truth is not None:
            (features,) = recipe.extract([image])
            found = numbers[recipe.class_map(image, features)]
            sized = cv2.resize(found, truth.shape[::-1], interpolation=cv2.INTER_NEAREST)
            confusion += confusion_matrix(np.asarray(sized), truth)
            compared += 1
    return PixelClasses(mean_iou(confusion), len(set(numbers.tolist()) - {0}), compared)


def _decoded(paths: Iterable[Path]) -> Iterator[tuple[Path, RgbImage]]:
    """Photos as an ingest decodes them, without those that cannot be."""
    for path in paths:
        try:
            yield path, decode(path, long_side=ANALYSIS_SIDE).rgb
        except ImageError:
            continue
