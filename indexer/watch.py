"""Watches folders: new, changed and deleted files are registered once they have settled."""

from __future__ import annotations

import logging
import os
import threading
import time
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from watchfiles import Change, watch
from watchfiles._rust_notify import WatchfilesRustInternalError

from retrieval.assembly import Assembly
from retrieval.errors import ConfigurationError
from retrieval.processes.duties import pause_after
from retrieval.storage.locations import displayed, uri_of

from .registering import CHUNK, patiently
from .report import Tally
from .scan import real_paths, register_files, stamp_of
from .scan_stores import register_objects
from .walk import find_files, identity_of, is_below, is_too_long
from .worker import Worker

logger = logging.getLogger(__name__)

WATCH = "watch"
POLL_SECONDS = 5.0
"""Folders whose path is not UTF-8 cannot be watched; they are scanned this often."""

SETTLE_SECONDS = 2.0
"""A file is registered once its size and modification time have not changed for this long."""

STORE_SECONDS = 300.0
"""How often object stores are listed: each time costs a request for every thousand objects."""

TICK_MS = 500


class Settling:
    """Changed files, until they no longer change.

    Parameters
    ----------
    seconds : float
        How long a file must stay the same.
    """

    def __init__(self, seconds: float = SETTLE_SECONDS) -> None:
        self._seconds = seconds
        self._touched: dict[Path, tuple[tuple[int, int] | None, float]] = {}

    def touch(self, path: Path, now: float) -> None:
        """Note that a file was created or changed by a time; an unchanged file continues to settle."""
        stamp = stamp_of(path)
        if stamp is None or path not in self._touched or self._touched[path][0] != stamp:
            self._touched[path] = stamp, now

    def settled(self, now: float) -> list[Path]:
        """Remove and return the files that have settled or are gone."""
        found = []
        for path, (before, since) in list(self._touched.items()):
            stamp = stamp_of(path)
            if stamp is not None and stamp != before:
                self._touched[path] = stamp, now
            elif stamp is None or now - since >= self._seconds:
                del self._touched[path]
                found.append(path)
        return found


def ingest_and_watch(
    assembly: Assembly, worker: Worker, paths: Sequence[Path], uris: Sequence[str] = (), *, within: bool = False
) -> None:
    """Ingest files under `paths` and objects under `uris`, and later changes there, until the worker stops.

    Object stores tell nobody of changes, so they are listed anew every `STORE_SECONDS`.

    Raises
    ------
    ConfigurationError
        The system cannot watch that many folders.
    Exception
        Whatever stopped the watching or the ingest.
    """
    failure: list[BaseException] = []

    def follow() -> None:
        try:
            _Follower(assembly, [path.absolute() for path in paths], worker.stopping, within=within).run()
        except Exception as error:  # noqa: BLE001  # raised again below, in the caller's thread
            failure.append(error)
        finally:
            worker.stop()

    def follow_stores() -> None:
        try:
            _list_anew(assembly, uris, worker.stopping)
        except Exception as error:  # noqa: BLE001  # as above
            failure.append(error)
        finally:
            worker.stop()

    following = [threading.Thread(target=follow, name="watch")] if paths else []
    following += [threading.Thread(target=follow_stores, name="watch stores")] if uris else []
    for each in following:
        each.start()
    try:
        worker.work(lambda: False)
    finally:
        worker.stop()
        for each in following:
            each.join()
    if failure:
        raise failure[0]


def _list_anew(assembly: Assembly, uris: Sequence[str], stopping: threading.Event) -> None:
    """Register what is new in stores, again and again; what cannot be read is tried the next time."""
    logger.warning("watching %s, every %.0f s", ", ".join(map(displayed, uris)), STORE_SECONDS)
    while not stopping.is_set():
        tally = Tally()
        register_objects(assembly, uris, tally, stopping=stopping)
        _tell(tally)
        stopping.wait(STORE_SECONDS)


