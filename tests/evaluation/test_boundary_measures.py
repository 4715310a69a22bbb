"""Measures of boundaries, on lines that can be counted by hand and against a slow matching."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.evaluation.boundaries import (
    BoundaryCounts,
    boundary_agreement,
    count_boundaries,
    f_measure,
    score_boundaries,
)
from retrieval.evaluation.boundary_maps import boundary_map, drawn_boundaries, thin
from retrieval.evaluation.boundary_matching import match_boundaries
from retrieval.evaluation.datasets import load_drawn

BERKELEY = Path(__file__).parents[3] / "shared/data/bsds500/val"
masks = arrays(bool, (7, 8), elements=st.sampled_from([True, False, False]))


def dots(*places: tuple[int, int], size: tuple[int, int] = (30, 40)) -> np.ndarray:
    found = np.zeros(size, bool)
    for place in places:
        found[place] = True
    return found


def within(pixels: float, size: tuple[int, int] = (30, 40)) -> float:
    """A tolerance of so many pixels."""
    return pixels / float(np.hypot(*size))


class TestMaps:
    def test_on_the_upper_left_of_two_regions(self) -> None:
        labels = np.array([[1, 1, 2], [1, 1, 2], [3, 3, 3]], np.uint8)
        assert boundary_map(labels).astype(int).tolist() == [[0, 1, 0], [1, 1, 1], [0, 0, 0]]

    def test_a_corner_alone(self) -> None:
        assert boundary_map(np.array([[0, 0], [0, 1]])).tolist() == [[True, True], [True, False]]

    def test_one_region(self) -> None:
        assert not boundary_map(np.full((3, 4), 7)).any()


class TestThinning:
    def test_a_bar_becomes_a_line(self) -> None:
        bar = np.zeros((9, 20), bool)
        bar[3:6, 2:18] = True
        found = thin(bar)
        assert (found.sum(0) <= 1).all()
        assert found[4, 4:16].all()
        assert not (found & ~bar).any()

    def test_a_line_stays(self) -> None:
        line = np.eye(8, dtype=bool)
        line[3] = True
        np.testing.assert_array_equal(thin(line), line)

    @given(arrays(bool, (12, 14)))
    def test_what_hangs_together_stays_together(self, blob: np.ndarray) -> None:
        found = thin(blob)
        assert not (found & ~blob).any()
        np.testing.assert_array_equal(thin(found), found)
        for picture, ways in ((blob, 8), (~blob, 4)):
            after = found if ways == 8 else ~found
            counts = [cv2.connectedComponents(np.pad(each, 1, constant_values=ways == 4).astype(np.uint8), connectivity=ways)[0]
                      for each in (picture, after)]  # fmt: skip
            assert counts[0] == counts[1]

    @given(arrays(bool, (12, 14)))
    def test_as_scikit_image_thins(self, blob: np.ndarray) -> None:
        morphology = pytest.importorskip("skimage.morphology")
        np.testing.assert_array_equal(thin(blob), morphology.thin(blob))


def most_pairs(found: np.ndarray, drawn: np.ndarray, farthest: float) -> int:
    """By Kuhn's algorithm."""
    a, b = np.argwhere(found), np.argwhere(drawn)
    near = [np.flatnonzero(np.hypot(*(b - each).T) <= farthest + 1e-9).tolist() for each in a]
    mate: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        for j in near[i]:
            if j not in seen:
                seen.add(j)
                if j not in mate or place(mate[j], seen):
                    mate[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(a)))


