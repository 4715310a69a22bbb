"""What a worker does beside ingesting: the index, tracks of videos, exports, near-duplicates, clusters, tidying up."""

from __future__ import annotations

import threading
import time

from retrieval.assembly import Assembly
from retrieval.processes.duties import Duty
from retrieval.tracks.tracker import Tracker

from .clean import KINDS, UPLOADS, clean
from .duplicates import DUPLICATES, DuplicateSearch
from .exports import Exporter
from .publish import PUBLISH, Publisher

DISCOVER = "discover"
TIDY = "tidy"
TRACKS = "tracks"
EXPORT = "export"
EXPORT_SECONDS = 2.0
TIDY_SECONDS = 3600.0
TRACK_SECONDS = 5.0
PUBLISH_SECONDS = 30.0
DUPLICATES_SECONDS = 120.0
"""For so long a worker that is done looks for near-duplicates; what is left waits for the next one."""
LAST_ATTEMPTS = 3
"""How often a duty that fails is tried at the end."""


class Upkeep:
    """The duties of a worker, each in a thread of its own.

    Parameters
    ----------
    assembly : Assembly
    stopping : threading.Event
        Set once the worker was told to stop: what can wait is then left to the next one.
    """

    def __init__(self, assembly: Assembly, stopping: threading.Event) -> None:
        records = assembly.duties
        publisher, discovery = Publisher(assembly), Discovery(assembly, stopping)
        duplicates = DuplicateSearch(assembly, stopping)
        self._stopping = stopping
        self._ended = threading.Event()
        self._tidying = Duty(TIDY, lambda: _tidy(assembly), TIDY_SECONDS, "unused files cannot be removed", records)
        exporter = Exporter(assembly, lambda: stopping.is_set() or self._ended.is_set())
        self._exporting = Duty(EXPORT, exporter.write_next, EXPORT_SECONDS, "exports cannot be written", records)
        self._comparing = Duty(
            DUPLICATES, duplicates.update, PUBLISH_SECONDS, "near-duplicates cannot be found", records
        )
        tracker = Tracker(assembly.catalog, stopping.is_set)
        self._finishing = (
            Duty(TRACKS, tracker.update, TRACK_SECONDS, "the tracks of videos cannot be found", records),
            Duty(PUBLISH, lambda: _publish(publisher), PUBLISH_SECONDS, "the index cannot be published", records),
            Duty(DISCOVER, discovery.update, PUBLISH_SECONDS, "the clusters cannot be updated", records),
        )
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Carry out each duty from time to time."""
        self._ended.clear()
        self._threads = [
            threading.Thread(target=duty.keep_up, args=(self._ended,), name=duty.name)
            for duty in (self._tidying, self._exporting, self._comparing, *self._finishing)
        ]
        for thread in self._threads:
            thread.start()

    def finish(self, *, at_once: bool = False) -> None:
        """Stop the threads, then publish, and look for clusters and near-duplicates once more, unless `at_once`."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if at_once:
            return
        for duty in self._finishing:
            duty.finish(self._stopping.is_set, LAST_ATTEMPTS)
        end = time.monotonic() + DUPLICATES_SECONDS
        self._comparing.finish(lambda: self._stopping.is_set() or time.monotonic() > end, LAST_ATTEMPTS)


class Discovery:
    """Lets new segments join clusters or found some.

    Parameters
    ----------
    assembly : Assembly
    stopping : threading.Event
        While it is set nothing is done.
    """

    def __init__(self, assembly: Assembly, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._queue, self._catalog, self._concepts = assembly.ingest_queue, assembly.catalog, assembly.concepts
        self._discoverer, self._recipe = assembly.discoverer, assembly.recipe_spec
        self._discovered: tuple[int, str] | None = None
        self._rechecked = ""

    def update(self) -> bool:
        """Update the clusters if nothing is pending and something changed; returns whether there is more to do."""
        if self._stopping.is_set() or self._queue.unfinished(self._recipe.fingerprint):
            return False
        now = self._catalog.vectors.contents(self._recipe.space).newest_segment, self._concepts.digest()
        if now == self._discovered:
            return False
        more = self._discoverer.update(0 if now[1] == self._rechecked else None).more
        self._rechecked = now[1]
        if not more:
            self._discovered = now
        return more


def _publish(publisher: Publisher) -> bool | None:
    """Publish; returns None where another process does it."""
    return False if publisher.publish() else None


def _tidy(assembly: Assembly) -> bool:
    """Remove what is of no use, except originals: only the command `clean` removes those."""
    clean(assembly, set(KINDS) - {UPLOADS})
    return False
