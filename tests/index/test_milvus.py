"""An index in Milvus: what cannot be used is told, and what is beyond the contract of all indexes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from relay import relaying
from toys import random_units

from retrieval.catalog.records import VectorBatch
from retrieval.errors import ConfigurationError, IndexMismatchError, IndexUnavailableError
from retrieval.index import milvus as module
from retrieval.index.milvus import MilvusIndex
from retrieval.index.protocols import IndexStats
from retrieval.index.sources import Source
from retrieval.types import Ids, Vectors

DIM, EACH, COUNT = 16, 10, 300
SPACES = count()

pytestmark = pytest.mark.slow

pytest.importorskip("pymilvus", reason="needs the extra `milvus`: make setup")


def batch() -> VectorBatch:
    ids = np.arange(1, COUNT + 1)
    vectors = random_units(np.random.default_rng(0), COUNT, DIM).astype(np.float16).astype(np.float32)
    return VectorBatch(ids, ids // EACH, vectors)


def some(ids: Ids) -> VectorBatch:
    held = batch()
    here = np.isin(held.ids, ids)
    return VectorBatch(held.ids[here], held.image_ids[here], held.vectors[here])


def nothing(*_: Any) -> Any:
    raise AssertionError("an index asks for vectors alone")


SOURCE = Source(image_ids=nothing, counts=nothing, of_photos=nothing, newer=None, some=some, total=nothing)


def opened(url: str, space: str, dim: int = DIM) -> MilvusIndex:
    return MilvusIndex(url, "segments", space, dim, SOURCE)


@pytest.fixture
def space() -> str:
    """One for each test."""
    return f"toy:milvus{next(SPACES)}"


@pytest.fixture
def index(milvus: str, space: str) -> Iterator[MilvusIndex]:
    """An index of 300 entries of 31 images."""
    made = opened(milvus, space)
    made.upsert(batch())
    yield made
    made._client.drop_collection(made._collection)


class TestOpening:
    @pytest.mark.parametrize(
        "url", ["sqlite:////data/catalog.db", "milvus", "http://", "ftp://host", "http://u:secret@host:x", ""]
    )
    def test_what_is_no_url_of_milvus(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="needs SEGSEARCH_INDEX_URL=http://HOST:19530") as caught:
            opened(url, "toy:1")
        assert "secret" not in str(caught.value)

    def test_no_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "SECONDS", 1.0)
        with pytest.raises(
            IndexUnavailableError, match=r"Milvus at 127\.0\.0\.1:1 .*check SEGSEARCH_INDEX_URL"
        ) as told:
            opened("http://user:secret@127.0.0.1:1", "toy:1")
        assert "secret" not in str(told.value)

    def test_vectors_of_another_length(self, milvus: str, space: str, index: MilvusIndex) -> None:
        with pytest.raises(
            IndexMismatchError, match="vectors of length 16, and the recipe's have 4: drop the collection"
        ):
            opened(milvus, space, 4)


def test_another_process_finds_what_was_flushed(milvus: str, space: str, index: MilvusIndex) -> None:
    index.flush()
    other = opened(milvus, space)
    assert other.stats().count == COUNT
    index.delete(np.arange(1, 11))
    index.flush()
    assert other.refresh()
    assert other.stats().count == COUNT - 10


def test_what_the_server_has_not_put_into_its_graph_is_told(
    index: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index._client, "describe_index", lambda *_, **__: {"pending_index_rows": 7})
    assert not index.refresh(), "nothing new can be found"
    assert index.stats() == IndexStats(COUNT, COUNT, pending=7)
    index.delete(np.arange(1, 11))
    assert index.stats() == IndexStats(COUNT - 10, COUNT, pending=7)


def test_more_than_the_server_answers_at_once_is_compared(index: MilvusIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 50)
    held = batch()
    nearest = held.ids[np.argsort(-(held.vectors @ held.vectors[0]), kind="stable")]
    assert index.search(held.vectors[:1], 120).ids.tolist() == nearest[:120].tolist()
    hidden = set(range(1, 29))
    passing = nearest[~np.isin(nearest // EACH, list(hidden))]
    assert index.search(held.vectors[:1], 120, exclude_images=hidden).ids.tolist() == passing.tolist()


def test_a_server_that_does_not_group_is_asked_for_more(index: MilvusIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there are enough photos; all are compared only if that would be no more work."""
    held, asked = batch(), list[int]()
    candidates = index._candidates

    def without_groups(directions: Vectors, depth: int, condition: str, **grouping: Any) -> Any:
        asked.append(depth)
        return [] if grouping else candidates(directions, depth, condition)

    monkeypatch.setattr(index, "_candidates", without_groups)
    monkeypatch.setattr(module, "SPARE", 1)
    monkeypatch.setattr(module, "MOST", 140)
    first = np.unique(held.image_ids)[np.argsort(-_best(held, held.vectors[0]), kind="stable")][:12]
    assert index.search(held.vectors[:1], 12, group_by_image=True).image_ids.tolist() == first.tolist()
    assert asked == [12, 12, 140], "by groups, as many entries as photos, and as many as it answers at once"
    asked.clear()
    index.search(np.repeat(held.vectors[:1], 3, axis=0), 12, group_by_image=True)
    assert asked == [12, 12]


def _best(held: VectorBatch, direction: Vectors) -> Vectors:
    """The score of each image."""
    scores = held.vectors @ direction
    return np.array([scores[held.image_ids == each].max() for each in np.unique(held.image_ids)], np.float32)


def test_a_server_that_goes_and_comes_back(
    milvus: str, space: str, index: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 2.0)
    monkeypatch.setattr(module, "WRITE_SECONDS", 2.0)
    place, held = urlsplit(milvus), batch()
    with relaying((str(place.hostname), place.port or 19530)) as relay:
        ours = opened(f"http://127.0.0.1:{relay.port}", space)
        direction = held.vectors[:1]
        assert ours.search(direction, 1).ids.tolist() == [1]
        relay.cut()
        asks: tuple[Any, ...] = (
            lambda: ours.search(direction, 1),
            lambda: ours.get(held.ids),
            lambda: ours.image_counts(),
            lambda: ours.upsert(held),
            ours.refresh,
        )
        for ask in asks:
            with pytest.raises(IndexUnavailableError, match="once it does, searches answer again"):
                ask()
        relay.restore()
        assert found_again(ours, direction) == [1]


def found_again(index: MilvusIndex, direction: Any) -> list[int]:
    """What is found once the client connects again, which it tries from time to time."""
    end = time.monotonic() + 60
    while True:
        try:
            return index.search(direction, 1).ids.tolist()
        except IndexUnavailableError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
