"""What errors of databases mean: by their own codes, whichever database it is, and by the classes all drivers have."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from read_only import read_only
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError
from toys import ToyLibrary, analysis

from retrieval.catalog import Catalog
from retrieval.catalog.dialects import sqlite
from retrieval.catalog.dialects.failures import Kind, kind_of, translated
from retrieval.errors import CatalogConflictError, CatalogDamagedError, CatalogError, CatalogUnavailableError

X = (1, 0, 0, 0)


def _counts(catalog: Catalog) -> object:
    """Asked through SQLAlchemy."""
    return catalog.images.counts()


def _hits(catalog: Catalog) -> object:
    """Asked of the driver itself."""
    return catalog.segments.hits([1])


class DriverError(Exception):
    """As PEP 249 has it; with what psycopg adds."""

    def __init__(self, *told: object, sqlstate: str | None = None) -> None:
        super().__init__(*told)
        self.sqlstate = sqlstate


def error(name: str, *told: object, **codes: str) -> Exception:
    """An error of a driver's class of that name."""
    return type(name, (DriverError,), {"__module__": "driver"})(*told, **codes)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (error("SerializationFailure", sqlstate="40001"), "conflict"),
        (error("OperationalError", sqlstate="40P01"), "conflict"),
        (error("OperationalError", sqlstate="55P03"), "busy"),
        (error("OperationalError", sqlstate="53300"), "crowded"),
        (error("OperationalError", sqlstate="53100"), "full"),
        (error("InternalError", sqlstate="25006"), "read-only"),
        (error("OperationalError", sqlstate="08006"), "gone"),
        (error("AdminShutdown", sqlstate="57P01"), "gone"),
        (error("OperationalError", sqlstate="57P03"), "gone"),
        (error("InternalError", sqlstate="XX001"), "damaged"),
        (error("UniqueViolation", sqlstate="23505"), None),
        (error("UndefinedTable", sqlstate="42P01"), "gone"),
        (error("OperationalError", "whatever else"), "gone"),
        (error("InterfaceError", "connection already closed"), "gone"),
        (error("IntegrityError", "duplicate"), None),
        (error("ProgrammingError", "syntax"), None),
        (error("DataError", "too long"), None),
        (error("DataError", "PostgreSQL text fields cannot contain NUL (0x00) bytes"), "unstorable"),
        (error("InvalidPassword", sqlstate="28P01"), "forbidden"),
        (error("InsufficientPrivilege", sqlstate="42501"), "forbidden"),
    ],
)
def test_errors_of_other_databases(raised: Exception, kind: Kind | None) -> None:
    assert kind_of(raised) == kind


def test_a_connection_that_was_lost_is_gone_whatever_is_said() -> None:
    assert kind_of(error("ProgrammingError", "?"), is_lost=True) == "gone"


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (error("OperationalError", sqlstate="40001"), CatalogConflictError),
        (error("OperationalError", sqlstate="08006"), CatalogUnavailableError),
        (error("OperationalError", sqlstate="XX001"), CatalogDamagedError),
    ],
)
def test_what_is_raised_says_what_to_do_and_quotes_nothing(raised: Exception, kind: type[CatalogError]) -> None:
    raised.args = ("secret",)
    told = translated(raised)
    assert type(told) is kind
    assert ":" in str(told)
    assert "secret" not in str(told)


@pytest.mark.sqlite("its files")
class TestSqlite:
    """By real files."""

    def test_a_fault_of_the_program_stays_one(self, toys: ToyLibrary) -> None:
        with pytest.raises(OperationalError, match="syntax error"), toys.sessions.engine.begin() as connection:
            connection.exec_driver_sql("SELECT FROM")
        with pytest.raises(IntegrityError), toys.sessions.engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO intake_order VALUES (1, 0, 0), (1, 0, 0)")

    @pytest.mark.parametrize("statement", ["DROP TABLE segment", "DROP TABLE image"])
    def test_tables_that_are_gone(self, toys: ToyLibrary, statement: str) -> None:
        toys.add(analysis([X]))
        with closing(sqlite3.connect(toys.folder / "catalog.db")) as database:
            database.execute(statement)
        asked: Callable[[Catalog], object] = _hits if "segment" in statement else _counts
        with pytest.raises(CatalogUnavailableError, match="cannot be reached"):
            asked(toys.catalog)

    def test_pages_that_are_spoilt(self, toys: ToyLibrary) -> None:
        """Also where the driver itself is asked."""
        toys.add(analysis([X]))
        toys.close()
        path = toys.folder / "catalog.db"
        content = path.read_bytes()
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        for asked in (_counts, _hits):
            with pytest.raises(CatalogDamagedError, match="restore a backup"):
                asked(toys.catalog)

    def test_no_connection_comes_free(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made = partial(sqlite.create_engine, pool_size=1, max_overflow=1, pool_timeout=0.1)
        monkeypatch.setattr(sqlite, "create_engine", made)
        toys = ToyLibrary(tmp_path)
        with toys.sessions.engine.connect(), toys.sessions.engine.connect():
            with pytest.raises(CatalogUnavailableError, match="all 2 connections to the catalogue are in use"):
                toys.catalog.images.counts()
            with pytest.raises(CatalogUnavailableError, match="all 2 connections"):
                toys.catalog.segments.hits([1])
        toys.close()

    def test_a_file_that_is_read_only(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X]))

        @sqlite.event.listens_for(toys.sessions.engine, "begin")
        def forbid(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA query_only = ON")

        assert toys.catalog.images.get(image).id == image
        with pytest.raises(CatalogUnavailableError, match="is read-only: .*mounted read-only"):
            toys.catalog.images.delete(image)

    def test_a_disk_that_is_read_only(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X]))
        toys.close()
        with (
            read_only(toys.folder),
            pytest.raises(CatalogUnavailableError, match="cannot be reached: .* that its folder is writable"),
        ):
            toys.catalog.images.get(image)
