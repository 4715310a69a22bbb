"""Who works on a catalogue: workers and web servers of all machines, each a row that it renews."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from sqlalchemy import delete, select, update

from ..errors import SchemaOutdatedError
from . import schema
from .dialects import database_now
from .owners import host_and_pid, is_gone
from .process_models import Process
from .records import ProcessKind, ProcessRecord
from .sessions import Repository

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0

ALIVE = timedelta(seconds=60)
"""A process that was not seen for longer counts as gone."""

FORGOTTEN = timedelta(days=1)
"""After this time the row of a process that did not end by itself is removed."""


class Processes(Repository):
    """The workers and web servers that use this catalogue."""

    def beat(self, name: str, kind: ProcessKind, *, version: str, recipe: str, fingerprint: str) -> None:
        """Note that a process runs, by the clock of the database."""
        told = {"kind": kind, "version": version, "recipe": recipe, "fingerprint": fingerprint}
        with self._sessions.begin() as session:
            now = database_now(session)
            seen = update(Process).where(Process.name == name).values(**told, seen_at=now)
            if not session.execute(seen).rowcount:  # type: ignore[attr-defined]
                session.add(Process(name=name, **told, started_at=now, seen_at=now))
                session.execute(delete(Process).where(Process.seen_at < now - FORGOTTEN))

    def leave(self, name: str) -> None:
        """Note that a process has ended."""
        with self._sessions.begin() as session:
            session.execute(delete(Process).where(Process.name == name))

    def all(self) -> list[ProcessRecord]:
        """All processes by machine, kind and age, also those that ended without a word within a day."""
        with self._reading() as session:
            now = database_now(session)
            found = [_record(row, is_late=row.seen_at < now - ALIVE) for row in session.scalars(select(Process))]
        return sorted(found, key=lambda each: (each.host, each.kind, each.started_at, each.name))

    def check_schema(self) -> None:
        """See that this version can still work with the catalogue, which another one may have upgraded.

        Raises
        ------
        SchemaOutdatedError
        """
        with self._reading() as session:
            schema.check_served(session.connection())


class Heartbeat:
    """Says of this process that it runs, until it ends or a newer version has upgraded the catalogue.

    Parameters
    ----------
    processes : Processes
    name : str
        Of this process.
    kind : {'worker', 'web server'}
    version, recipe, fingerprint : str
    on_outdated : callable
        Called once, with what to do, if this version can no longer work with the catalogue.
    every : float
        Seconds between two beats.

    Attributes
    ----------
    outdated : SchemaOutdatedError or None
        Why this version can no longer work with the catalogue, if it cannot.
    """

    def __init__(  # noqa: PLR0913
        self,
        processes: Processes,
        name: str,
        kind: ProcessKind,
        *,
        version: str,
        recipe: str,
        fingerprint: str,
        on_outdated: Callable[[SchemaOutdatedError], None] = lambda _: None,
        every: float = BEAT_SECONDS,
    ) -> None:
        self._processes, self._owner, self._kind = processes, name, kind
        self._told = {"version": version, "recipe": recipe, "fingerprint": fingerprint}
        self._on_outdated, self._every = on_outdated, every
        self.outdated: SchemaOutdatedError | None = None
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_failing = False

    def start(self) -> None:
        """Beat from now on, in a thread that does not keep the process alive."""
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop, and remove the row."""
        self._ending.set()
        if self._thread is None:
            return
        self._thread.join()
        try:
            self._processes.leave(self._owner)
        except Exception as error:  # noqa: BLE001  # it is removed after a day
            logger.warning("this process cannot be taken off the list: %s", error)

    def _run(self) -> None:
        """Beat; failures are logged and tried again, for work goes on without."""
        while self.outdated is None:
            try:
                self._beat()
                self._is_failing = False
            except Exception as error:  # noqa: BLE001  # whatever it is: the next beat may succeed
                if not self._is_failing:
                    logger.warning("this process cannot be registered (%s); trying again", error)
                self._is_failing = True
            if self._ending.wait(self._every):
                return

    def _beat(self) -> None:
        try:
            self._processes.check_schema()
        except SchemaOutdatedError as error:
            self.outdated = error
            self._on_outdated(error)
            return
        self._processes.beat(self._owner, self._kind, **self._told)


def _record(row: Process, *, is_late: bool) -> ProcessRecord:
    host, pid = host_and_pid(row.name)
    return ProcessRecord(
        name=row.name,
        kind=cast("ProcessKind", row.kind),
        host=host,
        pid=pid,
        version=row.version,
        recipe=row.recipe,
        fingerprint=row.fingerprint,
        started_at=row.started_at,
        seen_at=row.seen_at,
        is_gone=is_late or is_gone(row.name),
    )
