"""What only PostgreSQL needs: its engine, and transactions that see and do what SQLite's do.

Transactions that write take one lock at their beginning, so they queue as they do on SQLite: ids are committed in their
order, none can overwrite what another has just read, and none can fail in the middle because of another. Transactions
that read take no lock and see one state (decision 47).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from ...errors import CatalogUnavailableError, ConfigurationError
from . import failures

DRIVER = "postgresql+psycopg"
OLDEST = 14
"""The oldest major version that its makers still maintain, and that is tested."""

WAIT_SECONDS = 30
"""How long a transaction waits for those that write before it."""

IDLE_SECONDS = 300
"""After this time the server ends a transaction of a program that hangs or cannot be reached any more."""

WRITERS: Final = int.from_bytes(b"segwrite")
"""The number of the lock; such numbers belong to one database."""

_CONNECTING: Final = {
    "application_name": "segsearch",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""Parameters of libpq that hold where the URL says nothing else."""


def engine_of(url: URL) -> Engine:
    """An engine over the server of a catalogue; nothing is connected yet.

    Raises
    ------
    ConfigurationError
        As `plain_engine_of`.
    """
    engine = plain_engine_of(url, "SEGSEARCH_DATABASE_URL")
    event.listen(engine, "begin", partial(_begin, import_module("psycopg").IsolationLevel))
    return engine


def plain_engine_of(url: URL, setting: str, **options: Any) -> Engine:
    """An engine whose transactions take no lock at their beginning; nothing is connected yet.

    Parameters
    ----------
    url : URL
    setting : str
        The variable that has the URL, for messages.
    **options
        As of SQLAlchemy's `create_engine`.

    Raises
    ------
    ConfigurationError
        The driver is missing, or the URL names another driver or no database.
    """
    if url.drivername not in ("postgresql", DRIVER):
        raise ConfigurationError(f"{setting} names the driver {url.drivername}: use {DRIVER}://…")
    if not url.database:
        raise ConfigurationError(f"{setting} names no database: use {DRIVER}://USER:PASSWORD@HOST/DATABASE")
    try:
        import_module("psycopg")
    except ImportError as error:
        raise ConfigurationError(
            "the driver of PostgreSQL is not installed: run `pip install 'segsearch[postgresql]'`"
        ) from error
    engine = create_engine(
        url.set(drivername=DRIVER),
        connect_args={name: value for name, value in _CONNECTING.items() if name not in url.query},
        pool_pre_ping=True,  # else each connection would fail once after the server was restarted
        hide_parameters=True,
        **{"poolclass": failures.Pool, **options},
    )
    event.listen(engine, "connect", partial(_prepare, setting))
    failures.listen(engine)
    return engine


def unreachable(url: URL, error: BaseException) -> CatalogUnavailableError:
    """What to tell whoever starts the program if the first connection fails.

    Parameters
    ----------
    url : URL
    error : BaseException
        As the driver raised it.
    """
    reason = " ".join(str(error).split()).removeprefix("connection failed: ")
    return CatalogUnavailableError(
        f"the catalogue {url.set(query={}).render_as_string(hide_password=True)} cannot be reached ({reason}): check "
        "user, password, host, port and database in SEGSEARCH_DATABASE_URL, and that the server runs"
    )


def last_ids(connection: Connection, tables: Sequence[str]) -> dict[str, int]:
    """As `dialects.last_ids`."""
    asked = "SELECT coalesce(pg_sequence_last_value(CAST(pg_get_serial_sequence(:name, 'id') AS regclass)), 0)"
    return {table: int(connection.scalar(text(asked), {"name": table}) or 0) for table in tables}


def set_last_ids(connection: Connection, ids: Mapping[str, int]) -> None:
    """As `dialects.set_last_ids`."""
    for table, last in ids.items():
        told = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), greatest(:last, 1), :last > 0)")
        connection.execute(told, {"name": table, "last": last})


def _prepare(setting: str, connection: Any, _record: object) -> None:
    """Refuse a server that cannot hold a catalogue, and bound how long it waits.

    Raises
    ------
    ConfigurationError
        It is too old, or the database cannot hold all characters.
    """
    major, encoding = connection.info.server_version // 10_000, connection.info.parameter_status("server_encoding")
    if major < OLDEST:
        raise ConfigurationError(f"{setting} names a server with PostgreSQL {major}: upgrade it to {OLDEST} or newer")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"{setting} names a database with the encoding {encoding}: create one with "
            "`CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`"
        )
    limits = {"lock_timeout": WAIT_SECONDS, "idle_in_transaction_session_timeout": IDLE_SECONDS}
    with connection.cursor() as cursor:
        for name, seconds in limits.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, f"{seconds}s"))
    connection.commit()


def _begin(levels: Any, connection: Any) -> None:
    """Have writers queue; readers say what they are by an option, as `sqlite` has it."""
    reading = connection.get_execution_options().get("reading", False)
    driver = connection.connection.dbapi_connection
    wanted = {
        "autocommit": reading == "once",
        "read_only": bool(reading),
        "isolation_level": levels.REPEATABLE_READ if reading is True else levels.READ_COMMITTED,
    }
    for name, value in wanted.items():
        if getattr(driver, name) != value:
            setattr(driver, name, value)
    if not reading:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")
