"""Vectors in a Milvus server, which all processes share: it finds candidates, and the catalogue's vectors score them.

References
----------
Wang et al., "Milvus: A Purpose-Built Vector Data Management System", SIGMOD 2021; Malkov and Yashunin, "Efficient and
robust approximate nearest neighbor search using Hierarchical Navigable Small World graphs", IEEE TPAMI 2020.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from ..catalog.records import VectorBatch
from ..errors import ConfigurationError, IndexMismatchError, IndexUnavailableError
from ..processes.extras import required
from ..processes.program import PROGRAM
from ..types import Ids, Vectors
from . import filtering
from . import ranking as rank
from .checks import check_entries, check_queries
from .faiss_index import NO_IDS
from .protocols import IdFilter, IndexStats
from .published import blocks
from .ranking import Scored
from .sources import Source

MOST = 16_384
"""As many entries as Milvus answers at once."""

AT_ONCE = 5_000
"""Entries that are sent, and ids that are asked for, at once: some megabytes."""

SPARE = 16
"""Entries that are looked at for each image wanted, where the server's own grouping gives too few."""

EFFORT = 200
"""At least so many entries of the graph are kept in sight by a search."""

SECONDS = 10.0
"""How long the server may take to answer."""

WRITE_SECONDS = 120.0

_USAGE = (
    "SEGSEARCH_INDEX=milvus needs SEGSEARCH_INDEX_URL=http://HOST:19530, or http://USER:PASSWORD@HOST:19530/DATABASE"
)


