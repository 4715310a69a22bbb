"""Groups have the best photo in front, and chains are not joined."""

from __future__ import annotations

import numpy as np

from retrieval.catalog.records import Copy, DuplicatePair
from retrieval.duplicates.grouping import DuplicateGroup, grouped


def copies(**of: tuple[float, int, int]) -> dict[int, Copy]:
    return {int(key[1:]): Copy(int(key[1:]), *values) for key, values in of.items()}


def test_the_best_is_in_front() -> None:
    known = copies(p1=(500.0, 500, 9), p2=(2000.0, 2000, 9), p3=(1000.0, 1000, 9))
    pairs = [DuplicatePair(1, 2, 0.9), DuplicatePair(2, 3, 0.95), DuplicatePair(1, 3, 0.9)]
    assert grouped(pairs, known) == [DuplicateGroup(2, {3: 0.95, 1: 0.9})]


def test_of_equals_the_smallest_and_least_compressed() -> None:
    pairs = [DuplicatePair(1, 2, 0.9), DuplicatePair(1, 3, 0.9), DuplicatePair(2, 3, 0.9)]
    framed = copies(p1=(1000.0, 1300, 9), p2=(990.0, 1000, 5), p3=(990.0, 1000, 7))
    assert grouped(pairs, framed)[0].best == 3


def test_a_chain_falls_apart() -> None:
    """The ends have nothing in common but the middle."""
    pairs = [DuplicatePair(key, key + 1, 0.9) for key in range(1, 6)]
    known = {key: Copy(key, 1000.0 - 200 * (key % 2), 1000, 1) for key in range(1, 7)}
    for group in grouped(pairs, known):
        for other in group.others:
            assert abs(group.best - other) == 1


def test_every_photo_is_in_one_group_at_most_and_near_its_best() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        pairs = sorted(
            {
                DuplicatePair(int(first), int(second), 0.9)
                for first, second in rng.integers(1, 15, (20, 2))
                if first < second
            }
        )
        known = {key: Copy(key, float(rng.integers(1, 9)), int(rng.integers(1, 9)), 1) for key in range(1, 15)}
        near = {(pair.first, pair.second) for pair in pairs}
        groups = grouped(pairs, known)
        members = [key for group in groups for key in (group.best, *group.others)]
        assert len(members) == len(set(members))
        assert all((min(g.best, o), max(g.best, o)) in near for g in groups for o in g.others)
        left = set(known) - set(members)
        assert not [pair for pair in pairs if {pair.first, pair.second} <= left]


def test_unknown_photos_are_left_out() -> None:
    assert grouped([DuplicatePair(1, 2, 0.9)], copies(p1=(1.0, 1, 1))) == []
    assert grouped([], {}) == []
