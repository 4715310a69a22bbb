"""FAISS behind the seam: exact inner products over float16 vectors, ids that are the catalogue's keys.

Faiss's untyped values stay in here and in `inverted`.

References
----------
Douze et al., "The Faiss library", 2024, sections 3 and 4.2 (scalar quantiser).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from ..errors import IndexDamagedError
from ..processes.program import PROGRAM
from ..types import Hits, Ids, Vectors
from .checks import check_entries, check_queries

NO_IDS: Ids = np.zeros(0, np.int64)


BLOCK = 8192
"""Vectors that are multiplied by many queries at once."""


def selector(without: Ids) -> Any:
    """A FAISS selector that leaves out some ids and keeps its list alive."""
    listed = faiss.IDSelectorBatch(np.ascontiguousarray(without, np.int64))
    return faiss.IDSelectorNot(listed)


UNREADABLE = (RuntimeError, MemoryError, AttributeError, OSError)
"""The errors that opening a damaged file may raise."""


def unreadable(path: Path, error: Exception) -> IndexDamagedError:
    """The error for a file that FAISS cannot read."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return IndexDamagedError(f"{path} cannot be read ({reason}): run `{PROGRAM} rebuild-index`")


def hits_of(index: Any, queries: Vectors, wanted: int, k: int, parameters: Any = None) -> Hits:
    """Search a FAISS index for `wanted` of each query and fill up to k; equals by rising id."""
    scores, ids = index.search(np.ascontiguousarray(queries, np.float32), wanted, params=parameters)
    scores[ids < 0] = -np.inf
    if (scores[:, 1:] == scores[:, :-1]).any():  # FAISS leaves equals in no order
        order = np.lexsort((ids, -scores), axis=1)
        ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
    return filled_up(Hits(ids, scores), k)


def filled_up(hits: Hits, k: int) -> Hits:
    """Hits with at least as many columns as were asked for."""
    missing = ((0, 0), (0, max(0, k - hits.ids.shape[1])))
    if not missing[1][1]:
        return hits
    return Hits(np.pad(hits.ids, missing, constant_values=-1), np.pad(hits.scores, missing, constant_values=-np.inf))


def among(held: Ids, ids: Ids) -> NDArray[np.bool_]:
    """Which of some ids are among rising others; O(M·log N)."""
    if not len(held):
        return np.zeros(len(ids), bool)
    return np.asarray(held[np.minimum(np.searchsorted(held, ids), len(held) - 1)] == ids, dtype=bool)


class FaissIndex:
    """Exact search with ``IndexIDMap2`` over a float16 ``IndexScalarQuantizer``.

    float16 is what the catalogue stores, so nothing is lost by it: half the memory of floats, and scores that differ
    from the reference's by rounding only.

    Parameters
    ----------
    dim : int
    """

    is_exact = True

    def __init__(self, dim: int) -> None:
        flat = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index: Any = faiss.IndexIDMap2(flat)
        self._known: tuple[Ids, NDArray[np.int64]] | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def ids(self) -> Ids:
        """All ids, rising."""
        return self._order()[0]

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors; amortised O(N·D).

        Raises
        ------
        ValueError
            As `checks.check_entries`.
        """
        check_entries(ids, vectors, self.dim)
        self._known = None
        self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(ids, np.int64))

    def search(self, queries: Vectors, *, k: int, without: Ids = NO_IDS) -> Hits:
        """The k nearest of each query, some ids left out; O(Q·N·D), without the interpreter's lock.

        Raises
        ------
        ValueError
            As `checks.check_queries`.
        """
        check_queries(queries, k, self.dim)
        parameters = faiss.SearchParameters(sel=selector(without)) if len(without) else None  # type: ignore[call-arg]
        return hits_of(self._index, queries, min(k, max(len(self), 1)), k, parameters)

    def best_scores(self, groups: Sequence[Vectors]) -> NDArray[np.float32]:
        """The greatest inner product of each vector with any query of each group, (G, N), by rising id; O(Q·N·D).

        For many queries, of which each would give a list as long as what is wanted of all of them. Vectors are decoded
        once for all groups.

        Parameters
        ----------
        groups : sequence of ndarray of shape (Q, D), float32
            Scores of one without queries are -inf.
        """
        found = np.full((len(groups), len(self)), -np.inf, np.float32)
        sizes = np.array([len(each) for each in groups])
        rows = np.flatnonzero(sizes)
        if not len(rows):
            return found
        queries, starts = np.concatenate(groups), np.cumsum(sizes[rows]) - sizes[rows]
        flat, block = faiss.downcast_index(self._index.index), np.empty((BLOCK, self.dim), np.float32)
        for start in range(0, len(self), BLOCK):
            count = min(BLOCK, len(self) - start)
            flat.reconstruct_n(start, count, block[:count])
            found[rows, start : start + count] = np.maximum.reduceat(queries @ block[:count].T, starts, axis=0)
        order = self._order()[1]
        return found if (order[1:] > order[:-1]).all() else found[:, order]

    def vectors(self, ids: Ids) -> Vectors:
        """Vectors of those of the ids that are there, in their order; O(M·D) for M of them."""
        rows = self._rows_of(ids)
        found = np.empty((len(rows), self.dim), np.float32)
        flat = faiss.downcast_index(self._index.index)
        flat.reconstruct_batch(rows, found)
        return found

    def _rows_of(self, ids: Ids) -> NDArray[np.int64]:
        held, rows = self._order()
        return rows[np.searchsorted(held, ids[among(held, ids)])]

    def _order(self) -> tuple[Ids, NDArray[np.int64]]:
        """All ids, rising, and the row of each; kept until something is added."""
        if self._known is None:
            ids = faiss.vector_to_array(self._index.id_map).astype(np.int64)
            rows = np.argsort(ids, kind="stable")
            self._known = ids[rows], rows
        return self._known

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own form."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> FaissIndex:
        """Map a saved index into memory, read-only and without a copy; it must not be added to.

        Raises
        ------
        IndexDamagedError
            The file is not a whole index.
        """
        index = cls.__new__(cls)
        index._known = None
        try:
            index._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            flat = faiss.downcast_index(index._index.index)
            index._check(flat)
        except UNREADABLE as error:
            raise unreadable(path, error) from error
        return index

    def _check(self, flat: Any) -> None:
        """Check that an opened file holds the right kind of index: searching another could crash the process."""
        kinds = isinstance(self._index, faiss.IndexIDMap2), isinstance(flat, faiss.IndexScalarQuantizer)
        if not all(kinds) or flat.ntotal != self._index.ntotal or self._index.id_map.size() != flat.ntotal:
            raise RuntimeError("it holds another index")
        if flat.sq.qtype != faiss.ScalarQuantizer.QT_fp16 or self._index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise RuntimeError("it holds another kind of vectors")