class MilvusIndex:
    """A `protocols.SegmentIndex` in a collection of Milvus, with a graph (HNSW).

    Parameters
    ----------
    url : str
        ``http://HOST:PORT``, with ``USER:PASSWORD@`` and ``/DATABASE`` if they are needed.
    name, space : str
        Which collection: what its entries are, and the fingerprint of what made their vectors.
    dim : int
    source : Source
        Gives the vectors that candidates are scored by.

    Raises
    ------
    ConfigurationError
        The URL is none of Milvus, or the client is not installed.
    IndexUnavailableError
        The server cannot be reached.
    IndexMismatchError
        The collection holds vectors of another length.
    """

    is_shared = True

    def __init__(self, url: str, name: str, space: str, dim: int, source: Source) -> None:
        self._dim, self._source = dim, source
        self._collection = f"segsearch_{name}_{hashlib.sha256(space.encode()).hexdigest()[:16]}"
        self._has_written = self._is_dirty = False
        place, arguments = _place(url)
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what fails is raised, and told once
        with _reaching(place):
            self._client: Any = required("pymilvus").MilvusClient(**arguments, timeout=SECONDS)
            self._prepare()
        self._reaching = partial(_reaching, place)
        self._stats = IndexStats(0, 0)
        self.refresh()

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

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
        check_queries(directions, k, self._dim)
        if not len(directions):
            return Scored(NO_IDS, NO_IDS, np.zeros(0, np.float32))
        if filter is None:
            return self._nearest(directions, exclude_images, k, grouped=group_by_image)
        if filter.listed is None:
            deeper = partial(self._nearest, directions, exclude_images, grouped=False)
            return filtering.sieved(deeper, filter, k, group_by_image=group_by_image)
        image_ids = self.image_ids_of(filter.listed)
        here = image_ids >= 0
        found = self._compared(directions, filter.listed[here], image_ids[here]).without(exclude_images)
        return (found.best_per_image() if group_by_image else found)[:k]

    def get(self, ids: Ids) -> Vectors:
        """Vectors of ids, in their order, (M, D); zeros for an id that is not here."""
        found = np.zeros((len(ids), self._dim), np.float32)
        rows = self._rows("id", np.unique(ids), "vector")
        if rows:
            held = np.array([row["id"] for row in rows], np.int64)
            vectors = np.array([row["vector"] for row in rows], np.float32)
            order = np.argsort(held)
            here = np.isin(ids, held)
            found[here] = vectors[order][np.searchsorted(held[order], ids[here])]
        return found

    def image_ids_of(self, ids: Ids) -> Ids:
        """The image of each id, (M,); -1 for an id that is not here."""
        known = {row["id"]: row["image_id"] for row in self._rows("id", np.unique(ids), "image_id")}
        return np.array([known.get(each, -1) for each in ids.tolist()], np.int64)

    def ids_of_images(self, image_ids: Ids) -> Ids:
        """Ids of all entries of some images, rising."""
        found = [NO_IDS]
        for start in range(0, len(image_ids), AT_ONCE):
            listed = image_ids[start : start + AT_ONCE].tolist()
            found.append(self._all(f"image_id in {listed}")[0])
        return np.unique(np.concatenate(found))

    def image_counts(self) -> tuple[Ids, Ids]:
        """The images that have entries, rising, and how many each; O(N)."""
        return np.unique(self._all("id >= 0")[1], return_counts=True)

    def sample(self, count: int) -> Ids:
        """Ids drawn at random; O(N)."""
        ids = np.sort(self._all("id >= 0")[0])
        return np.random.default_rng(0).permutation(ids)[:count]

    def stats(self) -> IndexStats:
        """How much it held at the last change of this process, or the last `refresh`."""
        return self._stats

    def upsert(self, batch: VectorBatch) -> None:
        """Add entries, in the place of those that have their ids; this process finds them at once, others soon.

        Raises
        ------
        ValueError
            As `checks.check_entries`; nothing was taken.
        """
        check_entries(batch.ids, batch.vectors, self._dim)
        if not len(batch):
            return
        vectors = batch.vectors.astype(np.float16).astype(np.float32)
        self._has_written = self._is_dirty = True
        with self._reaching():
            for start in range(0, len(batch), AT_ONCE):
                rows = [
                    {"id": id, "image_id": image_id, "vector": vector}
                    for id, image_id, vector in zip(
                        batch.ids[start : start + AT_ONCE].tolist(),
                        batch.image_ids[start : start + AT_ONCE].tolist(),
                        vectors[start : start + AT_ONCE],
                        strict=True,
                    )
                ]
                self._client.upsert(self._collection, rows, timeout=WRITE_SECONDS)
            newest = max(self._stats.newest_id, int(batch.ids.max()))
            self._stats = replace(self._stats, count=self._count(), newest_id=newest)

    def delete(self, ids: Ids) -> None:
        """Remove entries; unknown ids are ignored. Searches of this process no longer find them."""
        if not len(ids):
            return
        self._has_written = self._is_dirty = True
        with self._reaching():
            for start in range(0, len(ids), AT_ONCE):
                listed = ids[start : start + AT_ONCE].tolist()
                self._client.delete(self._collection, filter=f"id in {listed}", timeout=WRITE_SECONDS)
            self._stats = replace(self._stats, count=self._count())

    def refresh(self) -> bool:
        """Count what there is; returns whether that changed."""
        with self._reaching():
            now = replace(self._stats, count=self._count(), pending=self._pending())
        if has_changed := now.count != self._stats.count:
            newer = self._all(f"id > {now.newest_id}")[0]
            now = replace(now, newest_id=int(newer.max(initial=now.newest_id)))
        self._stats = now
        return has_changed

    def flush(self) -> None:
        """Have the server write what it was given."""
        if self._is_dirty:
            with self._reaching():
                self._client.flush(self._collection, timeout=WRITE_SECONDS)
            self._is_dirty = False

    def _nearest(self, directions: Vectors, hidden: Collection[int], k: int, *, grouped: bool) -> Scored:
        """By candidates of the graph if they are enough, else by comparing all."""
        condition = f"image_id not in {sorted(map(int, hidden))}" if hidden else ""
        lists = self._candidates(directions, k, condition, group_by_field="image_id") if grouped else []
        for depth in self._depths(len(directions), k, grouped=grouped):
            if _fewest(lists, grouped=grouped) < k:  # servers before 2.4 do not group, and say nothing
                lists = self._candidates(directions, depth, condition)
        if _fewest(lists, grouped=grouped) < k:
            ids, image_ids = self._all("id >= 0")
            shown = ~np.isin(image_ids, list(hidden))
            found = self._compared(directions, ids[shown], image_ids[shown])
        else:
            images = {row["id"]: row["entity"]["image_id"] for each in lists for row in each}
            found = self._compared(directions, *map(np.array, (list(images), list(images.values()))))
        return (found.best_per_image() if grouped else found)[:k]

    def _depths(self, directions: int, k: int, *, grouped: bool) -> Iterator[int]:
        """How many candidates to ask for, until they are enough: never more than there are entries to compare."""
        yield SPARE * k if grouped else k
        if grouped and directions * MOST < self._stats.count:
            yield MOST

    def _candidates(self, directions: Vectors, depth: int, condition: str, **options: Any) -> Sequence[Any]:
        """What the server finds for each direction; nothing if it cannot find so many at once."""
        if depth > MOST:
            return []
        effort = max(EFFORT, min(depth * (11 if options else 5), 2 * MOST))  # it groups ten times as many as are wanted
        with self._reaching():
            found: Sequence[Any] = self._client.search(
                self._collection,
                data=list(directions),
                limit=depth,
                filter=condition,
                output_fields=["image_id"],
                search_params={"metric_type": "IP", "params": {"ef": effort}},
                consistency_level=self._level,
                timeout=SECONDS,
                **options,
            )
        return found

    def _compared(self, directions: Vectors, ids: Ids, image_ids: Ids) -> Scored:
        """Entries by the catalogue's vectors; those that it does not have any more are left out."""
        order, found = np.argsort(ids), list[Scored]()
        ids, image_ids = ids[order], image_ids[order]
        for batch in blocks(ids, partial(self._source.vectors, dim=self._dim)):
            rows = np.searchsorted(ids, batch.ids)
            there = batch.vectors.any(axis=1)
            scores = (batch.vectors[there] @ directions.T).max(axis=1, initial=-np.inf)
            found.append(Scored(batch.ids[there], image_ids[rows][there], scores))
        return rank.best_of(found)

    def _rows(self, key: str, values: Ids, field: str) -> list[dict[str, Any]]:
        """The given field of entries, and their ids."""
        found: list[dict[str, Any]] = []
        with self._reaching():
            for start in range(0, len(values), AT_ONCE):
                found += self._client.query(
                    self._collection,
                    filter=f"{key} in {values[start : start + AT_ONCE].tolist()}",
                    output_fields=["id", field],
                    consistency_level=self._level,
                    timeout=WRITE_SECONDS,
                )
        return found

    def _all(self, condition: str) -> tuple[Ids, Ids]:
        """Ids that meet a condition, rising, and the image of each."""
        found: list[dict[str, Any]] = []
        with self._reaching():
            pages = self._client.query_iterator(
                self._collection,
                batch_size=AT_ONCE,
                filter=condition,
                output_fields=["id", "image_id"],
                consistency_level="Strong",
                timeout=WRITE_SECONDS,
            )
            while page := pages.next():
                found += page
            pages.close()
        ids, image_ids = (np.array([row[name] for row in found], np.int64) for name in ("id", "image_id"))
        order = np.argsort(ids)
        return ids[order], image_ids[order]

    def _count(self) -> int:
        (row,) = self._client.query(
            self._collection, output_fields=["count(*)"], consistency_level="Strong", timeout=SECONDS
        )
        return int(row["count(*)"])

    def _pending(self) -> int:
        """Entries that the server has not put into its graph yet, which takes it minutes after many were written.

        Until then it looks for them in coarse lists: of the 800 nearest of 34,494 it found .85, afterwards .98.
        """
        told = self._client.describe_index(self._collection, "vector", timeout=SECONDS)
        return int(told.get("pending_index_rows", 0))

    @property
    def _level(self) -> str:
        """Who writes finds what it wrote; others may be some seconds behind, and wait for nothing."""
        return "Session" if self._has_written else "Bounded"

    def _prepare(self) -> None:
        types = required("pymilvus").DataType
        if not self._client.has_collection(self._collection, timeout=SECONDS):
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", types.INT64, is_primary=True)
            schema.add_field("image_id", types.INT64)
            schema.add_field("vector", types.FLOAT_VECTOR, dim=self._dim)
            index = self._client.prepare_index_params()
            index.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 30, "efConstruction": 360})
            self._client.create_collection(
                self._collection, schema=schema, index_params=index, consistency_level="Bounded", timeout=WRITE_SECONDS
            )
        fields = self._client.describe_collection(self._collection, timeout=SECONDS)["fields"]
        dim = next((int(each["params"]["dim"]) for each in fields if each["name"] == "vector"), 0)
        if dim != self._dim:
            raise IndexMismatchError(
                f"the collection {self._collection} holds vectors of length {dim}, and the recipe's have {self._dim}: "
                f"drop the collection, and run `{PROGRAM} rebuild-index`"
            )
        self._client.load_collection(self._collection, timeout=WRITE_SECONDS)


def _fewest(lists: Sequence[Any], *, grouped: bool) -> int:
    """How many entries, or images, the direction with fewest has found."""
    return min((len({row["entity"]["image_id"] for row in each} if grouped else each) for each in lists), default=0)


def _place(url: str) -> tuple[str, dict[str, str]]:
    """Host and port, for messages, and arguments of the client."""
    try:
        parts = urlsplit(url)
        port = parts.port or 19530
    except ValueError as error:
        raise ConfigurationError(_USAGE) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(_USAGE)
    place = f"{parts.hostname}:{port}"
    arguments = {"uri": f"{parts.scheme}://{place}", "db_name": parts.path.strip("/")}
    if parts.username:
        arguments |= {"user": unquote(parts.username), "password": unquote(parts.password or "")}
    return place, arguments


@contextmanager
def _reaching(place: str) -> Iterator[None]:
    """Tell what is wrong with the server."""
    client = required("pymilvus")
    try:
        yield
    except client.MilvusException as error:
        reason = " ".join(str(error.message or error).split())[:300]
        raise IndexUnavailableError(
            f"the index in Milvus at {place} cannot answer ({reason}): check SEGSEARCH_INDEX_URL and that its server "
            "runs; once it does, searches answer again"
        ) from error
