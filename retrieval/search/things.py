"""The things of a photo: its segments of high quality, none of which is a part of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..catalog.records import SegmentRecord
from ..images.masks import mask_containment, same_sized
from ..query.prompt import Box
from ..query.request import MOST_THINGS

LEAST_QUALITY = 0.05
"""A segment of lower quality is hardly a thing."""

SMALLEST, LARGEST = 0.002, 0.7
"""Shares of the photo that a thing covers."""

SHARED = 0.5
"""Of the smaller of two segments; from here on, one counts as a part of the other."""

INSIDE = 0.8
"""Of a segment's box, for the segment to be inside a region."""


def best_things(
    segments: Sequence[SegmentRecord], size_hw: tuple[int, int], *, most: int = MOST_THINGS, within: Box | None = None
) -> list[int]:
    """Rows of the segments that are the things of a photo, the best first; none where no segment is likely to be one.

    Taken by falling quality: a segment is left out if it shares much with one that was taken before, as its parts and
    what is around it do.

    Parameters
    ----------
    segments : sequence of SegmentRecord
        All of the photo.
    size_hw : tuple of int
        Of the upright original.
    most : int
    within : tuple of float, optional
        ``x0, y0, x1, y1`` in pixels of the upright original; only things inside it.
    """
    whole = size_hw[0] * size_hw[1]
    rows = [
        row
        for row in sorted(range(len(segments)), key=lambda row: -segments[row].quality)
        if segments[row].quality >= LEAST_QUALITY
        and SMALLEST <= segments[row].area / whole <= LARGEST
        and (within is None or _is_inside(segments[row].box_xyxy, within))
    ]
    shares = mask_containment(same_sized([(segments[row].mask_size_hw, segments[row].mask_counts) for row in rows]))
    shared = np.maximum(shares, shares.T) >= SHARED
    found: list[int] = []
    for place in range(len(rows)):
        if len(found) < most and not shared[place, found].any():
            found.append(place)
    return [rows[place] for place in found]


def _is_inside(box_xyxy: Sequence[float], region_xyxy: Sequence[float]) -> bool:
    """Whether a region has most of a box."""
    sides = [max(0.0, min(box_xyxy[at + 2], region_xyxy[at + 2]) - max(box_xyxy[at], region_xyxy[at])) for at in (0, 1)]
    area = (box_xyxy[2] - box_xyxy[0]) * (box_xyxy[3] - box_xyxy[1])
    return sides[0] * sides[1] >= INSIDE * area
