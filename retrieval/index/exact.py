"""The reference index: one matrix product over all vectors."""

from __future__ import annotations

import numpy as np

from ..types import Hits, Ids, Vectors
from .checks import check_entries, check_queries
from .faiss_index import NO_IDS


class ExactIndex:
    """Exact search in NumPy over vectors rounded to float16, as the catalogue stores them.

    Parameters
    ----------
    dim : int
    """

    is_exact = True

    def __init__(self, dim: int) -> None:
        self._ids: Ids = np.zeros(0, np.int64)
        self._vectors: Vectors = np.zeros((0, dim), np.float32)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors; O(N) for the copy.

        Raises
        ------
        ValueError
            As `checks.check_entries`.
        """
        check_entries(ids, vectors, self.dim)
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors.astype(np.float16).astype(np.float32)])

    def search(self, queries: Vectors, *, k: int, without: Ids = NO_IDS) -> Hits:
        """The k nearest of each query, equal scores by id; O(Q·N·D).

        Raises
        ------
        ValueError
            As `checks.check_queries`.
        """
        check_queries(queries, k, self.dim)
        kept = ~np.isin(self._ids, without)
        ids, scores = self._ids[kept], queries @ self._vectors[kept].T
        found_ids = np.full((len(queries), k), -1, np.int64)
        found_scores = np.full((len(queries), k), -np.inf, np.float32)
        for row, line in enumerate(scores):
            order = np.lexsort((ids, -line))[:k]
            found_ids[row, : len(order)], found_scores[row, : len(order)] = ids[order], line[order]
        return Hits(found_ids, found_scores)
