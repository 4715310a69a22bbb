"""A catalogue on a PostgreSQL server: what is told of one that cannot be used, and transactions that do not interfere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from databases import Server, fetched
from relay import relaying
from sqlalchemy import inspect, make_url, text
from toys import ToyLibrary, analysis

from retrieval.catalog import Catalog, Tags, open_sessions
from retrieval.catalog.dialects import connect, postgresql
from retrieval.errors import CatalogUnavailableError, ConfigurationError, QueryError
from retrieval.settings import Settings

X, Y = (1, 0, 0, 0), (0, 1, 0, 0)

pytestmark = pytest.mark.slow


@pytest.fixture
def url(server: Server, tmp_path: Path) -> Iterator[str]:
    """A new catalogue."""
    folder = tmp_path / "served"
    server.blank(folder)
    yield server.url_of(folder)
    server.forget(folder)


@pytest.fixture
def served(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyLibrary]:
    """A catalogue to be filled by hand."""
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "in_data_dir", lambda folder: Settings(data_dir=folder, database_url=url))
        library = ToyLibrary(tmp_path)
    yield library
    library.close()


class TestReaching:
    @pytest.mark.parametrize(
        ("part", "value", "told"),
        [
            (
                "database",
                "nowhere",
                r'database "nowhere" does not exist\): check user, password, host, port and database',
            ),
            ("username", "nobody", 'role "nobody" does not exist'),
        ],
    )
    def test_what_the_server_does_not_have(self, url: str, part: str, value: str, told: str) -> None:
        wrong = make_url(url).set(**{part: value}).render_as_string(hide_password=False)  # type: ignore[arg-type]
        with pytest.raises(CatalogUnavailableError, match=told):
            open_sessions(wrong)

    def test_no_server(self) -> None:
        with pytest.raises(CatalogUnavailableError, match=r"127\.0\.0\.1:1/x cannot be reached.* that the server runs"):
            open_sessions("postgresql+psycopg://user:secret@127.0.0.1:1/x")

    def test_a_password_is_not_repeated(self) -> None:
        for url in (
            "postgresql://user:secret@127.0.0.1:1/x",
            "postgresql+psycopg://user:secret@/",
            "postgresql://a:secret@h:x/y",
        ):
            with pytest.raises((CatalogUnavailableError, ConfigurationError)) as caught:
                open_sessions(url)
            assert "secret" not in str(caught.value)
            assert "SEGSEARCH_DATABASE_URL" in str(caught.value)

    def test_another_driver(self) -> None:
        with pytest.raises(ConfigurationError, match=r"names the driver postgresql\+psycopg2: use postgresql\+psycopg"):
            open_sessions("postgresql+psycopg2://host/database")

    def test_no_database(self) -> None:
        with pytest.raises(ConfigurationError, match="names no database: use postgresql"):
            open_sessions("postgresql+psycopg://user@host")

    def test_the_driver_is_not_installed(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent(name: str) -> Any:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        monkeypatch.setattr(postgresql, "import_module", absent)
        with pytest.raises(ConfigurationError, match=r"pip install 'segsearch\[postgresql\]'"):
            open_sessions(url)

    def test_a_server_that_is_too_old(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgresql, "OLDEST", 99)
        with pytest.raises(ConfigurationError, match=r"a server with PostgreSQL \d+: upgrade it to 99 or newer"):
            open_sessions(url)

    def test_a_database_of_another_encoding(self, server: Server) -> None:
        server._run("DROP DATABASE IF EXISTS latin")
        server._run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        with pytest.raises(ConfigurationError, match="with the encoding LATIN1: create one with"):
            open_sessions(server._url_of("latin"))
        server._run("DROP DATABASE latin WITH (FORCE)")


class TestSchema:
    def test_whole_numbers_have_64_bits_and_text_is_sorted_by_code_points(self, url: str) -> None:
        """As on SQLite; a migration that adds a column has to see to it."""
        inspector = inspect(connect(url))
        for table in set(inspector.get_table_names()) - {"alembic_version"}:
            for column in inspector.get_columns(table):
                kind = column["type"]
                assert str(kind) != "INTEGER", (table, column["name"])
                assert getattr(kind, "collation", "C") == "C", (table, column["name"])
        kinds = fetched(url, "SELECT DISTINCT CAST(data_type AS VARCHAR), cache_size FROM pg_sequences")
        assert kinds == [("bigint", 1)], "a cache would give ids out of order"
        inspector.bind.dispose()  # type: ignore[union-attr]

    def test_names_are_sorted_as_on_sqlite(self, served: ToyLibrary, toys: ToyLibrary) -> None:
        names = ["Zebra", "apple", "Äpfel", "_x", "10", "9", "e\u0301", "é"]
        for library in (served, toys):
            library.add(analysis([X]))
            Tags(library.sessions).change([1], add=names)
        assert Tags(served.sessions).counts() == Tags(toys.sessions).counts()

    def test_the_character_0(self, served: ToyLibrary) -> None:
        with pytest.raises(QueryError, match=r"the character U\+0000.*: leave it out"):
            served.catalog.locations.of_digest("a\0b")


class TestTransactions:
    def test_ids_are_committed_in_their_order(self, served: ToyLibrary) -> None:
        """Followers ask for what is beyond the last id that they saw."""
        photos = [served.register() for _ in range(24)]
        served.ingest_queue.claim("toys", 100)
        seen: list[int] = []
        ended = threading.Event()

        def follow() -> None:
            other = Catalog(open_sessions(served.url))
            while True:
                last = ended.is_set()
                for batch in other.vectors.segment_vectors(served.recipe, after=seen[-1] if seen else 0):
                    seen.extend(batch.ids.tolist())
                if last:
                    return

        with ThreadPoolExecutor(9) as pool:
            following = pool.submit(follow)
            list(pool.map(lambda image_id: served.finish(image_id, analysis([X, Y])), photos))
            ended.set()
            following.result()
        assert seen == sorted(seen)
        assert len(seen) == 2 * len(photos), "none was passed over"

    def test_no_count_is_lost(self, served: ToyLibrary) -> None:
        images = [served.add(analysis([X])) for _ in range(3)]
        tags = Tags(served.sessions)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: tags.change(images, add=[f"tag {n % 5}"]), range(40)))
        assert tags.counts() == [(f"tag {n}", 3) for n in range(5)]

    def test_no_photo_is_claimed_twice(self, served: ToyLibrary) -> None:
        photos = [served.register() for _ in range(60)]
        with ThreadPoolExecutor(8) as pool:
            claimed = list(pool.map(lambda n: served.ingest_queue.claim(f"w{n}", 5), range(16)))
        assert sorted(job.image_id for jobs in claimed for job in jobs) == photos

    def test_a_reader_sees_one_state_and_does_not_wait(self, served: ToyLibrary) -> None:
        first = served.add(analysis([X]))
        with served.catalog.one_connection():
            assert served.catalog.images.get(first).id == first
            with ThreadPoolExecutor(1) as pool:
                pool.submit(served.catalog.images.delete, first).result(timeout=20)
            assert served.catalog.images.get(first).id == first
        with served.sessions.begin():
            assert served.catalog.images.counts()["indexed"] == 0

    def test_a_reader_cannot_write(self, served: ToyLibrary) -> None:
        with (
            pytest.raises(CatalogUnavailableError, match="read-only"),
            served.sessions.reader.begin() as connection,
        ):
            connection.execute(text("DELETE FROM image"))

    def test_a_writer_that_waits_too_long_is_told(self, served: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgresql, "WAIT_SECONDS", 0.1)
        other = open_sessions(served.url)
        with (
            served.sessions.begin() as session,
            pytest.raises(CatalogUnavailableError, match="another program has locked"),
        ):
            session.execute(text("SELECT 1"))
            Tags(other).change([], add=["x"])
        Tags(other).change([], add=["x"])
        other.engine.dispose()

    def test_a_connection_that_was_lost(self, served: ToyLibrary, server: Server) -> None:
        """The transaction fails, and the next one has a new connection."""
        served.add(analysis([X]))
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
        name = make_url(served.url).database
        with pytest.raises(CatalogUnavailableError, match="cannot be reached"), served.sessions.begin() as session:
            session.execute(text("SELECT 1"))
            with server._admin.connect() as admin:
                admin.execute(text(end), {"name": name})
            session.execute(text("SELECT 1"))
        assert served.catalog.images.counts()["indexed"] == 1

    def test_the_first_transaction_after_a_restart(self, url: str) -> None:
        """Connections that waited are lost, and nobody notices."""
        place = make_url(url)
        with relaying(Path(str(place.query["host"]), ".s.PGSQL.5432")) as relay:
            there = place.set(query={}, host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
            sessions = open_sessions(there)
            catalog = Catalog(sessions)
            assert catalog.images.counts()["indexed"] == 0
            relay.cut()
            relay.restore()
            assert catalog.images.counts()["indexed"] == 0
            sessions.engine.dispose()
