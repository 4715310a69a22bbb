"""The regions that together cover what is expected in an image.

Which objects an image shows is not known, only how many of them each region is expected to fit best. A set of regions
covers an object by its best overlap with it, so a further region counts by what it adds to the regions chosen before:
near-duplicates add little, and a busy image gets more regions than a plain one.

References
----------
Nemhauser, Wolsey and Fisher, "An Analysis of Approximations for Maximizing Submodular Set Functions", Mathematical
Programming 1978 (greedy choice reaches at least 1 - 1/e of the best set; section 2 is this function, the location of
facilities); Minoux, "Accelerated Greedy Algorithms for Maximizing Submodular Set Functions", Optimization Techniques
1978 (gains are computed anew only while they can be the largest); Carbonell and Goldstein, "The Use of MMR,
Diversity-Based Reranking", SIGIR 1998.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

LEAST_GAIN = 0.0007
"""A region that adds less is left out: overlap with the objects that are expected. If it changes, calibrate anew."""
LEAST_COUNT = 20
"""So many are chosen even if they add less: what an image shows may be unlike all that was learned from."""


def choose_covering(
    iou: NDArray[np.float32],
    expected: NDArray[np.float32],
    max_overlap: float,
    limit: int,
    least_gain: float = LEAST_GAIN,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows that cover what is expected, greedily, each the one that adds most to those before.

    Parameters
    ----------
    iou : ndarray of shape (N, N), float32
        Intersection over union of every two regions.
    expected : ndarray of shape (N,), float32
        The number of objects that each region is expected to fit best.
    max_overlap : float
        No two that are chosen have a higher IoU.
    limit : int
        Choose at most this many.
    least_gain : float
        Stop at what adds less, but not before `LEAST_COUNT`.

    Returns
    -------
    rows : ndarray of shape (K,), int64
        In the order of their choice.
    gains : ndarray of shape (K,), float32
        What each adds.

    Notes
    -----
    O(N²) for the first gains, then O(N) for each that is computed anew: 3 ms for 650 regions.
    """
    overlaps = np.ascontiguousarray(iou, np.float32)
    rows, gains = _choose(overlaps, expected.astype(np.float32), max_overlap, limit, least_gain, LEAST_COUNT)
    return np.asarray(rows, np.int64), np.asarray(gains, np.float32)


@njit(cache=True, nogil=True, fastmath=True)
def _gain(row, iou, expected, covered):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for other in range(len(expected)):
        total += expected[other] * max(iou[row, other] - covered[other], np.float32(0))
    return total


@njit(cache=True, nogil=True)
def _choose(iou, expected, max_overlap, limit, least_gain, least_count):  # type: ignore[no-untyped-def]
    """``gains`` are upper bounds but for the rows that are ``exact``, because gains only fall."""
    count = len(expected)
    covered, gains = np.zeros(count, np.float32), np.empty(count, np.float32)
    for row in range(count):
        gains[row] = _gain(row, iou, expected, covered)
    exact = np.ones(count, np.bool_)
    chosen, added, found = np.empty(min(limit, count), np.int64), np.empty(min(limit, count), np.float32), 0
    while found < len(chosen):
        best = np.argmax(gains)
        if gains[best] < 0:
            break
        if not exact[best]:
            gains[best], exact[best] = _gain(best, iou, expected, covered), True
            continue
        if gains[best] < least_gain and found >= least_count:
            break
        chosen[found], added[found] = best, gains[best]
        found += 1
        gains[best] = -1
        exact[:] = False
        for other in range(count):
            covered[other] = max(covered[other], iou[best, other])
            if iou[best, other] > max_overlap:
                gains[other] = -1
    return chosen[:found], added[:found]
