"""Whether predicted probabilities are right as often as they say, and whether they rank well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True, eq=False, slots=True)
class Reliability:
    """Predictions by bin, least first; empty bins are left out.

    Attributes
    ----------
    predicted : ndarray of shape (B,), float64
        Mean prediction.
    observed : ndarray of shape (B,), float64
        Share of the predictions that came true.
    count : ndarray of shape (B,), int64
        Predictions.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    count: NDArray[np.int64]


def reliability(predicted: NDArray[np.floating], true: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Mean prediction and observed share in bins of equally many predictions.

    Parameters
    ----------
    predicted : ndarray of shape (N,), float
        Probabilities.
    true : ndarray of shape (N,), bool
    bins : int
        How many bins, at most. Equal predictions share a bin, that of their middle rank: bins differ in size where
        there are many, and the result does not depend on the order of the predictions.

    Raises
    ------
    ValueError
        The lengths differ, a prediction is not in [0, 1], or `bins` is less than 1.

    Notes
    -----
    O(N log N).

    References
    ----------
    Nguyen and O'Connor, "Posterior Calibration and Exploratory Analysis for Natural Language Processing Models", EMNLP
    2015, section 3.1 (bins of equal size).
    """
    _check(predicted, true)
    if bins < 1:
        raise ValueError("there must be at least one bin")
    if not np.all((predicted >= 0) & (predicted <= 1)):
        raise ValueError("predictions must be probabilities, from 0 to 1")
    place = np.minimum((_ranks(predicted) - 0.5) * bins // max(len(predicted), 1), bins - 1).astype(np.int64)
    count = np.bincount(place, minlength=bins)
    sums, hits = np.bincount(place, predicted, bins), np.bincount(place, true, bins)
    used = count > 0
    return Reliability(sums[used] / count[used], hits[used] / count[used], count[used])


def expected_calibration_error(predicted: NDArray[np.floating], true: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between prediction and observed share over the bins of `reliability`, by their predictions.

    NaN of no predictions.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2, with bins of equal size in place of
    equal width.
    """
    found = reliability(predicted, true, bins)
    total = found.count.sum()
    return float(np.abs(found.predicted - found.observed) @ found.count / total) if total else float("nan")


def area_under_roc(scores: NDArray[np.floating], true: NDArray[np.bool_]) -> float:
    """How often what is true scores higher than what is not; equal scores count half.

    NaN where all or none are true.

    Parameters
    ----------
    scores : ndarray of shape (N,), float
    true : ndarray of shape (N,), bool

    Raises
    ------
    ValueError
        The lengths differ, or a score is NaN.

    References
    ----------
    Hanley and McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC) Curve",
    Radiology 1982: the Wilcoxon statistic.
    """
    _check(scores, true)
    right = int(np.count_nonzero(true))
    wrong = len(true) - right
    if not right or not wrong:
        return float("nan")
    return float((_ranks(scores)[true].sum() - right * (right + 1) / 2) / (right * wrong))


def _check(values: NDArray[np.floating], true: NDArray[np.bool_]) -> None:
    if values.shape != true.shape or values.ndim != 1:
        raise ValueError(f"{values.shape} predictions and {true.shape} outcomes do not match")
    if np.isnan(values).any():
        raise ValueError("a prediction is NaN")


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks from 1; the middle one for equal values."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[group], np.float64)
