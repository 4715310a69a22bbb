"""Which segment of a photo a person means by a point, a box, a lasso, or several points."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..catalog.records import SegmentRecord
from ..errors import QueryError
from ..images.masks import MaskRun, box_iou, decode_mask, encode_mask, mask_iou, resized_mask, same_sized
from ..query.prompt import Prompt
from ..query.request import check_granularity
from .click_ranking import ClickRanker, SegmentsUnderClick

SAME = 0.9
"""Masks of a higher IoU count as the same."""

PLAUSIBLE = 0.1
"""A granularity chooses among segments that are at least this likely, the likeliest being 1."""


def levels(
    segments: Sequence[SegmentRecord],
    size_hw: tuple[int, int],
    point_xy: tuple[float, float],
    granularity: float | None = None,
) -> list[int]:
    """All segments that cover a point, the one most likely meant first; if none does, the nearest one.

    Parameters
    ----------
    segments : sequence of SegmentRecord
    size_hw : tuple of int
        Size of the upright original.
    point_xy : tuple of float
        In its pixels.
    granularity : float, optional
        From 0, a part, to 1, the whole: the plausible segments come first, those first whose size is nearest to this
        place between the smallest and the largest of them, on a logarithmic scale. If absent, the ranker's order.

    Returns
    -------
    list of int
        Rows of the segments, at least one.

    Raises
    ------
    QueryError
        The photo has no segments, the point lies outside it, or the granularity is not 0 to 1.

    Notes
    -----
    Ranked by `ClickRanker`; see there for its cost.
    """
    _check_any(segments)
    if granularity is not None:
        check_granularity(granularity)
    x, y = point_xy
    if not (0 <= x < size_hw[1] and 0 <= y < size_hw[0]):
        raise QueryError(f"the point {x:g},{y:g} lies outside the photo of {size_hw[1]}x{size_hw[0]} pixels")
    under = SegmentsUnderClick.at(segments, size_hw, point_xy)
    if not len(under):
        return [_nearest(segments, size_hw, point_xy)]
    chances = ClickRanker.load()(under)
    order = np.argsort(-chances, kind="stable")
    if granularity is not None:
        plausible = order[chances[order] >= PLAUSIBLE * chances.max()]
        sizes = np.log(under.areas[plausible])
        wanted = sizes.min() + granularity * (sizes.max() - sizes.min())
        nearest = np.argsort(np.abs(sizes - wanted), kind="stable")
        order = np.concatenate([plausible[nearest], order[len(plausible) :]])
    return [int(row) for row in under.rows[order]]


def in_box(segments: Sequence[SegmentRecord], box_xyxy: tuple[float, float, float, float]) -> int:
    """The segment whose box has the highest IoU with a box given in pixels of the upright original.

    Raises
    ------
    QueryError
        The photo has no segments, or the box is empty.
    """
    _check_any(segments)
    x0, y0, x1, y1 = box_xyxy
    if not (x0 < x1 and y0 < y1):
        raise QueryError(f"the box {x0:g},{y0:g},{x1:g},{y1:g} is empty: give x0,y0,x1,y1 with x0 < x1 and y0 < y1")
    boxes = np.array([segment.box_xyxy for segment in segments], float)
    overlaps = box_iou(box_xyxy, boxes)
    if overlaps.max() > 0:
        return int(overlaps.argmax())
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return int(np.linalg.norm(centres - [(x0 + x1) / 2, (y0 + y1) / 2], axis=1).argmin())


def best_fit(segments: Sequence[SegmentRecord], size_hw: tuple[int, int], prompt: Prompt) -> int:
    """The segment that fits a box, a polygon or points best, however well that is.

    A box is compared with the segments' boxes, a polygon with their masks, both by IoU; for points it counts how many
    of them are right.

    Raises
    ------
    QueryError
        The photo has no segments.
    """
    _check_any(segments)
    if prompt.box is not None:
        return in_box(segments, prompt.box)
    if prompt.polygon:
        masks = same_sized([(segment.mask_size_hw, segment.mask_counts) for segment in segments])
        frame = masks[0][0]
        region = np.zeros(frame, np.uint8)
        cv2.fillPoly(region, [np.round(prompt.scaled(size_hw, frame).polygon).astype(np.int32)], 1)
        return int(mask_iou(masks, [(frame, encode_mask(region > 0))])[:, 0].argmax())

    def right(row: int) -> int:
        each = segments[row]
        within = sum(_covers(each, size_hw, point) for point in prompt.points)
        return within - sum(_covers(each, size_hw, point) for point in prompt.not_points)

    return max(range(len(segments)), key=lambda row: (right(row), segments[row].quality))


def same(segments: Sequence[SegmentRecord], mask: MaskRun) -> int | None:
    """The segment whose mask is nearly the same as a mask, if there is one."""
    if not segments:
        return None
    *stored, wanted = same_sized([*((each.mask_size_hw, each.mask_counts) for each in segments), mask])
    overlaps = mask_iou(stored, [wanted])[:, 0]
    return int(overlaps.argmax()) if overlaps.max() >= SAME else None


def _covers(segment: SegmentRecord, size_hw: tuple[int, int], point_xy: tuple[float, float]) -> bool:
    height, width = segment.mask_size_hw
    x, y = int(point_xy[0] * width / size_hw[1]), int(point_xy[1] * height / size_hw[0])
    return bool(decode_mask(segment.mask_size_hw, segment.mask_counts)[y, x])


def _check_any(segments: Sequence[SegmentRecord]) -> None:
    if not segments:
        raise QueryError("no segment was found in this photo: search by the whole photo instead")


def _nearest(segments: Sequence[SegmentRecord], size_hw: tuple[int, int], point_xy: tuple[float, float]) -> int:
    """The segment with the pixel nearest to the point; of several equally near the one of highest quality."""
    height, width = segments[0].mask_size_hw
    away = np.ones((height, width), np.uint8)
    away[int(point_xy[1] * height / size_hw[0]), int(point_xy[0] * width / size_hw[1])] = 0
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 5)
    masks = (resized_mask((segment.mask_size_hw, segment.mask_counts), (height, width)) for segment in segments)
    least = [float(distance[mask].min(initial=np.inf)) for mask in masks]
    return min(range(len(segments)), key=lambda row: (least[row], -segments[row].quality))
