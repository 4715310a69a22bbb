"""Where kinds of databases differ: connecting, the clock, the length of a statement, and how drivers name errors.

============= ==============================================================
module        what
============= ==============================================================
`sqlite`      what only SQLite needs
`sqlite_file` an SQLite file that is moved away while it is open
`failures`    errors of drivers as those of this program
============= ==============================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from ...errors import ConfigurationError
from . import failures, sqlite, sqlite_file
from .sqlite_file import refuse_new

__all__ = ["connect", "copy", "database_now", "in_chunks", "refuse_new"]

T = TypeVar("T")

_NOW = {
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "mysql": "SELECT utc_timestamp(6)",
    "mariadb": "SELECT utc_timestamp(6)",
}


def connect(database_url: str) -> Engine:
    """Create an engine whose transactions behave alike on every database, and whose errors quote no stored value.

    Raises
    ------
    ConfigurationError
        The URL names no kind of database that is installed here.
    CatalogError
        The folder of the database cannot be made.
    """
    try:
        url = make_url(database_url)
        if url.drivername.startswith("sqlite"):
            return sqlite.engine_of(url)
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, poolclass=failures.Pool)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ConfigurationError(f"SEGSEARCH_DATABASE_URL does not name a usable database: {error}") from error
    failures.listen(engine)
    return engine


def copy(database_url: str, target: Path) -> None:
    """Write a database to a file as it is at one moment, while others read and write it.

    Raises
    ------
    ConfigurationError
        The database is not SQLite.
    CatalogUnavailableError
        It is gone.
    """
    url = make_url(database_url)
    path = sqlite_file.path_of(url)
    if not url.drivername.startswith("sqlite") or path is None:
        raise ConfigurationError(
            f"a catalogue in {url.drivername} is backed up with its own tools, such as pg_dump; back up the folders "
            "uploads and renditions of the data directory, too"
        )
    sqlite_file.copy(path, target)


def database_now(session: Session) -> datetime:
    """The time in UTC by the clock of the database: one clock for the workers of all machines."""
    found = session.scalar(text(_NOW[session.get_bind().dialect.name]))
    return (found if isinstance(found, datetime) else datetime.fromisoformat(str(found))).replace(tzinfo=UTC)


def in_chunks(ids: Sequence[T], size: int = 500) -> list[Sequence[T]]:
    """Slices short enough for one ``IN (…)`` on every database."""
    return [ids[start : start + size] for start in range(0, len(ids), size)]
