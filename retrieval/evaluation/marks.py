"""Marks as a person would make them on annotated objects: boxes, lassos, and corrected clicks."""

from __future__ import annotations

import contextlib

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError
from ..query.prompt import Box, Point, Prompt

Mask = NDArray[np.bool_]


def box_around(mask: Mask) -> Box:
    """The tight box around a mask that is not empty, (H, W)."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return float(left), float(top), float(left + width), float(top + height)


def loosened(box_xyxy: Box, share: float, size_hw: tuple[int, int]) -> Box:
    """A box whose sides are longer by a share, about the same middle, within the photo."""
    x0, y0, x1, y1 = box_xyxy
    dx, dy = share / 2 * (x1 - x0), share / 2 * (y1 - y0)
    return max(0.0, x0 - dx), max(0.0, y0 - dy), min(float(size_hw[1]), x1 + dx), min(float(size_hw[0]), y1 + dy)


def shaken(box_xyxy: Box, size_hw: tuple[int, int], rng: np.random.Generator) -> Box:
    """A box whose sides are each moved by -6 to 22 % of its width or height outwards, within the photo."""
    x0, y0, x1, y1 = box_xyxy
    width, height = x1 - x0, y1 - y0
    left, top, right, bottom = rng.uniform(-0.06, 0.22, 4).tolist()
    return (
        max(0.0, x0 - left * width),
        max(0.0, y0 - top * height),
        min(float(size_hw[1]), x1 + right * width),
        min(float(size_hw[0]), y1 + bottom * height),
    )


def lasso(mask: Mask, rng: np.random.Generator) -> Prompt:
    """A line around a mask that is not empty, at 2 to 12 % of the square root of its area, with few corners."""
    side = float(np.sqrt(mask.sum()))
    margin = max(1, round(rng.uniform(0.02, 0.12) * side))
    reach = margin + max(1, round(0.15 * side))
    padded = np.pad(mask.astype(np.uint8), reach + 1)
    grown = cv2.dilate(padded, _disc(reach))
    drawn = cv2.erode(grown, _disc(reach - margin)) if reach > margin else grown
    contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)
    corners = cv2.approxPolyDP(largest, 0.08 * margin + 0.02 * side, closed=True)[:, 0] - (reach + 1)
    inside = np.clip(corners, 0, np.array(mask.shape[::-1]) - 1)
    for corners in (inside, cv2.convexHull(inside.astype(np.int32))[:, 0]):  # a simplified line may cross itself
        with contextlib.suppress(QueryError):
            return Prompt(polygon=tuple((float(x), float(y)) for x, y in corners.tolist()))
    return Prompt(box=box_around(mask))


def correction(mask: Mask, guess: Mask) -> tuple[Point, bool]:
    """The next click: in the middle of the largest part that is wrong, and whether it is positive."""
    wrong = mask ^ guess
    _, parts, figures, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=4)
    part = parts == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())
    distance = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return (float(x) + 0.5, float(y) + 0.5), bool(mask[y, x])


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)
