"""Ways to keep vectors that `benchmarks.peers` compares, behind one interface.

numpy is all that is certain to be there: each store's packages are those of its own environment, hence the imports in
methods. Ids are rows counted from 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

TOP = 50

BATCH = 20_000
"""Vectors that are added at once, where a store takes them as an array."""

ROWS = 5_000
"""And where it takes rows."""

Effort = Mapping[str, int]
"""Settings of a search that trade time for recall."""


class Query(NamedTuple):
    """A segment to search by: its id, and its vector of shape (D,), float32."""

    key: int
    vector: NDArray[np.float32]


class Answer(NamedTuple):
    """Nearest first: ids, and the photo of each."""

    ids: Sequence[int]
    photos: Sequence[int]


Ask = Callable[[Query, Effort], Answer]


class Store(ABC):
    """Vectors with ids and photos, in a folder.

    Attributes
    ----------
    folder : Path
    modules, filling_modules : tuple of str
        Loaded before anything is timed but the start of a process, the latter only where it is filled.
    packages : tuple of str
        Whose versions are told.
    efforts : tuple of dict
        Settings to choose from.
    """

    modules: ClassVar[tuple[str, ...]] = ()
    filling_modules: ClassVar[tuple[str, ...]] = ()
    packages: ClassVar[tuple[str, ...]] = ()
    efforts: Sequence[Effort] = ({},)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def add(self, vectors: NDArray[np.float32], photos: NDArray[np.int64]) -> Iterator[int]:
        """Keep them; yields how many there are by now."""

    def build(self) -> None:  # noqa: B027  # most have nothing to do
        """Make ready to be searched, if adding does not."""

    @abstractmethod
    def open(self) -> None:
        """Make ready to be asked, in a new process."""

    @abstractmethod
    def search(self, query: Query, effort: Effort) -> Answer:
        """The `TOP` nearest by inner product."""

    def ways(self) -> dict[str, Ask]:
        """How it can be asked; usually in one way."""
        return {"": self.search}

    def photo_ways(self) -> dict[str, Ask]:
        """How it can be asked for the `TOP` photos whose nearest segments are nearest; the query's own may be one more.

        Of each photo one segment is answered. Stores that have no such search have no way.
        """
        return {}

    def nearest(self, query: Query, effort: Effort, way: str) -> Sequence[int]:
        """What counts for the recall: the ids of an answer, unless answers are more than nearest neighbours."""
        return self.ways()[way](query, effort).ids


class SegSearch(Store):
    """What this is all about: by a vector, as the others are asked, and by its engine with all that a page shows."""

    modules = ("retrieval.assembly", "retrieval.query.request")
    filling_modules = ("indexer.bench.synthetic", "indexer.publish")
    packages = ("faiss-gpu-cuvs", "numpy", "sqlalchemy")

    def add(self, vectors: NDArray[np.float32], photos: NDArray[np.int64]) -> Iterator[int]:
        """As a worker enters photos."""
        from indexer.bench.synthetic import AT_ONCE, enter
        from retrieval.types import Analysis, Segments

        assembly = self._assembly()
        each = int(np.searchsorted(photos, 2))
        atoms = np.arange(each, dtype=np.int32)[None]
        segments = Segments(atoms, np.eye(each, dtype=bool), np.linspace(1, 0, each, dtype=np.float32))
        whole = np.ones(assembly.recipe_spec.photo_dim, np.float32) / assembly.recipe_spec.photo_dim**0.5
        for start in range(0, len(vectors), each * AT_ONCE):
            block = np.array(vectors[start : start + each * AT_ONCE])
            parts = np.split(block, range(each, len(block), each))
            enter(assembly, start // each, [Analysis(segments[: len(part)], part, whole) for part in parts])
            yield start + len(block)

    def build(self) -> None:
        """Write the index."""
        from indexer.publish import rebuild

        rebuild(self._assembly())

    def open(self) -> None:
        """As a web server does."""
        self._engine = self._assembly().engine()

    def search(self, query: Query, effort: Effort) -> Answer:  # noqa: ARG002
        """The index with exact scores, and whose segments they are."""
        found = self._engine.segments.search(query.vector[None], TOP)
        return Answer(found.ids.tolist(), found.image_ids.tolist())

    def ways(self) -> dict[str, Ask]:
        """The engine hides the query's own photo, and of overlapping segments of a photo all but the best."""
        return {
            "by vector": self.search,
            "engine, segments": partial(self._ask_engine, "segment"),
            "engine, photos": partial(self._ask_engine, "image"),
        }

    def photo_ways(self) -> dict[str, Ask]:
        """By the index; the engine also looks at how well segments fit a thing, and so ranks otherwise."""
        return {"photos": self._search_photos}

    def _search_photos(self, query: Query, effort: Effort) -> Answer:  # noqa: ARG002
        found = self._engine.segments.search(query.vector[None], TOP + 1, group_by_image=True)
        return Answer(found.ids.tolist(), found.image_ids.tolist())

    def nearest(self, query: Query, effort: Effort, way: str) -> Sequence[int]:  # noqa: ARG002
        """Of its index, whichever way it is asked."""
        return self.search(query, effort).ids

    def _ask_engine(self, group_by: Any, query: Query, effort: Effort) -> Answer:  # noqa: ARG002
        from retrieval.query.request import Ref, SearchRequest

        request = SearchRequest(positive=(Ref(segment=query.key),), limit=TOP, group_by=group_by)
        found = self._engine.search(request).results
        return Answer([match.segment_id or 0 for match in found], [match.image_id for match in found])

    def _assembly(self) -> Any:
        from retrieval.assembly import Assembly
        from retrieval.settings import Settings

        return Assembly(Settings.in_data_dir(self.folder, device="cpu"))


