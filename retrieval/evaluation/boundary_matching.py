"""Pairs of pixels of two boundaries: each found with at most one that was drawn, no farther away than a tolerance.

Martin, Fowlkes and Malik, "Learning to Detect Natural Image Boundaries Using Local Brightness, Color, and Texture
Cues", IEEE PAMI 2004, appendix.

The pairing published with BSDS500 (``correspondPixels``) is a minimum-cost assignment by Goldberg and Kennedy's CSA in
which leaving a pixel out costs a hundred times the tolerance and each pixel may be swapped for only six random
outliers: as many pairs as possible, then the shortest. Here the pairs are as many as possible, exactly; they start
from the shortest ones and are lengthened only to make room, so that their sum is short but not always the least.
Recall at a threshold is the same; precision, where a pixel need fit one annotator only, can differ by the choice among
pixels that compete (by 2 % at most on parts of four photos with Canny's edges, up and down).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .boundary_maps import Mask

TOLERANCE = 0.0075
"""How far apart two pixels may be that are paired, as a share of the photo's diagonal: 4.3 px at 481 x 321."""


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
