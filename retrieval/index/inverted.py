"""Inverted lists of short codes: what large shards of an index are searched by, before exact scores decide.

A vector is in the list of its nearest centroid, as two bits a dimension; a search looks at `nprobe` lists and gives
more candidates than are wanted, whose exact inner products the caller takes from the catalogue.

References
----------
Sivic and Zisserman, "Video Google", ICCV 2003, section 4 (inverted lists); Gao and Long, "RaBitQ: Quantizing
High-Dimensional Vectors with a Theoretical Error Bound", SIGMOD 2024, section 3; Gao et al., "Practical and
Asymptotically Optimal Quantization of High-Dimensional Vectors", SIGMOD 2025 (more than one bit); Douze et al., "The
Faiss library", 2024, section 5.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from ..catalog.records import VectorBatch
from ..types import Hits, Ids, Vectors
from .checks import check_queries
from .faiss_index import NO_IDS, UNREADABLE, filled_up, hits_of, selector, unreadable

logger = logging.getLogger(__name__)

TOP = 50
"""Recall is measured of so many nearest."""

QUERIES = 200
"""Vectors of the shard itself that recall is measured with."""

CODES = {2: (50, 100, 200), 4: (200, 450)}
"""For so many bits a dimension, how many more candidates than are wanted may get exact scores; few bits come first."""

CODE_COST, ROW_COST = 0.035, 3.4
"""Microseconds for a code that is looked at, and for a candidate that is given its exact score, by which settings that
reach the same recall are told apart."""

LARGEST_SHARE = 8
"""Looking at more than one in so many lists is hardly faster than looking at everything."""

PAIRS = 2
"""With Q queries at once, this times √Q times as many lists are searched as with one."""

_TRAINING = 64
"""Vectors a centroid is fitted to."""

_QUERY_BITS = 4
"""Queries are rounded, too, so that codes are compared by counting bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The settings of an inverted index, and the recall they reach.

    Attributes
    ----------
    lists, nprobe, bits, spare : int
        `spare` more candidates than are wanted are given exact scores.
    recall : float
        Of the `TOP` nearest, among the candidates, over `QUERIES` vectors of the index itself.
    """

    lists: int
    nprobe: int
    bits: int
    spare: int
    recall: float


class InvertedIndex:
    """Approximate search; its candidates must be scored again.

    Parameters
    ----------
    index : faiss.IndexIVFRaBitQ
    nprobe : int
        Lists that a search for `candidates` looks at.
    candidates : int
        What `nprobe` was tuned for; who asks for more is given as many more lists, for the recall of what lies farther
        away is less.
    """

    is_exact = False

    def __init__(self, index: Any, nprobe: int, candidates: int) -> None:
        self._index, self._nprobe, self._candidates = index, nprobe, candidates
        self._centroids: Vectors | None = None

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def search(self, queries: Vectors, *, k: int, without: Ids = NO_IDS) -> Hits:
        """Candidates for the k nearest of each query; O(Q·N·D·nprobe/lists), without the interpreter's lock.

        Raises
        ------
        ValueError
            As `checks.check_queries`.
        """
        check_queries(queries, k, self.dim)
        wanted = min(k, max(len(self), 1))
        left_out = selector(without) if len(without) else None  # the parameters do not hold on to it
        return hits_of(self._index, queries, wanted, k, _parameters(self._lists_for(wanted), left_out))

    def search_any(self, queries: Vectors, *, k: int, without: Ids = NO_IDS) -> Hits:
        """Candidates for the k nearest to any of the queries, or for more than k; a single row.

        Lists are chosen for all queries together: of all pairs of a query and a list those with the nearest centroids,
        `PAIRS` times the root of Q as many as one query looks at. O(√Q·N·D·nprobe/lists), without the interpreter's
        lock.

        Raises
        ------
        ValueError
            As `checks.check_queries`.
        """
        check_queries(queries, k, self.dim)
        wanted, queries = min(k, max(len(self), 1)), np.ascontiguousarray(queries, np.float32)
        share = min(len(queries), PAIRS * math.sqrt(len(queries)))
        lists, near = self._nearest_lists(queries, round(share * self._lists_for(wanted)))
        used = np.flatnonzero(lists[:, 0] >= 0)
        queries, lists, near = queries[used], np.ascontiguousarray(lists[used]), np.ascontiguousarray(near[used])
        scores, ids = np.empty((len(used), wanted), np.float32), np.empty((len(used), wanted), np.int64)
        left_out = selector(without) if len(without) else None
        parameters = _parameters(lists.shape[1], left_out)
        given = (faiss.swig_ptr(each) for each in (lists, near, scores, ids))
        self._index.search_preassigned_c(len(used), faiss.swig_ptr(queries), wanted, *given, False, parameters)
        return filled_up(best_of_any(np.where(ids < 0, -np.inf, scores), ids), k)

    def _lists_for(self, wanted: int) -> int:
        """How many lists a search for this many candidates probes."""
        lists, share = int(self._index.nlist), max(1.0, wanted / self._candidates)
        enough_to_choose_from = -(-4 * wanted * lists // max(len(self), 1))
        return min(lists, max(round(self._nprobe * share), enough_to_choose_from))

    def _nearest_lists(self, queries: Vectors, pairs: int) -> tuple[Ids, Vectors]:
        """Lists that each query is to look at, -1 for no more, and its inner products with their centroids, (Q, L)."""
        if self._centroids is None:
            self._centroids = self._index.quantizer.reconstruct_n(0, self._index.nlist)
        near = queries @ self._centroids.T
        cut = np.partition(near, max(0, near.size - pairs), axis=None)[max(0, near.size - pairs)]
        most = int((near >= cut).sum(axis=1).max())
        lists = np.argsort(-near, axis=1, kind="stable")[:, :most]
        near = np.take_along_axis(near, lists, 1)
        return np.where(near >= cut, lists, -1), near

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own form."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, tuning: Tuning) -> InvertedIndex:
        """Map a saved index into memory, read-only and without a copy.

        Raises
        ------
        IndexDamagedError
            The file is not a whole index.
        """
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            if not isinstance(index, faiss.IndexIVFRaBitQ) or index.nlist != tuning.lists:
                raise RuntimeError("it holds another index")
            return cls(index, tuning.nprobe, TOP + tuning.spare)
        except UNREADABLE as error:
            raise unreadable(path, error) from error


def _parameters(nprobe: int, left_out: Any) -> Any:
    parameters = faiss.IVFRaBitQSearchParameters()
    parameters.nprobe, parameters.qb, parameters.sel = nprobe, _QUERY_BITS, left_out
    return parameters


def best_of_any(scores: NDArray[np.float32], ids: Ids) -> Hits:
    """Of the nearest k of each of several queries those that are surely the nearest to any, k or more; equals by id.

    Parameters
    ----------
    scores : ndarray of shape (Q, k), float32
        Falling; -inf where a query has no more.
    ids : ndarray of shape (Q, k), int64
    """
    floor = scores[:, -1].max(initial=-np.inf)  # where one query's list ends there may be more below
    candidates = (scores >= floor) & (ids >= 0)
    ids, scores = ids[candidates], scores[candidates]
    order = np.lexsort((ids, -scores))
    _, first = np.unique(ids[order], return_index=True)
    order = order[np.sort(first)]
    return Hits(ids[order][None], scores[order][None])


@dataclass(frozen=True, eq=False, slots=True)
class Blocks:
    """Vectors that are read a block at a time, as often as needed.

    Attributes
    ----------
    ids : ndarray of shape (N,), int64
        Rising.
    read : callable
        The vectors of some of the ids, in batches; those that are gone are left out.
    """

    ids: Ids
    read: Callable[[Ids], Iterable[VectorBatch]]

    def some(self, ids: Ids) -> Vectors:
        """Vectors of some ids, as one array."""
        found = [batch.vectors for batch in self.read(ids)]
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

    def all(self) -> Iterable[VectorBatch]:
        """Everything, by rising ids."""
        return self.read(self.ids)


def build(blocks: Blocks, target: float) -> tuple[InvertedIndex, Tuning] | None:
    """Index vectors so that a search of the same kind of vectors reaches a recall; None if only exact search would.

    Parameters
    ----------
    blocks : Blocks
        At least some hundred vectors.
    target : float
        Recall of the `TOP` nearest.

    Notes
    -----
    O(N·√N·D) for the assignment to lists; the vectors are read twice to three times, a block at a time. Fixed seeds.
    """
    rng = np.random.default_rng(0)
    queries = blocks.some(np.sort(rng.choice(blocks.ids, min(QUERIES, len(blocks.ids)), replace=False)))
    truth = _nearest(queries, blocks)
    lists = _lists(len(blocks.ids))
    sample = blocks.some(np.sort(rng.choice(blocks.ids, min(_TRAINING * lists, len(blocks.ids)), replace=False)))
    best = 0.0
    for bits, spares in CODES.items():
        raw = _trained(sample, lists, bits)
        for batch in blocks.all():
            raw.add_with_ids(np.ascontiguousarray(batch.vectors, np.float32), batch.ids)
        tried = [(spare, *_probes(raw, queries, truth, spare, target)) for spare in spares]
        best = max(best, *(reached for _, _, reached in tried))
        if enough := [each for each in tried if each[2] >= target]:
            a_list = CODE_COST * len(blocks.ids) / lists
            spare, nprobe, reached = min(enough, key=lambda each: a_list * each[1] + ROW_COST * each[0])
            tuning = Tuning(lists=lists, nprobe=nprobe, bits=bits, spare=spare, recall=round(reached, 4))
            return InvertedIndex(raw, nprobe, TOP + spare), tuning
    logger.warning("short codes reach a recall of %.3f, not %.3f: these vectors are searched exactly", best, target)
    return None


def _lists(count: int) -> int:
    """Twice the root, to the nearest power of two."""
    return int(2 ** np.round(np.log2(2 * np.sqrt(count))))


def _trained(sample: Vectors, lists: int, bits: int) -> Any:
    index = faiss.index_factory(sample.shape[1], f"IVF{lists},RaBitQ{bits}", faiss.METRIC_INNER_PRODUCT)
    index.train(np.ascontiguousarray(sample, np.float32))
    return index


def _nearest(queries: Vectors, blocks: Blocks) -> Ids:
    """The `TOP` nearest of each query by looking at every vector, (Q, TOP)."""
    ids = np.full((len(queries), 0), -1, np.int64)
    scores = np.zeros((len(queries), 0), np.float32)
    for batch in blocks.all():
        ids = np.concatenate([ids, np.broadcast_to(batch.ids, (len(queries), len(batch)))], axis=1)
        scores = np.concatenate([scores, queries @ batch.vectors.T], axis=1)
        kept = np.argpartition(-scores, min(TOP, scores.shape[1]) - 1, axis=1)[:, :TOP]
        ids, scores = np.take_along_axis(ids, kept, 1), np.take_along_axis(scores, kept, 1)
    return ids


def _probes(raw: Any, queries: Vectors, truth: Ids, spare: int, target: float) -> tuple[int, float]:
    """The fewest lists, in steps of about √2, by which the recall is reached, and the recall."""
    nprobe, recall, most = 1, 0.0, max(1, int(raw.nlist) // LARGEST_SHARE)
    for step in range(2 * int(np.log2(most)) + 1):
        nprobe = min(most, round(2 ** (step / 2)))
        hits = InvertedIndex(raw, nprobe, TOP + spare).search(queries, k=TOP + spare)
        found = [np.isin(wanted, near).mean() for wanted, near in zip(truth, hits.ids, strict=True)]
        recall = float(np.mean(found))
        if recall >= target:
            break
    return nprobe, recall
