"""Vectors in a PostgreSQL server with pgvector, which all processes share."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from ..catalog.records import VectorBatch
from ..catalog.vector_server import open_vector_table
from ..catalog.vector_table import VectorHits, VectorTable
from ..errors import CatalogError, IndexUnavailableError
from ..types import Ids, Vectors
from . import filtering
from .checks import check_entries, check_queries
from .protocols import IdFilter, IndexStats
from .ranking import Scored

EXACT_UP_TO = 10_000
"""So many vectors are compared one by one; of more there is a graph (HNSW)."""

DEEPEST = 4_000
"""Entries that a direction finds by the graph; for more, all vectors are compared."""

SPARE = 4
"""Entries that a search for images begins with, for each image wanted."""


class PgvectorIndex:
    """A `protocols.SegmentIndex` in a table of PostgreSQL.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of the database.
    name, space : str
        Which table: what its entries are, and the fingerprint of what made their vectors.
    dim : int

    Raises
    ------
    ConfigurationError
        The URL names another kind of database, or pgvector is missing or too old.
    IndexUnavailableError
        The server cannot be reached.
    IndexMismatchError
        The table holds vectors of another length.
    """

    is_shared = True

    def __init__(self, url: str, name: str, space: str, dim: int) -> None:
        with _reaching():
            self._table: VectorTable = open_vector_table(url, name, space, dim)
            self._state = self._table.prepare()
        self._sampling = threading.Lock()
        self._sample: tuple[int, int, Ids] = (-1, -1, np.zeros(0, np.int64))

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._table.dim

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

        Entries that a filter lists are compared one by one; another filter sieves a search that goes deeper until
        enough pass.
        """
        check_queries(directions, k, self.dim)
        if not len(directions):
            return Scored(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
        with _reaching():
            if filter is None:
                return self._nearest(directions, exclude_images, k, grouped=group_by_image)
            if filter.listed is None:
                deeper = partial(self._nearest, directions, exclude_images, grouped=False)
                return filtering.sieved(deeper, filter, k, group_by_image=group_by_image)
            compare = partial(self._table.compare, directions, hidden=exclude_images, listed=filter.listed)
            return _of(compare(k, grouped=group_by_image))

    def get(self, ids: Ids) -> Vectors:
        """Vectors of ids, in their order, (M, D); zeros for an id that is not here."""
        found = np.zeros((len(ids), self.dim), np.float32)
        with _reaching():
            held, vectors = self._table.vectors(ids)
        here = np.isin(ids, held)
        found[here] = vectors[np.searchsorted(held, ids[here])]
        return found

    def image_ids_of(self, ids: Ids) -> Ids:
        """The image of each id, (M,); -1 for an id that is not here."""
        found = np.full(len(ids), -1, np.int64)
        with _reaching():
            held, image_ids = self._table.image_ids(ids)
        here = np.isin(ids, held)
        found[here] = image_ids[np.searchsorted(held, ids[here])]
        return found

    def ids_of_images(self, image_ids: Ids) -> Ids:
        """Ids of all entries of some images, rising."""
        with _reaching():
            return self._table.ids_of_images(image_ids)

    def image_counts(self) -> tuple[Ids, Ids]:
        """The images that have entries, rising, and how many each; O(N)."""
        with _reaching():
            return self._table.image_counts()

    def sample(self, count: int) -> Ids:
        """Up to `count` ids drawn at random; O(N), once for each state."""
        with self._sampling:
            changes, drawn, ids = self._sample
            if changes != self._state.changes or drawn < count:
                changes = self._state.changes
                with _reaching():
                    ids = self._table.sample(count)
                self._sample = (changes, count, ids)
            return ids[:count]

    def stats(self) -> IndexStats:
        """How much it held at the last change of this process, or the last `refresh`."""
        return IndexStats(self._state.count, self._state.newest_id)

    def upsert(self, batch: VectorBatch) -> None:
        """Add entries, in the place of those that have their ids; all processes find them at once.

        Raises
        ------
        ValueError
            As `checks.check_entries`; nothing was taken.
        """
        check_entries(batch.ids, batch.vectors, self.dim)
        if len(batch):
            with _reaching():
                self._state = self._table.upsert(batch.ids, batch.image_ids, batch.vectors)

    def delete(self, ids: Ids) -> None:
        """Remove entries; unknown ids are ignored. No process finds them any more."""
        if len(ids):
            with _reaching():
                self._state = self._table.delete(ids)

    def refresh(self) -> bool:
        """Read how much there is; returns whether anything changed."""
        with _reaching():
            before, self._state = self._state, self._table.state()
        return before != self._state

    def flush(self) -> None:
        """Build a graph where there is none and the vectors have become many; all else is durable already."""
        if not self._state.is_indexed and self._state.count > EXACT_UP_TO:
            with _reaching():
                self._state = self._table.build()

    def _nearest(self, directions: Vectors, hidden: Collection[int], k: int, *, grouped: bool) -> Scored:
        state, depth = self._state, k * SPARE if grouped else k
        while state.is_indexed and depth <= DEEPEST:
            found = self._table.near(directions, k, depth=depth, hidden=hidden, grouped=grouped)
            is_full = len(found.ids) == k
            if is_full and (not grouped or found.images >= k or found.scores[-1] >= found.complete_from):
                return _of(found)
            if not grouped or found.rows < depth:  # the graph has no more, but the table may
                break
            depth *= SPARE
        return _of(self._table.compare(directions, k, hidden=hidden, grouped=grouped))


def _of(found: VectorHits) -> Scored:
    return Scored(found.ids, found.image_ids, found.scores)


@contextmanager
def _reaching() -> Iterator[None]:
    """Tell what is wrong with the server of the index as such: it need not be the catalogue's."""
    try:
        yield
    except CatalogError as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise IndexUnavailableError(
            f"the index in PostgreSQL cannot answer ({reason}): check that its server runs; once it "
            "does, searches answer again"
        ) from error
