"""The index a process searches, kept in step with the catalogue.

It is made of immutable parts: those that were written, mapped into memory, and what the catalogue has beyond them, in
memory. A search takes the tuple of parts as it stands and needs no lock; `refresh` makes new parts and swaps the tuple.
What was deleted is remembered with its part and left out, until the part is written anew.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..catalog import Catalog
from ..catalog.records import Contents, VectorBatch
from ..errors import IndexDamagedError, IndexFileError, IndexMismatchError, IndexMissingError
from ..processes.program import PROGRAM
from ..types import Ids, Vectors
from . import merging
from . import ranking as rank
from .faiss_index import NO_IDS, FaissIndex, among
from .files import CURE, RECALL, IndexFiles, ShardEntry
from .inverted import Blocks, build
from .ranking import Scored
from .replicas import Replicas
from .shards import Shard
from .sources import Source

logger = logging.getLogger(__name__)

SAMPLE = 32
"""Vectors of a part that are held against the catalogue's when it is opened."""

AT_ONCE = 65_536
"""Vectors that are held as floats at once."""


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    """What a search reads, swapped as one."""

    parts: tuple[Shard, ...] = ()
    contents: Contents | None = None
    stamp: int | None = None

    @property
    def count(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def written(self) -> tuple[Shard, ...]:
        return tuple(part for part in self.parts if part.name)

    @property
    def growing(self) -> tuple[Shard, ...]:
        return tuple(part for part in self.parts if not part.name)


class LiveIndex:
    """An index that follows the catalogue.

    Parameters
    ----------
    files : IndexFiles
        What was written; may be missing.
    source : Source
    catalog : Catalog
    fingerprint : str
        Of the recipe.
    dim : int
    anew : bool
        Not to open what was written, but to make everything from the catalogue.
    gpu : int or None
        Number of the GPU that holds replicas of large parts, if any.

    Raises
    ------
    IndexMismatchError
        The files belong to another recipe or another catalogue. Damaged ones count as missing.
    """

    def __init__(
        self,
        files: IndexFiles,
        source: Source,
        catalog: Catalog,
        fingerprint: str,
        dim: int,
        *,
        anew: bool = False,
        gpu: int | None = None,
    ) -> None:
        self.dim = dim
        self.files = files
        self._source, self._catalog, self._fingerprint = source, catalog, fingerprint
        self._replicas = Replicas(dim, self._read, gpu)
        self._refreshing = threading.Lock()
        self._entries: dict[str, ShardEntry] = {}
        self._written_gone: dict[str, int] = {}
        self._recall = RECALL
        self._stamp: tuple[int, int] | None = None
        self._opened_stamp: tuple[int, int] | None = None
        self._state = _State()
        if anew:
            self._stamp = files.stamp()
        else:
            self._state = _State(self._opened())
            self._compare(grow=False)

    def __len__(self) -> int:
        return self._state.count

    @property
    def lag(self) -> int:
        """How many entries of the catalogue were not searchable yet when it was last looked at."""
        state = self._state
        return max(0, self._source.total(state.contents) - state.count) if state.contents else 0

    def ids(self) -> Ids:
        """Ids that a search can return, rising; O(N)."""
        found = [part.ids[part.alive()] for part in self._state.parts]
        return np.sort(np.concatenate(found)) if found else NO_IDS

    def sample(self, count: int) -> Ids:
        """Ids drawn by lot from what a search can return, in any order, without looking at the others.

        Always the same ones of the same parts; fewer where there are no more, or where drawn ones were deleted.
        """
        parts = self._state.parts
        ends = np.cumsum([0, *(len(part.ids) for part in parts)])
        rows = np.random.default_rng(0).choice(ends[-1], min(count, int(ends[-1])), replace=False)
        found = [NO_IDS]
        for part, start, end in zip(parts, ends, ends[1:], strict=False):
            drawn = part.ids[rows[(rows >= start) & (rows < end)] - start]
            found.append(drawn[~among(part.tombstones, drawn)])
        return np.concatenate(found)

    def image_ids_of(self, ids: Ids) -> Ids:
        """The photo of each id; -1 for an id that is not here."""
        found = np.full(len(ids), -1, np.int64)
        for part in self._state.parts:
            here = part.holds(ids)
            found[here] = part.image_ids_of(ids[here])
        return found

    def of_images(self, image_ids: Ids) -> Ids:
        """Ids of everything that belongs to some photos, rising; O(N)."""
        found = [part.ids[np.isin(part.image_ids, image_ids) & part.alive()] for part in self._state.parts]
        return np.sort(np.concatenate(found)) if found else NO_IDS

    def vectors(self, ids: Ids) -> Vectors:
        """Vectors of ids that a search can return, in their order, (M, D); zeros for one that is not here.

        What is in a part of short codes comes from the catalogue.
        """
        found = np.zeros((len(ids), self.dim), np.float32)
        for part in self._state.parts:
            here = part.holds(ids)
            if isinstance(part.index, FaissIndex):
                found[here] = part.index.vectors(ids[here])
            elif here.any():
                found[here] = self._stored(ids[here])
        return found

    def nearest(
        self, queries: Vectors, *, k: int, hidden: Collection[int] = (), best_per_image: bool = False
    ) -> Scored:
        """The k ids whose vectors have the greatest inner product with any of the queries, best first.

        Fewer come back only where there are no more. Scores are exact: of parts of short codes the best candidates are
        scored by the catalogue's vectors.

        Parameters
        ----------
        queries : ndarray of shape (Q, D), float32
        k : int
        hidden : collection of int
            Photos whose ids are left out.
        best_per_image : bool
            Take only the best id of each photo.
        """
        exact, rough = list[Scored](), list[Scored]()
        parts = self._state.parts
        search = partial(Shard.candidates, queries=queries, k=k, hidden=hidden, best_per_image=best_per_image)
        for part in parts:
            found, is_exact = self._replicas.candidates(part, search)
            (exact if is_exact else rough).append(found)
        if rough:
            candidates = rank.best_of(
                rough, None if best_per_image else k + max(part.rerank_depth_for(k) for part in parts)
            )
            batch = self._source.some(candidates.ids)
            if len(batch):
                exact.append(Scored(batch.ids, batch.image_ids, (batch.vectors @ queries.T).max(axis=1, initial=-1)))
        best = rank.best_of(exact)
        return (best.best_per_image() if best_per_image else best)[:k]

    def refresh(self) -> bool:
        """Take in what the catalogue has got and lost since, and what was written; returns whether anything changed."""
        with self._refreshing:
            adopted = self._adopt()
            self._replicas.follow(self._state.parts)
            stamp = self._catalog.vectors.stamp()
            if stamp == self._state.stamp and not adopted:
                return False
            contents = self._catalog.vectors.contents(self._fingerprint)
            if contents == self._state.contents and not adopted:
                self._state = replace(self._state, stamp=stamp)
                return False
            self._take_new()
            if self._source.newer is None or self._state.count != self._source.total(contents):
                self._compare()
            self._state = replace(self._state, contents=contents, stamp=stamp)
            return True

    def publish(self) -> None:
        """Write what is in no written part yet, merged with parts that are not much larger; inside ``files.writing()``.

        Raises
        ------
        IndexFileError
            The disk is full or read-only; what was there stays.
        """
        with self._refreshing:
            self._adopt()
            state = self._state
            if self._is_written(state):
                return
            sizes = [len(part.ids) for part in state.written]
            first = merging.first_to_merge(
                sizes, [len(part.tombstones) for part in state.written], sum(len(part) for part in state.growing)
            )
            if self.files.stamp() != self._opened_stamp:  # what is open here is not what is there, which cannot be used
                first = 0
            kept, merged = state.written[:first], (*state.written[first:], *state.growing)
            entries = [(self._entries[part.name], part.tombstones) for part in kept]
            entry = self._merge(merged)
            if entry is not None:
                entries.append((entry, NO_IDS))
            self.files.commit(entries, fingerprint=self._fingerprint, dim=self.dim, recall=self._recall)
            self._state = replace(state, parts=self._load(kept))

    def rebuild(self, recall: float) -> None:
        """Write all that the catalogue has as one part, whatever there was; inside ``files.writing()``.

        Vectors are read a block at a time: 16 bytes an entry are held, and what lists are fitted to.

        Parameters
        ----------
        recall : float
            What parts are built to reach from now on.

        Raises
        ------
        IndexFileError
            The disk is full or read-only; what was there stays.
        """
        with self._refreshing:
            self._recall, (ids, image_ids) = recall, self._source.image_ids()
            entry = self._write(ids, image_ids, self._stored)
            entries = [(entry, NO_IDS)] if entry is not None else []
            self.files.commit(entries, fingerprint=self._fingerprint, dim=self.dim, recall=recall)
            self._state = _State(self._load())

    def _is_written(self, state: _State) -> bool:
        """Whether the files hold all that is known, and are the ones that were read."""
        known = {part.name: len(part.tombstones) for part in state.parts}
        stamp = self._opened_stamp
        return stamp is not None and stamp == self.files.stamp() and known == self._written_gone

    # ---- reading what was written

    def _opened(self) -> tuple[Shard, ...]:
        try:
            parts = self._load()
        except IndexMissingError:
            return ()
        except IndexDamagedError as error:
            logger.error("%s; until then searches use vectors read from the catalogue", error)
            return ()
        for part in parts:
            self._check_sample(part)
        return parts

    def _load(self, known: tuple[Shard, ...] = ()) -> tuple[Shard, ...]:
        self._stamp = self.files.stamp()
        manifest, parts = self.files.load(self._fingerprint, known)
        if manifest.dim != self.dim:
            raise IndexMismatchError(
                f"the index in {self.files.folder} has vectors of length {manifest.dim}, but the recipe's have "
                f"{self.dim}: {CURE}"
            )
        self._entries = {entry.name: entry for entry in manifest.parts}
        self._written_gone = {part.name: len(part.tombstones) for part in parts}
        self._recall = manifest.recall
        self._opened_stamp = self._stamp
        return parts

    def _adopt(self) -> bool:
        """Open what another process has written since, in the place of what this one holds of it."""
        if self.files.stamp() in (self._stamp, None):
            return False
        before = self._state
        try:
            parts = self._load(before.written)
        except IndexFileError as error:  # what is open goes on serving
            logger.error("the written index cannot be used: %s", error)
            return False
        gone = [part.ids[~part.alive()] for part in before.parts]
        parts = tuple(
            part.with_tombstones(np.concatenate(gone)) if gone and self._source.newer else part for part in parts
        )
        left: list[Shard] = []
        for part in before.growing:
            keep = part.alive()
            for written in parts:
                keep &= ~written.holds(part.ids)
            if keep.all():
                left.append(part)
            elif keep.any():
                left.append(Shard.of(part.ids[keep], part.image_ids[keep], self.vectors(part.ids[keep])))
        self._state = _State((*parts, *left), before.contents, before.stamp)
        return True

    def _check_sample(self, part: Shard) -> None:
        """Hold some of the part's vectors, the newest among them, against the catalogue's."""
        ids = part.ids[part.alive()]
        if not len(ids):
            return
        stored = self._source.some(ids[np.linspace(0, len(ids) - 1, min(SAMPLE, len(ids))).astype(int)])
        if len(stored) and not part.fits(stored):
            raise IndexMismatchError(
                f"the index in {self.files.folder} and the catalogue have different vectors, so it belongs to another "
                f"catalogue or another state of this one: {CURE}"
            )

    # ---- following the catalogue

    def _take_new(self) -> None:
        """Add what has greater ids than all there are."""
        if self._source.newer is None:
            return
        waiting: list[VectorBatch] = []
        for batch in self._source.newer(max((part.newest for part in self._state.parts), default=0)):
            waiting.append(batch)
            if sum(map(len, waiting)) >= AT_ONCE:
                self._grow(waiting)
                waiting = []
        if waiting:
            self._grow(waiting)

    def _compare(self, *, grow: bool = True) -> None:
        """Hold every photo against the catalogue: mark what is gone, and add what is missing if it may grow."""
        photos, counts = self._source.counts()
        parts = self._state.parts
        owned = [part.image_ids[part.alive()] for part in parts]
        held, held_counts = np.unique(np.concatenate(owned) if owned else NO_IDS, return_counts=True)
        here = np.zeros(len(photos), np.int64)
        common = np.isin(photos, held)
        here[common] = held_counts[np.searchsorted(held, photos[common])]
        differing = np.union1d(photos[here != counts], np.setdiff1d(held, photos))
        if not len(differing):
            return
        wanted, have = self._source.of_photos(np.intersect1d(differing, photos)), self.of_images(differing)
        gone = np.setdiff1d(have, wanted, assume_unique=True)
        if len(gone):
            self._state = replace(self._state, parts=tuple(part.with_tombstones(gone) for part in parts))
        missing = np.setdiff1d(wanted, have, assume_unique=True)
        if grow and len(missing) and len(batch := self._source.some(missing)):
            self._grow([batch])

    def _grow(self, batches: list[VectorBatch]) -> None:
        """Add vectors as a part in memory, together with those in memory that are not much larger."""
        ids, image_ids, vectors = (
            np.concatenate([getattr(each, name) for each in batches]) for name in ("ids", "image_ids", "vectors")
        )
        self._check_length(vectors)
        growing = self._state.growing
        sizes, gone = [len(part.ids) for part in growing], [len(part.tombstones) for part in growing]
        first = merging.first_to_merge(sizes, gone, len(ids))
        for part in growing[first:]:
            alive = part.ids[part.alive()]
            ids, image_ids = np.concatenate([alive, ids]), np.concatenate([part.image_ids[part.alive()], image_ids])
            vectors = np.concatenate([self.vectors(alive), vectors])
        parts = (*self._state.written, *growing[:first], Shard.of(ids, image_ids, vectors))
        self._state = replace(self._state, parts=parts)

    # ---- writing

    def _merge(self, parts: tuple[Shard, ...]) -> ShardEntry | None:
        """Write some parts as one, without what was deleted."""
        ids = np.concatenate([NO_IDS, *(part.ids[part.alive()] for part in parts)])
        image_ids = np.concatenate([NO_IDS, *(part.image_ids[part.alive()] for part in parts)])
        order = np.argsort(ids, kind="stable")
        ids, image_ids = ids[order], image_ids[order]
        if not all(part.index.is_exact for part in parts):  # the catalogue, which may have lost some, has their vectors
            there = np.isin(ids, self._source.image_ids()[0], assume_unique=True)
            ids, image_ids = ids[there], image_ids[there]
        return self._write(ids, image_ids, self.vectors)

    def _write(self, ids: Ids, image_ids: Ids, vectors: Callable[[Ids], Vectors]) -> ShardEntry | None:
        """Write a part of some ids, which rise; None if there are none."""
        if not len(ids):
            return None
        if len(ids) > merging.EXACT_UP_TO:
            built = build(Blocks(ids, partial(_blocks, vectors=vectors)), self._recall)
            if built is not None:
                return self.files.write_part(built[0], ids, image_ids, built[1])
        exact = FaissIndex(self.dim)
        for batch in _blocks(ids, vectors):
            exact.add(batch.ids, batch.vectors)
        return self.files.write_part(exact, ids, image_ids, None)

    def _read(self, ids: Ids) -> Iterator[VectorBatch]:
        return _blocks(ids, self.vectors)

    def _stored(self, ids: Ids) -> Vectors:
        """The catalogue's vectors of ids, in their order, (M, D); zeros for one that is not there any more."""
        found = np.zeros((len(ids), self.dim), np.float32)
        batch = self._source.some(np.unique(ids))
        if len(batch):
            self._check_length(batch.vectors)
            here = np.isin(ids, batch.ids)
            found[here] = batch.vectors[np.searchsorted(batch.ids, ids[here])]
        return found

    def _check_length(self, vectors: Vectors) -> None:
        if vectors.shape[1] != self.dim:
            raise IndexMismatchError(
                f"the catalogue's vectors have length {vectors.shape[1]}, but the recipe's have {self.dim}: "
                f"run `{PROGRAM} resegment`"
            )


def _blocks(ids: Ids, vectors: Callable[[Ids], Vectors]) -> Iterator[VectorBatch]:
    """Vectors of ids, `AT_ONCE` at a time."""
    for start in range(0, len(ids), AT_ONCE):
        chunk = ids[start : start + AT_ONCE]
        yield VectorBatch(chunk, np.zeros_like(chunk), vectors(chunk))
