"""Precision and recall of boundaries against those that several people drew.

A boundary pixel that was found is right if it can be paired with one that was drawn, no farther away than a tolerance
and paired with no other. References: Martin, Fowlkes and Malik, "Learning to Detect Natural Image Boundaries Using
Local Brightness, Color, and Texture Cues", IEEE PAMI 2004, section 3 and appendix; Arbelaez et al., "Contour
Detection and Hierarchical Image Segmentation", IEEE PAMI 2011, section 3.2 (ODS, OIS, AP).

What differs from the code published with BSDS500 (``correspondPixels``, ``evaluation_bdry_image``,
``collect_eval_bdry``):

- The published pairing is a minimum-cost assignment by Goldberg and Kennedy's CSA in which leaving a pixel out costs
  a hundred times the tolerance and each pixel may be swapped for only six random outliers: as many pairs as possible,
  then the shortest. Here the pairs are as many as possible, exactly; they start from the shortest ones and are
  lengthened only to make room, so that their sum is short but not always the least. Recall at a threshold is the same;
  precision, where a pixel need fit one annotator only, can differ by the choice among pixels that compete (by 2 % at
  most on parts of four photos with Canny's edges, up and down).
- A boundary is where the strength is above a threshold, not at or above it: so it is the border of the regions that
  `retrieval.evaluation.regions.cuts` gives at that threshold.
- People's boundaries are made from their label maps, and thinned; the published ones are stored beside the maps.
- Curves are interpolated as published: F between neighbouring thresholds, AP in steps of .01 of recall.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

TOLERANCE = 0.0075
"""How far apart two pixels may be that are paired, as a share of the photo's diagonal: 4.3 px at 481 x 321."""

Mask = NDArray[np.bool_]
"""(H, W), true on a boundary."""


@dataclass(frozen=True, eq=False, slots=True)
class BoundaryCounts:
    """Boundary pixels of one photo at every threshold.

    Attributes
    ----------
    thresholds : ndarray of shape (T,), float64
    found, right : ndarray of shape (T,), int64
        Pixels found, and of them those paired with any annotator's.
    drawn, recalled : ndarray of shape (T,), int64
        Pixels drawn, and of them those paired, summed over annotators.
    """

    thresholds: NDArray[np.float64]
    found: NDArray[np.int64]
    right: NDArray[np.int64]
    drawn: NDArray[np.int64]
    recalled: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryScores:
    """Figures of a set of photos.

    Attributes
    ----------
    ods, ois : float
        F at one threshold for all photos, and at each photo's best.
    average_precision : float
        Area under the curve of precision over recall.
    precision, recall, threshold : float
        Where `ods` was taken.
    """

    ods: float
    ois: float
    average_precision: float
    precision: float
    recall: float
    threshold: float


@dataclass(frozen=True, slots=True)
class BoundaryAgreement:
    """How well people agree with one another."""

    precision: float
    recall: float
    f: float


def boundary_map(labels: NDArray[np.integer]) -> Mask:
    """Where a label differs from that to its right, below it or diagonally below it, (H, W).

    The boundary lies on the upper left one of two regions; nothing is on the lower and right edge that is not inside.
    """
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    found[:-1, :-1] |= labels[:-1, :-1] != labels[1:, 1:]
    return found


def thin(boundary: Mask) -> Mask:
    """Thin lines to a width of one pixel, without breaking or shortening them; (H, W).

    References
    ----------
    Guo and Hall, "Parallel Thinning with Two-Subiteration Algorithms", CACM 1989; MATLAB's ``bwmorph(…, 'thin', inf)``
    and ``skimage.morphology.thin`` give the same.
    """
    return _thin(np.pad(boundary, 1).astype(np.uint8), _REMOVABLE).astype(bool)  # type: ignore[no-any-return]


def match_boundaries(found: Mask, drawn: Mask, tolerance: float = TOLERANCE) -> tuple[Mask, Mask]:
    """Pair pixels of two boundaries, each with one of the other at most, as many as possible.

    Parameters
    ----------
    found, drawn : ndarray of shape (H, W), bool
    tolerance : float
        Greatest distance, as a share of the diagonal.

    Returns
    -------
    found, drawn : ndarray of shape (H, W), bool
        Those that have a partner; as many in both.

    Raises
    ------
    ValueError
        The sizes differ.

    Notes
    -----
    Shortest pairs first, then augmenting paths by Hopcroft and Karp, SIAM Journal on Computing 1973. A pixel that has
    a partner keeps one. Some ms for 481 x 321 pixels.
    """
    if found.shape != drawn.shape:
        raise ValueError(f"boundaries of sizes {found.shape} and {drawn.shape} cannot be compared")
    height, width = found.shape
    farthest = tolerance * float(np.hypot(height, width))
    reach = int(farthest)
    steps = np.arange(-reach, reach + 1)
    distances = (steps[:, None] ** 2 + steps**2).ravel()
    moves = (steps[:, None] * (width + 2 * reach) + steps).ravel()
    order = np.argsort(distances, kind="stable")
    moves = moves[order][distances[order] <= farthest**2]
    places = np.flatnonzero(np.pad(found, reach))
    numbers = np.full((height + 2 * reach, width + 2 * reach), -1, np.int32)
    numbers[reach : reach + height, reach : reach + width][drawn] = np.arange(np.count_nonzero(drawn))
    partners, taken = _pair(places, numbers.ravel(), moves, np.count_nonzero(drawn))
    right, recalled = np.zeros_like(found), np.zeros_like(drawn)
    right[found], recalled[drawn] = partners >= 0, taken >= 0
    return right, recalled


