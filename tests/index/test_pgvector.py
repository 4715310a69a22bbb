"""An index in PostgreSQL: what cannot be used is told, and what is beyond the contract of all indexes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from databases import Server, execute
from relay import relaying
from sqlalchemy import make_url, text
from toys import random_units

from retrieval.catalog import vector_server
from retrieval.catalog.dialects import connect
from retrieval.catalog.records import VectorBatch
from retrieval.catalog.vector_table import SCHEMA
from retrieval.errors import ConfigurationError, IndexMismatchError, IndexUnavailableError
from retrieval.index import pgvector
from retrieval.index.pgvector import PgvectorIndex

DIM, EACH = 16, 10

pytestmark = pytest.mark.slow


def batch(count: int, first: int = 1, seed: int = 0) -> VectorBatch:
    ids = np.arange(first, first + count)
    return VectorBatch(ids, ids // EACH, random_units(np.random.default_rng(seed), count, DIM))


@pytest.fixture
def url(server: Server, tmp_path: Path) -> Iterator[str]:
    """A new database."""
    yield server.url_of(tmp_path)
    server.forget(tmp_path)


@pytest.fixture
def index(url: str) -> PgvectorIndex:
    """An index of nothing."""
    return PgvectorIndex(url, "segments", "toy:1", DIM)


class TestOpening:
    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ("sqlite:////data/catalog.db", "sqlite is given: set SEGSEARCH_INDEX_URL=postgresql"),
            ("no url", "SEGSEARCH_INDEX_URL cannot be read"),
            ("postgresql+asyncpg://u:secret@h/d", "SEGSEARCH_INDEX_URL names the driver"),
            ("postgresql://u:secret@h", "SEGSEARCH_INDEX_URL names no database"),
        ],
    )
    def test_what_is_no_such_database(self, wrong: str, told: str) -> None:
        with pytest.raises(ConfigurationError, match=told) as caught:
            PgvectorIndex(wrong, "segments", "toy:1", DIM)
        assert "secret" not in str(caught.value)

    def test_no_server(self) -> None:
        with pytest.raises(IndexUnavailableError, match="check that its server runs") as caught:
            PgvectorIndex("postgresql://user:secret@127.0.0.1:1/x", "segments", "toy:1", DIM)
        assert "secret" not in str(caught.value)

    def test_the_extension_is_missing_and_may_not_be_created(self, url: str) -> None:
        execute(url, "DROP EXTENSION IF EXISTS vector CASCADE", "DROP ROLE IF EXISTS plain", "CREATE ROLE plain LOGIN")
        theirs = make_url(url).set(username="plain").render_as_string(hide_password=False)
        with pytest.raises(ConfigurationError, match=r"run `CREATE EXTENSION vector` in it as a superuser"):
            PgvectorIndex(theirs, "segments", "toy:1", DIM)
        execute(url, "DROP ROLE plain")

    def test_the_extension_is_created_by_who_may(self, url: str) -> None:
        execute(url, "DROP EXTENSION IF EXISTS vector CASCADE")
        assert PgvectorIndex(url, "segments", "toy:1", DIM).stats().count == 0

    def test_the_extension_is_too_old(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vector_server, "OLDEST", (99, 0))
        with pytest.raises(ConfigurationError, match=r"has pgvector [\d.]+, and 99.0 is needed.*EXTENSION vector UPD"):
            PgvectorIndex(url, "segments", "toy:1", DIM)

    def test_vectors_of_another_length(self, url: str, index: PgvectorIndex) -> None:
        with pytest.raises(IndexMismatchError, match="vectors of length 16, and the recipe's have 4: run `DROP SCHEMA"):
            PgvectorIndex(url, "segments", "toy:1", 4)

    def test_each_space_and_kind_has_its_own(self, url: str, index: PgvectorIndex) -> None:
        index.upsert(batch(20))
        for name, space in (("photos", "toy:1"), ("segments", "toy:2")):
            assert PgvectorIndex(url, name, space, DIM).stats().count == 0

    def test_a_state_that_is_lost(self, url: str, index: PgvectorIndex) -> None:
        execute(url, f"DELETE FROM {SCHEMA}.state")
        with pytest.raises(IndexMismatchError, match="has lost its row"):
            index.refresh()

    def test_processes_that_open_it_first_at_once(self, url: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            made = [pool.submit(PgvectorIndex, url, "segments", "toy:9", DIM) for _ in range(4)]
            assert [each.result().stats().count for each in made] == [0] * 4


class TestSharing:
    def test_other_processes_find_at_once_what_one_changes(self, url: str, index: PgvectorIndex) -> None:
        other = PgvectorIndex(url, "segments", "toy:1", DIM)
        index.upsert(held := batch(30))
        assert other.search(held.vectors[3:4], 1).ids.tolist() == [4]
        assert other.refresh()
        assert not other.refresh()
        assert other.stats() == index.stats()
        index.delete(np.array([4]))
        assert other.search(held.vectors[3:4], 1).ids.tolist() != [4]

    def test_writers_wait_for_each_other(self, url: str, index: PgvectorIndex) -> None:
        others = [PgvectorIndex(url, "segments", "toy:1", DIM) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda each: each[1].upsert(batch(40, 1 + 30 * each[0])), enumerate(others)))
        index.refresh()
        assert index.stats().count == len(index.sample(10**6)) == 130
        assert index.stats().newest_id == 130


class TestGraph:
    @pytest.fixture
    def grown(self, index: PgvectorIndex, monkeypatch: pytest.MonkeyPatch) -> PgvectorIndex:
        """An index of 400 entries with a graph."""
        monkeypatch.setattr(pgvector, "EXACT_UP_TO", 100)
        index.upsert(batch(400))
        index.flush()
        return index

    def has_graph(self, url: str) -> bool:
        """Whether the server has one."""
        engine = connect(url)
        with engine.connect() as connection:
            found = connection.scalar(
                text(f"SELECT count(*) FROM pg_indexes WHERE schemaname = '{SCHEMA}' AND indexdef LIKE '%hnsw%'")
            )
        engine.dispose()
        return bool(found)

    def test_it_is_built_once_there_are_many(self, url: str, index: PgvectorIndex) -> None:
        index.upsert(batch(400))
        index.flush()
        assert not self.has_graph(url)

    def test_it_grows_with_what_is_added(self, url: str, grown: PgvectorIndex) -> None:
        assert self.has_graph(url)
        grown.upsert(more := batch(50, 1001, seed=3))
        assert self.has_graph(url)
        assert grown.search(more.vectors[7:8], 1).ids.tolist() == [1008]

    def test_a_batch_larger_than_all_there_is_has_it_made_anew(self, url: str, grown: PgvectorIndex) -> None:
        grown.upsert(batch(500, 1001))
        assert not self.has_graph(url)
        grown.flush()
        assert self.has_graph(url)

    def test_it_ends_with_the_last_entry(self, url: str, grown: PgvectorIndex) -> None:
        grown.delete(np.arange(1000))
        assert not self.has_graph(url)
        assert grown.stats().count == 0

    @pytest.mark.parametrize("deepest", [1, 10**6])
    def test_more_than_it_gives_is_compared(
        self, grown: PgvectorIndex, deepest: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Most entries are hidden, and the others are farthest: a walk through the graph ends before it finds them."""
        monkeypatch.setattr(pgvector, "DEEPEST", deepest)
        held = batch(400)
        nearest = np.argsort(-(held.vectors @ held.vectors[0]))
        shown = np.unique(held.image_ids[nearest[-30:]])
        hidden = set(range(50)) - set(shown[:3].tolist())
        found = grown.search(held.vectors[:1], 20, exclude_images=hidden)
        passing = nearest[np.isin(held.image_ids[nearest], shown[:3])]
        assert found.ids.tolist() == held.ids[passing[:20]].tolist()
        assert len(grown.search(held.vectors[:1], 41, group_by_image=True)) == 41


