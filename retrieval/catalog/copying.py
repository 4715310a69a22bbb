"""Copying a catalogue to another database, of the same kind or the other one.

All rows are written in one transaction, so a copy that is interrupted leaves none behind. What it does leave is the
note `UNFINISHED` in the place of the schema's number: no program takes such a database for an empty catalogue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, Table, delete, insert, make_url, select

from ..errors import CatalogDamagedError, ConfigurationError
from ..settings.database_urls import sqlite_url
from . import dialects, schema
from .base import Base
from .dialects import sqlite_file
from .models import Access, ChangeStamp
from .process_models import Process, RequestCount, SchemaSupport

BATCH = 500
"""Rows that are held at once."""

SEEDED = frozenset({Access.__tablename__, ChangeStamp.__tablename__, SchemaSupport.__tablename__})
"""Tables in which a new catalogue has rows."""

PASSING = frozenset({Process.__tablename__, RequestCount.__tablename__})
"""Tables of what happens at present, which is not copied."""


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """How many rows of a table were copied, and their SHA-256, which is the same in both databases."""

    name: str
    rows: int
    digest: str


def copy_catalogue(
    source_url: str, target_url: str, told: Callable[[CopiedTable], None] = lambda _: None
) -> list[CopiedTable]:
    """Copy a catalogue, as it is at one moment, into a new database; the source may be in use and is not changed.

    Parameters
    ----------
    source_url, target_url : str
        SQLAlchemy URLs. The target is a database without tables, a catalogue without rows, or one that an interrupted
        copy left.
    told : callable
        Called with each table when it has been copied.

    Returns
    -------
    list of CopiedTable
        In the order in which they depend on each other.

    Raises
    ------
    ConfigurationError
        Both are the same, the source has no catalogue, or the target is not empty.
    CatalogError
        One of them cannot be reached, or the source needs `migrate`.
    CatalogDamagedError
        The copy differs from the source. Nothing of it was kept.

    Notes
    -----
    Every row is read once from the source and once from the target: the digests are of what was read.
    """
    with _engine(source_url) as source, _engine(target_url) as target:
        if source.url == target.url:
            raise ConfigurationError("both URLs name the same catalogue: give the URL of a new one as the target")
        dialects.refuse_new(source)
        with source.connect().execution_options(reading=True) as reading:
            schema.check_copyable(reading)
            _prepare(target, target_url)
            with target.begin() as writing:
                copied = list(_copied(reading, writing, told))
                schema.finish_copy(writing)
    return copied


def copy_database(database_url: str, target: Path) -> None:
    """Write a catalogue to an SQLite file as it is at one moment, while others read and write it.

    Raises
    ------
    CatalogError
        It is gone, or cannot be read.
    ConfigurationError
        It is in memory.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        copy_catalogue(database_url, sqlite_url(target))
        return
    path = sqlite_file.path_of(url)
    if path is None:
        raise ConfigurationError("a catalogue in memory cannot be copied: set SEGSEARCH_DATABASE_URL to a file")
    sqlite_file.copy(path, target)


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = dialects.connect(url)
    try:
        dialects.reach(engine)
        yield engine
    finally:
        engine.dispose()


def _prepare(target: Engine, target_url: str) -> None:
    """Make the schema, see that there are no rows, and note that the copy is not finished."""
    schema.prepare_copy(target, target_url)
    with target.begin() as connection:
        for table in _tables():
            if table.name not in SEEDED and connection.execute(select(1).select_from(table).limit(1)).first():
                raise ConfigurationError(
                    f"the target {target.url} is not empty, it has rows in {table.name}: give the URL of a new database"
                )
        schema.begin_copy(connection)


def _copied(reading: Connection, writing: Connection, told: Callable[[CopiedTable], None]) -> Iterator[CopiedTable]:
    counting = [table.name for table in Base.metadata.sorted_tables if _gives_ids(table)]
    ids = dialects.last_ids(reading, counting)
    for table in _tables():
        writing.execute(delete(table))  # what a new catalogue has
        digest, rows = hashlib.sha256(), 0
        for batch in _batches(reading, table):
            writing.execute(insert(table), _values(batch))
            _note(digest, batch)
            rows += len(batch)
        there = hashlib.sha256()
        for batch in _batches(writing, table):
            _note(there, batch)
        if there.digest() != digest.digest():
            raise CatalogDamagedError(
                f"the copy of {table.name} differs from its source and was not kept: check both disks, and copy again"
            )
        copied = CopiedTable(table.name, rows, digest.hexdigest())
        told(copied)
        yield copied
    dialects.set_last_ids(writing, ids)


def _tables() -> list[Table]:
    """The tables to be copied, in the order in which they depend on each other."""
    return [table for table in Base.metadata.sorted_tables if table.name not in PASSING]


def _values(rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in rows]


def _gives_ids(table: Table) -> bool:
    return bool(table.dialect_kwargs.get("sqlite_autoincrement"))


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """All rows in the order of their keys; what is held does not grow with their number."""
    statement: Select[Any] = select(table).order_by(*table.primary_key.columns)
    with closing(connection.execute(statement.execution_options(yield_per=BATCH))) as result:
        yield from result.partitions()


def _note(digest: Any, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        digest.update(repr(tuple(row)).encode())
