from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from databases import ON_POSTGRESQL
from toys import ToyLibrary

from retrieval.catalog.dialects.postgresql import WRITERS


@pytest.fixture
def writes(toys: ToyLibrary) -> Callable[[], None]:
    """Have another connection write, which fails at once where somebody holds the lock."""

    def write() -> None:
        with closing(sqlite3.connect(toys.folder / "catalog.db", timeout=0)) as other, other:
            other.execute("UPDATE intake_order SET paused = 0")

    def write_on_server() -> None:
        import psycopg

        with psycopg.connect(toys.url.replace("+psycopg", "")) as other:
            assert other.execute("SELECT pg_try_advisory_xact_lock(%s)", (WRITERS,)).fetchone() == (True,)
            other.execute("UPDATE intake_order SET paused = false")

    return write_on_server if ON_POSTGRESQL else write