class TestFaults:
    def test_a_server_that_goes_and_comes_back(self, server: Server, url: str, index: PgvectorIndex) -> None:
        index.upsert(held := batch(30))
        place = make_url(url)
        with relaying(Path(str(place.query["host"]), ".s.PGSQL.5432")) as relay:
            there = place.set(query={}, host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
            ours = PgvectorIndex(there, "segments", "toy:1", DIM)
            direction = held.vectors[:1]
            assert ours.search(direction, 1).ids.tolist() == [1]
            relay.cut()
            for ask in (
                lambda: ours.search(direction, 1),
                lambda: ours.get(held.ids),
                lambda: ours.image_ids_of(held.ids),
                lambda: ours.image_counts(),
                lambda: ours.ids_of_images(held.image_ids),
                lambda: ours.sample(3),
                lambda: ours.upsert(held),
                lambda: ours.delete(held.ids),
                ours.refresh,
            ):
                with pytest.raises(IndexUnavailableError, match="check that its server runs"):
                    ask()
            assert ours.stats().count == 30, "what was known stays known"
            relay.restore()
            assert ours.search(direction, 1).ids.tolist() == [1]
            assert ours.stats().count == index.stats().count == 30

    def test_a_server_that_is_too_slow(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(vector_server._SEARCHING, "statement_timeout", "200ms")
        index = PgvectorIndex(url, "segments", "toy:1", DIM)
        index.upsert(held := batch(30))
        engine = connect(url)
        with engine.begin() as connection:
            connection.execute(text(f"LOCK TABLE {SCHEMA}.{index._table._table.name} IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(IndexUnavailableError, match="statement timeout"):
                index.search(held.vectors[:1], 1)
        assert index.search(held.vectors[:1], 1).ids.tolist() == [1]
        engine.dispose()
