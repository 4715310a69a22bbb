"""URLs of databases, as SQLAlchemy reads them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from ..errors import ConfigurationError


def sqlite_url(database: Path) -> str:
    """The SQLAlchemy URL of an SQLite file, with its path escaped."""
    return f"sqlite:///{quote(str(database), safe=' +/', errors='surrogateescape')}"


def schema_of(collection: int) -> str:
    """The schema of a PostgreSQL database that has the catalogue of a collection."""
    return f"segsearch_collection_{collection}"


def in_schema(database_url: str, schema: str) -> str:
    """The URL of a PostgreSQL database whose tables are looked for in one schema only."""
    if "options=" in database_url:
        raise ConfigurationError(
            "collections are schemas of the database, so SEGSEARCH_DATABASE_URL must not have options=: leave them out"
        )
    options = f"options={quote(f'-csearch_path={schema}', safe='')}"
    return f"{database_url}{'&' if '?' in database_url else '?'}{options}"
