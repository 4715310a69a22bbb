"""What became of every file of an ingest."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from retrieval.catalog import Intake

Outcome = Literal["indexed", "unchanged", "duplicate", "empty", "failed", "skipped"]
OUTCOMES: tuple[Outcome, ...] = ("indexed", "unchanged", "duplicate", "empty", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be entered, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """The closing account: every file seen is in exactly one count."""

    counts: dict[Outcome, int]
    failures: tuple[Failure, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that ``ingest --json`` ends with."""
        failures = [{"path": failure.path, "reason": failure.reason} for failure in self.failures]
        counts: dict[str, Any] = {str(outcome): count for outcome, count in self.counts.items()}
        return {**counts, "seconds": round(self.seconds, 3), "failures": failures}


@dataclass(slots=True)
class Tally:
    """What is known so far of the files of a running ingest; safe among threads."""

    started: float = field(default_factory=time.monotonic)
    photos: dict[int, Path] = field(default_factory=dict)
    _counts: Counter[Outcome] = field(default_factory=Counter)
    _failures: list[Failure] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def entered(self, image_id: int, path: Path) -> None:
        """A file whose photo has to be worked on; a second path to it is a duplicate."""
        with self._lock:
            if image_id in self.photos:
                self._counts["duplicate"] += 1
            else:
                self.photos[image_id] = path

    def count(self, outcome: Outcome) -> None:
        """A file that needs no work."""
        with self._lock:
            self._counts[outcome] += 1

    def failed(self, failure: Failure) -> None:
        """A file that could not even be registered."""
        with self._lock:
            self._failures.append(failure)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Files that could not be registered."""
        return tuple(self._failures)

    @property
    def files(self) -> int:
        """Files seen so far."""
        return self._counts.total() + len(self.photos) + len(self._failures)

    def close(self, intake: Intake) -> IngestReport:
        """Ask the catalogue what the photos came to."""
        failures, counts = list(self._failures), self._counts.copy()
        states = intake.states(list(self.photos))
        for image_id, path in self.photos.items():
            state, error = states.get(
                image_id,
                ("failed", "it was cancelled or deleted while it was being entered: ingest it again if it is wanted"),
            )
            if state in ("indexed", "empty"):
                counts[state] += 1
            else:
                failures.append(Failure(str(path), error or f"left {state}: run ingest again"))
        counts["failed"] = len(failures)
        ordered = {outcome: counts[outcome] for outcome in OUTCOMES}
        return IngestReport(counts=ordered, failures=_sorted(failures), seconds=time.monotonic() - self.started)


def _sorted(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    return tuple(sorted(failures, key=lambda failure: failure.path))
