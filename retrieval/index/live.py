"""The index a process searches, kept in step with the catalogue.

It is made of immutable parts: the published file, mapped into memory, and what the catalogue has beyond it. A search
takes the tuple of parts as it stands and needs no lock; `refresh` makes new parts and swaps the tuple. What was
deleted is remembered and left out, until a part is rewritten.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from ..catalog import Catalog
from ..catalog.records import Contents, VectorBatch
from ..errors import IndexMismatchError, IndexMissingError
from ..types import Hits, Ids, Vectors
from .faiss_index import FaissIndex
from .files import CURE, IndexFiles

logger = logging.getLogger(__name__)

NO_IDS: Ids = np.zeros(0, np.int64)

MERGE_SHARE = 0.25
"""The growing part is merged into the rest when it exceeds this share of it: each vector is copied few times."""

SAMPLE = 32
"""Vectors of a file that are held against the catalogue's when it is opened."""

ALIKE = 0.99
"""Inner product from which on two vectors are taken for one; the same photo analysed twice may differ by rounding."""


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """What an index is derived from: which ids it has to hold, and their vectors.

    Attributes
    ----------
    owners : callable
        All ids, rising, and the photo of each.
    newer : callable
        Vectors of ids greater than one given, in batches; None where new entries need not have greater ids.
    some : callable
        Vectors of ids given.
    total : callable
        How many of the catalogue's contents this index has to hold.
    """

    owners: Callable[[], tuple[Ids, Ids]]
    newer: Callable[[int], Iterable[VectorBatch]] | None
    some: Callable[[Ids], VectorBatch]
    total: Callable[[Contents], int]


def segments_of(catalog: Catalog, fingerprint: str) -> Source:
    """The segments of a recipe: their ids only grow."""
    return Source(
        lambda: catalog.segment_owners(fingerprint),
        lambda after: catalog.segment_vectors(fingerprint, after=after),
        lambda ids: catalog.vectors(ids.tolist()),
        lambda contents: contents.segments,
    )


def photos_of(catalog: Catalog, fingerprint: str) -> Source:
    """The whole photos of a recipe."""
    return Source(
        lambda: catalog.photo_owners(fingerprint),
        None,
        lambda ids: catalog.photo_vectors(ids.tolist()),
        lambda contents: contents.photos,
    )


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    """What a search reads, swapped as one: parts, their ids with owners (rising), and which ids are gone."""

    parts: tuple[FaissIndex, ...] = ()
    ids: Ids = field(default_factory=NO_IDS.copy)
    owners: Ids = field(default_factory=NO_IDS.copy)
    dead: Ids = field(default_factory=NO_IDS.copy)
    contents: Contents | None = None

    @property
    def count(self) -> int:
        return len(self.ids) - len(self.dead)


