"""Merging regions into one tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from retrieval.segment.merging import COSINE, EUCLIDEAN, Borders, MergeTree, borders_of, merge_regions

SIZE_POWER = 0.25


def borders_between(*pairs: tuple[int, int], contrasts: Sequence[float] = ()) -> Borders:
    """Borders of length one."""
    strengths = np.array(contrasts or [0] * len(pairs), np.float32)
    return Borders(np.array(pairs, np.int32).reshape(-1, 2), np.ones(len(pairs), np.float32), strengths)


def line_borders(count: int) -> Borders:
    """Regions in a row, each touching the next."""
    return borders_between(*zip(range(count - 1), range(1, count), strict=True))


def merged(values: list[float], borders: Borders | None = None, areas: list[float] | None = None) -> MergeTree:
    """The tree of regions with one grey value each."""
    sizes = np.array(areas or [1.0] * len(values), np.float32)
    colors = np.array(values, np.float32)[:, None] * sizes[:, None]
    borders = line_borders(len(values)) if borders is None else borders
    weights = np.array([1, 0], np.float32)
    return merge_regions(sizes, [colors], [EUCLIDEAN], weights, borders, SIZE_POWER)


def brute_costs(values: list[float], areas: list[float]) -> list[float]:
    """Costs of the merges of a row of regions, by looking at every pair of neighbours every time."""
    regions = [(value, area) for value, area in zip(values, areas, strict=True)]
    total, costs = sum(areas), []
    while len(regions) > 1:
        pairs = [
            (abs(a[0] - b[0]) * (min(a[1], b[1]) / total) ** SIZE_POWER, at)
            for at, (a, b) in enumerate(zip(regions, regions[1:], strict=False))
        ]
        cost, at = min(pairs)
        (first, area), (second, other) = regions[at : at + 2]
        regions[at : at + 2] = [((first * area + second * other) / (area + other), area + other)]
        costs.append(cost)
    return costs


def test_the_nearest_neighbours_go_first() -> None:
    tree = merged([0.0, 1.0, 9.0, 9.5])
    assert tree.children.tolist() == [[2, 3], [0, 1], [5, 4]] or [sorted(pair) for pair in tree.children.tolist()] == [
        [2, 3],
        [0, 1],
        [4, 5],
    ]
    members = tree.membership()
    assert members[4].tolist() == [False, False, True, True]
    assert members[6].all()


@pytest.mark.parametrize("seed", range(5))
def test_costs_are_those_of_looking_at_every_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, areas = rng.uniform(0, 100, 12).tolist(), rng.uniform(1, 50, 12).tolist()
    np.testing.assert_allclose(merged(values, areas=areas).cost, brute_costs(values, areas), rtol=1e-3)


def test_only_neighbours_merge_while_there_are_any() -> None:
    tree = merged([0.0, 50.0, 0.0])
    assert 1 in tree.children[0].tolist(), "the equal ones do not touch"


def test_regions_that_do_not_touch_are_joined_at_infinite_cost() -> None:
    tree = merged([1.0, 2.0, 3.0], borders_between())
    assert np.isinf(tree.cost).all()
    assert tree.membership()[-1].all()


def test_a_small_region_goes_before_a_large_one_of_the_same_difference() -> None:
    tree = merged([0.0, 10.0, 20.0], areas=[100.0, 100.0, 1.0])
    assert sorted(tree.children[0].tolist()) == [1, 2]


def test_parents_and_members_agree() -> None:
    rng = np.random.default_rng(0)
    tree = merged(rng.uniform(0, 9, 20).tolist())
    members, parents = tree.membership(), tree.parents()
    assert (parents == -1).sum() == 1
    assert parents[-1] == -1
    for node, parent in enumerate(parents[:-1]):
        assert parent > node
        assert (members[node] <= members[parent]).all()
    assert members.sum(axis=1).tolist() == [
        1 if node < tree.leaves else sum(members[child].sum() for child in tree.children[node - tree.leaves])
        for node in range(2 * tree.leaves - 1)
    ]


def test_what_is_given_is_left_as_it_was() -> None:
    borders = line_borders(4)
    merged([1.0, 2.0, 3.0, 4.0], borders)
    for name in ("pairs", "lengths", "contrasts"):
        np.testing.assert_array_equal(getattr(borders, name), getattr(line_borders(4), name))


def test_other_features_are_compared_by_angle() -> None:
    areas, borders = np.ones(3, np.float32), line_borders(3)
    colors = np.zeros((3, 1), np.float32)
    features = np.array([[1, 0], [5, 0.1], [0, 1]], np.float32)
    weights = np.array([0, 1, 0], np.float32)
    tree = merge_regions(areas, [colors, features], [EUCLIDEAN, COSINE], weights, borders, SIZE_POWER)
    assert sorted(tree.children[0].tolist()) == [0, 1]


def test_a_strong_edge_keeps_apart() -> None:
    areas, borders = np.ones(3, np.float32), borders_between((0, 1), (1, 2), contrasts=[5, 0])
    weights = np.array([0, 1], np.float32)
    tree = merge_regions(areas, [np.zeros((3, 1), np.float32)], [EUCLIDEAN], weights, borders, SIZE_POWER)
    assert sorted(tree.children[0].tolist()) == [1, 2]


def test_borders_by_eye() -> None:
    labels = np.array([[0, 0, 1], [0, 2, 1]], np.int32)
    contrast = np.array([[0, 1, 2], [0, 4, 0]], np.float32)
    borders = borders_of(labels, contrast)
    assert borders.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert borders.lengths.tolist() == [1, 2, 1]
    assert borders.contrasts.tolist() == [2, 8, 4]
    assert borders.mean_contrasts(4).tolist() == [np.float32(10 / 3), 3, 4, 0]
