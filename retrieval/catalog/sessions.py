"""Connections to the catalogue, and transactions over them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from ..errors import CatalogError, RetrievalError
from . import dialects, schema, stamps
from .schema import Evidence

T = TypeVar("T")


class Sessions(sessionmaker[Session]):
    """Opens the transactions of this package.

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
        """Inside the block, this thread reads one state over one connection; may be nested.

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
    engine = dialects.connect(database_url)
    try:
        dialects.reach(engine)
        schema.check(engine, database_url, evidence)
    except DatabaseError as error:
        engine.dispose()
        raise CatalogError(f"the catalogue {engine.url} cannot be opened: {error.orig}") from error
    except RetrievalError:
        engine.dispose()
        raise
    dialects.refuse_new(engine)
    return Sessions(engine)


class Repository:
    """Reads and changes some tables of a catalogue.

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


def migrate(database_url: str, evidence: Evidence = schema.nothing) -> str:
    """Bring the schema up to date; returns the revision it now has.

    Raises
    ------
    SchemaOutdatedError, CatalogError
        It was made by a newer version, cannot be opened, or has lost what it held.
    """
    engine = dialects.connect(database_url)
    try:
        dialects.reach(engine)
        return schema.bring_up_to_date(engine, database_url, evidence)
    except DatabaseError as error:
        raise CatalogError(f"the catalogue {engine.url} cannot be opened: {error.orig}") from error
    finally:
        engine.dispose()