class LiveIndex:
    """An index that follows the catalogue.

    Parameters
    ----------
    files : IndexFiles
        What was published; may be missing.
    source : Source
    catalog : Catalog
    fingerprint : str
        Of the recipe.
    dim : int

    Raises
    ------
    IndexMismatchError
        The files belong to another recipe or another catalogue, or are damaged.
    """

    def __init__(self, files: IndexFiles, source: Source, catalog: Catalog, fingerprint: str, dim: int) -> None:
        self.dim = dim
        self.files = files
        self._source, self._catalog, self._fingerprint = source, catalog, fingerprint
        self._refreshing = threading.Lock()
        self._published: Contents | None = None
        self._state = self._opened()

    def __len__(self) -> int:
        return self._state.count

    @property
    def lag(self) -> int:
        """How many entries of the catalogue were not searchable yet when it was last looked at."""
        state = self._state
        return max(0, self._source.total(state.contents) - state.count) if state.contents else 0

    def ids(self) -> Ids:
        """Ids that a search can return, rising."""
        state = self._state
        return np.setdiff1d(state.ids, state.dead, assume_unique=True)

    def owners_of(self, ids: Ids) -> Ids:
        """The photo of each id; -1 for an id that is not here."""
        state = self._state
        if not len(state.ids):
            return np.full(len(ids), -1, np.int64)
        at = np.minimum(np.searchsorted(state.ids, ids), len(state.ids) - 1)
        return np.where(state.ids[at] == ids, state.owners[at], -1)

    def owned_by(self, owners: Ids) -> Ids:
        """Ids of everything that belongs to some photos, rising; O(N)."""
        state = self._state
        return np.setdiff1d(state.ids[np.isin(state.owners, owners)], state.dead, assume_unique=True)

    def vectors(self, ids: Ids) -> Vectors:
        """Vectors of ids that a search can return, in their order, (M, D); zeros for one that is not here."""
        found = np.zeros((len(ids), self.dim), np.float32)
        for part in self._state.parts:
            here = part.holds(ids)
            found[here] = part.vectors(ids[here])
        return found

    def search(self, queries: Vectors, *, k: int) -> Hits:
        """The k nearest of each query among all parts."""
        state = self._state
        if len(state.parts) == 1 and not len(state.dead):
            return state.parts[0].search(queries, k=k)
        found = [part.search(queries, k=k + len(state.dead)) for part in state.parts]
        if not found:
            return Hits(np.full((len(queries), k), -1, np.int64), np.full((len(queries), k), -np.inf, np.float32))
        ids = np.concatenate([hits.ids for hits in found], axis=1)
        scores = np.concatenate([hits.scores for hits in found], axis=1)
        if len(state.dead):
            gone = np.isin(ids, state.dead)
            ids[gone], scores[gone] = -1, -np.inf
        if len(found) > 1 or len(state.dead):
            order = np.lexsort((ids, -scores), axis=1)
            ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
        return Hits(ids[:, :k], scores[:, :k])

    def refresh(self) -> bool:
        """Take in what the catalogue has got and lost since; returns whether anything changed."""
        with self._refreshing:
            contents = self._catalog.contents(self._fingerprint)
            if contents == self._state.contents:
                return False
            self._take_new()
            if self._source.newer is None or self._state.count != self._source.total(contents):
                self._compare_all()
            self._state = replace(self._state, contents=contents)
            return True

    def publish(self) -> None:
        """Write everything as one file; call it inside ``files.writing()``."""
        with self._refreshing:
            if self._published is not None and self._published == self._state.contents:
                return
            whole = FaissIndex(self.dim)
            for part in self._state.parts:
                self._copy_from(part, whole)
            self.files.save(whole, self._fingerprint)
            state = self._state
            alive = ~np.isin(state.ids, state.dead)
            parts = (whole,) if len(whole) else ()
            self._state = replace(state, parts=parts, ids=state.ids[alive], owners=state.owners[alive], dead=NO_IDS)
            self._published = self._state.contents

    def _opened(self) -> _State:
        try:
            _, part = self.files.load(self._fingerprint)
        except IndexMissingError:
            return _State()
        if part is None:
            return _State()
        held, (ids, owners) = part.ids(), self._source.owners()
        known = np.isin(held, ids)
        self._check_sample(part, held[known])
        owned = np.full(len(held), -1, np.int64)
        owned[known] = owners[np.searchsorted(ids, held[known])]
        return _State((part,), held, owned, held[~known])

    def _check_sample(self, part: FaissIndex, ids: Ids) -> None:
        """Hold some of the file's vectors, the newest among them, against the catalogue's."""
        if not len(ids):
            return
        stored = self._source.some(ids[np.linspace(0, len(ids) - 1, min(SAMPLE, len(ids))).astype(int)])
        if len(stored) and (part.vectors(stored.ids) * stored.vectors).sum(axis=1).min() < ALIKE:
            raise IndexMismatchError(
                f"the index in {self.files.folder} has other vectors than the catalogue, so it belongs to another "
                f"catalogue or to another state of this one: {CURE}"
            )

    def _take_new(self) -> None:
        """Add what has greater ids than all there are."""
        if self._source.newer is None:
            return
        batches = list(self._source.newer(int(self._state.ids[-1]) if len(self._state.ids) else 0))
        if batches:
            columns = ([getattr(batch, name) for batch in batches] for name in ("ids", "owners", "vectors"))
            self._grow(VectorBatch(*(np.concatenate(column) for column in columns)))

    def _compare_all(self) -> None:
        """Hold every id against the catalogue: mark what is gone, add what is missing."""
        (wanted, _), held = self._source.owners(), self.ids()
        gone = np.setdiff1d(held, wanted, assume_unique=True)
        if len(gone):
            self._state = replace(self._state, dead=np.union1d(self._state.dead, gone))
        missing = np.setdiff1d(wanted, held, assume_unique=True)
        if len(missing) and len(batch := self._source.some(missing)):
            self._grow(batch)

    def _grow(self, batch: VectorBatch) -> None:
        """Add vectors by making the growing part anew, and merging it when it has become large."""
        if batch.vectors.shape[1] != self.dim:
            raise IndexMismatchError(
                f"the catalogue's vectors have length {batch.vectors.shape[1]}, the recipe's {self.dim}: "
                "run `python manage.py resegment`"
            )
        state = self._state
        parts, dead = state.parts, state.dead
        tail_size = sum(len(part) for part in parts[1:]) + len(batch)
        rewrite = not parts or tail_size > MERGE_SHARE * len(parts[0]) or bool(np.isin(batch.ids, dead).any())
        tail = FaissIndex(self.dim)
        for part in parts if rewrite else parts[1:]:
            self._copy_from(part, tail)
        tail.add(batch.ids, batch.vectors)
        kept = () if rewrite else parts[:1]
        left = np.intersect1d(dead, kept[0].ids()) if kept and len(dead) else NO_IDS
        stays = ~np.isin(state.ids, np.setdiff1d(dead, left))
        ids = np.concatenate([state.ids[stays], batch.ids])
        owners = np.concatenate([state.owners[stays], batch.owners])
        order = np.argsort(ids, kind="stable")
        self._state = _State((*kept, tail), ids[order], owners[order], left, state.contents)

    def _copy_from(self, part: FaissIndex, target: FaissIndex) -> None:
        ids, vectors = part.contents()
        alive = ~np.isin(ids, self._state.dead)
        target.add(ids[alive], vectors[alive])
