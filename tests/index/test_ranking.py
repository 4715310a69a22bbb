"""From scores to an order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import random_units

from retrieval.index.ranking import (
    LIKELY_FLOOR,
    LIKELY_SHARE,
    NEGATIVE_WEIGHT,
    Scored,
    best_of,
    combine,
    likely_from,
    merge_hits,
    rows_of_best,
)
from retrieval.types import Hits, Ids

NONE = np.zeros((0, 0), np.float32)
X, Y, Z = np.eye(3, dtype=np.float32)


def tens(ids: Ids) -> Ids:
    """The photos of ids."""
    return ids // 10


def scored(*pairs: tuple[int, float]) -> Scored:
    ids, scores = zip(*pairs, strict=True) if pairs else ((), ())
    return Scored(np.array(ids, np.int64), tens(np.array(ids, np.int64)), np.array(scores, np.float32))


class TestCombining:
    def test_one_example_is_the_query(self) -> None:
        np.testing.assert_allclose(combine(X[None], [], NONE), [X])

    def test_several_examples_are_averaged(self) -> None:
        np.testing.assert_allclose(combine(np.stack([X, Y]), [], NONE), [(X + Y) / 2**0.5], rtol=1e-6)

    def test_a_negative_example_is_moved_away_from(self) -> None:
        (found,) = combine(X[None], [], Y[None])
        np.testing.assert_allclose(found, np.array([1, -NEGATIVE_WEIGHT, 0]) / (1 + NEGATIVE_WEIGHT**2) ** 0.5)

    def test_a_word_keeps_its_directions_apart(self) -> None:
        np.testing.assert_allclose(combine(NONE, [np.stack([X, Y])], NONE), [X, Y])

    def test_examples_and_words_are_both_meant(self) -> None:
        found = combine(X[None], [np.stack([Y, Z])], NONE)
        np.testing.assert_allclose(found, np.array([X + Y, X + Z]) / 2**0.5, rtol=1e-6)

    def test_of_several_words_the_widest_keeps_its_directions(self) -> None:
        found = combine(NONE, [np.stack([X, Y]), Z[None]], NONE)
        np.testing.assert_allclose(found, np.array([X + Z, Y + Z]) / 2**0.5, rtol=1e-6)

    @given(st.integers(0, 3), st.lists(st.integers(1, 4), max_size=3), st.integers(0, 2), st.integers(0, 99))
    def test_queries_have_unit_length(self, examples: int, words: list[int], negatives: int, seed: int) -> None:
        if not examples and not words:
            return
        rng = np.random.default_rng(seed)
        directions = [random_units(rng, count, 8) for count in words]
        found = combine(random_units(rng, examples, 8), directions, random_units(rng, negatives, 8))
        assert found.shape == (max(words, default=1), 8)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-4)


def hits(ids: list[list[int]], scores: list[list[float]]) -> Hits:
    return Hits(np.array(ids, np.int64), np.array(scores, np.float32))


def test_hits_of_several_queries_are_merged_by_best_score() -> None:
    found = merge_hits(hits([[1, 2, -1], [2, 3, 1]], [[0.9, 0.3, -np.inf], [0.8, 0.5, 0.1]]), tens)
    assert found.ids.tolist() == [1, 2, 3]
    np.testing.assert_allclose(found.scores, [0.9, 0.8, 0.5])


def test_rows_of_the_best_and_their_equals() -> None:
    scores = np.array([0.5, 0.9, 0.5, 0.1, -np.inf], np.float32)
    assert [rows_of_best(scores, count).tolist() for count in (1, 2, 3, 4, 5, 9)] == [
        [1], [0, 1, 2], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4],
    ]  # fmt: skip
    assert rows_of_best(scores[:0], 3).tolist() == []


def test_missing_hits_are_left_out() -> None:
    assert merge_hits(hits([[4, -1]], [[0.5, -np.inf]]), tens).ids.tolist() == [4]
    assert len(merge_hits(hits([[-1, -1], [-1, -1]], [[-np.inf] * 2] * 2), tens)) == 0


def test_equal_scores_are_ordered_by_id() -> None:
    assert merge_hits(hits([[7, 5], [6, 2]], [[0.5, 0.5], [0.5, 0.5]]), tens).ids.tolist() == [2, 5, 6, 7]


@given(st.integers(1, 4), st.integers(1, 8), st.integers(0, 999))
def test_merging_equals_a_dictionary(queries: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.permutation(12)[:k] for _ in range(queries)])
    values = -np.sort(-rng.integers(0, 5, (queries, k)) / 4, axis=1)
    best: dict[int, float] = {}
    for key, value in zip(ids.ravel().tolist(), values.ravel().tolist(), strict=True):
        best[key] = max(best.get(key, -1), value)
    found = merge_hits(hits(ids.tolist(), values.tolist()), tens).pairs()
    assert dict(found) == best
    assert [score for _, score in found] == sorted(best.values(), reverse=True)


def test_the_first_of_each_photo() -> None:
    found = scored((101, 0.9), (112, 0.8), (103, 0.7), (124, 0.6))
    assert found.best_per_image().ids.tolist() == [101, 112, 124]
    assert found.without({11, 99}).best_per_image().ids.tolist() == [101, 124]
    assert found.without({11}).best_per_image().image_ids.tolist() == [10, 12]
    assert len(scored().without({1}).best_per_image()) == 0
    two = scored((101, 0.9), (112, 0.8), (103, 0.7), (104, 0.6), (115, 0.5)).without({11}).best_per_image(2)
    assert two.ids.tolist() == [101, 103]
    assert two.scores.tolist() == pytest.approx([0.9, 0.7])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.9, 0.5], 0.9 * LIKELY_SHARE), ([0.25, 0.2], LIKELY_FLOOR), ([], LIKELY_FLOOR), ([-0.5], LIKELY_FLOOR)],
)
def test_from_which_score_on_a_result_is_likely(scores: list[float], expected: float) -> None:
    assert likely_from(np.array(scores, np.float32)) == pytest.approx(expected)


def test_without_a_floor_only_the_best_score_counts() -> None:
    assert likely_from(np.array([0.1, 0.05], np.float32), 0.0) == pytest.approx(0.1 * LIKELY_SHARE)


def test_the_best_of_several_lists() -> None:
    lists = [scored((4, 0.2), (9, 0.9)), scored((7, 0.9), (1, 0.5))]
    best = best_of(lists, 3)
    assert best.ids.tolist() == [7, 9, 1]
    assert best.scores.tolist() == pytest.approx([0.9, 0.9, 0.5])
    assert best_of(lists[:1], 5).ids.tolist() == [9, 4], "in order even if it is one list"
    assert len(best_of([], 5)) == 0
