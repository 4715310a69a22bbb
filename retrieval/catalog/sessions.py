"""Connections to the catalogue. Everything that only SQLite needs is here and nowhere else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

from ..errors import CatalogError, CatalogUnavailableError, ConfigurationError, SchemaOutdatedError
from . import stamps

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")

BUSY_SECONDS = 30
MAPPED_BYTES = 2**31 - 2**16
"""SQLite's limit. Of a mapped catalogue a search reads its rows in six tenths of the time."""

PASSING = {
    "database is locked": f"another program has locked the catalogue for more than {BUSY_SECONDS} s: end that program",
    "database or disk is full": "the disk of the catalogue is full: make room on it",
}
"""What SQLite says of states that pass, and what is to be done."""

_NOW = {
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "mysql": "SELECT utc_timestamp(6)",
    "mariadb": "SELECT utc_timestamp(6)",
}

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class Sessions(sessionmaker[Session]):
    """What the classes of this package open their transactions with.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.engine = engine
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
        with self.engine.connect().execution_options(reading=True) as connection, connection.begin():
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


def open_sessions(database_url: str) -> Sessions:
    """Connect to the catalogue, making its schema if the database is new.

    Raises
    ------
    SchemaOutdatedError
        The database was made by another version: ``python manage.py migrate`` brings it up to date.
    ConfigurationError, CatalogError
        The URL is wrong, or the database cannot be opened.
    """
    engine = connect(database_url)
    try:
        _check_schema(engine, database_url)
    except DatabaseError as error:
        raise CatalogError(f"the catalogue {engine.url} cannot be opened: {error.orig}") from error
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
    """The time by the clock of the database, UTC without a zone: one clock for the workers of all machines."""
    found = session.scalar(text(_NOW[session.get_bind().dialect.name]))
    return found if isinstance(found, datetime) else datetime.fromisoformat(str(found))


def migrate(database_url: str) -> str:
    """Bring the schema up to date; returns the revision it now has."""
    from alembic import command

    connect(database_url).dispose()
    command.upgrade(alembic_config(database_url), "head")
    return head()


def alembic_config(database_url: str) -> Config:
    """Alembic's configuration for a database."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config


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
            return create_engine(url, pool_pre_ping=True, hide_parameters=True)
        url.get_dialect()
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ConfigurationError(f"SEGSEARCH_DATABASE_URL names no database that can be used here: {error}") from error
    in_memory = url.database in (None, "", ":memory:")
    if not in_memory:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {}
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _tell_what_passes)
    return engine


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
    if reading != "once":
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _tell_what_passes(context: ExceptionContext) -> None:
    """Raise an error that can be told from others, where trying again may do."""
    advice = PASSING.get(str(context.original_exception))
    if advice is not None:
        raise CatalogUnavailableError(advice) from context.original_exception


def head() -> str:
    """The revision this version needs: the last of the migrations, whose files begin with their numbers."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _check_schema(engine: Engine, database_url: str) -> None:
    """Without Alembic, which takes longer to load than everything else a search needs, where nothing is to be done."""
    with engine.connect().execution_options(reading=True) as connection:
        has_revision = engine.dialect.has_table(connection, "alembic_version")
        current = connection.scalar(text("SELECT version_num FROM alembic_version")) if has_revision else None
        is_new = current is None and not engine.dialect.has_table(connection, "image")
    if is_new:
        from alembic import command

        command.upgrade(alembic_config(database_url), "head")
    elif current != head():
        raise SchemaOutdatedError(
            f"the catalogue has schema {current}, this version needs {head()}: run `python manage.py migrate`"
        )
