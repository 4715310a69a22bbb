"""A shard of an index: vectors that are searched together, their photos, and which of them were deleted since."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..catalog.records import VectorBatch
from ..types import Hits, Ids, Vectors
from . import ranking as rank
from .faiss_index import NO_IDS, FaissIndex, among
from .inverted import TOP, InvertedIndex
from .protocols import IndexQuery, ShardIndex
from .ranking import Scored

ALIKE = 0.99
"""Inner product from which on two vectors are taken for one; the same photo analysed twice may differ by rounding."""

CLOSE = 4
"""Of one photo so many of the best by short codes are given exact scores where only the best is wanted."""

DEEPER, LEAST, LEAST_ROUGH = 3, 300, 1000
"""Where one segment a photo is wanted, so many times more are looked for at first, and at least so many. A shard that
is not exact is asked by up to `MANY` queries for `LEAST_ROUGH`: few segments of the photos found last are near, and
those are missed first. For more queries this would take twice as long."""

WHOLE, MANY = 8, 8
"""Where more than one in so many vectors are wanted, or by more queries, scoring all of them at once costs less than
finding the best of each query."""

SCORES = 16_000_000
"""So many scores of searches that are answered together are held at once: 64 MB."""

FOUND = 0.8
"""Of a sample, what a shard that is searched approximately has to find again."""


@dataclass(frozen=True, eq=False, slots=True)
class Shard:
    """Vectors that are searched together; never changed.

    Attributes
    ----------
    name : str
        Of its file; empty for a shard in memory.
    index : ShardIndex
    ids, image_ids : ndarray of shape (N,), int64
        Ids, rising, and the photo of each.
    tombstones : ndarray of shape (M,), int64
        Ids that were deleted since, rising.
    rerank_depth : int
        More candidates than the `TOP` nearest that are wanted, of a shard that is not exact.
    """

    name: str
    index: ShardIndex
    ids: Ids
    image_ids: Ids
    tombstones: Ids
    rerank_depth: int = 0

    @classmethod
    def of(cls, ids: Ids, image_ids: Ids, vectors: Vectors) -> Shard:
        """A shard in memory, searched exactly."""
        index = FaissIndex(vectors.shape[1])
        order = np.argsort(ids, kind="stable")
        index.add(ids, vectors)
        return cls("", index, ids[order], image_ids[order], NO_IDS)

    def __len__(self) -> int:
        return len(self.ids) - len(self.tombstones)

    @property
    def newest(self) -> int:
        """Greatest id, deleted or not."""
        return int(self.ids[-1]) if len(self.ids) else 0

    def with_tombstones(self, deleted: Ids) -> Shard:
        """The same shard, some ids deleted, those from before included."""
        more = np.union1d(self.tombstones, np.intersect1d(deleted, self.ids))
        return self if len(more) == len(self.tombstones) else replace(self, tombstones=more)

    def alive(self) -> NDArray[np.bool_]:
        """Which of the ids were not deleted, (N,)."""
        if not len(self.tombstones):
            return np.ones(len(self.ids), bool)
        return ~np.isin(self.ids, self.tombstones, assume_unique=True)

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of some ids are here and were not deleted; O(M·log N)."""
        here = among(self.ids, ids)
        return here & ~among(self.tombstones, ids) if len(self.tombstones) else here

    def image_ids_of(self, ids: Ids) -> Ids:
        """The photos of ids that are here; -1 for others, which only a spoilt file brings up."""
        rows = np.minimum(np.searchsorted(self.ids, ids), max(len(self.ids) - 1, 0))
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        return np.where(self.ids[rows] == ids, self.image_ids[rows], -1)

    def fits(self, stored: VectorBatch) -> bool:
        """Whether these are the vectors that are here under some ids."""
        if isinstance(self.index, FaissIndex):
            return bool((self.index.vectors(stored.ids) * stored.vectors).sum(axis=1).min() >= ALIKE)
        near = self.search(stored.vectors, k=1).ids
        return bool((near == stored.ids[:, None]).any(axis=1).mean() >= FOUND)

    def candidates(self, queries: Sequence[IndexQuery]) -> list[Scored]:
        """For each search the k best of any of its directions, best first; all there are, if fewer.

        Of a shard that is not exact more come back, for the best by short codes need not be the best; where photos are
        grouped, up to `CLOSE` of each, and one otherwise. An exact shard is read once for as many searches as `SCORES`
        allows.
        """
        if sum(len(each.directions) for each in queries) <= MANY or not isinstance(self.index, FaissIndex):
            return [self._nearest(each) for each in queries]
        found, at_once = list[Scored](), max(1, SCORES // max(1, len(self.ids)))
        for start in range(0, len(queries), at_once):
            some = queries[start : start + at_once]
            scores = self.index.best_scores([each.directions for each in some])
            found += [self._of_all(own, each, _first_depth(each)) for own, each in zip(scores, some, strict=True)]
        return found

    def _nearest(self, query: IndexQuery) -> Scored:
        queries, k, grouped = query.directions, query.k, query.group_by_image
        is_shallow = self.index.is_exact or len(queries) > MANY
        depth = _first_depth(query, LEAST if is_shallow else LEAST_ROUGH)
        while True:
            if isinstance(self.index, FaissIndex) and (len(queries) > MANY or WHOLE * depth > len(self)):
                (scores,) = self.index.best_scores([queries])
                return self._of_all(scores, query, depth)
            hits = self.search_any(queries, k=depth)
            found = rank.merge_hits(hits, self.image_ids_of).without(query.exclude_images)
            if grouped:
                found = found.best_per_image(1 if self.index.is_exact else CLOSE)
            counted = np.arange(len(found))
            if grouped:
                counted = np.sort(np.unique(found.image_ids, return_index=True)[1])
            counted = counted[found.scores[counted] >= rank.complete_from(hits)]
            if len(counted) >= k:
                spare = self.rerank_depth_for(k)
                last = counted[min(k + spare, len(counted)) - 1]
                return found[: max(counted[k - 1] + spare, last) + 1]
            if depth >= len(self):
                return found
            depth *= int(np.clip(2 * k / max(len(counted), 1), 2, 4))

    def _of_all(self, scores: NDArray[np.float32], query: IndexQuery, depth: int) -> Scored:
        """As `candidates`, by the score of every vector; only the `depth` best are sorted if they are enough."""
        scores = np.where(self.alive(), scores, -np.inf) if len(self.tombstones) else scores
        while True:
            rows = rank.rows_of_best(scores, depth)
            rows = rows[np.isfinite(scores[rows])]
            found = Scored(self.ids[rows], self.image_ids[rows], scores[rows]).without(query.exclude_images)
            best = rank.best_of([found])
            best = (best.best_per_image() if query.group_by_image else best)[: query.k]
            if len(best) >= query.k or depth >= len(scores):
                return best
            depth *= 4

    def search(self, queries: Vectors, *, k: int) -> Hits:
        """The k nearest of each query, or, of a shard that is not exact, candidates for them."""
        return self.index.search(queries, k=k + self.rerank_depth_for(k), without=self.tombstones)

    def search_any(self, queries: Vectors, *, k: int) -> Hits:
        """As `search`, but the k nearest to any of the queries are enough; some indexes find those sooner."""
        if len(queries) > 1 and isinstance(self.index, InvertedIndex):
            return self.index.search_any(queries, k=k + self.rerank_depth_for(k), without=self.tombstones)
        return self.search(queries, k=k)

    def rerank_depth_for(self, k: int) -> int:
        """More candidates where k are wanted: `rerank_depth`, and for more than `TOP` as its root grows."""
        return round(self.rerank_depth * math.sqrt(max(1.0, k / TOP)))


def _first_depth(query: IndexQuery, least: int = LEAST) -> int:
    """How many are looked for at first."""
    wanted = max(DEEPER * query.k, least) if query.group_by_image else query.k
    return wanted + 20 * len(query.exclude_images)
