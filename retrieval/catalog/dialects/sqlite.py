"""What only SQLite needs: its engine, the beginning of its transactions, and its folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.pool import StaticPool

from ...errors import CatalogError
from . import failures, sqlite_file

BUSY_SECONDS = 30
MAPPED_BYTES = 2**31 - 2**16
"""SQLite's limit. Of a mapped catalogue a search reads its rows in six tenths of the time."""


def engine_of(url: URL) -> Engine:
    """An engine over a file, whose folder is made, or over memory.

    Raises
    ------
    CatalogError
        The folder cannot be made.
    """
    url.get_dialect()
    path = sqlite_file.path_of(url)
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(
                f"the folder {path.parent} of the catalogue cannot be created: {error.strerror}"
            ) from error
    options: dict[str, Any] = {"poolclass": StaticPool if path is None else failures.Pool}
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True, **options)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    sqlite_file.follow(engine)
    failures.listen(engine, busy_seconds=BUSY_SECONDS)
    return engine


def last_ids(connection: Connection, tables: Sequence[str]) -> dict[str, int]:
    """As `dialects.last_ids`."""
    found = {name: int(last) for name, last in connection.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    return {table: found.get(table, 0) for table in tables}


def set_last_ids(connection: Connection, ids: Mapping[str, int]) -> None:
    """As `dialects.set_last_ids`."""
    for table, last in ids.items():
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :seq)"), {"name": table, "seq": last})


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Set WAL and foreign keys, and let only SQLAlchemy begin transactions."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"mmap_size={MAPPED_BYTES}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    """Writers queue at BEGIN instead of failing in the middle; readers say so by an option.

    ``reading=True`` reads from one snapshot; ``reading="once"`` is for a single statement, which needs no BEGIN.
    """
    reading = connection.get_execution_options().get("reading", False)
    if not reading:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif reading != "once":  # it locks nothing yet and cannot fail, so the driver is asked, which is quicker
        connection.connection.dbapi_connection.execute("BEGIN")
