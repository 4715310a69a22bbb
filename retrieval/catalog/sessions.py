"""Connections to the catalogue. Everything that only SQLite needs is here and nowhere else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

from ..errors import CatalogError, ConfigurationError
from . import failures, schema, sqlite_file, stamps
from .schema import Evidence

T = TypeVar("T")

BUSY_SECONDS = 30
MAPPED_BYTES = 2**31 - 2**16
"""SQLite's limit. Of a mapped catalogue a search reads its rows in six tenths of the time."""

_NOW = {
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "mysql": "SELECT utc_timestamp(6)",
    "mariadb": "SELECT utc_timestamp(6)",
}


class Sessions(sessionmaker[Session]):
    """What the classes of this package open their transactions with.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.engine, self.reader = engine, engine.execution_options(reading=True)
        self._held = threading.local()
        stamps.listen(self)

    @property
    def held(self) -> Held | None:
        """What this thread reads over, inside `one_connection`."""
        return getattr(self._held, "held", None)

    @contextmanager
    def one_connection(self) -> Iterator[Held]:
        """Have everything that this thread reads inside be of one state, over one connection; may be nested.

        A thread that opens a second connection while it holds one waits for ever where all threads do so.
        """
        if self.held is not None:
            yield self.held
            return
        with self.reader.connect() as connection, connection.begin():
            self._held.held = Held(connection)
            try:
                yield self._held.held
            finally:
                self._held.held = None


@dataclass(frozen=True, eq=False, slots=True)
class Held:
    """A connection with a transaction that reads, and what was found by it."""

    connection: Connection
    found: dict[object, Any] = field(default_factory=dict)


def open_sessions(database_url: str, evidence: Evidence = schema.nothing) -> Sessions:
    """Connect to the catalogue, making its schema if the database is new.

    Parameters
    ----------
    database_url : str
    evidence : callable
        What tells that a database without tables is not a new one, if anything does.

    Raises
    ------
    SchemaOutdatedError
        Another version made the database; the command ``migrate`` upgrades an older one.
    ConfigurationError, CatalogError
        The URL is wrong, or the database cannot be opened.
    """
    engine = connect(database_url)
    try:
        schema.check(engine, database_url, evidence)
    except DatabaseError as error:
        engine.dispose()
        raise CatalogError(f"the catalogue {engine.url} cannot be opened: {error.orig}") from error
    except CatalogError:
        engine.dispose()
        raise
    sqlite_file.refuse_new(engine)
    return Sessions(engine)


class Repository:
    """What asks and changes some tables of a catalogue.

    Parameters
    ----------
    sessions : sessionmaker
        From `open_sessions`.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def _reading(self) -> Session:
        """A session that only reads, so that it never waits for a writer."""
        held = self._sessions.held
        if held is not None:
            return self._sessions(bind=held.connection)
        session = self._sessions()
        session.connection(execution_options={"reading": True})
        return session

    def _once(self, key: object, find: Callable[[], T]) -> T:
        """What `find` returns, which is asked once a state inside `one_connection`."""
        held = self._sessions.held
        if held is None:
            return find()
        if (self, key) not in held.found:
            held.found[self, key] = find()
        found: T = held.found[self, key]
        return found


def database_now(session: Session) -> datetime:
    """The time in UTC by the clock of the database: one clock for the workers of all machines."""
    found = session.scalar(text(_NOW[session.get_bind().dialect.name]))
    return (found if isinstance(found, datetime) else datetime.fromisoformat(str(found))).replace(tzinfo=UTC)


def migrate(database_url: str, evidence: Evidence = schema.nothing) -> str:
    """Bring the schema up to date; returns the revision it now has.

    Raises
    ------
    SchemaOutdatedError, CatalogError
        It was made by a newer version, cannot be opened, or has lost what it held.
    """
    engine = connect(database_url)
    try:
        return schema.bring_up_to_date(engine, database_url, evidence)
    except DatabaseError as error:
        raise CatalogError(f"the catalogue {engine.url} cannot be opened: {error.orig}") from error
    finally:
        engine.dispose()


def connect(database_url: str) -> Engine:
    """An engine whose transactions behave alike on every database, and whose errors quote no stored value.

    Raises
    ------
    ConfigurationError
        The URL names no kind of database that is installed here.
    """
    try:
        url = make_url(database_url)
        if not url.drivername.startswith("sqlite"):
            return _other_engine(url)
        url.get_dialect()
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ConfigurationError(f"SEGSEARCH_DATABASE_URL does not name a usable database: {error}") from error
    path = sqlite_file.path_of(url)
    if path is not None:
        _make_folder(path.parent)
    options: dict[str, Any] = {"poolclass": StaticPool if path is None else failures.Pool}
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    sqlite_file.follow(engine)
    failures.listen(engine, busy_seconds=BUSY_SECONDS)
    return engine


def _other_engine(url: URL) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, poolclass=failures.Pool)
    failures.listen(engine)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CatalogError(f"the folder {folder} of the catalogue cannot be created: {error.strerror}") from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """WAL, enforced foreign keys, and no transactions begun behind SQLAlchemy's back."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"mmap_size={MAPPED_BYTES}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    """Writers queue at BEGIN instead of failing in the middle; readers say so by an option.

    ``reading=True`` reads from one snapshot; ``reading="once"`` is for a single statement, which needs no BEGIN.
    """
    reading = connection.get_execution_options().get("reading", False)
    if not reading:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif reading != "once":  # it locks nothing yet and cannot fail, so the driver is asked, which is quicker
        connection.connection.dbapi_connection.execute("BEGIN")
