"""The written shards of an index: opened by every process, written by one at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from ..catalog.records import VectorBatch
from ..errors import IndexDamagedError, IndexFileError, IndexMismatchError, IndexMissingError
from ..types import Ids, Vectors
from . import merging
from .faiss_index import NO_IDS, FaissIndex
from .files import CURE, RECALL, IndexFiles, ShardEntry
from .inverted import Blocks, build
from .shards import Shard
from .snapshot import Snapshot
from .sources import Source

logger = logging.getLogger(__name__)

SAMPLE = 32
"""Vectors of a shard that are compared with the catalogue's when it is opened."""

AT_ONCE = 65_536
"""Vectors held as floats at once."""

Read = Callable[[Ids], Vectors]


class PublishedShards:
    """The written shards of an index, as this process has them open.

    Parameters
    ----------
    files : IndexFiles
        What was written; may be missing.
    source : Source
        What the shards were made from.
    fingerprint : str
        Of the space whose vectors these are.
    dim : int
    """

    def __init__(self, files: IndexFiles, source: Source, fingerprint: str, dim: int) -> None:
        self.files = files
        self._source, self._fingerprint, self._dim = source, fingerprint, dim
        self._entries: dict[str, ShardEntry] = {}
        self._tombstones: dict[str, int] = {}
        self._recall = RECALL
        self._seen: tuple[int, int] | None = None
        self._opened: tuple[int, int] | None = None

    def open(self) -> tuple[Shard, ...]:
        """What was written, held against the catalogue; nothing where it is missing or damaged, which is logged.

        Raises
        ------
        IndexMismatchError
            The files belong to another recipe or another catalogue.
        """
        try:
            shards = self._load()
        except IndexMissingError:
            return ()
        except IndexDamagedError as error:
            logger.error("%s; until then searches use vectors read from the catalogue", error)
            return ()
        for shard in shards:
            self._check_sample(shard)
        return shards

    def newer(self, known: tuple[Shard, ...]) -> tuple[Shard, ...] | None:
        """What was written since it was last looked at; None if nothing was, or if it cannot be used, which is logged.

        Parameters
        ----------
        known : tuple of Shard
            Shards that are open already and need not be opened again.
        """
        if self.files.stamp() in (self._seen, None):
            return None
        try:
            return self._load(known)
        except IndexFileError as error:  # what is open goes on serving
            logger.error("the written index cannot be used: %s", error)
            return None

    def has(self, snapshot: Snapshot) -> bool:
        """Whether the files hold all that a snapshot does, and are the ones that were opened."""
        known = {shard.name: len(shard.tombstones) for shard in snapshot.shards}
        return self._opened is not None and self._opened == self.files.stamp() and known == self._tombstones

    def write(self, snapshot: Snapshot, read: Read) -> tuple[Shard, ...]:
        """Write what is in no written shard yet, merged with shards that are not much larger; inside ``files.writing``.

        Parameters
        ----------
        snapshot : Snapshot
        read : callable
            Vectors of ids of the snapshot.

        Returns
        -------
        tuple of Shard
            All that is written now.

        Raises
        ------
        IndexFileError
            The disk is full or read-only; what was there stays.
        """
        written, growing = snapshot.written, snapshot.growing
        first = merging.first_to_merge(
            [len(shard.ids) for shard in written], [len(shard.tombstones) for shard in written], sum(map(len, growing))
        )
        if self.files.stamp() != self._opened:  # what is open here is not what is there, which cannot be used
            first = 0
        kept = written[:first]
        entries = [(self._entries[shard.name], shard.tombstones) for shard in kept]
        merged = self._merged((*written[first:], *growing), read)
        self._commit([*entries, *merged])
        return self._load(kept)

    def rebuild(self, recall: float) -> int:
        """Write all that the catalogue has as one shard, whatever there was; inside ``files.writing``.

        Vectors are read a block at a time: 16 bytes an entry are held, and what lists are fitted to.

        Parameters
        ----------
        recall : float
            What shards are built to reach from now on.

        Returns
        -------
        int
            How many vectors were written.

        Raises
        ------
        IndexMismatchError
            The catalogue's vectors have another length than the recipe's.
        IndexFileError
            The disk is full or read-only; what was there stays.
        """
        self._recall, (ids, image_ids) = recall, self._source.image_ids()
        self._commit(self._written(ids, image_ids, lambda some: self._source.vectors(some, self._dim)))
        return len(ids)

    def _load(self, known: tuple[Shard, ...] = ()) -> tuple[Shard, ...]:
        self._seen = self.files.stamp()
        manifest, shards = self.files.load(self._fingerprint, known)
        if manifest.dim != self._dim:
            raise IndexMismatchError(
                f"the index in {self.files.folder} has vectors of length {manifest.dim}, but the recipe's have "
                f"{self._dim}: {CURE}"
            )
        self._entries = {entry.name: entry for entry in manifest.parts}
        self._tombstones = {shard.name: len(shard.tombstones) for shard in shards}
        self._recall = manifest.recall
        self._opened = self._seen
        return shards

    def _check_sample(self, shard: Shard) -> None:
        """Compare some of the shard's vectors, with the newest, with the catalogue's."""
        ids = shard.ids[shard.alive()]
        if not len(ids):
            return
        stored = self._source.some(ids[np.linspace(0, len(ids) - 1, min(SAMPLE, len(ids))).astype(int)])
        if len(stored) and not shard.fits(stored):
            raise IndexMismatchError(
                f"the index in {self.files.folder} and the catalogue have different vectors, so it belongs to another "
                f"catalogue or another state of this one: {CURE}"
            )

    def _commit(self, entries: list[tuple[ShardEntry, Ids]]) -> None:
        self.files.commit(entries, fingerprint=self._fingerprint, dim=self._dim, recall=self._recall)

    def _merged(self, shards: tuple[Shard, ...], read: Read) -> list[tuple[ShardEntry, Ids]]:
        """Write some shards as one, without what was deleted."""
        ids = np.concatenate([NO_IDS, *(shard.ids[shard.alive()] for shard in shards)])
        image_ids = np.concatenate([NO_IDS, *(shard.image_ids[shard.alive()] for shard in shards)])
        order = np.argsort(ids, kind="stable")
        ids, image_ids = ids[order], image_ids[order]
        if not all(shard.index.is_exact for shard in shards):  # the catalogue has their vectors, and may have lost some
            there = np.isin(ids, self._source.image_ids()[0], assume_unique=True)
            ids, image_ids = ids[there], image_ids[there]
        return self._written(ids, image_ids, read)

    def _written(self, ids: Ids, image_ids: Ids, read: Read) -> list[tuple[ShardEntry, Ids]]:
        """Write a shard of some ids, which rise; none for no ids."""
        if not len(ids):
            return []
        if len(ids) > merging.EXACT_UP_TO:
            built = build(Blocks(ids, partial(blocks, read=read)), self._recall)
            if built is not None:
                return [(self.files.write_shard(built[0], ids, image_ids, built[1]), NO_IDS)]
        exact = FaissIndex(self._dim)
        for batch in blocks(ids, read):
            exact.add(batch.ids, batch.vectors)
        return [(self.files.write_shard(exact, ids, image_ids, None), NO_IDS)]


def blocks(ids: Ids, read: Read) -> Iterator[VectorBatch]:
    """Vectors of ids, `AT_ONCE` at a time; whose they are is left open."""
    for start in range(0, len(ids), AT_ONCE):
        chunk = ids[start : start + AT_ONCE]
        yield VectorBatch(chunk, np.zeros_like(chunk), read(chunk))
