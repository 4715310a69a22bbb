"""What is wrong with a database, told from its own errors: one map for both kinds of databases.

SQLite says it by its result codes, PostgreSQL by SQLSTATE. What neither tells is told by the classes that all drivers
share (PEP 249), and by SQLAlchemy, which knows lost connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from ...errors import (
    CatalogConflictError,
    CatalogDamagedError,
    CatalogUnavailableError,
    QueryError,
    RetrievalError,
)

Kind = Literal["busy", "crowded", "conflict", "full", "read-only", "forbidden", "gone", "damaged", "unstorable"]

_SQLITE: Final[dict[int, Kind]] = {
    5: "busy", 6: "busy", 8: "read-only", 3: "read-only", 10: "gone", 11: "damaged", 13: "full", 14: "gone",
    26: "damaged",
}  # fmt: skip
"""Primary result codes: BUSY, LOCKED, READONLY, PERM, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB."""

_SQLSTATES: Final[dict[str, Kind]] = {
    "40": "conflict", "55P03": "busy", "57014": "busy", "53300": "crowded", "53100": "full", "53200": "full",
    "25006": "read-only", "08": "gone", "57P": "gone", "58": "gone", "25P03": "gone", "3D000": "gone", "42P01": "gone",
    "42501": "forbidden", "28": "forbidden", "XX001": "damaged", "XX002": "damaged", "22021": "unstorable",
}  # fmt: skip
"""Codes and the beginnings of codes, of which the longest counts."""

ADVICE: Final[dict[Kind, str]] = {
    "busy": "another program has locked the catalogue for too long: stop that program, or try again",
    "conflict": "another program made a conflicting change at the same time: try again",
    "crowded": "the server of the catalogue has no connection left: stop other programs, or raise its max_connections",
    "full": "the disk of the catalogue is full: free some space first; even deleting a photo needs a little",
    "read-only": "the catalogue is read-only: give this account write access to its file and folder, and check that "
    "the disk is not mounted read-only",
    "forbidden": "the server of the catalogue refuses its user: give the user of SEGSEARCH_DATABASE_URL all rights on "
    "the database and its tables",
    "gone": "the catalogue cannot be reached: check that its file or server exists, and that its folder is writable",
    "damaged": "the catalogue is damaged: stop everything that uses it, and restore a backup; for an SQLite file, "
    "`sqlite3 catalog.db .recover` saves what is readable",
    "unstorable": "a text has the character U+0000, which the catalogue cannot hold: leave it out",
}


def kind_of(error: BaseException, *, is_lost: bool = False) -> Kind | None:
    """The meaning of a driver's error; None if the program that asked is at fault.

    Parameters
    ----------
    error : BaseException
        As the driver raised it.
    is_lost : bool
        Whether SQLAlchemy takes the connection for lost.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return "gone" if str(error).startswith("no such table") else _SQLITE.get(code & 0xFF)
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and (found := _of_state(state)):
        return found
    if is_lost or _is(error, "InterfaceError"):
        return "gone"
    if _is(error, "DataError") and "NUL" in str(error):  # the driver itself refuses it, and has no code for that
        return "unstorable"
    return "gone" if _is(error, "OperationalError") and not type(error).__module__.startswith("sqlite3") else None


def translated(error: BaseException, *, is_lost: bool = False, busy_seconds: float = 0) -> RetrievalError | None:
    """The error to raise instead of a driver's; None to keep that."""
    kind = kind_of(error, is_lost=is_lost)
    if kind is None:
        return None
    if kind == "damaged":
        return CatalogDamagedError(ADVICE[kind])
    if kind == "unstorable":
        return QueryError(ADVICE[kind])
    if kind == "conflict":
        return CatalogConflictError(ADVICE[kind])
    if kind == "busy" and busy_seconds:
        return CatalogUnavailableError(
            f"another program has locked the catalogue for more than {busy_seconds:g} s: stop that program"
        )
    return CatalogUnavailableError(ADVICE[kind])


def listen(engine: Engine, *, busy_seconds: float = 0) -> None:
    """Translate the errors of an engine's driver."""

    def translate(context: ExceptionContext) -> None:
        if context.is_pre_ping and context.is_disconnect:  # the pool connects anew, unless another error is raised
            return
        error = context.original_exception
        told = translated(error, is_lost=context.is_disconnect, busy_seconds=busy_seconds)
        if told is not None:
            raise told from error

    event.listen(engine, "handle_error", translate)


@contextmanager
def translating(dialect: Any) -> Iterator[None]:
    """As `listen`, for direct use of the driver."""
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        told = translated(error)
        if told is not None:
            raise told from error
        raise


class Pool(QueuePool):
    """A pool of connections; if none becomes free in time, the error says so."""

    def _do_get(self) -> Any:
        try:
            return super()._do_get()
        except PoolTimeoutError as error:
            raise CatalogUnavailableError(
                f"all {self.size() + self._max_overflow} connections to the catalogue are in use: try again"
            ) from error


def _of_state(state: str) -> Kind | None:
    found = [begin for begin in _SQLSTATES if state.startswith(begin)]
    return _SQLSTATES[max(found, key=len)] if found else None


def _is(error: BaseException, name: str) -> bool:
    """Whether an error is of a class that every driver has; each has its own of that name."""
    return any(kind.__name__ == name for kind in type(error).__mro__)