class RawFaiss(Store):
    """Floats in memory, compared one by one; photos in an array beside them."""

    modules = ("faiss",)
    packages = ("faiss-gpu-cuvs", "numpy")

    def add(self, vectors: NDArray[np.float32], photos: NDArray[np.int64]) -> Iterator[int]:
        """Into an ``IndexFlatIP``."""
        import faiss

        index = faiss.IndexFlatIP(vectors.shape[1])
        for start in range(0, len(vectors), BATCH):
            index.add(np.array(vectors[start : start + BATCH]))
            yield index.ntotal
        faiss.write_index(index, str(self.folder / "vectors.faiss"))
        np.save(self.folder / "photos.npy", photos)

    def open(self) -> None:
        """Read all of it."""
        import faiss

        self._index = faiss.read_index(str(self.folder / "vectors.faiss"))
        self._photos = np.load(self.folder / "photos.npy")

    def search(self, query: Query, effort: Effort) -> Answer:  # noqa: ARG002
        """By one thread, as all are."""
        rows = self._index.search(query.vector[None], TOP)[1][0]
        return Answer((rows + 1).tolist(), self._photos[rows].tolist())

    def photo_ways(self) -> dict[str, Ask]:
        """By as many segments as there have to be."""
        return {"photos": self._search_photos}

    def _search_photos(self, query: Query, effort: Effort) -> Answer:  # noqa: ARG002
        count = 8 * TOP
        while True:
            rows = self._index.search(query.vector[None], min(count, self._index.ntotal))[1][0]
            _, firsts = np.unique(self._photos[rows], return_index=True)
            if len(firsts) > TOP or len(rows) == self._index.ntotal:
                best = rows[np.sort(firsts)][: TOP + 1]
                return Answer((best + 1).tolist(), self._photos[best].tolist())
            count *= 2


class ScikitLearn(Store):
    """`NearestNeighbors` by brute force, as FiftyOne's own backend has it: cosine, or Euclidean of unit vectors."""

    modules = ("sklearn.neighbors",)
    packages = ("scikit-learn", "numpy")

    def add(self, vectors: NDArray[np.float32], photos: NDArray[np.int64]) -> Iterator[int]:
        """Arrays in files; there is no more to it."""
        np.save(self.folder / "vectors.npy", vectors)
        np.save(self.folder / "photos.npy", photos)
        yield len(vectors)

    def open(self) -> None:
        """Read all of it."""
        from sklearn.neighbors import NearestNeighbors

        vectors = np.load(self.folder / "vectors.npy")
        self._photos = np.load(self.folder / "photos.npy")
        self._fitted = {
            metric: NearestNeighbors(n_neighbors=TOP, algorithm="brute", metric=metric).fit(vectors)
            for metric in ("cosine", "euclidean")
        }

    def search(self, query: Query, effort: Effort) -> Answer:
        """By cosine."""
        return self._ask("cosine", query, effort)

    def ways(self) -> dict[str, Ask]:
        """By metric."""
        return {metric: partial(self._ask, metric) for metric in self._fitted}

    def _ask(self, metric: str, query: Query, effort: Effort) -> Answer:  # noqa: ARG002
        rows = self._fitted[metric].kneighbors(query.vector[None], return_distance=False)[0]
        return Answer((rows + 1).tolist(), self._photos[rows].tolist())


