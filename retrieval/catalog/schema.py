"""The schema of a database, the one this version needs, and the migration between them.

A version can work with a newer schema if all that was done since only added to it: such a migration says
``additive = True``. Its number is not raised in the table ``schema_support``, which has the oldest schema that a
program may know. So machines can be upgraded one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from ..errors import CatalogError, ConfigurationError, SchemaOutdatedError
from ..processes.program import PROGRAM

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).resolve().parent

MIGRATIONS = next(folder for folder in (_HERE / "migrations", _HERE.parents[1] / "migrations") if folder.is_dir())
"""Beside this module in a wheel, at the top of a checkout."""

UNFINISHED = "copying"
"""Stands in the place of the schema's number while a catalogue is copied into the database."""

Evidence = Callable[[], str | None]
"""What tells that a database without tables is not a new one, if anything does."""


def nothing() -> None:
    """No evidence: a database without tables is a new one."""


def alembic_config(database_url: str) -> Config:
    """Alembic's configuration for a database."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config


def revisions() -> list[str]:
    """The revisions that this version knows, rising: the numbers that the files of the migrations begin with."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def head() -> str:
    """The revision this version needs."""
    return revisions()[-1]


def check(engine: Engine, database_url: str, evidence: Evidence) -> None:
    """Check that the schema is the needed one, or create it if the database is new.

    Without Alembic, which takes longer to load than everything else a search needs, where nothing is to be done.

    Raises
    ------
    SchemaOutdatedError, CatalogError
        Saying what to do.
    """
    current = _current(engine, evidence)
    if current is None:
        _upgrade(database_url)
    elif _is_newer(current):
        with engine.connect().execution_options(reading=True) as connection:
            check_served(connection)
    else:
        _check_head(current)


def check_served(connection: Connection) -> None:
    """See that programs of this version can work with a database, whose schema may be newer by now.

    Raises
    ------
    SchemaOutdatedError
        Saying what to do.
    """
    current = _revision(connection) or ""
    if _is_newer(current) and connection.scalar(text("SELECT oldest FROM schema_support")) <= head():
        return
    _check_head(current)


def _is_newer(current: str) -> bool:
    """Whether a revision was made by a newer version."""
    return current.isdecimal() and current > head()


def bring_up_to_date(engine: Engine, database_url: str, evidence: Evidence) -> str:
    """Bring the schema up to date; returns the revision it now has.

    Raises
    ------
    SchemaOutdatedError, CatalogError
        It cannot be, with what to do instead.
    """
    current = _current(engine, evidence)
    if current == "":
        _number(engine, database_url)
    elif current is not None:
        _check_known(current)
    _upgrade(database_url)
    return head()


def _current(engine: Engine, evidence: Evidence) -> str | None:
    """The revision of the database; empty if it has tables and says none, None if it is new."""
    with engine.connect().execution_options(reading=True) as connection:
        current = _revision(connection)
    if current is not None:
        return current
    left = evidence()
    if left is not None:
        raise CatalogError(
            f"the catalogue {engine.url} is empty or gone, but {left}: restore a backup of it, or move the old files "
            "away to start afresh"
        )
    return None


def _revision(connection: Connection) -> str | None:
    """As `_current`, without a look at what tells more."""
    has_table = connection.dialect.has_table
    has_revision = has_table(connection, "alembic_version")
    current = connection.scalar(text("SELECT version_num FROM alembic_version")) if has_revision else None
    if current is not None:
        return str(current)
    return "" if has_table(connection, "image") else None


def check_copyable(connection: Connection) -> None:
    """See that a database has a catalogue of this version.

    Raises
    ------
    ConfigurationError, SchemaOutdatedError
        Saying what to do.
    """
    current = _revision(connection)
    if current is None:
        raise ConfigurationError(f"there is no catalogue in {connection.engine.url}: check the URL of the source")
    _check_head(current)


def prepare_copy(engine: Engine, database_url: str) -> None:
    """Make the schema in a database that a catalogue is to be copied into, or that an interrupted copy left.

    Raises
    ------
    SchemaOutdatedError, CatalogError
    """
    with engine.connect().execution_options(reading=True) as connection:
        current = _revision(connection)
    if current is None:
        _upgrade(database_url)
    elif current != UNFINISHED:
        _check_head(current)


def begin_copy(connection: Connection) -> None:
    """Note that a copy into a database has begun."""
    connection.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": UNFINISHED})


def finish_copy(connection: Connection) -> None:
    """Note that a copy into a database is complete."""
    connection.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": head()})


def _check_head(current: str) -> None:
    if current != head():
        _check_known(current)
        raise SchemaOutdatedError(
            f"the catalogue has schema {current or 'without a number'}, and this version needs {head()}: "
            f"run `{PROGRAM} migrate`"
        )


def _check_known(current: str) -> None:
    known = revisions()
    if current == UNFINISHED:
        raise CatalogError(
            f"a copy into this catalogue was not finished, and nothing is in it: run `{PROGRAM} copy-catalogue` again"
        )
    if current and current not in known:
        if _is_newer(current):
            raise SchemaOutdatedError(
                f"the catalogue was made by a newer SegSearch: it has schema {current}, and this version knows up to "
                f"{known[-1]}: upgrade SegSearch"
            )
        raise SchemaOutdatedError(
            f"the catalogue has schema {current}, which no version of SegSearch made: restore a backup of it"
        )


def _upgrade(database_url: str) -> None:
    from alembic import command
    from alembic.util.exc import CommandError
    from sqlalchemy.exc import DBAPIError

    try:
        command.upgrade(alembic_config(database_url), "head")
    except (CommandError, DBAPIError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise CatalogError(
            f"the schema cannot be upgraded ({reason}) and is unchanged: restore a backup of the catalogue"
        ) from error


def _number(engine: Engine, database_url: str) -> None:
    """Restore a lost revision number, if the tables are those of this version."""
    from alembic import command
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from .models import Image

    with engine.connect().execution_options(reading=True) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Image.metadata)
    if differences:
        raise CatalogError(
            "the catalogue has no schema number, and its schema is not that of this version: restore a backup of it"
        )
    command.stamp(alembic_config(database_url), head())
