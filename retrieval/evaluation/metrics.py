"""Measures, as pure functions of arrays. The design's section 6 defines how they are put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def match_greedily(overlaps: Sequence[tuple[int, NDArray[np.floating]]], threshold: float) -> NDArray[np.bool_]:
    """Which of a ranking's segments are the first to fit an object.

    Parameters
    ----------
    overlaps : sequence of (photo, IoU with each of its objects)
        A segment a place, best first; objects of other classes left out.
    threshold : float
        Least IoU.

    Returns
    -------
    ndarray of shape (N,), bool
        True where the segment fits an object that no earlier one was matched to; the best such object is taken.
    """
    taken: dict[int, set[int]] = defaultdict(set)
    right = np.zeros(len(overlaps), bool)
    for place, (photo, ious) in enumerate(overlaps):
        for row in np.argsort(-ious, kind="stable"):
            if ious[row] < threshold:
                break
            if int(row) not in taken[photo]:
                taken[photo].add(int(row))
                right[place] = True
                break
    return right


def mean_over_classes(values: Mapping[str, Sequence[float]]) -> float:
    """Mean over the queries of each class, then over the classes; zero for none."""
    return float(np.mean([np.mean(each) for each in values.values()])) if values else 0.0


def bootstrap_interval(
    first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]], *, rounds: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the difference of two class means over the same queries, by a paired bootstrap over queries.

    Parameters
    ----------
    first, second : mapping of class to values
        Value i of a class is of the same query in both.
    rounds, seed : int

    References
    ----------
    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3 (percentile interval).
    """
    rng = np.random.default_rng(seed)
    differences = [np.asarray(first[name]) - np.asarray(second[name]) for name in first]
    samples = [
        np.mean([each[rng.integers(0, len(each), len(each))].mean() for each in differences]) for _ in range(rounds)
    ]
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def by_class(pairs: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    """Values under their class, in order."""
    found: dict[str, list[float]] = defaultdict(list)
    for name, value in pairs:
        found[name].append(value)
    return dict(found)
