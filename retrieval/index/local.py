"""The index of this project: shards in files that are mapped into memory, and in memory what came since.

Shards are immutable. A search takes the snapshot as it stands and needs no lock; a change makes another snapshot and
swaps it. What was deleted is remembered with its shard and left out, until the shard is written anew.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..catalog.records import VectorBatch
from ..types import Ids, Vectors
from . import filtering, merging
from . import ranking as rank
from .checks import check_entries, check_queries
from .faiss_index import NO_IDS, FaissIndex, among
from .files import IndexFiles
from .protocols import IdFilter, IndexQuery, IndexStats
from .published import PublishedShards, blocks
from .ranking import Scored
from .replicas import Replicas
from .shards import Shard
from .snapshot import Snapshot
from .sources import Source


class LocalIndex:
    """A `protocols.SegmentIndex` in files of this machine and in the memory of this process.

    Parameters
    ----------
    files : IndexFiles
        What was written; may be missing.
    source : Source
        Gives the vectors of shards that hold short codes alone.
    fingerprint : str
        Of the space whose vectors these are.
    dim : int
    gpu : int or None
        Number of the GPU that holds replicas of large shards, if any.

    Raises
    ------
    IndexMismatchError
        The files belong to another recipe or another catalogue. Damaged ones count as missing.
    """

    is_shared = False

    def __init__(
        self, files: IndexFiles, source: Source, fingerprint: str, dim: int, *, gpu: int | None = None
    ) -> None:
        self.files, self._dim, self._source = files, dim, source
        self._published = PublishedShards(files, source, fingerprint, dim)
        self._replicas = Replicas(dim, self._read, gpu)
        self._changing = threading.Lock()
        self._snapshot = Snapshot(self._published.open())

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The shards as they are now."""
        return self._snapshot.shards

    def stats(self) -> IndexStats:
        """How much it holds; O(shards)."""
        return self._snapshot.stats()

    def image_ids_of(self, ids: Ids) -> Ids:
        """The image of each id; -1 for an id that is not here; O(M·log N)."""
        return self._snapshot.image_ids_of(ids)

    def ids_of_images(self, image_ids: Ids) -> Ids:
        """Ids of all entries of some images, rising; O(N)."""
        return self._snapshot.ids_of_images(image_ids)

    def image_counts(self) -> tuple[Ids, Ids]:
        """The images that have entries, rising, and how many each; O(N·log N)."""
        return self._snapshot.image_counts()

    def sample(self, count: int) -> Ids:
        """Ids drawn at random without looking at the others; fewer where drawn ones were deleted."""
        return self._snapshot.sample(count)

    def get(self, ids: Ids) -> Vectors:
        """Vectors of ids, in their order, (M, D); zeros for one that is not here.

        What is in a shard of short codes comes from the catalogue.
        """
        return self._vectors(self._snapshot, ids)

    def search(
        self,
        directions: Vectors,
        k: int,
        *,
        exclude_images: Collection[int] = (),
        filter: IdFilter | None = None,
        group_by_image: bool = False,
    ) -> Scored:
        """The k entries with the greatest inner product with any of the directions, as `SegmentIndex.search`.

        Of shards of short codes the best candidates are scored by the catalogue's vectors. Entries that a filter lists
        are scored one by one; another filter sieves a search that goes deeper until enough pass.
        """
        check_queries(directions, k, self._dim)
        snapshot = self._snapshot
        query = IndexQuery(directions=directions, k=k, exclude_images=exclude_images, group_by_image=group_by_image)
        if filter is None:
            return self._nearest(snapshot, [query])[0]
        if filter.listed is None:
            return filtering.sieved(partial(self._deeper, snapshot, query), filter, k, group_by_image=group_by_image)
        image_ids, vectors = snapshot.image_ids_of(filter.listed), self._vectors(snapshot, filter.listed)
        found = filtering.among_listed(filter.listed, image_ids, vectors, directions).without(exclude_images)
        return (found.best_per_image() if group_by_image else found)[:k]

    def search_batch(self, queries: Sequence[IndexQuery]) -> list[Scored]:
        """The answer of `search` to each, over one state, as `BatchIndex.search_batch`.

        O(N·D) to read the vectors of exact shards, once for all of them, and O(Q·N·D) to compare them.
        """
        for each in queries:
            check_queries(each.directions, each.k, self._dim)
        return self._nearest(self._snapshot, queries)

    def upsert(self, batch: VectorBatch) -> None:
        """Add entries, in the place of those that have their ids, as a shard in memory.

        Shards in memory that are not much larger are merged with it, so that each entry is copied O(log N) times.

        Raises
        ------
        ValueError
            As `checks.check_entries`.
        """
        check_entries(batch.ids, batch.vectors, self._dim)
        if not len(batch):
            return
        with self._changing:
            snapshot = self._snapshot.without(batch.ids)
            growing = snapshot.growing
            sizes, gone = [len(shard.ids) for shard in growing], [len(shard.tombstones) for shard in growing]
            first = merging.first_to_merge(sizes, gone, len(batch))
            ids, image_ids, vectors = [batch.ids], [batch.image_ids], [batch.vectors]
            for shard in growing[first:]:
                alive = shard.alive()
                ids.append(shard.ids[alive])
                image_ids.append(shard.image_ids[alive])
                vectors.append(self._vectors(snapshot, ids[-1]))
            merged = Shard.of(np.concatenate(ids), np.concatenate(image_ids), np.concatenate(vectors))
            self._snapshot = Snapshot((*snapshot.written, *growing[:first], merged))

    def delete(self, ids: Ids) -> None:
        """Remove entries; unknown ids are ignored."""
        with self._changing:
            self._snapshot = self._snapshot.without(ids)

    def refresh(self) -> bool:
        """Open what another process has written since, instead of what this one holds."""
        with self._changing:
            adopted = self._adopt()
        self._replicas.follow(self.shards)
        return adopted

    def flush(self) -> None:
        """Write what is in no written shard yet, merged with shards that are not much larger.

        Raises
        ------
        IndexLockedError
            Another process is writing.
        IndexFileError
            The disk is full or read-only; what was there stays.
        """
        with self._changing, self.files.writing():
            self._adopt()
            snapshot = self._snapshot
            if not self._published.has(snapshot):
                self._snapshot = Snapshot(self._published.write(snapshot, partial(self._vectors, snapshot)))

    def _nearest(self, snapshot: Snapshot, queries: Sequence[IndexQuery]) -> list[Scored]:
        exact, rough = [list[Scored]() for _ in queries], [list[Scored]() for _ in queries]
        for shard in snapshot.shards:
            lists, is_exact = self._replicas.candidates(shard, queries)
            for kept, found in zip(exact if is_exact else rough, lists, strict=True):
                kept.append(found)
        if rough and rough[0]:
            for kept, found in zip(exact, self._rescored(snapshot, queries, rough), strict=True):
                kept.append(found)
        best = [rank.best_of(each) for each in exact]
        return [
            (each.best_per_image() if query.group_by_image else each)[: query.k]
            for each, query in zip(best, queries, strict=True)
        ]

    def _deeper(self, snapshot: Snapshot, query: IndexQuery, k: int) -> Scored:
        return self._nearest(snapshot, [replace(query, k=k, group_by_image=False)])[0]

    def _rescored(
        self, snapshot: Snapshot, queries: Sequence[IndexQuery], rough: Sequence[Sequence[Scored]]
    ) -> list[Scored]:
        """Candidates of each search with exact scores, by the catalogue's vectors, which are read once for all."""
        wanted = list[Ids]()
        for query, lists in zip(queries, rough, strict=True):
            spare = max(shard.rerank_depth_for(query.k) for shard in snapshot.shards)
            wanted.append(rank.best_of(lists, None if query.group_by_image else query.k + spare).ids)
        batch, found = self._source.some(np.unique(np.concatenate(wanted))), list[Scored]()
        vectors = batch.vectors.reshape(-1, self._dim)
        for query, ids in zip(queries, wanted, strict=True):
            own = among(np.sort(ids), batch.ids)
            scores = (vectors[own] @ query.directions.T).max(axis=1, initial=-1)
            found.append(Scored(batch.ids[own], batch.image_ids[own], scores))
        return found

    def _vectors(self, snapshot: Snapshot, ids: Ids) -> Vectors:
        found = np.zeros((len(ids), self._dim), np.float32)
        for shard in snapshot.shards:
            here = shard.holds(ids)
            if isinstance(shard.index, FaissIndex):
                found[here] = shard.index.vectors(ids[here])
            elif here.any():
                found[here] = self._source.vectors(ids[here], self._dim)
        return found

    def _read(self, ids: Ids) -> Iterator[VectorBatch]:
        return blocks(ids, self.get)

    def _adopt(self) -> bool:
        before = self._snapshot
        shards = self._published.newer(before.written)
        if shards is None:
            return False
        if self._source.newer is not None:  # ids are given once, so that what was deleted here stays so
            gone = np.concatenate([NO_IDS, *(shard.ids[~shard.alive()] for shard in before.shards)])
            gone = gone[before.image_ids_of(gone) < 0]
            shards = tuple(shard.with_tombstones(gone) for shard in shards)
        left: list[Shard] = []
        for shard in before.growing:
            keep = shard.alive()
            for written in shards:
                keep &= ~written.holds(shard.ids)
            if keep.all():
                left.append(shard)
            elif keep.any():
                kept = shard.ids[keep]
                left.append(Shard.of(kept, shard.image_ids[keep], self._vectors(before, kept)))
        self._snapshot = Snapshot((*shards, *left))
        return True