class _Follower:
    """Registers changes below the watched folders; after an error it scans all of them."""

    def __init__(self, assembly: Assembly, roots: Sequence[Path], stopping: threading.Event, *, within: bool) -> None:
        self._assembly, self._duties = assembly, assembly.duties
        self._roots, self._stopping, self._within = roots, stopping, within
        self._settling = Settling()
        self._started = False
        self._failures = 0

    def run(self) -> None:
        """Watch first and scan afterwards, so that nothing is missed.

        Raises
        ------
        ConfigurationError
            The folders cannot be watched.
        """
        missed: set[Path] = set()
        for happened in _Folders(self._roots, self._stopping).happenings():
            missed.update(happened.unsure)
            try:
                self._take_in(happened.changes, missed)
            except Exception as error:  # noqa: BLE001  # told by `_note`
                missed = set(self._roots)
                self._note(error)
            else:
                missed = set()
                self._note(None)

    def _take_in(self, changes: Collection[tuple[Change, Path]], unsure: Collection[Path]) -> None:
        if not self._started:
            _register(self._assembly, self._roots, within=self._within)
            logger.warning("watching %s", ", ".join(map(str, self._roots)))
            self._started = True
        elif unsure:
            self._look_through([root for root in self._roots if root in unsure])
        for change, path in changes:
            if not _is_hidden(path, self._roots):
                for each in [path] if change == Change.deleted else find_files([path]):
                    self._settling.touch(each, time.monotonic())
        self._register_settled()

    def _look_through(self, roots: Sequence[Path]) -> None:
        """Mark new and changed files as unsettled, and note deleted ones."""
        files, seen = find_files(roots), array("q")
        while chunk := {uri_of(path): path for path in islice(files, CHUNK)}:
            known = patiently(partial(self._assembly.catalog.locations.known, list(chunk)))
            for uri, path in chunk.items():
                place = known.get(uri)
                if place is None or place.is_missing or (place.size, place.mtime_ns) != stamp_of(path):
                    self._settling.touch(path, time.monotonic())
                else:
                    seen.append(place.id)
        for root in roots:
            here = np.frombuffer(seen, np.int64)
            patiently(partial(self._assembly.catalog.locations.note_missing, uri_of(root), here))

    def _register_settled(self) -> None:
        settled = self._settling.settled(time.monotonic())
        real = real_paths(self._roots)
        here = [path for path in settled if os.path.isfile(path) or is_too_long(path)]  # noqa: PTH113  # may raise
        here = [path for path in here if not self._within or is_below(path, real)]
        for path in settled:
            if not os.path.exists(path):  # noqa: PTH110
                patiently(partial(self._assembly.catalog.locations.note_missing, uri_of(path)))
        if here:
            _register(self._assembly, here, within=self._within, roots=real)

    def _note(self, error: Exception | None) -> None:
        """Record the outcome, and wait after a failure, longer each time."""
        if error is not None:
            self._failures += 1
            pause = pause_after(self._failures)
            logger.error("changes are not registered: %s; retrying in %.0f s", error, pause, exc_info=error)
            self._duties.failed(WATCH, error)
            self._stopping.wait(pause)
        elif self._failures:
            self._failures = 0
            self._duties.succeeded(WATCH)


@dataclass(frozen=True, slots=True)
class Happened:
    """The changes since the last time, and the folders whose changes may be incomplete."""

    changes: Collection[tuple[Change, Path]]
    unsure: Collection[Path] = ()


