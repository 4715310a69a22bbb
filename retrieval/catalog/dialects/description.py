"""What a database is, for reports on an installation."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Engine, select


@dataclass(frozen=True, slots=True)
class Database:
    """A kind of database and how quickly it answers.

    Attributes
    ----------
    kind : {'SQLite', 'PostgreSQL'}
    version : str
    latency_ms : float
        How long the shortest question takes over an open connection.
    """

    kind: str
    version: str
    latency_ms: float


def describe(engine: Engine) -> Database:
    """Ask a database what it is."""
    is_server = engine.dialect.name == "postgresql"
    with engine.execution_options(reading="once").connect() as connection:
        connection.scalar(select(1))
        started = time.perf_counter()
        connection.scalar(select(1))
        latency_ms = 1000 * (time.perf_counter() - started)
        numbers = connection.dialect.server_version_info or ()
    return Database("PostgreSQL" if is_server else "SQLite", ".".join(map(str, numbers)), latency_ms)
