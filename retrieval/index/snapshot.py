"""Shards that are searched together, as they stand at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Ids
from .faiss_index import NO_IDS, among
from .protocols import IndexStats
from .shards import Shard


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """Some shards; never changed. An id is alive in one of them at most.

    Attributes
    ----------
    shards : tuple of Shard
        Those that were written, oldest first, then those in memory.
    """

    shards: tuple[Shard, ...] = ()

    @property
    def written(self) -> tuple[Shard, ...]:
        """Shards that have a file."""
        return tuple(shard for shard in self.shards if shard.name)

    @property
    def growing(self) -> tuple[Shard, ...]:
        """Shards in memory."""
        return tuple(shard for shard in self.shards if not shard.name)

    def stats(self) -> IndexStats:
        """How much is here; of the newest id it counts that it was here."""
        return IndexStats(sum(map(len, self.shards)), max((shard.newest for shard in self.shards), default=0))

    def image_ids_of(self, ids: Ids) -> Ids:
        """The image of each id; -1 for an id that is not here; O(M·log N)."""
        found = np.full(len(ids), -1, np.int64)
        for shard in self.shards:
            here = shard.holds(ids)
            found[here] = shard.image_ids_of(ids[here])
        return found

    def ids_of_images(self, image_ids: Ids) -> Ids:
        """Ids of all entries of some images, rising; O(N)."""
        found = [shard.ids[np.isin(shard.image_ids, image_ids) & shard.alive()] for shard in self.shards]
        return np.sort(np.concatenate(found)) if found else NO_IDS

    def image_counts(self) -> tuple[Ids, Ids]:
        """The images that have entries, rising, and how many each; O(N·log N)."""
        owned = [shard.image_ids[shard.alive()] for shard in self.shards]
        return np.unique(np.concatenate(owned) if owned else NO_IDS, return_counts=True)

    def sample(self, count: int) -> Ids:
        """Ids drawn at random without looking at the others; fewer where drawn ones were deleted."""
        ends = np.cumsum([0, *(len(shard.ids) for shard in self.shards)])
        rows = np.random.default_rng(0).choice(ends[-1], min(count, int(ends[-1])), replace=False)
        found = [NO_IDS]
        for shard, start, end in zip(self.shards, ends, ends[1:], strict=False):
            drawn = shard.ids[rows[(rows >= start) & (rows < end)] - start]
            found.append(drawn[~among(shard.tombstones, drawn)])
        return np.concatenate(found)

    def without(self, ids: Ids) -> Snapshot:
        """The same, some ids deleted; the very same where none of them is here."""
        if not any(shard.holds(ids).any() for shard in self.shards):
            return self
        return Snapshot(tuple(shard.with_tombstones(ids) for shard in self.shards))
