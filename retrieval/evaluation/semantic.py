"""Measures of label maps of classes, as PASCAL VOC takes them.

References
----------
Everingham et al., "The PASCAL Visual Object Classes Challenge: A Retrospective", IJCV 2015, section 2.2.2 (segmentation
accuracy).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
"""In the order of their numbers, from 1."""

_COCO_NAMES = {
    "airplane": "aeroplane",
    "motorcycle": "motorbike",
    "couch": "sofa",
    "dining table": "diningtable",
    "potted plant": "pottedplant",
    "tv": "tvmonitor",
}

VOC_CLASS_COUNT = 21
"""Background, then the twenty classes."""

VOID = 255
"""Pixels that nobody labelled."""


def confusion_matrix(
    predicted: NDArray[np.integer], truth: NDArray[np.integer], classes: int = VOC_CLASS_COUNT, void: int = VOID
) -> NDArray[np.int64]:
    """Count pixels by their true and predicted class.

    Parameters
    ----------
    predicted, truth : ndarray of shape (H, W), integer
        Class of every pixel, ``0 … classes-1``; those whose `truth` is `void` are left out.
    classes, void : int

    Returns
    -------
    ndarray of shape (classes, classes), int64
        True class by row. Matrices of photos are added up before `class_iou`.

    Raises
    ------
    ValueError
        The sizes differ, or a class is out of range.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"label maps of sizes {predicted.shape} and {truth.shape} cannot be compared")
    known = truth != void
    rows, columns = truth[known].astype(np.int64), predicted[known].astype(np.int64)
    if rows.size and (min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= classes):
        raise ValueError(f"classes must be 0 to {classes - 1}; void ({void}) may be in the truth only")
    return np.bincount(rows * classes + columns, minlength=classes * classes).reshape(classes, classes)


def voc_numbers(names: Sequence[str | None]) -> NDArray[np.uint8]:
    """VOC's number of each class by its name, or by COCO's name for it; 0, the background, for all others.

    Examples
    --------
    >>> voc_numbers([None, "aeroplane", "tv", "sky"]).tolist()
    [0, 1, 20, 0]
    """
    numbers = {name: number for number, name in enumerate(VOC_CLASSES, start=1)}
    return np.array([numbers.get(_COCO_NAMES.get(str(name), str(name)), 0) for name in names], np.uint8)


def class_iou(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union of each class, (classes,); NaN for those neither predicted nor there."""
    right = np.diag(confusion)
    union = confusion.sum(0) + confusion.sum(1) - right
    return np.where(union > 0, right / np.maximum(union, 1), np.nan)


def mean_iou(confusion: NDArray[np.int64]) -> float:
    """Mean of `class_iou` over the classes that are predicted or there, background among them; NaN for none."""
    found = class_iou(confusion)
    found = found[~np.isnan(found)]
    return float(found.mean()) if len(found) else float("nan")
