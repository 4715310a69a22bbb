"""Superpixels between boundaries: the leaves of the learned hierarchy.

References
----------
Meyer, "Color Image Segmentation", ICIP 1992 (flooding from markers by a priority queue); Arbelaez et al., "Contour
Detection and Hierarchical Image Segmentation", PAMI 2011, section 4.1 (the watershed of a boundary map as the finest
partition).
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from .superpixels import _find

LEVELS = 256
"""Boundary strengths are quantised to this many levels."""


def watershed(strength: NDArray[np.float32], *, sigma: float, min_size: int) -> NDArray[np.int32]:
    """Basins of a boundary map.

    Parameters
    ----------
    strength : ndarray of shape (H, W), float32
        In [0, 1].
    sigma : float
        Gaussian smoothing of the strength, in pixels: more gives fewer minima and basins.
    min_size : int
        Basins with fewer pixels are joined to the neighbour across their weakest border pixel.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels ``0 … L-1``, each 4-connected; every pixel belongs to a basin.

    Notes
    -----
    O(H·W): the queue is an array of `LEVELS` lists.
    """
    smooth = cv2.GaussianBlur(strength, (0, 0), sigma) if sigma > 0 else strength
    levels = np.clip(smooth * (LEVELS - 1), 0, LEVELS - 1).astype(np.uint8)
    labels, passes = _flood(levels)
    return np.asarray(_joined(labels, passes, min_size), dtype=np.int32)


@njit(cache=True, nogil=True)
def _flood(levels):  # type: ignore[no-untyped-def]
    """Flood the relief from its minima; lower pixels first, and first in, first out within a level.

    A pixel that no basin has reached when its level is flooded starts one, so that each plateau is one minimum.
    Returns the labels and, for every pixel, the highest level on its basin's way to it.
    """
    height, width = levels.shape
    count = height * width
    flat = levels.ravel()
    starts = np.zeros(257, np.int64)
    for value in flat:
        starts[value + 1] += 1
    for level in range(256):
        starts[level + 1] += starts[level]
    order = np.empty(count, np.int32)
    at = starts[:-1].copy()
    for pixel in range(count):
        order[at[flat[pixel]]] = pixel
        at[flat[pixel]] += 1
    labels = np.full(count, -1, np.int32)
    passes = np.zeros(count, np.uint8)
    head, tail = np.full(256, -1, np.int32), np.full(256, -1, np.int32)
    following = np.full(count, -1, np.int32)
    basins = 0
    for level in range(256):
        taken = starts[level]
        while True:
            pixel = head[level]
            if pixel >= 0:
                head[level] = following[pixel]
                if head[level] < 0:
                    tail[level] = -1
            else:
                while taken < starts[level + 1] and labels[order[taken]] >= 0:
                    taken += 1
                if taken == starts[level + 1]:
                    break
                pixel = order[taken]
                labels[pixel] = basins
                passes[pixel] = level
                basins += 1
            y, x = pixel // width, pixel % width
            for side in range(4):
                yy = y + (side == 0) - (side == 1)
                xx = x + (side == 2) - (side == 3)
                if 0 <= yy < height and 0 <= xx < width:
                    other = yy * width + xx
                    if labels[other] < 0:
                        labels[other] = labels[pixel]
                        reached = max(level, flat[other])
                        passes[other] = reached
                        if tail[reached] >= 0:
                            following[tail[reached]] = other
                        else:
                            head[reached] = other
                        tail[reached] = other
    return labels.reshape(height, width), passes.reshape(height, width)


@njit(cache=True, nogil=True)
def _joined(labels, passes, min_size):  # type: ignore[no-untyped-def]
    """Join small basins across their lowest border, weakest borders first; the labels are then consecutive."""
    height, width = labels.shape
    basins = labels.max() + 1
    size = np.zeros(basins, np.int32)
    ends = np.zeros(LEVELS + 1, np.int64)
    for y in range(height):
        for x in range(width):
            size[labels[y, x]] += 1
            for step in range(2):
                yy, xx = (y, x + 1) if step == 0 else (y + 1, x)
                if yy < height and xx < width and labels[y, x] != labels[yy, xx]:
                    ends[max(passes[y, x], passes[yy, xx]) + 1] += 1
    ends = np.cumsum(ends)
    borders = np.empty((ends[-1], 2), np.int32)
    for y in range(height):
        for x in range(width):
            for step in range(2):
                yy, xx = (y, x + 1) if step == 0 else (y + 1, x)
                if yy < height and xx < width and labels[y, x] != labels[yy, xx]:
                    level = max(passes[y, x], passes[yy, xx])
                    borders[ends[level]] = labels[y, x], labels[yy, xx]
                    ends[level] += 1
    parent = np.arange(basins, dtype=np.int32)
    for border in borders:
        a, b = _find(parent, border[0]), _find(parent, border[1])
        if a != b and (size[a] < min_size or size[b] < min_size):
            parent[b] = a
            size[a] += size[b]
    names = np.full(basins, -1, np.int32)
    result = np.empty_like(labels)
    count = 0
    for y in range(height):
        for x in range(width):
            root = _find(parent, labels[y, x])
            if names[root] < 0:
                names[root] = count
                count += 1
            result[y, x] = names[root]
    return result
