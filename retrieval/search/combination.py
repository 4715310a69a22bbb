"""Scores photos that contain several things, perhaps in given relations. Pure: no index, no database.

A photo's score for several parts is the geometric mean of its segments' scores for each: scores of words and of
examples have different ranges, and the geometric mean gives the same order however each part's scores are scaled.

References
----------
Fagin, Lotem and Naor, "Optimal Aggregation Algorithms for Middleware", JCSS 2003, section 4 (the threshold
algorithm); Li, Wang and Wiederhold, "IRM: Integrated Region Matching for Image Retrieval", ACM Multimedia 2000,
section 2 (regions of two photos are matched as sets, so that what was split or merged still matches); Hudelot, Atif
and Bloch, "Fuzzy spatial relation ontology for image interpretation", Fuzzy Sets and Systems 2008, section 4 (relations
hold by degrees).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..query.relations import Relation, RelationName

CANDIDATES = 6
"""How many segments of a photo are tried for each part."""

SHARED_SEGMENT_FACTOR = 0.7
"""Factor for a match in which one segment stands for two parts: segmentation may have merged two things."""

SAME_THING_IOU = 0.7
"""Two segments with at least this IoU count as one thing."""

TOUCHING_GAP = 0.05
"""Segments touch fully without a gap, and not at all from this gap on, a share of the photo's diagonal."""

CLEARLY = 1.25
"""From this ratio of areas on, a segment is fully larger than another."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Layout:
    """Geometry of the candidates of one photo.

    Attributes
    ----------
    boxes_xyxy : ndarray of shape (N, 4), float
        In pixels of the upright original.
    areas : ndarray of shape (N,), float
        In the same pixels.
    common : ndarray of shape (N, N), float
        Share of the row's segment that is inside the column's.
    gaps : ndarray of shape (N, N), float
        Smallest distance between two segments as a share of the photo's diagonal.
    """

    boxes_xyxy: Floats
    areas: Floats
    common: Floats
    gaps: Floats

    def degrees(self, name: RelationName) -> Floats:
        """Degree to which each row's segment has the relation to each column's, (N, N), 0 to 1."""
        if name in _INVERSES:
            return self.degrees(_INVERSES[name]).T
        if name in ("left_of", "above"):
            return self._before(0 if name == "left_of" else 1)
        if name == "inside":
            smaller = self.areas[:, None] < self.areas[None]
            return np.clip((self.common - 0.5) / 0.4, 0, 1) * smaller
        if name == "touching":
            apart = self.overlaps() < SAME_THING_IOU
            return np.clip(1 - self.gaps / TOUCHING_GAP, 0, 1) * apart
        ratio = self.areas[:, None] / np.maximum(self.areas[None], 1e-9)
        return np.clip((ratio - 1) / (CLEARLY - 1), 0, 1)

    def overlaps(self) -> Floats:
        """Intersection over union of all pairs, (N, N)."""
        common = self.common * self.areas[:, None]
        union = self.areas[:, None] + self.areas[None] - common
        return np.asarray(common / np.maximum(union, 1e-9), dtype=np.float64)

    def _before(self, axis: int) -> Floats:
        """How far centres lie before each other; 1 from half the sum of the extents on, where boxes are apart."""
        low, high = self.boxes_xyxy[:, axis], self.boxes_xyxy[:, axis + 2]
        centres, extents = (low + high) / 2, high - low
        ahead = centres[None] - centres[:, None]
        return np.clip(2 * ahead / np.maximum(extents[:, None] + extents[None], 1e-9), 0, 1)


_INVERSES: Mapping[RelationName, RelationName] = {
    "right_of": "left_of",
    "below": "above",
    "around": "inside",
    "smaller": "larger",
}


@dataclass(frozen=True, slots=True)
class Matching:
    """How well a photo matches all parts.

    Attributes
    ----------
    score : float
        Geometric mean of the parts' scores, times the degrees of the relations, times
        `SHARED_SEGMENT_FACTOR` for each pair of parts that share one segment.
    rows : tuple of int
        The row of the segment chosen for each part.
    degrees : tuple of float
        Of the relations, in their order.
    """

    score: float
    rows: tuple[int, ...]
    degrees: tuple[float, ...]


def bound(scores: Floats) -> Floats:
    """What a photo can score at most: the geometric mean of each part's best score, 0 if any is not positive.

    Parameters
    ----------
    scores : ndarray of shape (..., P), float

    Returns
    -------
    ndarray of shape (...), float64
    """
    positive = np.clip(scores, 0, None)
    found: Floats = np.prod(positive ** (1 / scores.shape[-1]), axis=-1)
    return found


def candidates(scores: Floats) -> list[int]:
    """Rows of the segments that `match` is to try: the best `CANDIDATES` of each part.

    Parameters
    ----------
    scores : ndarray of shape (P, S), float
        What each segment of a photo scores for each part.
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES]
    return [int(row) for row in np.unique(best)]


def match(scores: Floats, layout: Layout, relations: Sequence[Relation]) -> Matching | None:
    """The best choice of one segment for each part; None if no choice has all relations.

    Parameters
    ----------
    scores : ndarray of shape (P, N), float
        What each candidate scores for each part.
    layout : Layout
        Of the same candidates.
    relations : sequence of Relation

    Notes
    -----
    Every choice of `CANDIDATES` segments a part is tried, ``CANDIDATES ** P`` of them. Two parts may choose one
    segment, or two that are nearly the same, at the price of `SHARED_SEGMENT_FACTOR`, unless a relation is asked of
    them.
    """
    parts = range(len(scores))
    tried = [np.argsort(-row, kind="stable")[:CANDIDATES] for row in scores]
    grid = np.stack([each.ravel() for each in np.meshgrid(*tried, indexing="ij")])
    total = bound(np.stack([scores[part, grid[part]] for part in parts], axis=-1))
    shared = layout.overlaps() >= SAME_THING_IOU
    np.fill_diagonal(shared, val=True)
    for one, other in itertools.combinations(parts, 2):
        total = total * np.where(shared[grid[one], grid[other]], SHARED_SEGMENT_FACTOR, 1.0)
    degrees = [layout.degrees(each.name)[grid[each.subject], grid[each.object]] for each in relations]
    for each in degrees:
        total = total * each
    best = int(total.argmax())
    if total[best] <= 0:
        return None
    rows = tuple(int(row) for row in grid[:, best])
    return Matching(float(total[best]), rows, tuple(float(each[best]) for each in degrees))
