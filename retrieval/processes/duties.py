"""Periodic background tasks (duties), such as publishing and finding clusters, and records of their outcomes.

Each duty has one small file in the data directory, written by the last process that ran it. `status` and ``/readyz``
show failing duties, even after the process that failed has ended.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import RetrievalError

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 5.0
MOST_PAUSE_SECONDS = 300.0
"""Pauses before a retry: they double from the first value up to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRecord:
    """The latest outcome of a duty.

    Attributes
    ----------
    name : str
    succeeded_at : str or None
        ISO 8601, UTC: the last success.
    failing_since : str or None
        The first failure after that; None while it succeeds.
    failures : int
        Consecutive failures up to now.
    kind, error : str or None
        Class name and message of the last error.
    """

    name: str
    succeeded_at: str | None = None
    failing_since: str | None = None
    failures: int = 0
    kind: str | None = None
    error: str | None = None


class Duties:
    """The records of one data directory; safe among threads.

    Parameters
    ----------
    data_dir : Path
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "duties"
        self._lock = threading.Lock()

    def records(self) -> list[DutyRecord]:
        """Records of all duties that ever ran, by name; unreadable ones are left out."""
        found = (self._read(path) for path in sorted(self._folder.glob("*.json")))
        return [record for record in found if record is not None]

    def failing(self) -> list[DutyRecord]:
        """Records of the duties whose last run failed."""
        return [record for record in self.records() if record.failing_since is not None]

    def succeeded(self, name: str) -> None:
        """Record a success."""
        with self._lock:
            self._write(DutyRecord(name=name, succeeded_at=_now()))

    def failed(self, name: str, error: BaseException) -> int:
        """Record a failure; returns the number of consecutive failures."""
        with self._lock:
            before = self._read(self._folder / f"{name}.json") or DutyRecord(name=name)
            record = DutyRecord(
                name=name,
                succeeded_at=before.succeeded_at,
                failing_since=before.failing_since or _now(),
                failures=before.failures + 1,
                kind=type(error).__name__,
                error=f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode(),
            )
            self._write(record)
            return record.failures

    def _read(self, path: Path) -> DutyRecord | None:
        try:
            stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return DutyRecord(**stored)
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, record: DutyRecord) -> None:
        """Replace a record atomically; a failure to write is only logged, because the duty matters more."""
        path = self._folder / f"{record.name}.json"
        beside = path.with_name(f".{record.name}-{secrets.token_hex(4)}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(asdict(record)), encoding="utf-8")
            os.replace(beside, path)  # noqa: PTH105  # both are in one folder
        except OSError as error:
            logger.warning("%s cannot be written: %s", path, error)
            beside.unlink(missing_ok=True)


class Duty:
    """A task that is repeated, whether it succeeds or not.

    Parameters
    ----------
    name : str
    act : callable
        Runs the task; returns whether there is more to do at once, or None if another process does it.
    every : float
        Seconds between two runs.
    failing : str
        What the log says when it fails.
    duties : Duties
        Keeps the record.
    """

    def __init__(self, name: str, act: Callable[[], bool | None], every: float, failing: str, duties: Duties) -> None:
        self.name = name
        self._act, self._every, self._failing, self._duties = act, every, failing, duties
        self._failures = 0

    def attempt(self) -> float:
        """Run the task once and record the outcome; returns the seconds until the next run."""
        try:
            more = self._act()
        except Exception as error:
            self._failures += 1
            pause = pause_after(self._failures)
            expected = isinstance(error, RetrievalError | OSError)
            logger.error("%s: %s; retrying in %.0f s", self._failing, error, pause, exc_info=not expected)
            self._duties.failed(self.name, error)
            return pause
        self._failures = 0
        if more is not None:
            self._duties.succeeded(self.name)
        return 0.0 if more else self._every

    def keep_up(self, ended: threading.Event) -> None:
        """Repeat the task until `ended`."""
        pause = self._every
        while not ended.wait(pause):
            try:
                pause = self.attempt()
            except Exception:  # noqa: BLE001  # losing a record is better than losing the duty
                pause = pause_after(self._failures)

    def finish(self, is_stopping: Callable[[], bool], attempts: int) -> None:
        """Run the task until nothing is left to do, it has failed `attempts` times, or the process is to stop."""
        pause = self.attempt()
        while not is_stopping() and (self._failures < attempts if self._failures else pause == 0.0):
            time.sleep(min(pause, 1.0))
            pause = self.attempt()


def pause_after(failures: int) -> float:
    """Seconds to wait after this many consecutive failures."""
    return float(min(PAUSE_SECONDS * 2.0 ** min(max(failures - 1, 0), 16), MOST_PAUSE_SECONDS))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
