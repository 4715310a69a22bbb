"""Calibration and ranking of probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.evaluation.calibration import area_under_roc, expected_calibration_error, reliability

predictions = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1)


def columns(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p for p, _ in pairs], float), np.array([t for _, t in pairs], bool)


class TestReliability:
    def test_bins_hold_equally_many(self) -> None:
        predicted = np.linspace(0.01, 1, 100) ** 3
        found = reliability(predicted, predicted > 0.5, bins=10)
        assert found.count.tolist() == [10] * 10
        assert found.predicted[0] == pytest.approx(predicted[:10].mean())
        assert (np.diff(found.predicted) > 0).all()

    def test_by_hand(self) -> None:
        predicted, true = np.array([0.9, 0.1, 0.7, 0.3]), np.array([True, False, False, True])
        found = reliability(predicted, true, bins=2)
        np.testing.assert_allclose(found.predicted, [0.2, 0.8])
        np.testing.assert_allclose(found.observed, [0.5, 0.5])
        assert found.count.tolist() == [2, 2]
        assert expected_calibration_error(predicted, true, bins=2) == pytest.approx(0.3)

    def test_bins_count_by_their_predictions(self) -> None:
        predicted, true = np.array([0.2] * 9 + [1.0]), np.array([False] * 9 + [True])
        assert expected_calibration_error(predicted, true, bins=2) == pytest.approx(0.18)

    def test_bins_that_nobody_is_in_are_left_out(self) -> None:
        found = reliability(np.array([0.5, 0.5, 0.5]), np.array([True, False, False]))
        assert found.count.tolist() == [3]
        assert found.observed[0] == pytest.approx(1 / 3)

    @given(predictions, st.randoms(use_true_random=False))
    def test_order_does_not_matter(self, pairs: list[tuple[float, bool]], random: object) -> None:
        found = reliability(*columns(pairs), bins=4)
        random.shuffle(pairs)  # type: ignore[attr-defined]
        again = reliability(*columns(pairs), bins=4)
        np.testing.assert_allclose(found.observed, again.observed)
        assert found.count.tolist() == again.count.tolist()
        assert found.count.sum() == len(pairs)
        assert found.predicted @ found.count == pytest.approx(sum(p for p, _ in pairs))
        assert found.observed @ found.count == pytest.approx(sum(t for _, t in pairs))

    def test_certain_and_right_or_wrong(self) -> None:
        true = np.array([True, False, True])
        assert expected_calibration_error(true.astype(float), true) == 0
        assert expected_calibration_error(1.0 - true, true) == 1

    def test_drawn_as_predicted(self) -> None:
        rng = np.random.default_rng(0)
        predicted = rng.random(20_000)
        true = rng.random(20_000) < predicted
        assert expected_calibration_error(predicted, true) < 0.02
        assert expected_calibration_error(predicted**2, true) > 0.1

    def test_nothing(self) -> None:
        assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))
        assert len(reliability(np.zeros(0), np.zeros(0, bool)).count) == 0

    @pytest.mark.parametrize(
        ("predicted", "true", "bins", "message"),
        [
            ([0.5], [True, False], 3, "do not match"),
            ([1.5], [True], 3, "from 0 to 1"),
            ([-0.1], [True], 3, "from 0 to 1"),
            ([np.nan], [True], 3, "NaN"),
            ([0.5], [True], 0, "at least one bin"),
        ],
    )
    def test_what_is_wrong_is_said(self, predicted: list[float], true: list[bool], bins: int, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            reliability(np.array(predicted), np.array(true), bins)


class TestArea:
    @pytest.mark.parametrize(
        ("scores", "true", "expected"),
        [
            ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
            ([4, 3, 2, 1], [0, 0, 1, 1], 0.0),
            ([1, 3, 2, 4], [0, 0, 1, 1], 0.75),
            ([5, 5, 5], [0, 1, 0], 0.5),
            ([1, 2, 2], [0, 0, 1], 0.75),
        ],
    )
    def test_by_hand(self, scores: list[float], true: list[int], expected: float) -> None:
        assert area_under_roc(np.array(scores, float), np.array(true, bool)) == pytest.approx(expected)

    @given(predictions)
    def test_as_all_pairs(self, pairs: list[tuple[float, bool]]) -> None:
        scores, true = columns(pairs)
        wins = [(a > b) + (a == b) / 2 for a in scores[true] for b in scores[~true]]
        found = area_under_roc(scores, true)
        assert np.isnan(found) if not wins else found == pytest.approx(np.mean(wins))

    def test_infinite_scores_rank_and_nan_does_not(self) -> None:
        assert area_under_roc(np.array([-np.inf, np.inf]), np.array([False, True])) == 1
        with pytest.raises(ValueError, match="NaN"):
            area_under_roc(np.array([0, np.nan]), np.array([False, True]))