class TestMatching:
    @pytest.mark.parametrize(("apart", "pairs"), [((0, 4), 1), ((0, 5), 0), ((3, 2), 1), ((3, 3), 0)])
    def test_the_tolerance_is_a_circle(self, apart: tuple[int, int], pairs: int) -> None:
        found, drawn = dots((10, 10)), dots((10 + apart[0], 10 + apart[1]))
        right, recalled = match_boundaries(found, drawn, within(4.001))
        assert right.sum() == recalled.sum() == pairs

    def test_the_usual_tolerance_of_berkeley(self) -> None:
        size = (321, 481)
        found = dots((0, 0), (320, 480), (100, 100), size=size)
        drawn = dots((4, 1), (316, 479), (105, 100), size=size)
        right, recalled = match_boundaries(found, drawn)
        np.testing.assert_array_equal(np.argwhere(right), [[0, 0], [320, 480]])
        np.testing.assert_array_equal(np.argwhere(recalled), [[4, 1], [316, 479]])

    def test_a_pixel_has_one_partner_and_the_nearest_wins(self) -> None:
        right, recalled = match_boundaries(dots((5, 5), (5, 6), (5, 8)), dots((5, 7), (5, 6)), within(1.5))
        assert recalled.sum() == 2
        np.testing.assert_array_equal(np.argwhere(right)[0], [5, 6])

    def test_pairs_make_room_for_more(self) -> None:
        """The nearest pair first would leave two alone."""
        right, recalled = match_boundaries(dots((5, 5), (5, 8)), dots((5, 2), (5, 6)), within(3))
        assert right.sum() == recalled.sum() == 2

    def test_nothing_wraps_around_the_edge(self) -> None:
        right, _ = match_boundaries(dots((10, 39)), dots((11, 0), (10, 0)), within(3))
        assert not right.any()

    @given(masks, masks, st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.3]))
    def test_as_many_as_can_be(self, found: np.ndarray, drawn: np.ndarray, pixels: float) -> None:
        right, recalled = match_boundaries(found, drawn, within(pixels, found.shape) + 1e-9)
        assert right.sum() == recalled.sum() == most_pairs(found, drawn, pixels)
        assert not (right & ~found).any()
        assert not (recalled & ~drawn).any()

    @given(masks)
    def test_itself(self, found: np.ndarray) -> None:
        for each in match_boundaries(found, found):
            np.testing.assert_array_equal(each, found)

    def test_large_maps(self) -> None:
        """Many compete: one round of augmenting paths does not do."""
        rng = np.random.default_rng(0)
        found, drawn = rng.random((60, 50)) < 0.6, rng.random((60, 50)) < 0.6
        right, _ = match_boundaries(found, drawn, within(1.0, (60, 50)) + 1e-9)
        assert right.sum() == most_pairs(found, drawn, 1.0)

    def test_other_sizes(self) -> None:
        with pytest.raises(ValueError, match="cannot be compared"):
            match_boundaries(np.zeros((2, 3), bool), np.zeros((3, 2), bool))


class TestCounts:
    def test_right_for_any_annotator_and_recalled_for_each(self) -> None:
        strength = np.zeros((30, 40), np.float32)
        strength[5, 5], strength[15, 15], strength[25, 25] = 0.9, 0.6, 0.3
        drawn = [dots((5, 5), (15, 15)), dots((5, 6), (20, 3))]
        found = count_boundaries(strength, drawn, np.array([0.1, 0.3, 0.8, 0.95]), within(1))
        assert found.found.tolist() == [3, 2, 1, 0]
        assert found.right.tolist() == [2, 2, 1, 0]
        assert found.drawn.tolist() == [4, 4, 4, 4]
        assert found.recalled.tolist() == [3, 3, 2, 0]

    def test_what_is_found_is_thinned(self) -> None:
        strength = np.zeros((30, 40), np.float32)
        strength[10:13, 5:35] = 1
        assert 26 <= count_boundaries(strength, [dots()], np.array([0.5])).found[0] <= 30


def counts(right: Sequence[int], found: Sequence[int], recalled: Sequence[int], drawn: Sequence[int]) -> BoundaryCounts:
    return BoundaryCounts(np.linspace(0.2, 0.8, len(found)), *map(np.array, (found, right, drawn, recalled)))


