"""What every index that searches ask promises, in whatever state it is."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from databases import Server
from toys import random_units

from retrieval.catalog.records import VectorBatch
from retrieval.errors import IndexLockedError
from retrieval.index import merging, pgvector, shards
from retrieval.index.backends import IndexConfig
from retrieval.index.files import IndexFiles
from retrieval.index.local import LocalIndex
from retrieval.index.milvus import MilvusIndex
from retrieval.index.pgvector import PgvectorIndex
from retrieval.index.protocols import BatchIndex, IndexQuery, IndexStats, SegmentIndex
from retrieval.index.sources import Source
from retrieval.types import Ids, Vectors

DIM, IMAGES, EACH = 16, 20, 12
COUNT = IMAGES * EACH


@dataclass
class Entries:
    """What an index was given, by id, as a catalogue keeps it."""

    vectors: dict[int, Vectors] = field(default_factory=dict)
    image_ids: dict[int, int] = field(default_factory=dict)

    def add(self, batch: VectorBatch) -> None:
        """Take some, in the place of those that have their ids."""
        for key, image_id, vector in zip(batch.ids.tolist(), batch.image_ids.tolist(), batch.vectors, strict=True):
            self.vectors[key], self.image_ids[key] = vector, image_id

    def some(self, ids: Ids) -> VectorBatch:
        """Those of some ids that are there, by id."""
        keys = sorted(set(ids.tolist()) & self.vectors.keys())
        rows = np.array([self.vectors[key] for key in keys], np.float32).reshape(len(keys), DIM)
        return VectorBatch(np.array(keys, np.int64), np.array([self.image_ids[key] for key in keys], np.int64), rows)

    def all(self) -> VectorBatch:
        """All, by id."""
        return self.some(np.array(list(self.vectors), np.int64))

    def source(self) -> Source:
        """Where an index reads vectors that it does not keep."""
        return Source(
            image_ids=lambda: (self.all().ids, self.all().image_ids),
            counts=lambda: np.unique(self.all().image_ids, return_counts=True),
            of_photos=lambda photos: self.all().ids[np.isin(self.all().image_ids, photos)],
            newer=None,
            some=self.some,
            total=lambda _: len(self.vectors),
        )

    def best(
        self,
        directions: Vectors,
        k: int,
        passing: Callable[[int, int], bool] = lambda *_: True,
        *,
        grouped: bool = False,
    ) -> list[int]:
        """By looking at everything."""
        held = self.all()
        scores, seen, found = (held.vectors @ directions.T).max(axis=1), set[int](), list[int]()
        for row in np.lexsort((held.ids, -scores)):
            key, image_id = int(held.ids[row]), int(held.image_ids[row])
            if passing(key, image_id) and not (grouped and image_id in seen):
                found.append(key)
                seen.add(image_id)
        return found[:k]


@dataclass
class Case:
    """An index, and what was put into it."""

    index: SegmentIndex
    entries: Entries
    reopened: Callable[[], SegmentIndex]

    def upsert(self, batch: VectorBatch) -> None:
        """Give some to both."""
        self.entries.add(batch)
        self.index.upsert(batch)

    def delete(self, *ids: int) -> None:
        """Take some from both."""
        for key in ids:
            self.entries.vectors.pop(key, None)
            self.entries.image_ids.pop(key, None)
        self.index.delete(np.array(ids, np.int64))


def drawn(seed: int = 0, first: int = 1, images: int = IMAGES) -> VectorBatch:
    """Entries of some images, in no order, ids with gaps."""
    rng = np.random.default_rng(seed)
    image_ids = np.repeat(np.arange(first, first + images), EACH)
    ids = (np.arange(len(image_ids)) + EACH * first) * 3
    order = rng.permutation(len(ids))
    return VectorBatch(ids[order], image_ids[order], random_units(rng, len(ids), DIM))


def local(tmp_path: Path) -> Case:
    """The index of this project, of nothing."""
    entries = Entries()

    def opened() -> SegmentIndex:
        return LocalIndex(IndexFiles(tmp_path / "index"), entries.source(), "toy:1", DIM)

    return Case(opened(), entries, opened)


def plain(tmp_path: Path) -> Case:
    """The index of the plug-in that the tests bring."""
    path = Path(__file__).parents[1] / "plugins" / "plain" / "segsearch_plain.py"
    open_index = runpy.run_path(str(path))["open_index"]
    entries = Entries()

    def opened() -> SegmentIndex:
        config = IndexConfig(name="segments", space="toy:1", dim=DIM, folder=tmp_path, url="", source=entries.source())
        found: SegmentIndex = open_index(config)
        return found

    return Case(opened(), entries, opened)


def in_postgresql(server: Server, tmp_path: Path) -> Case:
    """The index in a table of PostgreSQL."""
    entries, url = Entries(), server.url_of(tmp_path)

    def opened() -> SegmentIndex:
        return PgvectorIndex(url, "segments", "toy:1", DIM)

    return Case(opened(), entries, opened)


def in_milvus(url: str) -> Case:
    """The index in a collection of Milvus."""
    entries, space = Entries(), f"toy:{next(SPACES)}"

    def opened() -> SegmentIndex:
        return MilvusIndex(url, "segments", space, DIM, entries.source())

    return Case(opened(), entries, opened)


STATES = {
    "LocalIndex, in memory": lambda case: None,
    "LocalIndex, written": lambda case: case.index.flush(),
    "LocalIndex, opened": lambda case: (case.index.flush(), setattr(case, "index", case.reopened())),
}
CODES, PLUGIN = "LocalIndex, of short codes", "of a plug-in"
TABLE, GRAPH, MILVUS = "PgvectorIndex", "PgvectorIndex, of a graph", "MilvusIndex"
SPACES = count()


def served(name: str) -> Any:
    """An index whose server starts within a second."""
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.fixture(params=[*STATES, CODES, PLUGIN, served(TABLE), served(GRAPH), served(MILVUS)])
def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """An index of nothing."""
    if request.param == CODES:
        monkeypatch.setattr(merging, "EXACT_UP_TO", 100)
    if request.param in (TABLE, GRAPH):
        if request.param == GRAPH:
            monkeypatch.setattr(pgvector, "EXACT_UP_TO", 100)
        server: Server = request.getfixturevalue("server")
        yield in_postgresql(server, tmp_path)
        server.forget(tmp_path)
    elif request.param == MILVUS:
        made = in_milvus(request.getfixturevalue("milvus"))
        yield made
        assert isinstance(made.index, MilvusIndex)
        made.index._client.drop_collection(made.index._collection)
    else:
        yield plain(tmp_path) if request.param == PLUGIN else local(tmp_path)


@pytest.fixture
def case(empty: Case, request: pytest.FixtureRequest) -> Case:
    """An index of some images, in every state."""
    state = request.node.callspec.params["empty"]
    empty.upsert(drawn())
    STATES.get(state, STATES["LocalIndex, opened"])(empty)
    if state == CODES:
        assert isinstance(empty.index, LocalIndex)
        assert not any(shard.index.is_exact for shard in empty.index.shards)
    if isinstance(empty.index, PgvectorIndex):
        assert empty.index._state.is_indexed is (state == GRAPH)
    return empty


@dataclass(frozen=True)
class Only:
    """A filter by ids, which lists what passes or does not."""

    ids: Ids
    listed: Ids | None

    def passing(self, ids: Ids) -> Ids:
        """Those of some ids that pass, rising."""
        return np.intersect1d(ids, self.ids)


def direction(count: int = 1) -> Vectors:
    return random_units(np.random.default_rng(9), count, DIM)


def agrees(found: Sequence[int], wanted: Sequence[int], state: str) -> bool:
    """Whether the same was found; by short codes at least nearly all of it."""
    if CODES not in state:
        return list(found) == list(wanted)
    return len(found) == len(wanted) and np.isin(wanted, found).mean() >= 0.9


class TestEmpty:
    def test_it_holds_nothing(self, empty: Case) -> None:
        index = empty.index
        assert index.dim == DIM
        assert index.stats() == IndexStats(0, 0)
        assert len(index.search(direction(), 5)) == 0
        assert len(index.search(direction(3), 5, exclude_images=[1], group_by_image=True)) == 0
        assert len(index.search(direction(), 5, filter=Only(np.arange(9), np.arange(9)))) == 0
        assert len(index.search(direction(), 5, filter=Only(np.arange(9), None))) == 0
        assert index.get(np.array([1, 2])).tolist() == np.zeros((2, DIM)).tolist()
        assert index.image_ids_of(np.array([1, 2])).tolist() == [-1, -1]
        assert [each.tolist() for each in index.image_counts()] == [[], []]
        assert index.ids_of_images(np.array([1])).tolist() == index.sample(3).tolist() == []

    def test_nothing_is_no_change(self, empty: Case) -> None:
        none = np.zeros(0, np.int64)
        empty.index.upsert(VectorBatch(none, none, np.zeros((0, DIM), np.float32)))
        empty.index.delete(none)
        empty.index.delete(np.array([4]))
        empty.index.flush()
        assert not empty.index.refresh()
        assert empty.index.stats().count == empty.reopened().stats().count == 0


class TestSearching:
    @pytest.mark.parametrize("count", [1, 4])
    @pytest.mark.parametrize("k", [1, 30])
    def test_the_best_of_any_direction_with_exact_scores(
        self, case: Case, k: int, count: int, request: pytest.FixtureRequest
    ) -> None:
        found = case.index.search(direction(count), k)
        assert agrees(found.ids.tolist(), case.entries.best(direction(count), k), request.node.name)
        held = case.entries.some(found.ids)
        rows = np.searchsorted(held.ids, found.ids)
        assert found.image_ids.tolist() == held.image_ids[rows].tolist()
        np.testing.assert_allclose(found.scores, (held.vectors[rows] @ direction(count).T).max(axis=1), atol=2e-3)
        assert (np.diff(found.scores) <= 0).all()

    def test_more_than_there_are(self, case: Case) -> None:
        found = case.index.search(direction(), 10 * COUNT)
        assert sorted(found.ids.tolist()) == case.entries.all().ids.tolist()

    @pytest.mark.parametrize("grouped", [False, True])
    def test_images_are_excluded(self, case: Case, grouped: bool, request: pytest.FixtureRequest) -> None:
        excluded = {2, 5, 10**6}
        found = case.index.search(direction(2), 15, exclude_images=excluded, group_by_image=grouped)
        wanted = case.entries.best(direction(2), 15, lambda _, image_id: image_id not in excluded, grouped=grouped)
        assert agrees(found.ids.tolist(), wanted, request.node.name)
        assert not set(found.image_ids.tolist()) & excluded
        if grouped:
            assert len(set(found.image_ids.tolist())) == len(found) == 15

    def test_all_images_by_their_best_entry(self, case: Case) -> None:
        found = case.index.search(direction(), COUNT, group_by_image=True)
        assert sorted(found.image_ids.tolist()) == list(range(1, IMAGES + 1))

    @pytest.mark.parametrize("listed", [True, False])
    @pytest.mark.parametrize("grouped", [False, True])
    @pytest.mark.parametrize("share", [2, 7])
    def test_a_filter(
        self, case: Case, listed: bool, grouped: bool, share: int, request: pytest.FixtureRequest
    ) -> None:
        ids = np.append(case.entries.all().ids[::share], [10**7])  # unknown ones are passed over
        found = case.index.search(
            direction(2), 15, filter=Only(ids, ids if listed else None), group_by_image=grouped, exclude_images=[3]
        )
        passes = set(ids.tolist())
        wanted = case.entries.best(
            direction(2), 15, lambda key, image_id: key in passes and image_id != 3, grouped=grouped
        )
        assert set(found.ids.tolist()) <= passes
        assert agrees(found.ids.tolist(), wanted, request.node.name)

    def test_no_direction_is_nearest_to_nothing_in_particular(self, case: Case) -> None:
        found = case.index.search(direction()[:0], 3)
        assert len(found) <= 3

    @pytest.mark.parametrize(
        ("directions", "k", "message"),
        [
            (np.ones((1, DIM + 1)), 1, rf"shape \(1, 17\), this index takes \(Q, {DIM}\)"),
            (np.ones(DIM), 1, r"shape \(16,\)"),
            (np.full((1, DIM), np.nan), 1, "NaN or infinity"),
            (np.ones((1, DIM)), 0, "k is 0: ask for at least 1"),
        ],
    )
    def test_bad_directions(self, case: Case, directions: Vectors, k: int, message: str) -> None:
        for options in ({}, {"filter": Only(np.arange(3), np.arange(3))}, {"filter": Only(np.arange(3), None)}):
            with pytest.raises(ValueError, match=message):
                case.index.search(directions.astype(np.float32), k, **options)


class TestReading:
    def test_vectors_and_images_of_ids(self, case: Case) -> None:
        held = case.entries.all()
        ids = np.append(held.ids[::-5], [10**7, -1])
        vectors, image_ids = case.index.get(ids), case.index.image_ids_of(ids)
        assert (vectors.dtype, image_ids.dtype) == (np.float32, np.int64)
        np.testing.assert_allclose(vectors[:-2], held.vectors[::-5], atol=1e-3)
        assert not vectors[-2:].any()
        assert image_ids.tolist() == [*held.image_ids[::-5].tolist(), -1, -1]

    def test_ids_of_images_and_their_counts(self, case: Case) -> None:
        held = case.entries.all()
        wanted = held.ids[np.isin(held.image_ids, [2, 7])]
        assert case.index.ids_of_images(np.array([7, 2, 10**6])).tolist() == wanted.tolist()
        images, counts = case.index.image_counts()
        assert (images.tolist(), counts.tolist()) == (list(range(1, IMAGES + 1)), [EACH] * IMAGES)

    def test_a_sample(self, case: Case) -> None:
        some = case.index.sample(10).tolist()
        assert len(set(some)) == 10
        assert set(some) <= set(case.entries.vectors)
        assert case.index.sample(10).tolist() == some
        assert sorted(case.index.sample(10**6).tolist()) == sorted(case.entries.vectors)


class TestChanging:
    def test_what_is_deleted_is_not_found(self, case: Case, request: pytest.FixtureRequest) -> None:
        gone = case.entries.best(direction(), 5)
        case.delete(*gone, 10**7)
        assert case.index.stats().count == COUNT - 5
        assert agrees(
            case.index.search(direction(), 10).ids.tolist(), case.entries.best(direction(), 10), request.node.name
        )
        assert case.index.image_ids_of(np.array(gone)).tolist() == [-1] * 5
        assert not case.index.get(np.array(gone)).any()
        listed = case.index.search(direction(), 5, filter=Only(np.sort(gone), np.sort(gone)))
        assert len(listed) == 0

    def test_an_id_that_is_there_is_replaced(self, case: Case) -> None:
        key = int(case.entries.all().ids[4])
        case.upsert(VectorBatch(np.array([key]), np.array([77]), direction()))
        assert case.index.stats().count == COUNT
        assert case.index.image_ids_of(np.array([key])).tolist() == [77]
        assert case.index.search(direction(), 1).ids.tolist() == [key]
        case.index.flush()
        for index in (case.index, case.reopened()):
            assert index.stats().count == COUNT
            assert index.search(direction(), 1).image_ids.tolist() == [77]

    def test_what_is_added_is_found_with_what_was_there(self, case: Case, request: pytest.FixtureRequest) -> None:
        case.upsert(drawn(1, first=100, images=2))
        stats = case.index.stats()
        assert (stats.count, stats.newest_id) == (COUNT + 2 * EACH, max(case.entries.vectors))
        assert agrees(
            case.index.search(direction(), 40).ids.tolist(), case.entries.best(direction(), 40), request.node.name
        )

    @pytest.mark.parametrize(
        ("ids", "vectors", "message"),
        [
            ([1, 2], np.ones((2, DIM + 1)), rf"shape \(2, 17\), this index takes \(2, {DIM}\)"),
            ([1, 7], np.array([[1.0] * DIM, [np.nan] * DIM]), r"of ids \[7\] hold NaN"),
            ([1, -1], np.ones((2, DIM)), "id -1 is negative"),
            ([4, 4], np.ones((2, DIM)), "twice"),
        ],
    )
    def test_bad_entries(self, case: Case, ids: list[int], vectors: Vectors, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            case.index.upsert(VectorBatch(np.array(ids), np.array([1, 1]), vectors.astype(np.float32)))
        assert case.index.stats().count == COUNT, "nothing was taken"


class TestFlushing:
    def test_what_was_flushed_is_there_when_it_is_opened(self, case: Case, request: pytest.FixtureRequest) -> None:
        case.upsert(drawn(1, first=100, images=2))
        case.delete(*case.entries.best(direction(), 3))
        case.index.flush()
        for index in (case.index, case.reopened()):
            assert index.stats().count == COUNT + 2 * EACH - 3
            assert agrees(
                index.search(direction(), 20).ids.tolist(), case.entries.best(direction(), 20), request.node.name
            )

    def test_what_another_flushed_is_taken_in(self, case: Case) -> None:
        case.index.flush()
        case.index.refresh()
        other = case.reopened()
        case.entries.add(batch := drawn(1, first=100, images=2))
        other.upsert(batch)
        other.flush()
        assert case.index.refresh()
        assert case.index.stats().count == COUNT + 2 * EACH
        assert not case.index.refresh()

    def test_one_writer_at_a_time(self, case: Case) -> None:
        index: Any = case.index
        if not isinstance(index, LocalIndex):
            pytest.skip("only the local index has files that are locked")
        with index.files.writing(), pytest.raises(IndexLockedError, match="wait for it or stop it"):
            index.flush()
        index.flush()


def test_searches_together_find_what_each_finds_alone(empty: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if not isinstance(empty.index, BatchIndex):
        pytest.skip("this index answers one by one")
    monkeypatch.setattr(shards, "SCORES", 3 * COUNT)  # so that one pass does not do for all
    empty.upsert(drawn())
    empty.index.flush()
    empty.upsert(drawn(1, first=IMAGES + 1, images=4))
    empty.delete(*drawn().ids[:20].tolist())
    rng = np.random.default_rng(2)
    queries = [
        IndexQuery(directions=random_units(rng, count, DIM), k=k, exclude_images=hidden, group_by_image=grouped)
        for count in (1, 2, 12)
        for k in (1, 10, 1000)
        for hidden in ((), (1, 2))
        for grouped in (False, True)
    ]
    for asked, found in zip(queries, empty.index.search_batch(queries), strict=True):
        alone = empty.index.search(
            asked.directions, asked.k, exclude_images=asked.exclude_images, group_by_image=asked.group_by_image
        )
        assert found.ids.tolist() == alone.ids.tolist()
        assert found.image_ids.tolist() == alone.image_ids.tolist()
        assert found.scores == pytest.approx(alone.scores, abs=1e-6)


def test_a_search_of_several_that_is_wrong_is_refused(empty: Case) -> None:
    if not isinstance(empty.index, BatchIndex):
        pytest.skip("this index answers one by one")
    empty.upsert(drawn())
    right = IndexQuery(directions=np.ones((1, DIM), np.float32), k=1)
    for wrong in (replace(right, k=0), replace(right, directions=np.ones((1, DIM + 1), np.float32))):
        with pytest.raises(ValueError, match="ask for at least 1 hit|this index takes"):
            empty.index.search_batch([right, wrong])
    assert empty.index.search_batch([]) == []
