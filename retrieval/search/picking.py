"""Which segment of a photo a person means by a point or a box."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..catalog.records import SegmentRecord
from ..errors import QueryError
from ..images.masks import box_iou, decode_mask


def at_point(segments: Sequence[SegmentRecord], size_hw: tuple[int, int], point_xy: tuple[float, float]) -> int:
    """The segment of highest quality that covers a point; if none does, the nearest one.

    Parameters
    ----------
    segments : sequence of SegmentRecord
    size_hw : tuple of int
        Size of the upright original.
    point_xy : tuple of float
        In its pixels.

    Returns
    -------
    int
        Row of the segment.

    Raises
    ------
    QueryError
        The photo has no segments, or the point lies outside it.
    """
    _check_any(segments)
    x, y = point_xy
    if not (0 <= x < size_hw[1] and 0 <= y < size_hw[0]):
        raise QueryError(f"the point {x:g},{y:g} lies outside the photo of {size_hw[1]}x{size_hw[0]} pixels")
    by_quality = sorted(range(len(segments)), key=lambda row: -segments[row].quality)
    boxed = [row for row in by_quality if _in_box(segments[row].box_xyxy, x, y)]
    for row in boxed:
        mask_hw = segments[row].mask_size_hw
        v, u = int(y * mask_hw[0] / size_hw[0]), int(x * mask_hw[1] / size_hw[1])
        if decode_mask(mask_hw, segments[row].mask_counts)[v, u]:
            return row
    return _nearest(segments, by_quality, size_hw, point_xy)


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


def _check_any(segments: Sequence[SegmentRecord]) -> None:
    if not segments:
        raise QueryError("no segment was found in this photo: search by the whole photo instead")


def _in_box(box_xyxy: tuple[int, int, int, int], x: float, y: float) -> bool:
    return box_xyxy[0] <= x < box_xyxy[2] and box_xyxy[1] <= y < box_xyxy[3]


def _nearest(
    segments: Sequence[SegmentRecord],
    rows: Sequence[int],
    size_hw: tuple[int, int],
    point_xy: tuple[float, float],
) -> int:
    """The segment with the pixel nearest to the point; of equals the first of `rows`."""
    height, width = segments[0].mask_size_hw
    away = np.ones((height, width), np.uint8)
    away[int(point_xy[1] * height / size_hw[0]), int(point_xy[0] * width / size_hw[1])] = 0
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 5)
    masks = (decode_mask(segments[row].mask_size_hw, segments[row].mask_counts) for row in rows)
    least = [float(distance[mask].min(initial=np.inf)) for mask in masks]
    return rows[int(np.argmin(least))]