class TestScores:
    def test_by_hand(self) -> None:
        first = counts([80, 40], [100, 40], [50, 30], [100, 100])  # P .8 R .5, P 1 R .3
        second = counts([10, 90], [300, 100], [80, 60], [100, 100])  # P .03 R .8, P .9 R .6
        found = score_boundaries([first, second])
        assert found.ois == pytest.approx(2 * (170 / 200) * (110 / 200) / (170 / 200 + 110 / 200))
        p, r = 130 / 140, 90 / 200
        assert found.ods >= 2 * p * r / (p + r) - 1e-9
        assert found.ods == pytest.approx(float(f_measure(np.array(found.precision), np.array(found.recall))))
        assert 0.2 <= found.threshold <= 0.8

    def test_the_best_lies_between_thresholds(self) -> None:
        """Precision rises as recall falls, both in a line: F is best in the middle, .5."""
        found = score_boundaries([counts([0, 100], [100, 100], [100, 0], [100, 100])])
        assert found.ods == pytest.approx(0.5, abs=1e-3)
        assert found.threshold == pytest.approx(0.5, abs=0.01)
        assert found.ois == 0

    def test_average_precision_by_hand(self) -> None:
        """Precision 1 at recall .25, .5 at .75: 51 steps of which the mean is .75, and none outside."""
        found = score_boundaries([counts([50, 25], [100, 25], [75, 25], [100, 100])])
        assert found.average_precision == pytest.approx(51 * 0.75 / 100)

    def test_a_perfect_map(self) -> None:
        found = score_boundaries([counts([7], [7], [7], [7])])
        assert (found.ods, found.ois, found.precision, found.recall) == (1, 1, 1, 1)
        assert found.average_precision == 0, "one point is no curve"

    def test_nothing_found(self) -> None:
        found = score_boundaries([counts([0, 0], [0, 0], [0, 0], [9, 9])])
        assert (found.ods, found.ois, found.average_precision) == (0, 0, 0)

    def test_nothing_and_what_does_not_go_together(self) -> None:
        with pytest.raises(ValueError, match="no counts"):
            score_boundaries([])
        with pytest.raises(ValueError, match="different thresholds"):
            score_boundaries([counts([0, 1], [1, 1], [0, 1], [1, 1]), counts([0], [1], [0], [1])])


def halves(at: int) -> np.ndarray:
    labels = np.zeros((40, 60), np.uint8)
    labels[:, at:] = 1
    return labels


class TestAgreement:
    def test_by_hand(self) -> None:
        """Three people; two agree, the third drew a line elsewhere."""
        found = boundary_agreement([[halves(20), halves(20), halves(40)], [halves(30)]])
        assert found.precision == pytest.approx(2 / 3)
        assert found.recall == pytest.approx(2 / 6)
        assert found.f == pytest.approx(4 / 9)

    def test_one_person_alone(self) -> None:
        with pytest.raises(ValueError, match="two annotators"):
            boundary_agreement([[halves(3)]])

    def test_drawn_boundaries_are_thin(self) -> None:
        stairs = np.tril(np.ones((12, 12), int))
        (found,) = drawn_boundaries([stairs])
        assert found.sum() < boundary_map(stairs).sum()

    @pytest.mark.slow
    def test_people_of_berkeley(self) -> None:
        """Published: .79 for these photos when they were the test part of BSDS300."""
        if not BERKELEY.is_dir():
            pytest.skip(f"{BERKELEY} is not there")
        found = boundary_agreement(photo.maps() for photo in load_drawn(BERKELEY)[::10])
        assert 0.74 < found.f < 0.84
        assert found.precision > found.recall


def test_every_kind_of_neighbourhood_is_thinned_without_breaking() -> None:
    for kinds in itertools.product([False, True], repeat=9):
        blob = np.zeros((5, 5), bool)
        blob[1:4, 1:4] = np.reshape(kinds, (3, 3))
        before, after = (cv2.connectedComponents(each.astype(np.uint8))[0] for each in (blob, thin(blob)))
        assert before == after
