"""Registers what a scan finds, chunk by chunk: what is new is looked at by several threads, and written in order."""

from __future__ import annotations

import logging
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from retrieval.assembly import Assembly
from retrieval.catalog import DeletedFiles, LocationRepository
from retrieval.catalog.records import KnownLocation
from retrieval.errors import CatalogUnavailableError, RetrievalError
from retrieval.storage.locations import SeenFile

from .report import Failure, Outcome, Tally

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_CHUNK, CHUNK = 16, 1024
"""Files that are registered in one transaction: the first, and at most."""

ATTEMPTS = 20
PAUSE_SECONDS = 5.0
"""How often, and after which pauses, a catalogue that cannot be written is retried."""

UNFORESEEN = 3
"""How often unexpected errors are retried, after growing pauses."""


def register_chunks(
    assembly: Assembly,
    chunks: Iterator[list[T]],
    examine: Callable[[list[T]], Chunk],
    tally: Tally,
    *,
    readers: int,
    on_registered: Callable[[], None],
) -> array[int] | None:
    """Register chunks that `readers` threads examine, and note the outcome of every file in `tally`.

    Returns
    -------
    array of int or None
        Ids of the locations where photos are; None if a user cancelled pending photos, which ends it.

    Raises
    ------
    CatalogUnavailableError
        The catalogue could not be written for minutes.
    """
    locations, orders = assembly.catalog.locations, assembly.ingest_queue.orders
    before, seen = patiently(orders).cancellations, array("q")
    for chunk in _ahead(examine, chunks, readers):
        if patiently(orders).cancellations != before:
            logger.warning("cancelled: files that are not registered yet are left out")
            return None
        _leave_out_deleted(assembly.catalog.deleted_files, chunk)
        chunk.note(tally)
        patiently(partial(locations.note_lost, chunk.lost))
        _register(locations, chunk, tally)
        on_registered()
        seen.extend(chunk.known)
        new = patiently(partial(locations.known, [file.uri for file in chunk.to_register]))
        seen.extend(place.id for place in new.values())
    return seen


def patiently(attempt: Callable[[], T]) -> T:
    """Call the catalogue, with retries while it is unavailable.

    Errors that only a person can fix are not retried; unexpected ones are retried a few times.
    """
    for failures in range(1, ATTEMPTS):
        try:
            return attempt()
        except CatalogUnavailableError as error:
            logger.error("%s; trying again in %.0f s", error, PAUSE_SECONDS)
        except RetrievalError:
            raise
        except Exception:
            if failures > UNFORESEEN:
                raise
            logger.exception("registering failed; trying again in %.0f s", PAUSE_SECONDS * failures)
            time.sleep(PAUSE_SECONDS * (failures - 1))
        time.sleep(PAUSE_SECONDS)
    return attempt()


@dataclass(slots=True)
class Chunk:
    """Some files or objects, and what became of each.

    Attributes
    ----------
    to_register : dict
        Files that are new or have changed, with the path or address of each.
    waiting : list
        Photos that are registered and wait for their analysis.
    lost : list of str
        URIs of photos that are no images any more.
    known : list of int
        Ids of the locations that there were already.
    """

    to_register: dict[SeenFile, Path | str] = field(default_factory=dict)
    waiting: list[tuple[int, Path | str]] = field(default_factory=list)
    settled: list[Outcome] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    known: list[int] = field(default_factory=list)

    def note(self, tally: Tally) -> None:
        """Note the outcome of the files that need not be registered."""
        for image_id, path in self.waiting:
            tally.entered(image_id, path)
        for outcome in self.settled:
            tally.count(outcome)
        for failure in self.failures:
            tally.failed(failure)

    def settle(self, known: KnownLocation, place: Path | str) -> None:
        """Note what is known of a file that is as it was registered."""
        self.known.append(known.id)
        if known.in_trash:
            self.settled.append("deleted")
        elif known.state in ("pending", "working"):
            self.waiting.append((known.image_id, place))
        else:
            self.settled.append("unchanged")


def _register(locations: LocationRepository, chunk: Chunk, tally: Tally) -> None:
    outcomes = patiently(partial(locations.register, list(chunk.to_register)))
    for path, registered in zip(chunk.to_register.values(), outcomes, strict=True):
        if registered.outcome == "new" or registered.waits:
            tally.entered(registered.image_id, path)
        else:
            tally.count(registered.outcome)


def _leave_out_deleted(deleted_files: DeletedFiles, chunk: Chunk) -> None:
    """Of the files to register, settle those of photos that were deleted for good."""
    kept = [file for file in chunk.to_register if not file.restores]
    deleted = patiently(partial(deleted_files.note, kept)) if kept else set()
    for file in [file for file in kept if file.uri in deleted]:
        del chunk.to_register[file]
        chunk.settled.append("deleted")
        chunk.lost.append(file.uri)  # another photo may have been there


def _ahead(examine: Callable[[list[T]], Chunk], chunks: Iterator[list[T]], readers: int) -> Iterator[Chunk]:
    """Chunks in their order, examined by threads while the ones before are registered."""
    with ThreadPoolExecutor(readers, "examine") as pool:
        waiting: deque[Future[Chunk]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(examine, chunk))
                if len(waiting) > readers or waiting[0].done():
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def growing(found: Iterator[T], most: int | None = None) -> Iterator[list[T]]:
    """Chunks: few files at first, so that work begins at once, and twice as many each time, up to `most`."""
    most = most or CHUNK
    size = min(FIRST_CHUNK, most)
    while chunk := list(islice(found, size)):
        yield chunk
        size = min(2 * size, most)
