"""Locks of a PostgreSQL server that belong to no transaction, each held by a connection of its own.

Such a connection is none of the catalogue's: whoever holds a lock still writes a row, and if all waited for a second
connection of one pool, none would get one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine, text
from sqlalchemy.pool import QueuePool

from ...errors import CatalogUnavailableError
from . import failures, postgresql

KEPT = 1
"""Connections that stay open for the next lock."""


class AdvisoryLocks:
    """Named locks, shared or exclusive; safe among threads. A lock is released when its process dies.

    Parameters
    ----------
    url : URL
        Of a PostgreSQL database.
    """

    def __init__(self, url: URL) -> None:
        self._engine: Engine = postgresql.plain_engine_of(
            url, "SEGSEARCH_DATABASE_URL", poolclass=QueuePool, pool_size=KEPT, max_overflow=-1
        ).execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def held(self, name: str, *, alone: bool) -> Iterator[None]:
        """Hold a lock, exclusively or shared; waits for it.

        Raises
        ------
        CatalogUnavailableError
            The server cannot be reached, or another holds the lock for longer than `postgresql.WAIT_SECONDS`.
        """
        shared, number = "" if alone else "_shared", {"number": number_of(name)}
        with self._engine.connect() as connection:
            with _telling():
                connection.execute(text(f"SELECT pg_advisory_lock{shared}(:number)"), number)
            try:
                yield
            finally:
                if not connection.scalar(text(f"SELECT pg_advisory_unlock{shared}(:number)"), number):
                    connection.invalidate()  # the server lost it; a connection that may hold it is not used again

    def close(self) -> None:
        """Close the connections, of which none may be in use."""
        self._engine.dispose()


@contextmanager
def _telling() -> Iterator[None]:
    """Say of a lock that others hold that it is none of the catalogue."""
    try:
        yield
    except CatalogUnavailableError as error:
        if error.__cause__ is not None and failures.kind_of(error.__cause__) == "busy":
            raise CatalogUnavailableError(
                f"another program has locked these files for more than {postgresql.WAIT_SECONDS:g} s, perhaps because "
                "it waits for a slow bucket: try again"
            ) from error
        raise


def number_of(name: str) -> int:
    """The number of a lock, 64 bits of the name's digest: other locks of the database have other numbers."""
    return int.from_bytes(hashlib.sha256(f"segsearch/{name}".encode()).digest()[:8], signed=True)
