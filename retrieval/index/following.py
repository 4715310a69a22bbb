"""Keeps an index up to date with the catalogue."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from ..catalog import Catalog
from ..catalog.records import Contents, VectorBatch
from .protocols import SegmentIndex
from .published import AT_ONCE
from .shards import ALIKE
from .sources import Source, check_length

CHECKED = 200
"""Vectors that are compared one by one."""


class CatalogFollower:
    """Upserts what is new in the catalogue into an index, and deletes what is gone.

    An index that processes share is changed by the worker alone: elsewhere only the lag is looked at.

    Parameters
    ----------
    index : SegmentIndex
    source : Source
        What the index has to hold.
    catalog : Catalog
    fingerprint : str
        Of the space whose vectors these are.
    is_worker : bool
        Whether this process is the one that enters photos.
    """

    def __init__(
        self, index: SegmentIndex, source: Source, catalog: Catalog, fingerprint: str, *, is_worker: bool = False
    ) -> None:
        self.index = index
        self._source, self._catalog, self._fingerprint = source, catalog, fingerprint
        self._changes_index = is_worker or not index.is_shared
        self._refreshing = threading.Lock()
        self._contents: Contents | None = None
        self._stamp: int | None = None

    @property
    def lag(self) -> int:
        """How many entries of the catalogue were not searchable yet at the last look."""
        return max(0, self._source.total(self._contents) - self.index.stats().count) if self._contents else 0

    def refresh(self) -> bool:
        """Apply changes of the catalogue, and open what was flushed; returns whether anything changed.

        One row of the catalogue is read where nothing did.

        Raises
        ------
        IndexMismatchError
            The catalogue's vectors have another length than the index takes.
        """
        with self._refreshing:
            adopted = self.index.refresh()
            stamp = self._catalog.vectors.stamp()
            if stamp == self._stamp and not adopted:
                return False
            contents = self._catalog.vectors.contents(self._fingerprint)
            if contents == self._contents and not adopted:
                self._stamp = stamp
                return False
            if self._changes_index:
                self._follow(contents)
            self._contents, self._stamp = contents, stamp
            return True

    def rebuild(self) -> int:
        """Rebuild and flush the index from the catalogue; returns how many entries it has.

        Raises
        ------
        IndexMismatchError
            The catalogue's vectors have another length than the index takes.
        IndexLockedError, IndexFileError
            It cannot be written.
        """
        with self._refreshing:
            self.index.delete(self.index.ids_of_images(self.index.image_counts()[0]))
            self._compare()
            self.index.flush()
            self._contents = self._stamp = None
            return self.index.stats().count

    def faults(self) -> Iterator[str]:
        """Differences between index and catalogue; reads all ids, and a sample of vectors."""
        wanted, image_ids = self._source.image_ids()
        owners, count = self.index.image_ids_of(wanted), self.index.stats().count
        missing = int((owners < 0).sum())
        if missing:
            yield f"{missing} are not in the index yet"
        if count > len(wanted) - missing:
            yield f"{count - len(wanted) + missing} were deleted and are still in the index"
        if ((owners != image_ids) & (owners >= 0)).any():
            yield "the index has other image_ids than the catalogue"
        ids = np.sort(np.random.default_rng(0).permutation(wanted[owners >= 0])[:CHECKED])
        stored = self._source.some(ids)
        if len(stored) and ((self.index.get(stored.ids) * stored.vectors).sum(axis=1) < ALIKE).any():
            yield "the index has other vectors than the catalogue"

    def _follow(self, contents: Contents) -> None:
        self._take_new()
        before, total = self._contents, self._source.total(contents)
        came_back = before is None or before.trash != contents.trash  # then ids are not greater than all there are
        if came_back or self._source.newer is None or self.index.stats().count != total:
            self._compare()

    def _take_new(self) -> None:
        """Add what has greater ids than all there are."""
        if self._source.newer is None:
            return
        waiting: list[VectorBatch] = []
        for batch in self._source.newer(self.index.stats().newest_id):
            waiting.append(batch)
            if sum(map(len, waiting)) >= AT_ONCE:
                self._upsert(waiting)
                waiting = []
        if waiting:
            self._upsert(waiting)

    def _compare(self) -> None:
        """Compare every photo with the catalogue; delete and add the segments of those that differ."""
        photos, counts = self._source.counts()
        held, held_counts = self.index.image_counts()
        here = np.zeros(len(photos), np.int64)
        common = np.isin(photos, held)
        here[common] = held_counts[np.searchsorted(held, photos[common])]
        differing = np.union1d(photos[here != counts], np.setdiff1d(held, photos))
        if not len(differing):
            return
        wanted = self._source.of_photos(np.intersect1d(differing, photos))
        have = self.index.ids_of_images(differing)
        self.index.delete(np.setdiff1d(have, wanted, assume_unique=True))
        missing = np.setdiff1d(wanted, have, assume_unique=True)
        for start in range(0, len(missing), AT_ONCE):
            if len(batch := self._source.some(missing[start : start + AT_ONCE])):
                self._upsert([batch])

    def _upsert(self, batches: list[VectorBatch]) -> None:
        ids, image_ids, vectors = (
            np.concatenate([getattr(each, name) for each in batches]) for name in ("ids", "image_ids", "vectors")
        )
        check_length(vectors, self.index.dim)
        self.index.upsert(VectorBatch(ids, image_ids, vectors))