class _Folders:
    """Watches folders; restarts if one is moved away and created again, or after an event that the library cannot read.

    Parameters
    ----------
    roots : sequence of Path
    stopping : Event
    """

    def __init__(self, roots: Sequence[Path], stopping: threading.Event) -> None:
        self._roots, self._stopping = roots, stopping
        self._there = {root: identity_of(root) for root in roots}
        self._due: float | None = time.monotonic()
        self._spent = 0.0
        self._began = False

    def happenings(self) -> Iterator[Happened]:
        """Changes, twice a second; at first, and whenever something was missed, all folders are reported as incomplete.

        Raises
        ------
        ConfigurationError
            The folders cannot be watched.
        """
        while not self._stopping.is_set():
            armed = [root for root in self._roots if self._there[root] is not None and _has_text(root)]
            try:
                for changes in _changes(armed, self._stopping) if armed else _nothing(self._stopping):
                    self._began = True
                    yield from self._happened(changes)
                    if self._have_moved():
                        break
                else:  # a folder went before it could be watched, or somebody is stopping
                    self._have_moved()
                    self._stopping.wait(TICK_MS / 1000)
            except WatchfilesRustInternalError as error:
                logger.info("some changes may have been missed, so all folders are scanned again: %s", error)
                self._look_again()
                self._stopping.wait(TICK_MS / 1000)
            except ConfigurationError as error:
                if not self._began:
                    raise
                logger.error("%s", error)
                self._look_again()
                self._stopping.wait(POLL_SECONDS)

    def _happened(self, changes: Collection[tuple[Change, Path]]) -> Iterator[Happened]:
        began = time.monotonic()
        if self._due is None or began < self._due:
            yield Happened(changes)
            return
        self._due = None
        yield Happened(changes, self._roots)
        self._spent = time.monotonic() - began
        if not all(map(_has_text, self._roots)):
            self._look_again(POLL_SECONDS)

    def _look_again(self, seconds: float = 0.0) -> None:
        """Request a scan of all folders; scans take at most a tenth of the time, however often they are requested."""
        due = time.monotonic() + max(seconds, 9 * self._spent)
        self._due = due if self._due is None else min(due, self._due)

    def _have_moved(self) -> bool:
        """Whether a folder was replaced or removed since the last call; this is logged."""
        before, self._there = self._there, {root: identity_of(root) for root in self._roots}
        for root in self._roots:
            if self._there[root] is None and before[root] is not None:
                logger.warning("%s is gone; watching resumes when it is back", root)
            elif self._there[root] != before[root]:
                logger.warning("watching the new folder %s", root)
        if self._there == before:
            return False
        self._due = time.monotonic()
        return True


def _changes(roots: Sequence[Path], stopping: threading.Event) -> Iterator[set[tuple[Change, Path]]]:
    """What changed since the last time, twice a second.

    Raises
    ------
    WatchfilesRustInternalError
        A name that is not UTF-8 changed; all events of that moment are lost.
    """
    options = {"debounce": TICK_MS, "rust_timeout": TICK_MS, "yield_on_timeout": True, "raise_interrupt": False}
    try:
        for changed in watch(*roots, watch_filter=None, stop_event=stopping, **options):  # type: ignore[arg-type]
            yield {(change, Path(path)) for change, path in changed}
    except WatchfilesRustInternalError:
        raise
    except FileNotFoundError:
        return  # it has just gone
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"the folders cannot be watched ({error}): raise the limit with "
            "`sysctl fs.inotify.max_user_watches=999999`, or set WATCHFILES_FORCE_POLLING=1 to poll them instead"
        ) from error


def _nothing(stopping: threading.Event) -> Iterator[set[tuple[Change, Path]]]:
    while not stopping.wait(TICK_MS / 1000):
        yield set()


def _has_text(path: Path) -> bool:
    """Whether a path is UTF-8, which the library requires."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _register(
    assembly: Assembly, paths: Sequence[Path], *, within: bool = False, roots: Sequence[Path] | None = None
) -> None:
    tally = Tally()
    register_files(assembly, paths, tally, within=within, roots=roots)
    _tell(tally)


def _tell(tally: Tally) -> None:
    logger.info("%d files examined, %d to ingest", tally.files, len(tally.photos))
    for failure in tally.failures:
        logger.warning("%s: %s", failure.path, failure.reason)


def _is_hidden(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a file, or a folder on the way to it, is hidden below the watched folder."""
    below = next((path.relative_to(root) for root in roots if path.is_relative_to(root)), path)
    return any(part.startswith(".") for part in below.parts)
