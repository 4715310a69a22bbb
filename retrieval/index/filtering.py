"""Searches that only some entries may answer, over an index that knows nothing of what they have to meet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..types import Ids, Vectors
from . import ranking as rank
from .protocols import IdFilter
from .ranking import Scored

Search = Callable[[int], Scored]


def sieved(search: Search, filter: IdFilter, k: int, *, group_by_image: bool) -> Scored:
    """The k best that pass, best first, by searching deeper until there are as many.

    Parameters
    ----------
    search : callable
        The best of all entries, as many as it is told.
    filter : IdFilter
    k : int
    group_by_image : bool
        Take only the best of each image that passes, which need not be the best of the image.
    """
    depth = k
    while True:
        found = search(depth)
        passing = found[np.isin(found.ids, filter.passing(found.ids))]
        if group_by_image:
            passing = passing.best_per_image()
        if len(passing) >= k or len(found) < depth:
            return passing[:k]
        depth *= 4


def among_listed(ids: Ids, image_ids: Ids, vectors: Vectors, directions: Vectors) -> Scored:
    """Some entries in the order of their best inner product with any of the directions; O(M·Q·D).

    Parameters
    ----------
    ids, image_ids : ndarray of shape (M,), int64
        -1 for the image of one that the index does not hold, which is left out.
    vectors : ndarray of shape (M, D), float32
    directions : ndarray of shape (Q, D), float32
    """
    scores = (vectors @ directions.T).max(axis=1, initial=-1)
    return rank.best_of([Scored(ids, image_ids, scores)[image_ids >= 0]])
