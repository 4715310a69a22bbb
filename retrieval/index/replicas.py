"""Copies of large shards on a GPU, where they are searched exactly; files remain the source, and the CPU the fallback.

Where a GPU fails or is too small, the shard itself is searched, and the reason is logged.

References
----------
Johnson, Douze and Jégou, "Billion-scale similarity search with GPUs", IEEE Transactions on Big Data 2021, section 4
(exact search) and 3.1 (selection of the k best, whose registers set the limit on k).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import faiss
import numpy as np

from ..catalog.records import VectorBatch
from ..types import Hits, Ids, Vectors
from .checks import check_queries
from .faiss_index import NO_IDS, filled_up
from .inverted import InvertedIndex
from .protocols import IndexQuery
from .ranking import Scored
from .shards import Shard

logger = logging.getLogger(__name__)

MOST = 2048
"""The most hits that a GPU returns."""


class BeyondReplicaError(Exception):
    """A replica cannot answer; its shard can."""


class Replica:
    """The vectors of a shard in the memory of a GPU, as float16.

    Parameters
    ----------
    index : faiss.Index
        Of as many vectors as there are ids.
    ids : ndarray of shape (N,), int64
        Rising, in the order of the index.
    """

    is_exact = True

    def __init__(self, index: Any, ids: Ids) -> None:
        self._index, self._ids = index, ids
        self._one_at_a_time = threading.Lock()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def search(self, queries: Vectors, *, k: int, without: Ids = NO_IDS) -> Hits:
        """The k nearest of each query, some ids left out; O(Q·N·D) on the GPU.

        Raises
        ------
        BeyondReplicaError
            There are too many to be found or to be left out, or the GPU failed.
        ValueError
            As `checks.check_queries`.
        """
        check_queries(queries, k, self.dim)
        if not len(self):
            return filled_up(Hits(np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0), np.float32)), k)
        wanted = min(k + len(without), len(self))
        if wanted > MOST:
            raise BeyondReplicaError(f"{wanted} are more than {MOST}")
        try:
            with self._one_at_a_time:
                scores, rows = self._index.search(np.ascontiguousarray(queries, np.float32), wanted)
        except RuntimeError as error:
            raise BeyondReplicaError(str(error).splitlines()[0]) from error
        ids = np.where(rows >= 0, self._ids[rows], -1)
        scores = np.where(np.isin(ids, without) | (rows < 0), -np.inf, scores).astype(np.float32)
        order = np.lexsort((ids, -scores), axis=1)[:, :k]
        ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
        return filled_up(Hits(np.where(np.isneginf(scores), -1, ids), scores), k)


class Replicas:
    """Replicas of the shards of an index that are not searched exactly, made in the background.

    Parameters
    ----------
    dim : int
    read : callable
        Vectors of rising ids, in batches.
    gpu : int or None
        Number of the GPU; none are made without.
    """

    def __init__(self, dim: int, read: Callable[[Ids], Iterable[VectorBatch]], gpu: int | None) -> None:
        self._dim, self._read, self._gpu = dim, read, gpu
        self._made: dict[str, Replica | None] = {}
        self._thread: threading.Thread | None = None

    def follow(self, shards: tuple[Shard, ...]) -> None:
        """Drop replicas of shards that are gone, and start a missing one; returns at once."""
        if self._gpu is None:
            return
        wanted = {shard.name: shard for shard in shards if isinstance(shard.index, InvertedIndex)}
        for name in self._made.keys() - wanted.keys():
            del self._made[name]
        missing = [shard for name, shard in wanted.items() if name not in self._made]
        if missing and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._replicate, args=(missing[0],), name="replicas", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait until the replica in progress is complete."""
        if self._thread is not None:
            self._thread.join()

    def candidates(self, shard: Shard, queries: Sequence[IndexQuery]) -> tuple[list[Scored], bool]:
        """What searches find in a shard, by its replica if there is one, and whether its scores are exact."""
        replica = self._made.get(shard.name)
        if replica is not None:
            try:
                return replace(shard, index=replica, rerank_depth=0).candidates(queries), True
            except BeyondReplicaError as reason:
                logger.info("shard %s is searched on the CPU: %s", shard.name, reason)
        return shard.candidates(queries), shard.index.is_exact

    def _replicate(self, shard: Shard) -> None:
        try:
            index, ids = flat_on_gpu(self._dim, self._gpu or 0), list[Ids]()
            for batch in self._read(np.asarray(shard.ids)):
                index.add(np.ascontiguousarray(batch.vectors, np.float32))
                ids.append(batch.ids)
            self._made[shard.name] = Replica(index, np.concatenate(ids))
        except (RuntimeError, MemoryError) as error:  # FAISS's, of a GPU that is too small, in use or broken
            self._made[shard.name] = None
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            logger.warning("shard %s is searched on the CPU, because no GPU can take it: %s", shard.name, reason)


def gpu_of(device: str) -> int | None:
    """The GPU that a setting of the device means; None for the CPU, with the reason logged."""
    if device == "cpu":
        return None
    number = int(device.partition(":")[2] or 0)
    count = faiss.get_num_gpus()
    if number < count:
        return number
    say = logger.info if device == "auto" else logger.warning
    say("the index is searched on the CPU: FAISS sees %d GPUs, and SEGSEARCH_DEVICE is %s", count, device)
    return None


def flat_on_gpu(dim: int, number: int) -> Any:
    """An empty exact index, by inner product of float16, in the memory of a GPU.

    Raises
    ------
    RuntimeError
        There is no such GPU, or it has no memory left.
    """
    config = faiss.GpuIndexFlatConfig()
    config.useFloat16, config.device = True, number
    return faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), dim, config)
