"""The outcome of every file of an ingest."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO, get_args, overload

from retrieval.catalog import IngestQueue
from retrieval.catalog.records import State

Outcome = Literal["indexed", "unchanged", "duplicate", "empty", "failed", "skipped", "restored", "deleted", "waiting"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""Photos that were ``restored`` had been in the trash; photos of ``deleted`` files were deleted, and stay so. Those
``waiting`` are registered, and were not analysed before the ingest was stopped."""

CHUNK = 1000
"""Rows of the spool in memory at once."""

_CANCELLED: tuple[State, str] = (
    "failed",
    "it was cancelled or deleted during the ingest: to add it after all, ingest it again",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be ingested, and the reason."""

    path: str
    reason: str


_COUNTS = {"photo": "SELECT count(*) FROM photo", "failure": "SELECT count(*) FROM failure"}


class Spool:
    """Paths of photos and failures of an ingest, in an unnamed temporary file.

    Memory does not grow with the number of files. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("CREATE TABLE photo (id INTEGER PRIMARY KEY, path BLOB)")
        self._database.execute("CREATE TABLE failure (path BLOB, reason TEXT, photo INTEGER)")
        self._database.execute("CREATE INDEX failure_path ON failure (path)")

    def add_photo(self, image_id: int, path: Path | str) -> bool:
        """Store the path of a photo, unless it has one; returns whether it was stored."""
        return bool(self._change("INSERT OR IGNORE INTO photo VALUES (?, ?)", (image_id, os.fsencode(path))))

    def add_failure(self, failure: Failure, image_id: int | None = None) -> None:
        """Store a failure, with the id of the photo if there is one."""
        reason = failure.reason.encode("utf-8", "backslashreplace").decode()
        self._change("INSERT INTO failure VALUES (?, ?, ?)", (os.fsencode(failure.path), reason, image_id))

    def forget_photo_failures(self) -> None:
        """Delete the failures that have a photo's id."""
        self._change("DELETE FROM failure WHERE photo IS NOT NULL", ())

    def count(self, table: Literal["photo", "failure"]) -> int:
        """How many rows there are."""
        return int(self._rows(_COUNTS[table], ())[0][0])

    def photos(self) -> Iterator[list[tuple[int, str]]]:
        """Ids and paths, in blocks."""
        last = 0
        while rows := self._rows("SELECT id, path FROM photo WHERE id > ? ORDER BY id LIMIT ?", (last, CHUNK)):
            yield [(key, os.fsdecode(path)) for key, path in rows]
            last = rows[-1][0]

    def failure(self, at: int) -> Failure:
        """The failure at a position in the order of paths."""
        statement = "SELECT path, reason FROM failure ORDER BY path, rowid LIMIT 1 OFFSET ?"
        path, reason = self._rows(statement, (at,))[0]
        return Failure(os.fsdecode(path), reason)

    def failures(self) -> Iterator[Failure]:
        """All failures, by path."""
        statement = "SELECT path, rowid, reason FROM failure WHERE (path, rowid) > (?, ?) ORDER BY path, rowid LIMIT ?"
        last: tuple[bytes, int] = (b"", 0)
        while rows := self._rows(statement, (*last, CHUNK)):
            yield from (Failure(os.fsdecode(path), reason) for path, _, reason in rows)
            last = rows[-1][:2]

    def _change(self, statement: str, values: tuple[Any, ...]) -> int:
        with self._lock:
            return self._database.execute(statement, values).rowcount

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()


class Failures(Sequence[Failure]):
    """The failures of a spool, by path, read on demand."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __len__(self) -> int:
        return self._spool.count("failure")

    def __iter__(self) -> Iterator[Failure]:
        return self._spool.failures()

    @overload
    def __getitem__(self, at: int) -> Failure: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Failure]: ...
    def __getitem__(self, at: int | slice) -> Failure | Sequence[Failure]:
        rows = range(len(self))[at]
        if isinstance(rows, int):
            return self._spool.failure(rows)
        return [self._spool.failure(row) for row in rows]


class Photos:
    """How many photos are in a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __len__(self) -> int:
        return self._spool.count("photo")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """The final report: every file is in exactly one count."""

    counts: dict[Outcome, int]
    failures: Sequence[Failure]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that ``ingest --json`` prints."""
        return {**self._head(), "failures": [_failure_json(failure) for failure in self.failures]}

    def write_json(self, file: TextIO) -> None:
        """Write that object on one line, however many failures there are."""
        head = json.dumps(self._head()).removesuffix("}")
        file.write(f'{head}, "failures": [')
        for number, failure in enumerate(self.failures):
            file.write(f"{', ' if number else ''}{json.dumps(_failure_json(failure))}")
        file.write("]}\n")

    def _head(self) -> dict[str, Any]:
        counts: dict[str, Any] = {str(outcome): count for outcome, count in self.counts.items()}
        return {**counts, "seconds": round(self.seconds, 3)}


@dataclass(slots=True)
class Tally:
    """The outcomes so far of a running ingest; thread-safe."""

    started: float = field(default_factory=time.monotonic)
    _counts: Counter[Outcome] = field(default_factory=Counter)
    _spool: Spool = field(default_factory=Spool)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def entered(self, image_id: int, path: Path | str) -> None:
        """Note a file whose photo must be analysed; a second path to the photo is a duplicate."""
        if not self._spool.add_photo(image_id, path):
            self.count("duplicate")

    def count(self, outcome: Outcome) -> None:
        """Count a file that needs no work."""
        with self._lock:
            self._counts[outcome] += 1

    def failed(self, failure: Failure) -> None:
        """Note a file that could not be registered."""
        self._spool.add_failure(failure)

    @property
    def photos(self) -> Photos:
        """Photos that must be analysed."""
        return Photos(self._spool)

    @property
    def failures(self) -> Failures:
        """Files that could not be registered; after `close`, also photos that could not be analysed."""
        return Failures(self._spool)

    @property
    def settled(self) -> int:
        """Files so far that need no analysis."""
        return self._counts.total() + len(self.failures)

    @property
    def files(self) -> int:
        """Files seen so far."""
        return self.settled + len(self.photos)

    def close(self, ingest_queue: IngestQueue) -> IngestReport:
        """Read the photos' outcomes from the catalogue."""
        self._spool.forget_photo_failures()
        counts = self._counts.copy()
        for photos in self._spool.photos():
            states = ingest_queue.states([image_id for image_id, _ in photos])
            for image_id, path in photos:
                state, error = states.get(image_id, _CANCELLED)
                if state in ("indexed", "empty"):
                    counts[state] += 1
                elif state == "failed":
                    self._spool.add_failure(Failure(path, error or "without a reason: ingest it again"), image_id)
                else:
                    counts["waiting"] += 1
        counts["failed"] = len(self.failures)
        ordered = {outcome: counts[outcome] for outcome in OUTCOMES}
        return IngestReport(counts=ordered, failures=self.failures, seconds=time.monotonic() - self.started)


def _failure_json(failure: Failure) -> dict[str, str]:
    return {"path": failure.path, "reason": failure.reason}
