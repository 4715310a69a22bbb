"""Where the two kinds of databases differ: connecting, transactions, a few expressions, and how drivers name errors.

============= ==============================================================
module        what
============= ==============================================================
`sqlite`      what only SQLite needs
`sqlite_file` an SQLite file that is moved away while it is open
`postgresql`  what only PostgreSQL needs
`expressions` expressions and types of SQL that the two write differently
`advisory`    locks of a PostgreSQL server that belong to no transaction
`halfvec`     vectors of pgvector, and searches among them
`failures`    errors of drivers as those of this program
`description` what a database is, for reports
============= ==============================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine, make_url, select, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from ...errors import CatalogUnavailableError, ConfigurationError
from . import postgresql, sqlite
from .advisory import AdvisoryLocks
from .description import Database, describe
from .expressions import now
from .sqlite_file import refuse_new

__all__ = [
    "AdvisoryLocks",
    "Database",
    "advisory_locks",
    "connect",
    "database_now",
    "describe",
    "drop_schema",
    "in_chunks",
    "last_ids",
    "make_schema",
    "reach",
    "refuse_new",
    "set_last_ids",
]

T = TypeVar("T")


def connect(database_url: str) -> Engine:
    """Create an engine whose transactions behave alike on both databases, and whose errors quote no stored value.

    Raises
    ------
    ConfigurationError
        The URL is malformed or names another kind of database, or a driver is missing.
    CatalogError
        The folder of the database cannot be made.
    """
    try:
        url = make_url(database_url)
        kind = url.get_backend_name()
        if kind == "sqlite":
            return sqlite.engine_of(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "SEGSEARCH_DATABASE_URL cannot be read: write postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE or "
            "sqlite:////PATH, with signs such as @ : / in a password as %40 %3A %2F"
        ) from error
    if kind == "postgresql":
        return postgresql.engine_of(url)
    raise ConfigurationError(
        f"SEGSEARCH_DATABASE_URL names a database of the kind {kind}: use postgresql+psycopg://… or sqlite:///…"
    )


def make_schema(database_url: str, schema: str) -> None:
    """Make a schema in a PostgreSQL database, if it is not there; an SQLite file needs none.

    Parameters
    ----------
    database_url : str
    schema : str
        A name of this program's own, without quotation marks.

    Raises
    ------
    CatalogUnavailableError, ConfigurationError
        The server cannot be reached, or its user may not make one.
    """
    _with_schemas(database_url, f'CREATE SCHEMA IF NOT EXISTS "{schema}"')


def drop_schema(database_url: str, schema: str) -> None:
    """Drop a schema with all that is in it, if it is there; nothing happens on SQLite. Raises as `make_schema`."""
    _with_schemas(database_url, f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def _with_schemas(database_url: str, statement: str) -> None:
    engine = connect(database_url)
    if engine.dialect.name == "sqlite":
        return
    try:
        reach(engine)
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def reach(engine: Engine) -> None:
    """Connect for the first time, so that a wrong URL is told in full to whoever starts the program.

    Raises
    ------
    CatalogUnavailableError, ConfigurationError
        The server cannot be reached, or cannot hold a catalogue.
    """
    if engine.dialect.name == "postgresql":
        try:
            engine.connect().close()
        except CatalogUnavailableError as error:
            raise postgresql.unreachable(engine.url, error.__cause__ or error) from error


def advisory_locks(database_url: str) -> AdvisoryLocks | None:
    """Locks among the programs that use a PostgreSQL database; None on SQLite, which has none."""
    url = make_url(database_url)
    return AdvisoryLocks(url) if url.get_backend_name() == "postgresql" else None


def last_ids(connection: Connection, tables: Sequence[str]) -> dict[str, int]:
    """The last id that each of the tables has given out, 0 if none: no id is used again when its row is gone.

    Parameters
    ----------
    connection : Connection
    tables : sequence of str
        Tables that give out ids.
    """
    if connection.dialect.name == "sqlite":
        return sqlite.last_ids(connection, tables)
    return postgresql.last_ids(connection, tables)


def set_last_ids(connection: Connection, ids: Mapping[str, int]) -> None:
    """Go on with the ids after these."""
    if connection.dialect.name == "sqlite":
        sqlite.set_last_ids(connection, ids)
    else:
        postgresql.set_last_ids(connection, ids)


def database_now(session: Session) -> datetime:
    """The time in UTC by the clock of the database: one clock for the workers of all machines."""
    found = session.scalar(select(now()))
    return (found if isinstance(found, datetime) else datetime.fromisoformat(str(found))).replace(tzinfo=UTC)


def in_chunks(ids: Sequence[T], size: int = 500) -> list[Sequence[T]]:
    """Slices short enough for one ``IN (…)`` on both databases."""
    return [ids[start : start + size] for start in range(0, len(ids), size)]
