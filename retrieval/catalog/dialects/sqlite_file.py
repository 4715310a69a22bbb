"""SQLite's file may be moved away while it is open: connections then go on in a file that nobody else sees.

Here they are held to the file that is at the path now, and none is made in the place of one that is gone.
"""

from __future__ import annotations

import contextlib
import sqlite3
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from ...errors import CatalogUnavailableError

COPY_SECONDS = 60.0
"""How long a copy waits for a lock."""


def path_of(url: URL) -> Path | None:
    """SQLite's file; None for a database in memory."""
    return None if url.database in (None, "", ":memory:") else Path(str(url.database))


def follow(engine: Engine) -> None:
    """Reconnect an engine when another file is at its path."""
    if (path := path_of(engine.url)) is not None:
        event.listen(engine, "connect", partial(_note, path))
        event.listen(engine, "checkout", partial(_check_same, path))


def refuse_new(engine: Engine) -> None:
    """Refuse to connect to a file that is gone: SQLite would create an empty one."""
    if engine.dialect.name == "sqlite" and (path := path_of(engine.url)) is not None:
        event.listen(engine, "do_connect", partial(_check_there, path))


def copy(path: Path, target: Path) -> None:
    """Write a database to a file as it is at one moment: in one transaction that reads, which no writer waits for.

    Raises
    ------
    CatalogUnavailableError
        There is no such file.
    """
    if not path.is_file():
        raise CatalogUnavailableError(f"the catalogue {path} is gone: put it back")
    with (
        contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=COPY_SECONDS)) as source,
        contextlib.closing(sqlite3.connect(target)) as copied,
    ):
        source.backup(copied)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _note(path: Path, _connection: object, record: ConnectionPoolEntry) -> None:
    record.info["file"] = _identity_of(path)


def _check_same(path: Path, _connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
    if record.info.get("file") != _identity_of(path):
        raise InvalidatePoolError("the catalogue's file was replaced")


def _check_there(path: Path, *_: object) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CatalogUnavailableError(f"the catalogue {path} is gone: put it back") from error
    except OSError:  # SQLite says why, if it is kept out, too
        return
