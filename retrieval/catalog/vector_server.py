"""A PostgreSQL server that holds the vectors of an index: reached, and its pgvector checked."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from ..errors import CatalogError, ConfigurationError
from .dialects import postgresql
from .vector_table import MAKING, VectorTable

SETTING = "SEGSEARCH_INDEX_URL"
OLDEST = (0, 8)
"""The first version whose graph is searched on where a condition leaves too little."""

SEARCH_SECONDS = 30
"""How long a search may take."""

_SEARCHING: Final = {
    "hnsw.ef_search": "200",
    "hnsw.iterative_scan": "relaxed_order",  # the order is made good by exact scores
    "hnsw.max_scan_tuples": "40000",
    "statement_timeout": f"{SEARCH_SECONDS}s",
}
"""Settings of each connection."""


def open_vector_table(url: str, name: str, space: str, dim: int) -> VectorTable:
    """The table of an index, whose server has been reached and has pgvector.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of a PostgreSQL database.
    name, space : str
        What the entries are, and the fingerprint of what made their vectors.
    dim : int

    Raises
    ------
    ConfigurationError
        The URL is malformed or names another kind of database, or pgvector is missing or too old.
    CatalogUnavailableError
        The server cannot be reached.
    """
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            f"{SETTING} cannot be read: write postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from error
    if kind != "postgresql":
        raise ConfigurationError(
            f"SEGSEARCH_INDEX=pgvector keeps vectors in PostgreSQL, and {kind} is given: set {SETTING}="
            "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or have the catalogue there"
        )
    engine = postgresql.plain_engine_of(parsed, SETTING)
    event.listen(engine, "connect", _set)
    _require_extension(engine)
    return VectorTable(engine, name, space, dim)


def _set(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for name, value in _SEARCHING.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.commit()


def _require_extension(engine: Engine) -> None:
    """See that the database has pgvector, and give it to it if this user may."""
    version = _version(engine)
    if version is None:
        try:
            with engine.begin() as connection:
                connection.execute(select(func.pg_advisory_xact_lock(MAKING)))
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        except (CatalogError, DBAPIError) as error:
            raise ConfigurationError(_how_to_get_it(engine)) from error
        version = _version(engine) or ""
    if tuple(int(each) for each in version.split(".")[:2]) < OLDEST:
        raise ConfigurationError(
            f"the database {engine.url.database} has pgvector {version}, and {'.'.join(map(str, OLDEST))} is needed: "
            "install a newer one on the server, then run `ALTER EXTENSION vector UPDATE` in this database"
        )


def _version(engine: Engine) -> str | None:
    asked = text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    with engine.connect() as connection:
        found = connection.scalar(asked)
    return None if found is None else str(found)


def _how_to_get_it(engine: Engine) -> str:
    with engine.connect() as connection:
        there = connection.scalar(text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"))
    database = engine.url.database
    if there:
        return (
            f"the database {database} lacks the extension pgvector, and this user may not create it: run "
            f"`CREATE EXTENSION vector` in it as a superuser, such as `psql -d {database} -U postgres -c 'CREATE "
            "EXTENSION vector'`"
        )
    return (
        f"the server of the database {database} has no pgvector: install it there (Debian: postgresql-NN-pgvector), "
        "then run `CREATE EXTENSION vector` in the database as a superuser"
    )
