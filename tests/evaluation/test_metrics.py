"""Measures, on rankings that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.evaluation.metrics import bootstrap_interval, by_class, match_greedily, mean_over_classes
from retrieval.index.ranking import average_precision


@pytest.mark.parametrize(
    ("ranking", "total", "expected"),
    [
        ("1", 1, 1.0),
        ("01", 1, 0.5),
        ("101", 2, (1 + 2 / 3) / 2),
        ("11", 4, 0.5),  # two were never found
        ("000", 2, 0.0),
        ("", 3, 0.0),
        ("0", 0, 0.0),
    ],
)
def test_average_precision(ranking: str, total: int, expected: float) -> None:
    assert average_precision(np.array([place == "1" for place in ranking], bool), total) == pytest.approx(expected)


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 5))
def test_average_precision_is_the_mean_of_precisions(ranking: list[bool], missed: int) -> None:
    total = sum(ranking) + missed
    precisions = [sum(ranking[: n + 1]) / (n + 1) for n, right in enumerate(ranking) if right]
    expected = sum(precisions) / total if total else 0.0
    assert average_precision(np.array(ranking, bool), total) == pytest.approx(expected)


class TestMatching:
    def test_an_object_is_found_once(self) -> None:
        overlaps = [(1, np.array([0.9])), (1, np.array([0.8])), (2, np.array([0.7]))]
        assert match_greedily(overlaps, 0.5).tolist() == [True, False, True]

    def test_the_best_object_that_is_left_is_taken(self) -> None:
        overlaps = [(1, np.array([0.6, 0.9])), (1, np.array([0.6, 0.9])), (1, np.array([0.6, 0.9]))]
        assert match_greedily(overlaps, 0.5).tolist() == [True, True, False]

    def test_too_little_overlap_is_wrong(self) -> None:
        overlaps = [(1, np.array([0.49])), (1, np.zeros(0)), (1, np.array([0.5]))]
        assert match_greedily(overlaps, 0.5).tolist() == [False, False, True]

    def test_nothing(self) -> None:
        assert match_greedily([], 0.5).tolist() == []


def test_the_mean_is_over_queries_and_then_over_classes() -> None:
    assert mean_over_classes({"cat": [1.0, 0.0, 0.5], "dog": [0.1]}) == pytest.approx(0.3)
    assert mean_over_classes({}) == 0


def test_values_under_their_class() -> None:
    assert by_class([("cat", 1.0), ("dog", 0.5), ("cat", 0.0)]) == {"cat": [1.0, 0.0], "dog": [0.5]}


class TestBootstrap:
    def test_no_difference(self) -> None:
        values = {"cat": [0.1, 0.5, 0.9], "dog": [0.3]}
        assert bootstrap_interval(values, values, rounds=50) == (0, 0)

    def test_a_constant_gain_is_certain(self) -> None:
        first = {"cat": [0.5, 0.75], "dog": [1.0]}
        second = {"cat": [0.25, 0.5], "dog": [0.75]}
        assert bootstrap_interval(first, second, rounds=50) == pytest.approx((0.25, 0.25))

    def test_the_interval_holds_the_difference_and_is_repeatable(self) -> None:
        rng = np.random.default_rng(0)
        first = {name: rng.random(20).tolist() for name in "abc"}
        second = {name: rng.random(20).tolist() for name in "abc"}
        low, high = bootstrap_interval(first, second, rounds=300)
        difference = mean_over_classes(first) - mean_over_classes(second)
        assert low < difference < high
        assert (low, high) == bootstrap_interval(first, second, rounds=300)
        assert (low, high) != bootstrap_interval(first, second, rounds=300, seed=1)