class LanceDB(Store):
    """A table with an index of a kind, its parameters as they are by default, or with none."""

    modules = ("lancedb", "pyarrow")
    packages = ("lancedb", "pyarrow")

    def __init__(self, folder: Path, kind: str | None, efforts: Sequence[Effort] = ({},)) -> None:
        super().__init__(folder)
        self.kind, self.efforts = kind, efforts

    def add(self, vectors: NDArray[np.float32], photos: NDArray[np.int64]) -> Iterator[int]:
        """In batches that are commits each."""
        import lancedb
        import pyarrow as pa

        dim = vectors.shape[1]
        fields = {"id": pa.int64(), "photo": pa.int64(), "vector": pa.list_(pa.float32(), dim)}
        self._table = lancedb.connect(self.folder).create_table("segments", schema=pa.schema(fields))
        for start in range(0, len(vectors), BATCH):
            block = np.array(vectors[start : start + BATCH])
            columns = {
                "id": np.arange(start + 1, start + 1 + len(block)),
                "photo": photos[start : start + BATCH],
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(block.reshape(-1)), dim),
            }
            self._table.add(pa.table(columns, schema=self._table.schema))
            yield start + len(block)

    def build(self) -> None:
        """Compact, index, and drop what that left behind."""
        self._table.optimize()
        if self.kind is not None:
            self._table.create_index(metric="dot", index_type=self.kind)
        self._table.optimize(cleanup_older_than=timedelta(0))

    def open(self) -> None:
        """Open the table."""
        import lancedb

        self._table = lancedb.connect(self.folder).open_table("segments")

    def search(self, query: Query, effort: Effort) -> Answer:
        """With exact scores of so many times the number wanted, where there is an index."""
        asked = self._table.search(query.vector, vector_column_name="vector").distance_type("dot").limit(TOP)
        for name, value in effort.items():
            asked = getattr(asked, name)(value)
        found = asked.select(["id", "photo", "_distance"]).to_arrow()
        return Answer(found["id"].to_pylist(), found["photo"].to_pylist())


class MilvusLite(Store):
    """A collection in a file, asked by the client of Milvus."""

    modules = ("pymilvus", "milvus_lite.server_manager", "faiss")
    packages = ("milvus-lite", "pymilvus", "faiss-cpu")
    efforts = tuple({"ef": ef} for ef in (50, 100, 200, 400, 800))

    def add(self, vectors: NDArray[np.float32], photos: NDArray[np.int64]) -> Iterator[int]:
        """Row by row, in batches that fit into a message."""
        from pymilvus import DataType

        client = self._client()
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("photo", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        index = client.prepare_index_params()
        index.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 200})
        client.create_collection("segments", schema=schema, index_params=index)
        for start in range(0, len(vectors), ROWS):
            rows = range(start, min(start + ROWS, len(vectors)))
            client.insert(
                "segments", [{"id": row + 1, "photo": int(photos[row]), "vector": vectors[row]} for row in rows]
            )
            yield rows.stop

    def build(self) -> None:
        """Write what is in memory, and wait for what is done behind."""
        from milvus_lite.server_manager import server_manager_instance

        client = self._client()
        client.flush("segments")
        client.close()
        server_manager_instance.release_all()

    def open(self) -> None:
        """Open the file and load the collection."""
        self._opened = self._client()
        self._opened.load_collection("segments")

    def search(self, query: Query, effort: Effort) -> Answer:
        """By the graph of each of its segments."""
        found = self._opened.search(
            "segments", data=[query.vector], limit=TOP, search_params={"params": dict(effort)}, output_fields=["photo"]
        )[0]
        return Answer([hit["id"] for hit in found], [hit["entity"]["photo"] for hit in found])

    def photo_ways(self) -> dict[str, Ask]:
        """By its grouping search."""
        return {"photos": self._search_photos}

    def _search_photos(self, query: Query, effort: Effort) -> Answer:
        found = self._opened.search(
            "segments",
            data=[query.vector],
            limit=TOP + 1,
            search_params={"params": {"ef": 11 * effort["ef"]}},  # it groups ten times as many as are wanted
            group_by_field="photo",
            output_fields=["photo"],
        )[0]
        return Answer([hit["id"] for hit in found], [hit["entity"]["photo"] for hit in found])

    def _client(self) -> Any:
        from pymilvus import MilvusClient

        return MilvusClient(str(self.folder / "milvus.db"))


def _efforts(**values: Sequence[int]) -> tuple[Effort, ...]:
    """Every combination."""
    return tuple(dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))


LISTS = _efforts(nprobes=(1, 2, 5, 10, 20, 40, 80), refine_factor=(1, 2, 5, 10, 30))
GRAPHS = tuple(
    effort
    for effort in _efforts(ef=(100, 150, 300, 600), refine_factor=(1, 2, 5))
    if effort["ef"] >= TOP * effort["refine_factor"]
)
STORES: dict[str, Callable[[Path], Store]] = {
    "segsearch": SegSearch,
    "faiss flat": RawFaiss,
    "scikit-learn": ScikitLearn,
    "lancedb flat": partial(LanceDB, kind=None),
    "lancedb IVF_PQ": partial(LanceDB, kind="IVF_PQ", efforts=LISTS),
    "lancedb IVF_RQ": partial(LanceDB, kind="IVF_RQ", efforts=LISTS),
    "lancedb IVF_HNSW_SQ": partial(LanceDB, kind="IVF_HNSW_SQ", efforts=GRAPHS),
    "milvus-lite HNSW": MilvusLite,
}
