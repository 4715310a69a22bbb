"""Which segment a point or a box means."""

from __future__ import annotations

import numpy as np
import pytest
from toys import segment_record

from retrieval.catalog import SegmentRecord
from retrieval.errors import QueryError
from retrieval.search import picking

SIZE = 40, 60
SCALE = 10
LARGE = SIZE[0] * SCALE, SIZE[1] * SCALE


def box_mask(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def photo() -> list[SegmentRecord]:
    """A large segment of low quality, a part of it of high quality, and one aside; ten times as large as the masks."""
    return [
        segment_record(box_mask(4, 4, 30, 36), quality=0.3, scale=SCALE),
        segment_record(box_mask(8, 8, 20, 20), quality=0.9, scale=SCALE),
        segment_record(box_mask(40, 10, 56, 20), quality=0.5, scale=SCALE),
    ]


@pytest.mark.parametrize(
    ("point", "row"),
    [
        ((100, 100), 1),  # in the part and in the whole: the better one
        ((250, 300), 0),  # in the whole only
        ((450, 150), 2),
        ((79.9, 100), 0),
        ((80, 80), 1),  # the first pixel of the part
    ],
)
def test_of_the_segments_that_cover_a_point_the_best(point: tuple[float, float], row: int) -> None:
    assert picking.at_point(photo(), LARGE, point) == row


@pytest.mark.parametrize(("point", "row"), [((599, 399), 2), ((0, 0), 0), ((340, 150), 0), ((370, 150), 2)])
def test_where_none_covers_it_the_nearest(point: tuple[float, float], row: int) -> None:
    assert picking.at_point(photo(), LARGE, point) == row


def test_a_hole_in_the_mask_is_not_covered() -> None:
    ring = box_mask(5, 5, 35, 35) & ~box_mask(10, 10, 30, 30)
    segments = [
        segment_record(ring, quality=0.9, scale=SCALE),
        segment_record(box_mask(12, 12, 28, 28), quality=0.1, scale=SCALE),
    ]
    assert picking.at_point(segments, LARGE, (200, 200)) == 1
    assert picking.at_point(segments, LARGE, (70, 70)) == 0


@pytest.mark.parametrize("point", [(-1, 5), (600, 5), (5, 400), (float("nan"), 5)])
def test_a_point_outside_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(QueryError, match="outside the photo of 600x400"):
        picking.at_point(photo(), LARGE, point)


@pytest.mark.parametrize(
    ("box", "row"),
    [
        ((85, 75, 205, 195), 1),
        ((30, 30, 310, 370), 0),
        ((0, 0, 600, 400), 0),  # the greatest of three small overlaps
        ((570, 10, 590, 30), 2),  # touches none: the nearest centre
    ],
)
def test_a_box_means_the_segment_it_fits_best(box: tuple[float, float, float, float], row: int) -> None:
    assert picking.in_box(photo(), box) == row


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (9, 5, 5, 9), (0, 0, float("nan"), 4)])
def test_an_empty_box_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(QueryError, match="is empty"):
        picking.in_box(photo(), box)


def test_a_photo_without_segments_is_refused() -> None:
    with pytest.raises(QueryError, match="search by the whole photo"):
        picking.at_point([], LARGE, (1, 1))
    with pytest.raises(QueryError, match="search by the whole photo"):
        picking.in_box([], (0, 0, 1, 1))


def test_masks_smaller_and_larger_than_the_photo() -> None:
    """The masks of one photo have one size, which need not be that of the photo, nor have its very proportions."""
    mask = np.zeros((30, 31), bool)
    mask[:, 16:] = True
    left, right = segment_record(~mask, box_xyxy=(0, 0, 11, 20)), segment_record(mask, box_xyxy=(10, 0, 20, 20))
    assert picking.at_point([left, right], (20, 20), (0, 19.9)) == 0
    assert picking.at_point([left, right], (20, 20), (19.9, 0)) == 1
