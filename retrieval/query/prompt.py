"""What a person marks on a photo to say which thing is meant: a box, a lasso, points on and beside it, or a mask."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError
from ..images.masks import checked_mask

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Mask = tuple[tuple[int, int], str]
"""Height and width, and COCO's compressed run lengths."""

MAX_CORNERS = 500
"""Most corners of a polygon."""

MAX_POINTS = 200
"""Most points, positive and negative ones together."""

MAX_MASK_SIDE = 4096
MAX_COUNTS = 50_000
"""Longest side of a mask in pixels, and the most characters of its run lengths."""

LEAST_SIDE = 1.0
"""Shorter sides of a box, and of the box around a polygon, are refused; in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One of: a box, a polygon, points, a mask, or a mask with points that correct it.

    Coordinates are pixels of the upright original; another frame is reached by `scaled`.

    Attributes
    ----------
    box : tuple of float, optional
        ``x0, y0, x1, y1``.
    polygon : tuple of tuple of float
        Corners ``x, y`` of a closed line around the thing that does not cross itself.
    points : tuple of tuple of float
        ``x, y`` on the thing.
    not_points : tuple of tuple of float
        ``x, y`` beside it.
    mask : tuple, optional
        The thing itself, at any size that covers the photo. With points, what they correct.

    Raises
    ------
    QueryError
        It is none of these or more than one, too long, empty, crosses itself, or has a coordinate that is no number.
    """

    box: Box | None = None
    polygon: tuple[Point, ...] = ()
    points: tuple[Point, ...] = ()
    not_points: tuple[Point, ...] = ()
    mask: Mask | None = None

    def __post_init__(self) -> None:
        is_masked = self.mask is not None and not self.points
        kinds = self.box is not None, is_masked, bool(self.polygon), bool(self.points or self.not_points)
        if sum(kinds) != 1:
            raise QueryError("mark the thing by exactly one of a box, a polygon, points on it, or a mask")
        _check_length("polygon", self.polygon, MAX_CORNERS, "corners")
        _check_length("points and not_points", (*self.points, *self.not_points), MAX_POINTS, "points")
        if not all(math.isfinite(value) for place in self._places for value in place):
            raise QueryError("a coordinate is not a finite number: give pixels of the upright photo")
        if self.not_points and not self.points:
            raise QueryError("all points are negative: give at least one point on the thing, too")
        if self.box is not None:
            _check_box(self.box)
        if self.polygon:
            _check_polygon(self.polygon)
        if self.mask is not None:
            _check_mask(*self.mask)

    @property
    def bounds(self) -> Box:
        """The box, or the one around the polygon or the positive points."""
        if self.box is not None:
            return self.box
        corners = np.array(self.polygon or self.points, float)
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    def check_on(self, size_hw: tuple[int, int]) -> None:
        """Check that it lies on a photo of this size.

        Raises
        ------
        QueryError
            A point lies outside, or the box or polygon does so entirely.
        """
        height, width = size_hw
        if self.mask is not None:
            _check_covers(self.mask[0], size_hw)
            if not self.points:
                return
        for x, y in (*self.points, *self.not_points):
            if not (0 <= x < width and 0 <= y < height):
                raise QueryError(f"the point {x:g},{y:g} lies outside the photo of {width}x{height} pixels")
        x0, y0, x1, y1 = self.bounds
        if not self.points and not (x0 < width and y0 < height and x1 > 0 and y1 > 0):
            what = "box" if self.box is not None else "polygon"
            raise QueryError(
                f"the {what} from {x0:g},{y0:g} to {x1:g},{y1:g} lies outside the photo of {width}x{height} pixels"
            )

    def scaled(self, from_hw: tuple[int, int], to_hw: tuple[int, int]) -> Prompt:
        """The same in another frame that covers the photo; a box becomes at least `LEAST_SIDE` wide and high.

        A mask has a frame of its own, and stays.
        """
        if self.mask is not None and not self.points:
            return self
        fy, fx = to_hw[0] / from_hw[0], to_hw[1] / from_hw[1]
        if self.box is not None:
            x0, y0, x1, y1 = self.box[0] * fx, self.box[1] * fy, self.box[2] * fx, self.box[3] * fy
            return Prompt(box=(x0, y0, max(x1, x0 + LEAST_SIDE), max(y1, y0 + LEAST_SIDE)))
        moved = {
            name: tuple((x * fx, y * fy) for x, y in getattr(self, name))
            for name in ("polygon", "points", "not_points")
        }
        return _unchecked(moved, self.mask)

    def to_json(self) -> str:
        """As JSON, for another process."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__ if getattr(self, name)})

    @classmethod
    def from_json(cls, text: str) -> Prompt:
        """Read what `to_json` wrote.

        Raises
        ------
        QueryError
            It is no such JSON, or no valid prompt.
        """
        try:
            told: dict[str, Any] = json.loads(text)
            box = tuple(float(value) for value in told["box"]) if "box" in told else None
            mask = None
            if "mask" in told:
                (height, width), counts = told["mask"]
                mask = (int(height), int(width)), str(counts)
            if box is not None and len(box) != 4:
                raise ValueError(f"a box of {len(box)} numbers")  # noqa: TRY301
            places = {
                name: tuple((float(x), float(y)) for x, y in told.get(name, ()))
                for name in ("polygon", "points", "not_points")
            }
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise QueryError(f"this marks nothing on a photo: {error}") from error
        return cls(box=box, mask=mask, **places)

    @property
    def _places(self) -> tuple[tuple[float, ...], ...]:
        return (*([] if self.box is None else [self.box]), *self.polygon, *self.points, *self.not_points)


def _unchecked(places: dict[str, tuple[Point, ...]], mask: Mask | None) -> Prompt:
    """A prompt of places that were checked in another frame, where corners were farther apart."""
    made = object.__new__(Prompt)
    object.__setattr__(made, "box", None)
    object.__setattr__(made, "mask", mask)
    for name, value in places.items():
        object.__setattr__(made, name, value)
    return made


def _check_length(name: str, given: Sequence[Point], most: int, what: str) -> None:
    if len(given) > most:
        raise QueryError(f"{name}: {len(given)} {what} are too many: simplify the line to at most {most}")


def _check_box(box_xyxy: Box) -> None:
    x0, y0, x1, y1 = box_xyxy
    if x1 - x0 < LEAST_SIDE or y1 - y0 < LEAST_SIDE:
        raise QueryError(
            f"the box {x0:g},{y0:g},{x1:g},{y1:g} is empty: give x0,y0,x1,y1 with x1 and y1 at least a pixel greater"
        )


def _check_polygon(polygon: Sequence[Point]) -> None:
    corners = np.array(polygon, float)
    if len(corners) < 3:
        raise QueryError(f"the polygon has {len(corners)} corners: give at least three")
    if crosses_itself(corners):
        raise QueryError("the polygon crosses itself: draw a closed line around the thing that does not")
    ahead = np.roll(corners, -1, axis=0)
    area = abs(float((corners[:, 0] * ahead[:, 1] - corners[:, 1] * ahead[:, 0]).sum())) / 2
    if (np.ptp(corners, axis=0) < LEAST_SIDE).any() or area < LEAST_SIDE:
        raise QueryError("the polygon is empty: draw a closed line around the thing")


def _check_mask(size_hw: tuple[int, int], counts: str) -> None:
    if not all(0 < side <= MAX_MASK_SIDE for side in size_hw) or len(counts) > MAX_COUNTS:
        raise QueryError(
            f"the mask is too large: give one of at most {MAX_MASK_SIDE} pixels a side and {MAX_COUNTS} characters"
        )
    try:
        checked_mask(size_hw, counts)
    except ValueError as error:
        raise QueryError(f"the mask cannot be used: {error}") from error


def _check_covers(mask_hw: tuple[int, int], size_hw: tuple[int, int]) -> None:
    """A mask has the photo's proportions, to the nearest pixel."""
    (height, width), (high, wide) = mask_hw, size_hw
    if abs(height - width * high / wide) > 1.5 and abs(width - height * wide / high) > 1.5:
        raise QueryError(
            f"the mask is {width}x{height}, but the photo {wide}x{high}: give one with the photo's proportions"
        )


def crosses_itself(corners: NDArray[np.float64]) -> bool:
    """Whether two sides of a closed polygon, (N, 2), cross within both; O(N²) comparisons."""
    ahead = np.roll(corners, -1, axis=0)

    def side(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
        """On which side of a-b each c lies, (N, N): its sign is the turn's."""
        along, off = (b - a)[:, None], c[None] - a[:, None]
        return np.asarray(np.sign(along[..., 0] * off[..., 1] - along[..., 1] * off[..., 0]))

    start, end = side(corners, ahead, corners), side(corners, ahead, ahead)
    apart = start * end < 0
    return bool((apart & apart.T).any())
