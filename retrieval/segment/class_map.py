"""Per-pixel classes split into connected segments.

References
----------
Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, section 3: one
class per pixel. Such a network does not separate neighbouring things of one class; connected parts stand for things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Segments


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentParameters:
    """How a map of classes becomes segments.

    Attributes
    ----------
    frame_side : int
        Long side of the map and the masks, in pixels; smaller photos keep their size.
    min_area : float
        Smallest segment, as a share of the image.
    limit : int
        Most segments of one image.
    """

    frame_side: int = 512
    min_area: float = 0.0008
    limit: int = 100


@dataclass(frozen=True, eq=False, slots=True)
class ClassMap:
    """The most likely class of every pixel.

    Attributes
    ----------
    classes : ndarray of shape (H, W), uint16
    chances : ndarray of shape (H, W), float32
        Probability of that class.
    """

    classes: NDArray[np.uint16]
    chances: NDArray[np.float32]


def class_segments(found: ClassMap, names: Sequence[str | None], parameters: ComponentParameters) -> Segments:
    """The 8-connected parts of every class, most likely first.

    Parameters
    ----------
    found : ClassMap
    names : sequence of str or None
        Names of the classes; None for unspecific classes, whose parts become segments without a name.
    parameters : ComponentParameters

    Returns
    -------
    Segments
        Disjoint; quality and label score are the mean probability under the segment, the score zero without a name.

    Notes
    -----
    O(H·W) for each class that is present. Segments are disjoint, so each is one atom; dropped pixels are another one.
    """
    atoms, kinds = _components(found.classes, parameters.min_area)
    count = len(kinds)
    areas = np.bincount(atoms.ravel(), minlength=count + 1)[:count]
    sums = np.bincount(atoms.ravel(), found.chances.ravel(), minlength=count + 1)[:count]
    means = np.clip(sums / np.maximum(areas, 1), 0, 1).astype(np.float32)
    order = np.argsort(-means, kind="stable")[: parameters.limit]
    labels = tuple(names[kinds[row]] for row in order)
    named = np.array([label is not None for label in labels], bool)
    membership = np.eye(count, count + 1, dtype=bool)[order]
    return Segments(atoms, membership, means[order], labels, np.where(named, means[order], 0).astype(np.float32))


def _components(classes: NDArray[np.uint16], min_area: float) -> tuple[NDArray[np.int32], list[int]]:
    """The part of every pixel, and the class of each part; pixels of dropped parts get the last number."""
    least = min_area * classes.size
    atoms = np.full(classes.shape, -1, np.int32)
    kinds: list[int] = []
    for kind in np.unique(classes):
        _, parts, stats, _ = cv2.connectedComponentsWithStats((classes == kind).astype(np.uint8), connectivity=8)
        large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= max(1.0, least))
        large = large[large > 0]  # the first is what is not of this class
        names = np.full(len(stats), -1, np.int32)
        names[large] = len(kinds) + np.arange(len(large))
        atoms = np.where(names[parts] >= 0, names[parts], atoms)
        kinds += [int(kind)] * len(large)
    atoms[atoms < 0] = len(kinds)
    return atoms, kinds
