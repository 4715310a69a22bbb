"""Measures of regions, on maps that can be counted by hand and against plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.evaluation.boundary_maps import boundary_map
from retrieval.evaluation.hierarchy_cuts import common_thresholds, cuts, levels, ultrametric_map
from retrieval.evaluation.regions import (
    RegionCurve,
    contingency,
    covering,
    rand_index,
    region_agreement,
    score_cuts,
    score_regions,
    variation_of_information,
)
from retrieval.segment.merging import MergeTree

HALVES = np.array([[0, 0, 1, 1]])
QUARTERS = np.array([[0, 1, 2, 3]])
ONE = np.zeros((1, 4), int)

small_maps = arrays(np.int64, (4, 5), elements=st.integers(0, 4))


def tree_of(*merges: tuple[int, int, float]) -> MergeTree:
    children = np.array([merge[:2] for merge in merges], np.int32).reshape(-1, 2)
    return MergeTree(children, np.array([merge[2] for merge in merges], np.float32))


@st.composite
def hierarchies(draw: st.DrawFn) -> tuple[np.ndarray, MergeTree]:
    """A map of a few leaves, all there, and any tree over them, its costs in any order."""
    count = draw(st.integers(1, 8))
    leaves = draw(arrays(np.int32, (5, 6), elements=st.integers(0, count - 1)))
    leaves.ravel()[:count] = np.arange(count)
    alive, merges = list(range(count)), []
    for merge in range(count - 1):
        a, b = (alive.pop(draw(st.integers(0, len(alive) - 1))) for _ in range(2))
        merges.append((a, b, draw(st.sampled_from([0.1, 0.2, 0.4, 0.7, 0.9]))))
        alive.append(count + merge)
    return leaves, tree_of(*merges)


def members(tree: MergeTree, node: int) -> set[int]:
    if node < tree.leaves:
        return {node}
    a, b = tree.children[node - tree.leaves]
    return members(tree, int(a)) | members(tree, int(b))


def joined_at(tree: MergeTree, a: int, b: int) -> float:
    """By the book: the most that any merge within the smallest node that holds both has cost."""
    holding = [n for n in range(tree.leaves, 2 * tree.leaves - 1) if {a, b} <= members(tree, n)]
    least = min(holding, key=lambda node: len(members(tree, node)))
    inside = [n for n in range(tree.leaves, 2 * tree.leaves - 1) if members(tree, n) <= members(tree, least)]
    return float(max(tree.cost[n - tree.leaves] for n in inside))


class TestContingency:
    def test_counts(self) -> None:
        assert contingency(HALVES, np.array([[2, 0, 0, 2]])).tolist() == [[1, 0, 1], [1, 0, 1]]

    def test_labels_of_eight_bits_do_not_wrap(self) -> None:
        table = contingency(np.full((20, 20), 200, np.uint8), np.full((20, 20), 250, np.uint8))
        assert table.shape == (201, 251)
        assert table[200, 250] == 400

    @pytest.mark.parametrize("other", [np.zeros((4, 1), int), np.full((1, 4), -1)])
    def test_what_cannot_be_compared(self, other: np.ndarray) -> None:
        with pytest.raises(ValueError, match="cannot be compared|negative"):
            contingency(HALVES, other)

    def test_nothing(self) -> None:
        with pytest.raises(ValueError, match="cannot be compared"):
            contingency(np.zeros((0, 4), int), np.zeros((0, 4), int))


class TestByHand:
    @pytest.mark.parametrize(
        ("labels", "drawn", "expected"),
        [
            (HALVES, HALVES, 1.0),
            (ONE, HALVES, 0.5),
            (QUARTERS, HALVES, 0.5),
            (np.array([[0, 0, 0, 1]]), HALVES, (2 * 2 / 3 + 2 * 1 / 2) / 4),
            (HALVES, np.array([[0, 0, 0, 1]]), (3 * 2 / 3 + 1 * 1 / 2) / 4),  # not symmetric
        ],
    )
    def test_covering(self, labels: np.ndarray, drawn: np.ndarray, expected: float) -> None:
        assert covering(contingency(labels, drawn)) == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("labels", "drawn", "expected"),
        [(HALVES, HALVES, 1.0), (ONE, HALVES, 2 / 6), (QUARTERS, HALVES, 4 / 6), (QUARTERS, ONE, 0.0)],
    )
    def test_rand(self, labels: np.ndarray, drawn: np.ndarray, expected: float) -> None:
        assert rand_index(contingency(labels, drawn)) == pytest.approx(expected)

    def test_a_single_pixel_has_no_pairs(self) -> None:
        assert rand_index(np.ones((1, 1), np.int64)) == 1

    @pytest.mark.parametrize(
        ("labels", "drawn", "bits"),
        [(HALVES, HALVES, 0), (ONE, HALVES, 1), (QUARTERS, ONE, 2), (HALVES, np.array([[0, 1, 0, 1]]), 2)],
    )
    def test_information(self, labels: np.ndarray, drawn: np.ndarray, bits: float) -> None:
        assert variation_of_information(contingency(labels, drawn)) == pytest.approx(bits)


def slow_covering(labels: np.ndarray, drawn: np.ndarray) -> float:
    total = 0.0
    for each in np.unique(drawn):
        region = drawn == each
        ious = [(region & (labels == s)).sum() / (region | (labels == s)).sum() for s in np.unique(labels)]
        total += region.sum() * max(ious)
    return total / drawn.size


def slow_rand(labels: np.ndarray, drawn: np.ndarray) -> float:
    pairs = list(itertools.combinations(range(labels.size), 2))
    a, b = labels.ravel(), drawn.ravel()
    return float(np.mean([(a[i] == a[j]) == (b[i] == b[j]) for i, j in pairs]))


def slow_information(labels: np.ndarray, drawn: np.ndarray) -> float:
    """H(a | b) + H(b | a)."""
    total = 0.0
    for s, r in itertools.product(np.unique(labels), np.unique(drawn)):
        joint = float(np.mean((labels == s) & (drawn == r)))
        if joint:
            total -= joint * (np.log2(joint / np.mean(drawn == r)) + np.log2(joint / np.mean(labels == s)))
    return total


class TestProperties:
    @given(small_maps, small_maps)
    def test_plain_loops_agree(self, labels: np.ndarray, drawn: np.ndarray) -> None:
        table = contingency(labels, drawn)
        assert covering(table) == pytest.approx(slow_covering(labels, drawn))
        assert rand_index(table) == pytest.approx(slow_rand(labels, drawn))
        assert variation_of_information(table) == pytest.approx(slow_information(labels, drawn), abs=1e-9)

    @given(small_maps, st.permutations(range(5)))
    def test_a_segmentation_fits_itself_under_any_numbers(self, labels: np.ndarray, names: list[int]) -> None:
        table = contingency(np.array(names)[labels], labels)
        assert covering(table) == pytest.approx(1)
        assert rand_index(table) == 1
        assert variation_of_information(table) == pytest.approx(0, abs=1e-9)

    @given(small_maps, small_maps)
    def test_symmetry_and_range(self, labels: np.ndarray, drawn: np.ndarray) -> None:
        there, back = contingency(labels, drawn), contingency(drawn, labels)
        assert variation_of_information(there) == pytest.approx(variation_of_information(back), abs=1e-9)
        assert rand_index(there) == pytest.approx(rand_index(back))
        assert 0 <= rand_index(there) <= 1
        assert 0 < covering(there) <= 1 + 1e-9
        assert 0 <= variation_of_information(there) <= 2 * np.log2(20)

    @given(small_maps, small_maps, small_maps)
    def test_information_is_a_distance(self, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
        ab, bc, ac = (variation_of_information(contingency(*each)) for each in ((a, b), (b, c), (a, c)))
        assert ac <= ab + bc + 1e-9


# Leaves 0 and 1 join at .5, then 2 joins at .2, which lies above: .5; then 3 at .8.
CHAIN = tree_of((0, 1, 0.5), (4, 2, 0.2), (5, 3, 0.8))


class TestHierarchies:
    def test_levels_only_rise(self) -> None:
        np.testing.assert_allclose(levels(CHAIN), [0.5, 0.5, 0.8])

    def test_cuts_by_hand(self) -> None:
        found = cuts(CHAIN, np.array([0.8, 0.1, 0.5, 0.49]))
        assert found.tolist() == [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 0, 1], [0, 1, 2, 3]]

    def test_a_single_leaf(self) -> None:
        alone = tree_of()
        assert cuts(alone, np.array([0.0, 1.0])).tolist() == [[0], [0]]
        assert not ultrametric_map(np.zeros((3, 3), np.int32), alone).any()

    @given(hierarchies())
    def test_a_cut_joins_what_lies_below_it(self, hierarchy: tuple[np.ndarray, MergeTree]) -> None:
        _, tree = hierarchy
        thresholds = np.array([0.05, 0.1, 0.3, 0.4, 0.8, 1.0], np.float32)
        found = cuts(tree, thresholds)
        for (t, threshold), a, b in itertools.product(enumerate(thresholds), *[range(tree.leaves)] * 2):
            together = a == b or np.float32(joined_at(tree, a, b)) <= threshold
            assert (found[t, a] == found[t, b]) == together

    @given(hierarchies())
    def test_finer_cuts_refine_coarser_ones(self, hierarchy: tuple[np.ndarray, MergeTree]) -> None:
        _, tree = hierarchy
        found = cuts(tree, np.linspace(0, 1, 11))
        for finer, coarser in itertools.pairwise(found):
            assert len(set(zip(finer, coarser, strict=True))) == len(set(finer))
            assert set(finer) == set(range(max(finer) + 1))
        assert len(set(found[0])) == tree.leaves
        assert len(set(found[-1])) == 1

    @given(hierarchies())
    def test_the_map_holds_the_boundaries_of_every_cut(self, hierarchy: tuple[np.ndarray, MergeTree]) -> None:
        leaves, tree = hierarchy
        strength = ultrametric_map(leaves, tree)
        thresholds = np.array([0.05, 0.1, 0.3, 0.4, 0.8, 1.0], np.float32)
        for threshold, cut in zip(thresholds, cuts(tree, thresholds), strict=True):
            np.testing.assert_array_equal(strength > threshold, boundary_map(cut[leaves]))

    def test_the_map_by_hand(self) -> None:
        leaves = np.array([[0, 1, 2], [0, 0, 3]], np.int32)
        np.testing.assert_allclose(ultrametric_map(leaves, CHAIN), [[0.5, 0.8, 0.8], [0, 0.8, 0]])

    @pytest.mark.parametrize("label", [-1, 4])
    def test_labels_that_are_no_leaves(self, label: int) -> None:
        with pytest.raises(ValueError, match="numbers of 4 leaves"):
            ultrametric_map(np.full((2, 2), label, np.int32), CHAIN)
        with pytest.raises(ValueError, match="numbers of 4 leaves"):
            score_cuts(np.full((2, 2), label, np.int32), CHAIN, [np.zeros((2, 2), int)], np.array([0.5]))


class TestCurves:
    @given(hierarchies(), st.lists(arrays(np.uint8, (5, 6), elements=st.integers(1, 4)), min_size=1, max_size=3))
    def test_as_the_measures_of_each_cut(
        self, hierarchy: tuple[np.ndarray, MergeTree], drawn: list[np.ndarray]
    ) -> None:
        leaves, tree = hierarchy
        thresholds = np.array([0.3, 0.05, 1.0])
        curve = score_cuts(leaves, tree, drawn, thresholds)
        best = [np.zeros(5) for _ in drawn]
        for t, cut in enumerate(cuts(tree, thresholds)):
            labels = cut[leaves]
            tables = [contingency(labels, each) for each in drawn]
            assert curve.regions[t] == len(np.unique(labels))
            assert curve.covered[t] / leaves.size == pytest.approx(sum(map(covering, tables)))
            assert curve.rand[t] == pytest.approx(np.mean([rand_index(each) for each in tables]))
            expected = np.mean([variation_of_information(each) for each in tables])
            assert curve.information[t] == pytest.approx(expected, abs=1e-9)
            for annotator, table in enumerate(tables):
                for region in range(table.shape[1]):
                    if table[:, region].any():
                        single = slow_covering(labels, np.where(drawn[annotator] == region, 1, 0))
                        assert 0 <= single <= 1
                        fits = [
                            ((labels == s) & (drawn[annotator] == region)).sum()
                            / ((labels == s) | (drawn[annotator] == region)).sum()
                            for s in np.unique(labels)
                        ]
                        best[annotator][region] = max(best[annotator][region], *fits)
        expected = sum((best[a] * np.bincount(each.ravel(), minlength=5)).sum() for a, each in enumerate(drawn))
        assert curve.best == pytest.approx(expected)
        assert curve.total == leaves.size * len(drawn)

    def test_nobody_drew(self) -> None:
        with pytest.raises(ValueError, match="no annotator"):
            score_cuts(np.zeros((2, 2), np.int32), CHAIN, [], np.array([0.5]))


def curve(
    covered: Sequence[float], rand: Sequence[float], bits: Sequence[float], total: int, best: float
) -> RegionCurve:
    two = (np.array([0.2, 0.6]), np.array([9, 2]))
    return RegionCurve(*two, np.array(covered), best, total, np.array(rand), np.array(bits))


class TestScores:
    def test_by_hand(self) -> None:
        first = curve([60, 20], [0.9, 0.6], [1.0, 2.0], total=100, best=70)
        second = curve([50, 150], [0.5, 0.7], [4.0, 1.0], total=300, best=200)
        found = score_regions([first, second])
        assert found.covering_ods == pytest.approx(170 / 400)
        assert found.covering_threshold == 0.6
        assert found.covering_ois == pytest.approx((60 + 150) / 400)
        assert found.covering_best == pytest.approx(270 / 400)
        assert found.rand_ods == pytest.approx(0.7)
        assert found.rand_threshold == 0.2
        assert found.rand_ois == pytest.approx(0.8)
        assert found.information_ods == pytest.approx(1.5)
        assert found.information_threshold == 0.6
        assert found.information_ois == pytest.approx(1.0)

    def test_the_lowest_of_equal_thresholds(self) -> None:
        assert score_regions([curve([5, 5], [0.5, 0.5], [1, 1], 10, 5)]).covering_threshold == 0.2

    def test_nothing_and_what_does_not_go_together(self) -> None:
        with pytest.raises(ValueError, match="no curve"):
            score_regions([])
        one = curve([5, 5], [0.5, 0.5], [1, 1], 10, 5)
        other = RegionCurve(np.array([0.2, 0.7]), *[getattr(one, name) for name in list(one.__slots__)[1:]])
        with pytest.raises(ValueError, match="different thresholds"):
            score_regions([one, other])

    @given(hierarchies())
    def test_a_hierarchy_that_holds_the_drawing_is_perfect(self, hierarchy: tuple[np.ndarray, MergeTree]) -> None:
        leaves, tree = hierarchy
        drawn = cuts(tree, np.array([0.4], np.float32))[0][leaves]
        found = score_regions([score_cuts(leaves, tree, [drawn], np.array([0.05, 0.4, 1.0], np.float32))])
        assert found.covering_ods == found.covering_ois == pytest.approx(1)
        assert found.rand_ods == pytest.approx(1)
        assert found.information_ods == pytest.approx(0, abs=1e-9)


class TestThresholds:
    def test_they_leave_the_numbers_of_regions_asked_for(self) -> None:
        assert common_thresholds([CHAIN], 3).tolist() == pytest.approx([0.5, 0.8])
        deep = tree_of(*[(0 if k == 0 else 40 + k - 1, k + 1, float(k)) for k in range(39)])
        found = common_thresholds([deep], 5)
        left = [len(set(cut)) for cut in cuts(deep, found)]
        assert left == [39, 16, 6, 2, 1]

    def test_the_median_over_hierarchies(self) -> None:
        trees = [tree_of((0, 1, cost)) for cost in (0.1, 0.3, 0.8)]
        assert common_thresholds(trees) == pytest.approx([0.3])

    def test_unbounded_levels_and_nothing(self) -> None:
        assert common_thresholds([tree_of((0, 1, 0.5), (3, 2, np.inf))]).tolist() == [0.5]
        assert common_thresholds([]).tolist() == []


class TestAgreement:
    def test_by_hand(self) -> None:
        found = region_agreement([[HALVES, np.array([[0, 0, 0, 1]])], [QUARTERS]])
        assert found.covering == pytest.approx(((2 * 2 / 3 + 2 * 1 / 2) / 4 + (3 * 2 / 3 + 1 * 1 / 2) / 4) / 2)
        assert found.rand == pytest.approx(3 / 6)
        assert found.information == pytest.approx(2 * 1.5 - 1 - (2 - 0.75 * np.log2(3)))

    def test_large_photos_count_more_for_covering_only(self) -> None:
        same = np.zeros((1, 12), int)
        found = region_agreement([[HALVES, ONE], [same, same]])
        assert found.covering == pytest.approx((4 * 0.5 + 12) / 16)
        assert found.information == pytest.approx(0.5)

    def test_one_person_alone(self) -> None:
        with pytest.raises(ValueError, match="two annotators"):
            region_agreement([[HALVES]])
