"""Outlines of masks as polygons, and masks of polygons.

A polygon goes around the pixels, so that it holds their centres and no others: a mask that is made a polygon and drawn
again by COCO's rule is as it was. A hole is joined to the outline by a cut of no width, which is walked in both
directions; by the even-odd and the nonzero rule alike the polygon then covers what the mask does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

Polygon = NDArray[np.float64]
"""(K, 2), corners ``x, y`` in pixels of the mask; the last one is joined to the first."""


def polygons_of(mask: NDArray[np.bool_]) -> list[Polygon]:
    """One polygon for each connected part of a mask, largest first.

    Parameters
    ----------
    mask : ndarray of shape (H, W), bool

    Notes
    -----
    OpenCV's outlines go through the centres of pixels, which takes half a pixel off on every side. Those of the mask at
    twice the size are a quarter of a pixel from the edges of pixels, and the nearest whole numbers are the edges.
    """
    doubled = np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1)
    outlines, tree = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parts: dict[int, Polygon] = {}
    holes: list[tuple[int, Polygon]] = []
    for row, outline in enumerate(outlines):
        corners = _edges(outline[:, 0])
        parent = int(tree[0, row, 3])
        if parent < 0:
            parts[row] = corners
        else:
            holes.append((parent, corners))
    for parent, corners in holes:
        parts[parent] = _joined(parts[parent], corners)
    return sorted(parts.values(), key=lambda each: -cv2.contourArea(each.astype(np.float32)))


def single_polygon(polygons: Sequence[Polygon]) -> Polygon:
    """One polygon that covers the same, its parts joined by cuts of no width.

    Raises
    ------
    ValueError
        There are none.
    """
    if not polygons:
        raise ValueError("there are no polygons to join")
    found = polygons[0]
    for each in polygons[1:]:
        found = _joined(found, each)
    return found


def mask_of_polygons(polygons: Sequence[Sequence[float]], size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask that polygons cover together, (H, W) bool, as pycocotools draws it.

    Parameters
    ----------
    polygons : sequence of sequence of float
        Corners ``x, y, x, y, …`` of each, in pixels; at least three corners.
    size_hw : tuple of int

    Raises
    ------
    ValueError
        A polygon has fewer than three corners, an odd count of numbers, or one that is not finite.
    """
    for each in polygons:
        if len(each) < 6 or len(each) % 2:
            raise ValueError(f"a polygon has {len(each)} numbers: it needs two for each of at least three corners")
        if not np.isfinite(each).all():
            raise ValueError("a polygon has a corner that is not finite")
    height, width = size_hw
    limit = np.tile([4.0 * width, 4.0 * height], 1)  # corners far outside would only cost memory
    flat = [np.clip(np.reshape(each, (-1, 2)), -limit, limit).ravel().tolist() for each in polygons]
    run = coco.merge(coco.frPyObjects(flat, height, width)) if flat else None
    return np.zeros(size_hw, bool) if run is None else np.asarray(coco.decode(run), dtype=bool)


def _edges(outline: NDArray[Any]) -> Polygon:
    """The edges of pixels along an outline, (K, 2), of a mask at twice the size."""
    corners = np.rint((outline + 0.5) / 2)
    return np.asarray(corners[(corners != np.roll(corners, 1, axis=0)).any(axis=1)], dtype=np.float64)


def _joined(outer: Polygon, inner: Polygon) -> Polygon:
    """Two polygons as one, by a cut between their nearest corners."""
    rows, distances = np.arange(len(outer)), np.empty(len(outer))
    nearest = np.empty(len(outer), np.intp)
    for start in range(0, len(outer), 256):
        block = slice(start, start + 256)
        away = ((outer[block, None] - inner[None]) ** 2).sum(axis=2)
        nearest[block] = away.argmin(axis=1)
        distances[block] = away[np.arange(len(away)), nearest[block]]
    at = int(rows[distances.argmin()])
    turned = np.roll(inner, -int(nearest[at]), axis=0)
    return np.concatenate([outer[: at + 1], turned, turned[:1], outer[at:]])
