"""Interfaces of the index. Implementations need not inherit from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..catalog.records import VectorBatch
from ..types import Hits, Ids, Vectors
from .faiss_index import NO_IDS
from .ranking import Scored


@dataclass(frozen=True, slots=True)
class IndexStats:
    """How much an index holds.

    Attributes
    ----------
    count : int
        Entries that a search can return.
    newest_id : int
        At least the greatest id among them, 0 for none; ids up to it need not be read again to find new ones.
    pending : int
        Entries among them that are not in the index's graph or lists yet, so that searches miss more of them.
    """

    count: int
    newest_id: int
    pending: int = 0


class IdFilter(Protocol):
    """Which entries a search may return, known by their ids."""

    @property
    def listed(self) -> Ids | None:
        """All that pass, rising, where they are few enough to be scored one by one; None otherwise."""
        ...

    def passing(self, ids: Ids) -> Ids:
        """Those of some ids that pass, rising."""
        ...


class SegmentIndex(Protocol):
    """Vectors by id, each of one image, searched by inner product: what searches ask, and what keeps it up to date.

    A vector database can stand behind it: an entry is an id, the id of its image, and a vector. `LocalIndex` is the
    one of this project. Searches run in any number of threads, also while another thread changes the index; each sees
    one state of it.

    Attributes
    ----------
    is_shared : bool
        Whether all processes search the same entries, as in a database server; only the worker changes those. Where it
        is False each process holds entries of its own and keeps them up to date itself.
    """

    is_shared: bool

    @property
    def dim(self) -> int:
        """Length D of a vector."""
        ...

    def search(
        self,
        directions: Vectors,
        k: int,
        *,
        exclude_images: Collection[int] = (),
        filter: IdFilter | None = None,
        group_by_image: bool = False,
    ) -> Scored:
        """The k entries with the greatest inner product with any of the directions, best first; equals by id.

        Fewer come back only where there are no more.

        Parameters
        ----------
        directions : ndarray of shape (Q, D), float32
        k : int
        exclude_images : collection of int
            Images whose entries are left out.
        filter : IdFilter, optional
            Which entries may come back.
        group_by_image : bool
            Take only the best entry of each image.

        Returns
        -------
        Scored
            Scores are exact inner products, of vectors rounded to float16.

        Raises
        ------
        ValueError
            Directions have another length or are not finite, or k is less than 1.
        """
        ...

    def get(self, ids: Ids) -> Vectors:
        """Vectors of ids, in their order, (M, D), float32; zeros for an id that is not here."""
        ...

    def image_ids_of(self, ids: Ids) -> Ids:
        """The image of each id, (M,); -1 for an id that is not here."""
        ...

    def ids_of_images(self, image_ids: Ids) -> Ids:
        """Ids of all entries of some images, rising."""
        ...

    def image_counts(self) -> tuple[Ids, Ids]:
        """The images that have entries, rising, and how many each."""
        ...

    def sample(self, count: int) -> Ids:
        """Up to `count` ids drawn at random, in any order; the same ones each time while nothing changes."""
        ...

    def stats(self) -> IndexStats:
        """How much it holds; cheap."""
        ...

    def upsert(self, batch: VectorBatch) -> None:
        """Add entries, in the place of those that have their ids; searches of this process find them at once.

        Raises
        ------
        ValueError
            Vectors have another length or are not finite, or an id is negative or there twice; nothing was taken.
        """
        ...

    def delete(self, ids: Ids) -> None:
        """Remove entries; unknown ids are ignored. Searches of this process no longer find them."""
        ...

    def refresh(self) -> bool:
        """Take in what other processes flushed; returns whether anything changed."""
        ...

    def flush(self) -> None:
        """Make what was upserted and deleted durable, so that a process that opens the index anew finds it.

        Raises
        ------
        IndexLockedError
            Another process is writing.
        IndexFileError
            It cannot be written; what was there stays.
        """
        ...


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class IndexQuery:
    """One of several searches: the arguments of `SegmentIndex.search`, without a filter."""

    directions: Vectors
    k: int
    exclude_images: Collection[int] = ()
    group_by_image: bool = False


@runtime_checkable
class BatchIndex(Protocol):
    """What an index has, beside `SegmentIndex`, if it answers several searches sooner together than one by one."""

    def search_batch(self, queries: Sequence[IndexQuery]) -> list[Scored]:
        """The answer of `SegmentIndex.search` to each, over one state; scores may differ by rounding.

        Raises
        ------
        ValueError
            As `SegmentIndex.search`, of any of them.
        """
        ...


class ShardIndex(Protocol):
    """The index inside one shard.

    Attributes
    ----------
    is_exact : bool
        Whether hits are the nearest and have exact scores; otherwise they are candidates, to be scored again.
    """

    is_exact: bool

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int: ...

    def search(self, queries: Vectors, *, k: int, without: Ids = NO_IDS) -> Hits:
        """The k vectors with the greatest inner product with each query.

        Parameters
        ----------
        queries : ndarray of shape (Q, D), float32
        k : int
            More than there are is fine: -1 and -inf fill up.
        without : ndarray of shape (M,), int64
            Ids that are left out, rising; unknown ones are passed over.

        Raises
        ------
        ValueError
            Queries have another length or are not finite, or k is less than 1.
        """
        ...
