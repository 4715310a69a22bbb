"""Which segment a point or a box means."""

from __future__ import annotations

from collections.abc import Sequence

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
def test_of_the_segments_that_cover_a_point_the_likeliest(point: tuple[float, float], row: int) -> None:
    assert picking.levels(photo(), LARGE, point)[0] == row


@pytest.mark.parametrize(("point", "row"), [((599, 399), 2), ((0, 0), 0), ((340, 150), 0), ((370, 150), 2)])
def test_where_none_covers_it_the_nearest(point: tuple[float, float], row: int) -> None:
    assert picking.levels(photo(), LARGE, point)[0] == row


def test_a_hole_in_the_mask_is_not_covered() -> None:
    ring = box_mask(5, 5, 35, 35) & ~box_mask(10, 10, 30, 30)
    segments = [
        segment_record(ring, quality=0.9, scale=SCALE),
        segment_record(box_mask(12, 12, 28, 28), quality=0.1, scale=SCALE),
    ]
    assert picking.levels(segments, LARGE, (200, 200))[0] == 1
    assert picking.levels(segments, LARGE, (70, 70))[0] == 0


def nested(qualities: Sequence[float] = (0.2, 0.5, 0.5, 0.4)) -> list[SegmentRecord]:
    """Four squares about the middle of the photo, the next within the one before, each a quarter as large."""
    halves = (16, 8, 4, 2)
    boxes = ((30 - half, 20 - half, 30 + half, 20 + half) for half in halves)
    return [
        segment_record(box_mask(*box), quality=quality, scale=SCALE)
        for box, quality in zip(boxes, qualities, strict=True)
    ]


class TestLevels:
    def test_all_that_cover_the_point_each_once(self) -> None:
        assert sorted(picking.levels(nested(), LARGE, (300, 200))) == [0, 1, 2, 3]
        assert sorted(picking.levels(nested(), LARGE, (240, 200))) == [0, 1]
        assert picking.levels(nested(), LARGE, (145, 45)) == [0]

    def test_quality_decides_among_equals(self) -> None:
        """The same square three times."""
        square = box_mask(20, 10, 40, 30)
        segments = [segment_record(square, quality=quality, scale=SCALE) for quality in (0.3, 0.9, 0.6)]
        assert picking.levels(segments, LARGE, (300, 200)) == [1, 2, 0]

    def test_the_one_whose_middle_was_clicked_comes_before_one_whose_edge_was(self) -> None:
        left, right = box_mask(10, 10, 32, 32), box_mask(28, 10, 50, 32)
        segments = [segment_record(mask, quality=0.5, scale=SCALE) for mask in (left, right)]
        assert picking.levels(segments, LARGE, (310, 210)) == [1, 0]
        assert picking.levels(segments, LARGE, (290, 210)) == [0, 1]

    @pytest.mark.parametrize("quality", [0.0, 0.5, 1.0])
    def test_recipes_that_give_all_the_same_quality(self, quality: float) -> None:
        """Grids say 0 of every cell; the other features decide, in the same way whatever the quality is."""
        assert picking.levels(nested([quality] * 4), LARGE, (280, 200)) == picking.levels(
            nested([0.3] * 4), LARGE, (280, 200)
        )

    def test_order_of_the_segments_does_not_matter(self) -> None:
        segments = nested((0.2, 0.5, 0.6, 0.4))
        turned = [3 - row for row in picking.levels(segments[::-1], LARGE, (285, 195))]
        assert turned == picking.levels(segments, LARGE, (285, 195))

    def test_a_segment_that_is_the_whole_photo(self) -> None:
        whole = segment_record(np.ones(SIZE, bool), quality=0.5, scale=SCALE)
        assert picking.levels([whole], LARGE, (0, 399)) == [0]


class TestGranularity:
    def test_0_is_the_smallest_plausible_segment_and_1_the_largest(self) -> None:
        segments = nested((0.5, 0.5, 0.5, 0.5))
        assert picking.levels(segments, LARGE, (300, 200), 0.0) == [3, 2, 1, 0]
        assert picking.levels(segments, LARGE, (300, 200), 1.0)[0] < picking.levels(segments, LARGE, (300, 200), 0.0)[0]

    def test_the_greater_it_is_the_larger_the_segment(self) -> None:
        segments = nested((0.9, 0.6, 0.3, 0.2))
        firsts = [picking.levels(segments, LARGE, (300, 200), value)[0] for value in np.linspace(0, 1, 11).tolist()]
        areas = [segments[row].area for row in firsts]
        assert areas == sorted(areas)
        assert len(set(areas)) > 2

    @pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
    def test_what_is_implausible_comes_last(self, value: float) -> None:
        segments = nested((0.001, 0.9, 0.9, 0.001))
        levels = picking.levels(segments, LARGE, (300, 200), value)
        assert sorted(levels[:2]) == [1, 2]
        assert sorted(levels[2:]) == [0, 3]

    @pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
    def test_out_of_range(self, value: float) -> None:
        with pytest.raises(QueryError, match=r"it must be from 0 \(a part\) to 1 \(the whole\)"):
            picking.levels(nested(), LARGE, (300, 200), value)

    def test_where_nothing_covers_the_point(self) -> None:
        assert picking.levels(photo(), LARGE, (599, 399), 0.0) == [2]


@pytest.mark.parametrize("point", [(-1, 5), (600, 5), (5, 400), (float("nan"), 5)])
def test_a_point_outside_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(QueryError, match="outside the photo of 600x400"):
        picking.levels(photo(), LARGE, point)


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
        picking.levels([], LARGE, (1, 1))
    with pytest.raises(QueryError, match="search by the whole photo"):
        picking.in_box([], (0, 0, 1, 1))


def test_masks_smaller_and_larger_than_the_photo() -> None:
    """The masks of one photo have one size, which need not be that of the photo, nor have its very proportions."""
    mask = np.zeros((30, 31), bool)
    mask[:, 16:] = True
    left, right = segment_record(~mask, box_xyxy=(0, 0, 11, 20)), segment_record(mask, box_xyxy=(10, 0, 20, 20))
    assert picking.levels([left, right], (20, 20), (0, 19.9)) == [0]
    assert picking.levels([left, right], (20, 20), (19.9, 0)) == [1]
