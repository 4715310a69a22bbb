"""Folders that are watched: what comes, changes or goes is registered once it has settled."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from watchfiles import Change, watch

from retrieval.assembly import Assembly
from retrieval.catalog import Intake
from retrieval.catalog.records import uri_of
from retrieval.errors import ConfigurationError

from .discover import find_files, is_below, patiently, real_paths, register_files, stamp_of
from .report import Tally
from .worker import Worker

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 2.0
"""A file is registered when its size and time have been the same for so long."""

TICK_MS = 500


class Settling:
    """Files that were touched, until nobody touches them any more.

    Parameters
    ----------
    seconds : float
        How long a file has to stay the same.
    """

    def __init__(self, seconds: float = SETTLE_SECONDS) -> None:
        self._seconds = seconds
        self._touched: dict[Path, tuple[tuple[int, int] | None, float]] = {}

    def touch(self, path: Path, now: float) -> None:
        """A file was made or changed at a time."""
        self._touched[path] = stamp_of(path), now

    def settled(self, now: float) -> list[Path]:
        """Files that have stayed the same, or are gone; they are forgotten here."""
        found = []
        for path, (before, since) in list(self._touched.items()):
            stamp = stamp_of(path)
            if stamp is not None and stamp != before:
                self._touched[path] = stamp, now
            elif stamp is None or now - since >= self._seconds:
                del self._touched[path]
                found.append(path)
        return found


def ingest_and_watch(assembly: Assembly, worker: Worker, paths: Sequence[Path], *, within: bool = False) -> None:
    """Enter what is under `paths`, and what changes there, until the worker is told to stop.

    Raises
    ------
    ConfigurationError
        The system cannot watch so many folders.
    Exception
        Whatever stopped the watching or the line.
    """
    failure: list[BaseException] = []

    def follow() -> None:
        try:
            _follow(assembly.intake, [path.absolute() for path in paths], worker.stopping, within=within)
        except Exception as error:  # noqa: BLE001  # raised again below, in the caller's thread
            failure.append(error)
        finally:
            worker.stop()

    following = threading.Thread(target=follow, name="watch")
    following.start()
    try:
        worker.work(lambda: False)
    finally:
        worker.stop()
        following.join()
    if failure:
        raise failure[0]


def _follow(intake: Intake, roots: Sequence[Path], stopping: threading.Event, *, within: bool) -> None:
    """Watch first and look afterwards, so that nothing falls between."""
    changes, settling = _changes(roots, stopping), Settling()
    pending = next(changes, set())
    _register(intake, roots, within=within)
    logger.warning("watching %s", ", ".join(map(str, roots)))
    real = real_paths(roots)
    while not stopping.is_set():
        for change, path in pending:
            if not _is_hidden(path, roots):
                for each in [path] if change == Change.deleted else find_files([path]):
                    settling.touch(each, time.monotonic())
        settled = settling.settled(time.monotonic())
        gone = [path for path in settled if not path.exists()]
        here = [path for path in settled if path.is_file() and (not within or is_below(path, real))]
        for path in gone:
            patiently(partial(intake.note_missing, uri_of(path)))
        if here:
            _register(intake, here, within=within, roots=real)
        pending = next(changes, set())


def _changes(roots: Sequence[Path], stopping: threading.Event) -> Iterator[set[tuple[Change, Path]]]:
    """What changed since the last time, twice a second."""
    options = {"debounce": TICK_MS, "rust_timeout": TICK_MS, "yield_on_timeout": True, "raise_interrupt": False}
    try:
        for changed in watch(*roots, watch_filter=None, stop_event=stopping, **options):  # type: ignore[arg-type]
            yield {(change, Path(path)) for change, path in changed}
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"the folders cannot be watched ({error}): allow more with `sysctl fs.inotify.max_user_watches=999999`, or "
            "have them looked through all the time with WATCHFILES_FORCE_POLLING=1"
        ) from error


def _register(
    intake: Intake, paths: Sequence[Path], *, within: bool = False, roots: Sequence[Path] | None = None
) -> None:
    tally = Tally()
    register_files(intake, paths, tally, within=within, roots=roots)
    logger.info("%d files were looked at, %d are to be entered", tally.files, len(tally.photos))
    for failure in tally.failures:
        logger.warning("%s: %s", failure.path, failure.reason)


def _is_hidden(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a file, or a folder on the way to it, is hidden below the folder that is watched."""
    below = next((path.relative_to(root) for root in roots if path.is_relative_to(root)), path)
    return any(part.startswith(".") for part in below.parts)
