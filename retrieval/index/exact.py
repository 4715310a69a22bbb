"""The reference index: one matrix product over all vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..types import Hits, Ids, Vectors


class ExactIndex:
    """Exact search in NumPy.

    Parameters
    ----------
    dim : int
    """

    def __init__(self, dim: int) -> None:
        self._ids: Ids = np.zeros(0, np.int64)
        self._vectors: Vectors = np.zeros((0, dim), np.float32)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> Ids:
        """All ids, rising."""
        return np.sort(self._ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors; O(N) for the copy."""
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors.astype(np.float16).astype(np.float32)])

    def remove(self, ids: Ids) -> int:
        """Remove those of the ids that are there."""
        kept = ~np.isin(self._ids, ids)
        self._ids, self._vectors = self._ids[kept], self._vectors[kept]
        return int((~kept).sum())

    def search(self, queries: Vectors, *, k: int) -> Hits:
        """The k nearest of each query, equal scores by id; O(Q·N·D)."""
        scores = queries @ self._vectors.T
        found_ids = np.full((len(queries), k), -1, np.int64)
        found_scores = np.full((len(queries), k), -np.inf, np.float32)
        for row, line in enumerate(scores):
            order = np.lexsort((self._ids, -line))[:k]
            found_ids[row, : len(order)], found_scores[row, : len(order)] = self._ids[order], line[order]
        return Hits(found_ids, found_scores)

    def save(self, path: Path) -> None:
        """Write ids and vectors as npz."""
        with path.open("wb") as file:
            np.savez(file, ids=self._ids, vectors=self._vectors)

    @classmethod
    def load(cls, path: Path) -> ExactIndex:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            index = cls(stored["vectors"].shape[1])
            index.add(stored["ids"], stored["vectors"])
        return index
