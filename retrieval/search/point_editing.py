"""What several points on a photo mean: a segment, or one with others added to it and taken from it.

The segment that the first point means is begun with (`begun_with`). Recipes that make segments of points correct it by
all others. With other recipes a negative point in it takes away the segment under that point which has most in common
with it, and a positive point beside it adds the likeliest segment there (`by_points`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..catalog.records import SegmentRecord
from ..images.masks import MaskRun, decode_mask, encode_mask, same_sized
from ..query.prompt import Point, Prompt
from .click_ranking import ClickRanker, SegmentsUnderClick
from .picking import same

MISSING, COVERED = 1.0, 0.5
"""What a segment loses of its log chance for each positive point that it misses and negative one that it covers."""

MOST_TAKEN = 0.8
"""Segments that have more than this share of what was begun with are not taken away from it."""

Floats = NDArray[np.float64]


def begun_with(segments: Sequence[SegmentRecord], size_hw: tuple[int, int], prompt: Prompt) -> int | None:
    """The row of the segment that the first of some points means; None where none covers it."""
    chances = _log_chances(segments, size_hw, prompt.points[0])
    return int(chances.argmax()) if np.isfinite(chances).any() else None


def agrees(segment: SegmentRecord, size_hw: tuple[int, int], prompt: Prompt) -> bool:
    """Whether a segment has all positive points of a prompt and no negative one."""
    mask = decode_mask(segment.mask_size_hw, segment.mask_counts)
    has = (_holds(mask, size_hw, point) for point in prompt.points)
    return all(has) and not any(_holds(mask, size_hw, point) for point in prompt.not_points)


def by_points(segments: Sequence[SegmentRecord], size_hw: tuple[int, int], prompt: Prompt) -> int | MaskRun | None:
    """The row of the segment that points mean, or the mask of what segments make up by them.

    Parameters
    ----------
    segments : sequence of SegmentRecord
    size_hw : tuple of int
        Size of the upright original.
    prompt : Prompt
        Points, on the photo.

    Returns
    -------
    int, MaskRun or None
        None where a point cannot be met by these segments.

    Notes
    -----
    Decodes all masks, some 30 ms for a hundred of 512 x 384 pixels, and ranks the segments under each positive point.
    """
    if not segments:
        return None
    masks = np.stack([decode_mask(*run) for run in same_sized([(s.mask_size_hw, s.mask_counts) for s in segments])])
    chances = [_log_chances(segments, size_hw, point) for point in prompt.points]
    positive = np.stack([_covering(masks, size_hw, point) for point in prompt.points])
    negative = np.array([_covering(masks, size_hw, point) for point in prompt.not_points], bool).reshape(-1, len(masks))
    scores = chances[0] - MISSING * (~positive).sum(axis=0) - COVERED * negative.sum(axis=0)
    base = int(scores.argmax())
    if not np.isfinite(scores[base]):
        return None
    union = masks[base].copy()
    for point, covering in zip(prompt.not_points, negative, strict=True):
        if _holds(union, size_hw, point):
            common = (masks & union).sum(axis=(1, 2))
            able = covering & ~positive.any(axis=0) & (common <= MOST_TAKEN * union.sum())
            if not able.any():
                return None
            union &= ~masks[int(np.where(able, common, -1).argmax())]
    for point, covering, chance in zip(prompt.points, positive, chances, strict=True):
        if not _holds(union, size_hw, point):
            able = covering & ~negative.any(axis=0)
            if not able.any():
                return None
            union |= masks[int(np.where(able, chance, -np.inf).argmax())]
    found = (masks.shape[1], masks.shape[2]), encode_mask(union)
    alike = same(segments, found)
    return found if alike is None else alike


def _log_chances(segments: Sequence[SegmentRecord], size_hw: tuple[int, int], point: Point) -> Floats:
    """How likely a click at a point means each segment, (N,); minus infinity where it does not cover the point."""
    under = SegmentsUnderClick.at(segments, size_hw, point)
    found = np.full(len(segments), -np.inf)
    found[under.rows] = np.log(np.maximum(ClickRanker.load()(under), 1e-12))
    return found


def _pixel(shape: tuple[int, ...], size_hw: tuple[int, int], point: Point) -> tuple[int, int]:
    return int(point[1] * shape[-2] / size_hw[0]), int(point[0] * shape[-1] / size_hw[1])


def _covering(masks: NDArray[np.bool_], size_hw: tuple[int, int], point: Point) -> NDArray[np.bool_]:
    """Which masks, (N, H, W), cover a point, (N,)."""
    y, x = _pixel(masks.shape, size_hw, point)
    return np.asarray(masks[:, y, x], bool)


def _holds(mask: NDArray[np.bool_], size_hw: tuple[int, int], point: Point) -> bool:
    return bool(mask[_pixel(mask.shape, size_hw, point)])