def count_boundaries(
    strength: NDArray[np.floating],
    drawn: Sequence[Mask],
    thresholds: NDArray[np.floating],
    tolerance: float = TOLERANCE,
) -> BoundaryCounts:
    """Pair one photo's boundaries at every threshold with every annotator's.

    Parameters
    ----------
    strength : ndarray of shape (H, W), float
        Of a boundary at every pixel, such as `retrieval.evaluation.regions.ultrametric_map` gives. What is above the
        threshold is thinned.
    drawn : sequence of ndarray of shape (H, W), bool
        A boundary an annotator; see `drawn_boundaries`.
    thresholds : ndarray of shape (T,), float
        The same for all photos; compared in the precision of `strength`.
    tolerance : float
        See `match_boundaries`.
    """
    counts = np.zeros((4, len(thresholds)), np.int64)
    counts[2] = sum(int(each.sum()) for each in drawn)
    for t, threshold in enumerate(thresholds):
        found = thin(strength > strength.dtype.type(threshold))
        counts[0, t] = found.sum()
        counts[1, t], counts[3, t] = _right_and_recalled(found, drawn, tolerance)
    return BoundaryCounts(np.asarray(thresholds, np.float64), *counts)


def drawn_boundaries(maps: Iterable[NDArray[np.integer]]) -> list[Mask]:
    """The thinned boundary of each annotator's label map."""
    return [thin(boundary_map(each)) for each in maps]


def score_boundaries(counts: Sequence[BoundaryCounts]) -> BoundaryScores:
    """Put the counts of a set of photos together.

    Counts are summed over photos before they are divided.

    Raises
    ------
    ValueError
        Nothing is given, or the thresholds differ.
    """
    if not counts:
        raise ValueError("no counts are given")
    thresholds = counts[0].thresholds
    if any(not np.array_equal(each.thresholds, thresholds) for each in counts):
        raise ValueError("counts at different thresholds cannot be put together")
    single = np.array([[each.right, each.found, each.recalled, each.drawn] for each in counts])
    precision, recall = _shares(single.sum(0))
    best, at = _best_f(precision, recall)
    each_f = f_measure(*_shares(single.transpose(1, 0, 2)))
    chosen = single[np.arange(len(single)), :, each_f.argmax(1)].sum(0)
    return BoundaryScores(
        ods=best,
        ois=float(f_measure(*_shares(chosen))),
        average_precision=_average_precision(precision, recall),
        precision=float(_between(precision, at)),
        recall=float(_between(recall, at)),
        threshold=float(_between(thresholds, at)),
    )


def boundary_agreement(
    photos: Iterable[Sequence[NDArray[np.integer]]], tolerance: float = TOLERANCE
) -> BoundaryAgreement:
    """How well each annotator's boundaries fit the others': the human figure of a set of photos.

    Each map in turn is what was found, those of the photo's other annotators are what was drawn. Photos that one
    person drew are left out.

    Parameters
    ----------
    photos : iterable of sequences of ndarray of shape (H, W), integer
        All label maps of a photo.
    tolerance : float
        See `match_boundaries`.

    Raises
    ------
    ValueError
        No photo was drawn by two people.

    Notes
    -----
    On the 100 photos of ``bsds500/val``: precision .898, recall .701, F .787, in 14 s of one core. They were the test
    part of BSDS300, for which .79 is published; the test part of BSDS500 has .80.
    """
    counts = np.zeros(4, np.int64)
    for maps in photos:
        drawn = drawn_boundaries(maps)
        for i, found in enumerate(drawn):
            others = drawn[:i] + drawn[i + 1 :]
            if others:
                right, recalled = _right_and_recalled(found, others, tolerance)
                counts += right, found.sum(), recalled, sum(int(each.sum()) for each in others)
    if not counts.any():
        raise ValueError("no photo was drawn by two people")
    precision, recall = _shares(counts)
    return BoundaryAgreement(float(precision), float(recall), float(f_measure(precision, recall)))


