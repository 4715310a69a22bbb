"""Groups of segments that look alike, over unit vectors. Pure: no database, no index.

A group is a connected part of the graph of mutual nearest neighbours: two segments are joined if each is among the
`NEIGHBOURS` nearest of the other. Neighbours are counted by photos: those of a segment are the nearest segment of each
other photo, so that nested segments of one photo neither join each other nor crowd out what else is near. Groups whose
centres are nearly the same are merged. docs/decisions/0014-discovery.md compares other methods.

References
----------
Brito et al., "Connectivity of the mutual k-nearest-neighbor graph in clustering and outlier detection", Statistics &
Probability Letters 35, 1997.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..catalog.records import Shape
from ..embed.projection import unit
from ..types import Ids, Vectors

NEIGHBOURS = 3
"""With more, groups merge and contain several classes."""

LEAST_COSINE = 0.4
"""Less similar segments are not joined; fewer than 1 % of pairs of different classes are as similar as this."""

SLACK = 0.9
"""A segment may be this much less similar to the centre than the least typical founder is to the others."""

ALIKE = 0.8
"""Groups whose centres have at least this cosine are merged."""

LEAST_PHOTOS = 3
"""The fewest photos that a group must be on."""

NEARBY = 48
"""How many of the nearest segments are searched for the nearest photos."""

BLOCK = 1024
"""Rows of the similarity matrix in memory at once."""

Rows = NDArray[np.intp]
Cosines = NDArray[np.float32]


def shape_of(vectors: Vectors, image_ids: Ids) -> Shape:
    """The shape of a group from its vectors, (N, D), and the photo of each; O(N·D)."""
    _, photo = np.unique(image_ids, return_inverse=True)
    sums = np.zeros((photo.max() + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, photo, vectors)
    total = sums.sum(axis=0)
    others = unit(total - sums)[photo]
    cosines = (vectors * others).sum(axis=1)
    return Shape(unit(total), max(LEAST_COSINE, SLACK * float(cosines.min())), float(cosines.mean()))


def groups(vectors: Vectors, image_ids: Ids) -> list[Rows]:
    """Rows of every group, ordered by first row.

    Parameters
    ----------
    vectors : ndarray of shape (N, D), float32
        Of unit length.
    image_ids : ndarray of shape (N,), int64
        Photo of each.

    Returns
    -------
    list of ndarray of int
        Disjoint; each on at least `LEAST_PHOTOS` photos.

    Notes
    -----
    O(N²·D): about 8 s for 20,000 vectors of length 256 on one core; `BLOCK` rows of similarities are in memory.
    """
    if len(np.unique(image_ids)) < LEAST_PHOTOS:
        return []
    found = _components(len(vectors), _mutual(*near_photos(vectors, image_ids)))
    wide = [rows for rows in found if len(np.unique(image_ids[rows])) >= LEAST_PHOTOS]
    return sorted(_united(vectors, wide), key=lambda rows: int(rows[0]))


def near_photos(vectors: Vectors, image_ids: Ids) -> tuple[Rows, Cosines]:
    """The nearest segment on each of the `NEIGHBOURS` nearest other photos: rows and cosines, -1 for none."""
    count, width = len(vectors), min(NEARBY, len(vectors))
    rows = np.full((count, NEIGHBOURS), -1, np.intp)
    cosines = np.full((count, NEIGHBOURS), -1, np.float32)
    for start in range(0, count, BLOCK):
        own = image_ids[start : start + BLOCK, None]
        scores = vectors[start : start + BLOCK] @ vectors.T
        scores[own == image_ids[None]] = -2
        near = np.argpartition(-scores, width - 1, axis=1)[:, :width]
        values = np.take_along_axis(scores, near, 1)
        order = np.lexsort((near, -values), axis=1)
        near, values = np.take_along_axis(near, order, 1), np.take_along_axis(values, order, 1)
        photos = image_ids[near]
        again = np.stack([(photos[:, :at] == photos[:, at, None]).any(axis=1) for at in range(width)], axis=1)
        first = ~again & (values > -2)
        place = np.cumsum(first, axis=1) - 1
        line, column = np.nonzero(first & (place < NEIGHBOURS))
        rows[start + line, place[line, column]] = near[line, column]
        cosines[start + line, place[line, column]] = values[line, column]
    return rows, cosines


def nearest(vectors: Vectors, centres: Vectors) -> tuple[Rows, Cosines]:
    """The nearest centre of each vector and its cosine; needs at least one centre."""
    at = np.zeros(len(vectors), np.intp)
    cosines = np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), BLOCK):
        scores = vectors[start : start + BLOCK] @ centres.T
        at[start : start + BLOCK] = scores.argmax(axis=1)
        cosines[start : start + BLOCK] = scores.max(axis=1)
    return at, cosines


def halves(vectors: Vectors) -> NDArray[np.bool_]:
    """Spherical 2-means: which vectors belong to the second part; all False if there is only one part.

    It starts from the vector least similar to the mean and the one least similar to that, so it is deterministic.

    References
    ----------
    Dhillon and Modha, "Concept decompositions for large sparse text data using clustering", Machine Learning 42, 2001.
    """
    first = vectors[(vectors @ vectors.mean(axis=0)).argmin()]
    centres = np.stack([first, vectors[(vectors @ first).argmin()]])
    second = np.zeros(len(vectors), bool)
    for _ in range(50):
        new: NDArray[np.bool_] = vectors @ centres[1] > vectors @ centres[0]
        if not new.any() or new.all() or (new == second).all():
            return new if not new.all() else ~new
        second = new
        centres = unit(np.stack([vectors[~second].mean(axis=0), vectors[second].mean(axis=0)]))
    return second


def _mutual(rows: Rows, cosines: Cosines) -> NDArray[np.intp]:
    """Pairs of rows, (P, 2), that are mutual neighbours and similar enough."""
    one = np.repeat(np.arange(len(rows)), rows.shape[1])
    pairs = np.stack([one, rows.ravel()], axis=1)[cosines.ravel() >= LEAST_COSINE]
    pairs = np.sort(pairs, axis=1)
    both, times = np.unique(pairs, axis=0, return_counts=True)
    found: NDArray[np.intp] = both[times == 2]
    return found


def _components(count: int, pairs: NDArray[np.intp]) -> list[Rows]:
    """Connected parts of more than one row: union by the smaller row, with path halving."""
    parent = list(range(count))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    for one, other in pairs.tolist():
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    roots = np.array([root(row) for row in range(count)], np.intp)
    order = np.argsort(roots, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(roots[order])) + 1)
    return [part for part in parts if len(part) > 1]


def _united(vectors: Vectors, parts: list[Rows]) -> list[Rows]:
    """Merge parts whose centres are nearest to each other and `ALIKE`, until there are none."""
    while len(parts) > 1:
        centres = unit(np.stack([vectors[rows].sum(axis=0) for rows in parts]))
        scores = centres @ centres.T
        np.fill_diagonal(scores, -2)
        best = scores.argmax(axis=1)
        pairs = {
            one: int(other)
            for one, other in enumerate(best)
            if one < other and best[other] == one and scores[one, other] >= ALIKE
        }
        if not pairs:
            break
        gone = set(pairs.values())
        parts = [
            np.sort(np.concatenate([rows, parts[pairs[at]]])) if at in pairs else rows
            for at, rows in enumerate(parts)
            if at not in gone
        ]
    return parts
