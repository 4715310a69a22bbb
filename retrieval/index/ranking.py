"""From scored segments to an order of results. Pure: no index, no database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..embed.projection import unit
from ..types import Hits, Ids, Vectors

NEGATIVE_WEIGHT = 0.5
"""A negative example counts half: it says less about what is sought than a positive one."""

LIKELY_SHARE = 0.6
LIKELY_FLOOR = 0.2
"""A result is likely from this share of the best score on, and from this score on."""


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """Ids with the photos they belong to and their scores, best first.

    Attributes
    ----------
    ids, image_ids : ndarray of shape (N,), int64
    scores : ndarray of shape (N,), float32
    """

    ids: Ids
    image_ids: Ids
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | list[int] | NDArray[np.bool_] | NDArray[np.integer]) -> Scored:
        return Scored(self.ids[rows], self.image_ids[rows], self.scores[rows])

    def without(self, photos: Collection[int]) -> Scored:
        """The hits that belong to other photos."""
        return self[~np.isin(self.image_ids, list(photos))] if photos else self

    def best_per_image(self, several: int = 1) -> Scored:
        """The best of each photo, or the `several` best."""
        by_photo = np.argsort(self.image_ids, kind="stable")
        starts = np.flatnonzero(np.diff(self.image_ids[by_photo], prepend=-1))
        places = np.arange(len(self)) - np.repeat(starts, np.diff(starts, append=len(self)))
        return self[np.sort(by_photo[places < several])]

    def pairs(self) -> list[tuple[int, float]]:
        """Ids with scores, as Python numbers."""
        return list(zip(self.ids.tolist(), self.scores.tolist(), strict=True))


def combine(examples: Vectors, words: Sequence[Vectors], negatives: Vectors) -> Vectors:
    """Query vectors of a search; a candidate's score is its best inner product with any of them.

    Parameters
    ----------
    examples : ndarray of shape (P, D), float32
        Positive examples of one thing; their mean is sought.
    words : sequence of ndarray of shape (R, D), float32
        The directions of each word, any of which may be met.
    negatives : ndarray of shape (M, D), float32
        The mean of these is moved away from, by `NEGATIVE_WEIGHT`.

    Returns
    -------
    ndarray of shape (R', D), float32
        As many rows as the word with most directions has, one if there is no word.

    Notes
    -----
    Examples and words are averaged, so that both are meant. Of several words only the one with most directions keeps
    them apart; the others enter by their mean.
    """
    if len(examples) == 1 and not words and not len(negatives):
        return unit(examples)
    parts = [unit(examples.mean(axis=0))] if len(examples) else []
    by_size = sorted(words, key=len)
    parts += [unit(directions.mean(axis=0)) for directions in by_size[:-1]]
    total: NDArray[np.float32] = np.asarray(np.sum(parts, axis=0) if parts else 0, dtype=np.float32)
    rows = by_size[-1] + total if by_size else np.atleast_2d(total)
    rows = rows / (len(parts) + bool(by_size))
    if len(negatives):
        rows = rows - NEGATIVE_WEIGHT * unit(negatives.mean(axis=0))
    return unit(rows)


def merge_hits(hits: Hits, image_ids_of: Callable[[Ids], Ids]) -> Scored:
    """One falling list of the hits of several queries, each id once with its best score; equals by id.

    Parameters
    ----------
    hits : Hits
    image_ids_of : callable
        The photos of ids.
    """
    ids, scores = hits.ids.ravel(), hits.scores.ravel()
    there = ids >= 0
    ids, scores = ids[there], scores[there]
    if len(hits.ids) > 1:
        order = np.lexsort((ids, -scores))
        _, first = np.unique(ids[order], return_index=True)
        order = order[np.sort(first)]
        ids, scores = ids[order], scores[order]
    return Scored(ids, image_ids_of(ids), scores)


def rows_of_best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Rows of the scores that are at least the `count`-th best, equals included, in no order; O(N)."""
    if count >= len(scores):
        return np.arange(len(scores))
    return np.flatnonzero(scores >= np.partition(scores, len(scores) - count)[len(scores) - count])


def complete_from(hits: Hits) -> float:
    """The score down to which hits of several queries miss nothing: below the end of one list, it may hold more."""
    ends = hits.scores[:, -1] if hits.scores.size else np.zeros(0, np.float32)
    return float(ends.max(initial=-np.inf))


def best_of(lists: Sequence[Scored], k: int | None = None) -> Scored:
    """The k best, or all, of several lists in any order that have no id in common, falling; equals by id."""
    ids = np.concatenate([np.zeros(0, np.int64), *(each.ids for each in lists)])
    image_ids = np.concatenate([np.zeros(0, np.int64), *(each.image_ids for each in lists)])
    scores = np.concatenate([np.zeros(0, np.float32), *(each.scores for each in lists)])
    return Scored(ids, image_ids, scores)[np.lexsort((ids, -scores))[:k]]


def likely_from(scores: NDArray[np.float32], floor: float = LIKELY_FLOOR) -> float:
    """The score from which on results are likely: relative to the best, for what is a good score differs by query."""
    return max(floor, LIKELY_SHARE * float(scores.max(initial=0.0)))


def average_precision(relevant: NDArray[np.bool_], total: int) -> float:
    """Mean of the precisions at the relevant places of a ranking.

    Parameters
    ----------
    relevant : ndarray of shape (N,), bool
        Whether each place of the ranking is right, best first.
    total : int
        How many right answers there are; those that are not ranked count as never found.

    Examples
    --------
    >>> average_precision(np.array([True, False, True]), 2)
    0.8333333333333333
    >>> average_precision(np.array([True]), 2)
    0.5
    """
    places = np.flatnonzero(relevant)
    return float((np.arange(1, len(places) + 1) / (places + 1)).sum() / total) if total else 0.0