def f_measure(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Harmonic mean of precision and recall; zero where both are."""
    return np.asarray(2 * precision * recall / np.where(precision + recall > 0, precision + recall, 1))


def _right_and_recalled(found: Mask, drawn: Sequence[Mask], tolerance: float) -> tuple[int, int]:
    """Pixels found that any annotator drew, and pixels drawn that were found, summed over annotators."""
    right, recalled = np.zeros_like(found), 0
    for each in drawn:
        paired, there = match_boundaries(found, each, tolerance)
        right |= paired
        recalled += int(there.sum())
    return int(right.sum()), recalled


def _shares(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall from right, found, recalled, drawn; zero of nothing."""
    right, found, recalled, drawn = counts
    return right / np.maximum(found, 1), recalled / np.maximum(drawn, 1)


def _between(values: NDArray[np.float64], at: float) -> np.float64:
    """A value between two places of a curve."""
    return np.float64(np.interp(at, np.arange(len(values)), values))


def _best_f(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> tuple[float, float]:
    """Best F of a curve, and its place; a hundred steps between thresholds."""
    places = np.linspace(0, len(precision) - 1, 99 * (len(precision) - 1) + 1)
    corners = np.arange(len(precision))
    values = f_measure(np.interp(places, corners, precision), np.interp(places, corners, recall))
    return float(values.max()), float(places[values.argmax()])


def _average_precision(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    """Area under the curve, zero beyond its ends."""
    steps, first = np.unique(recall, return_index=True)
    if len(steps) < 2:
        return 0.0
    return float(np.interp(np.arange(101) / 100, steps, precision[first], left=0, right=0).sum() / 100)


def _removable() -> NDArray[np.bool_]:
    """Whether a pixel with neighbours of each of 256 kinds goes, in the first and the second pass, (2, 256).

    Bit k is neighbour k + 1 of Guo and Hall: from the right one counterclockwise.
    """
    x = (np.arange(256)[:, None] >> (np.arange(9) % 8)) & 1 == 1
    crossings = sum((~x[:, k] & (x[:, k + 1] | x[:, k + 2])).astype(int) for k in (0, 2, 4, 6))
    pairs = [sum((x[:, k] | x[:, k + 1]).astype(int) for k in range(start, 8, 2)) for start in (0, 1)]
    fewer = np.minimum(*pairs)
    thick = (crossings == 1) & (fewer >= 2) & (fewer <= 3)
    first = (x[:, 1] | x[:, 2] | ~x[:, 7]) & x[:, 0]
    second = (x[:, 5] | x[:, 6] | ~x[:, 3]) & x[:, 4]
    return np.stack([thick & ~first, thick & ~second])


_REMOVABLE = _removable()


@njit(cache=True, nogil=True)
def _thin(padded, removable):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    width = padded.shape[1]
    flat = padded.ravel()
    around = np.array([1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1])
    left = np.flatnonzero(flat)
    gone = np.empty(len(left), np.int64)
    changed = True
    while changed:
        changed = False
        for step in range(2):
            going = 0
            for place in left:
                kind = 0
                for k in range(8):
                    kind |= flat[place + around[k]] << k
                if removable[step, kind]:
                    gone[going] = place
                    going += 1
            for place in gone[:going]:
                flat[place] = 0
            if going:
                changed = True
                left = left[flat[left] > 0]
    return flat.reshape(padded.shape)[1:-1, 1:-1]


@njit(cache=True, nogil=True)
def _pair(places, numbers, moves, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Partners of the pixels found and of those drawn, -1 for none."""
    partners, taken = np.full(len(places), -1, np.int32), np.full(count, -1, np.int32)
    for move in moves:  # shortest first
        for i in range(len(places)):
            if partners[i] < 0:
                j = numbers[places[i] + move]
                if j >= 0 and taken[j] < 0:
                    partners[i], taken[j] = j, i
    depth, queue, tried = np.empty((3, len(places)), np.int32)
    chosen = np.empty(len(places), np.int32)
    while _layers(places, numbers, moves, partners, taken, depth, queue):
        tried[:] = 0
        for root in range(len(places)):
            if partners[root] < 0:
                _augment(root, places, numbers, moves, partners, taken, depth, tried, queue, chosen)
    return partners, taken


@njit(cache=True, nogil=True)
def _layers(places, numbers, moves, partners, taken, depth, queue):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """How many pairs must be broken to reach each pixel from one without a partner; whether one can be made."""
    head, tail, found = 0, 0, False
    for i in range(len(places)):
        depth[i] = -1
        if partners[i] < 0:
            depth[i], queue[tail] = 0, i
            tail += 1
    while head < tail:
        i = queue[head]
        head += 1
        for move in moves:
            j = numbers[places[i] + move]
            if j < 0:
                continue
            other = taken[j]
            if other < 0:
                found = True
            elif depth[other] < 0:
                depth[other], queue[tail] = depth[i] + 1, other
                tail += 1
    return found


@njit(cache=True, nogil=True)
def _augment(root, places, numbers, moves, partners, taken, depth, tried, path, chosen):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
    """Give a pixel a partner by pairing those along a path anew, if there is one through the layers."""
    path[0], length = root, 1
    while length:
        i = path[length - 1]
        if tried[i] == len(moves):
            length -= 1
            continue
        j = numbers[places[i] + moves[tried[i]]]
        tried[i] += 1
        if j < 0:
            continue
        chosen[i] = j
        other = taken[j]
        if other < 0:
            for k in range(length):
                partners[path[k]], taken[chosen[path[k]]] = chosen[path[k]], path[k]
            return
        if depth[other] == depth[i] + 1:
            path[length] = other
            length += 1
