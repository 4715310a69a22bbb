"""Registers the photos of folders in the catalogue: finds files, and which of them are new and images."""

from __future__ import annotations

import logging
import os
import time
from array import array
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from errno import EBUSY, EXDEV
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from retrieval.assembly import Assembly
from retrieval.catalog import Catalog, DeletedFiles, LocationRepository
from retrieval.catalog.records import KnownLocation
from retrieval.errors import CatalogUnavailableError, RetrievalError
from retrieval.images.formats import SNIFF_BYTES, sniff_format
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.storage.originals import digest_of, open_regular, real_path

from .report import Failure, Outcome, Tally
from .walk import MOST_BYTES, find_files, is_too_long

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_CHUNK, CHUNK = 16, 1024
"""Files that are registered in one transaction: the first, and at most."""

READERS = 4
"""Threads that read and hash files; disks, and above all network disks, answer several at once sooner."""

LOOKS = 3
"""How often a file is read again if it changes while it is read."""

ATTEMPTS = 20
PAUSE_SECONDS = 5.0
"""How often, and after which pauses, a catalogue that cannot be written is retried."""

UNFORESEEN = 3
"""How often unexpected errors are retried, after growing pauses."""

PICTURE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".webp",
        ".tif",
        ".tiff",
        ".bmp",
        ".gif",
        ".avif",
        ".heic",
        ".heif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    ]
)
"""An empty file with such a name was meant to be an image, so it is a failure; any other is skipped."""


def register_files(
    assembly: Assembly,
    paths: Sequence[Path],
    tally: Tally,
    *,
    within: bool = False,
    roots: Sequence[Path] | None = None,
    restore: Collection[Path] | bool = False,
    on_registered: Callable[[], None] = lambda: None,
) -> None:
    """Register new files under `paths` as pending, and note the outcome of every file in `tally`.

    Ends early if a user cancels pending photos. With `within`, nothing outside `roots` is read; these are real paths of
    folders, by default `paths`. `on_registered` is called after each transaction.

    Files of photos that were deleted are left out, whether the photos are in the trash or not, except those to
    `restore`: all files, or those at some paths.

    Raises
    ------
    CatalogUnavailableError
        The catalogue could not be written for minutes.
    """
    locations, orders = assembly.catalog.locations, assembly.ingest_queue.orders
    before = patiently(orders).cancellations
    roots = (roots or real_paths(paths)) if within else None
    seen = array("q")
    examine = _Examiner(assembly.catalog, roots, restore)
    for chunk in _ahead(examine, _chunks(find_files(paths, within=within))):
        if patiently(orders).cancellations != before:
            logger.warning("cancelled: files that are not registered yet are left out")
            return
        _leave_out_deleted(assembly.catalog.deleted_files, chunk)
        chunk.note(tally)
        patiently(partial(locations.note_lost, chunk.lost))
        _register(locations, chunk, tally)
        on_registered()
        seen.extend(chunk.known)
    for path in paths:
        patiently(partial(locations.note_missing, uri_of(path), np.frombuffer(seen, np.int64)))


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
class _Chunk:
    """Some files, and what became of each.

    Attributes
    ----------
    to_register : dict
        Files that are new or have changed, with the path of each.
    waiting : list
        Photos that are registered and wait for their analysis.
    lost : list of str
        URIs of photos that are no images any more.
    known : list of int
        Ids of the locations that there were already.
    """

    to_register: dict[SeenFile, Path] = field(default_factory=dict)
    waiting: list[tuple[int, Path]] = field(default_factory=list)
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


def _register(locations: LocationRepository, chunk: _Chunk, tally: Tally) -> None:
    outcomes = patiently(partial(locations.register, list(chunk.to_register)))
    for path, registered in zip(chunk.to_register.values(), outcomes, strict=True):
        if registered.outcome == "new" or registered.waits:
            tally.entered(registered.image_id, path)
        else:
            tally.count(registered.outcome)


def _ahead(examine: Callable[[list[Path]], _Chunk], chunks: Iterator[list[Path]]) -> Iterator[_Chunk]:
    """Chunks in their order, examined by `READERS` threads while the ones before are registered."""
    with ThreadPoolExecutor(READERS, "examine") as readers:
        waiting: deque[Future[_Chunk]] = deque()
        try:
            for chunk in chunks:
                waiting.append(readers.submit(examine, chunk))
                if len(waiting) > READERS or waiting[0].done():
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            readers.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that was found, the folders that it must be in, if any, and whether it restores a deleted photo."""

    path: Path
    uri: str
    roots: Sequence[Path] | None
    restores: bool


@dataclass(frozen=True, slots=True)
class _Examiner:
    """Looks at files, in any thread.

    Attributes
    ----------
    catalog : Catalog
    roots : sequence of Path or None
        Folders that files must be in, if any.
    restore : collection of Path or bool
        Which files restore their photos, if these were deleted.
    """

    catalog: Catalog
    roots: Sequence[Path] | None
    restore: Collection[Path] | bool

    def __call__(self, paths: list[Path]) -> _Chunk:
        named = {uri_of(path): path for path in paths}
        known = patiently(partial(self.catalog.locations.known, list(named)))
        deleted = patiently(partial(self.catalog.deleted_files.known, list(named)))
        chunk = _Chunk()
        for uri, path in named.items():
            found = _Found(path, uri, self.roots, self._restores(path))
            _examine(found, known.get(uri), deleted.get(uri), chunk)
        return chunk

    def _restores(self, path: Path) -> bool:
        return self.restore if isinstance(self.restore, bool) else path in self.restore


def _leave_out_deleted(deleted_files: DeletedFiles, chunk: _Chunk) -> None:
    """Of the files to register, settle those of photos that were deleted for good."""
    kept = [file for file in chunk.to_register if not file.restores]
    deleted = patiently(partial(deleted_files.note, kept)) if kept else set()
    for file in [file for file in kept if file.uri in deleted]:
        del chunk.to_register[file]
        chunk.settled.append("deleted")
        chunk.lost.append(file.uri)  # another photo may have been there


def _examine(found: _Found, known: KnownLocation | None, deleted: tuple[int, int] | None, chunk: _Chunk) -> None:
    """Note in its chunk what a file is."""
    path = found.path
    if path.name.startswith("."):
        chunk.settled.append("skipped")
        return
    if is_too_long(path):
        reason = f"its path has more than {MOST_BYTES} bytes: move it to a folder with a shorter path"
        chunk.failures.append(Failure(str(path), reason))
        return
    try:
        status = os.stat(path)  # noqa: PTH116  # half as long as `Path.stat`
        if deleted == (status.st_size, status.st_mtime_ns) and not found.restores:
            chunk.settled.append("deleted")
            return
        if known is not None and known.is_same(status) and not (known.in_trash and found.restores):
            _settle(known, path, chunk)
            return
        digest, status = _read(found, status)
    except OSError as error:
        chunk.failures.append(Failure(str(path), f"cannot be read: {error.strerror or error}"))
        return
    except Exception as error:
        logger.exception("%s cannot be examined", path)
        chunk.failures.append(Failure(str(path), f"cannot be examined: {type(error).__name__}: {error}"))
        return
    if digest is not None:
        seen = SeenFile(found.uri, digest, status.st_size, status.st_mtime_ns, restores=found.restores)
        chunk.to_register[seen] = path
        return
    chunk.settled.append("skipped")
    if known is not None:
        chunk.lost.append(found.uri)


def _settle(known: KnownLocation, path: Path, chunk: _Chunk) -> None:
    """Note what is known of a file that is as it was registered."""
    chunk.known.append(known.id)
    if known.in_trash:
        chunk.settled.append("deleted")
    elif known.state in ("pending", "working"):
        chunk.waiting.append((known.image_id, path))
    else:
        chunk.settled.append("unchanged")


def _read(found: _Found, status: os.stat_result) -> tuple[str | None, os.stat_result]:
    """Digest and status of a file that does not change while it is read."""
    for _ in range(LOOKS):
        digest, before, status = _digest_of_picture(found), status, found.path.stat()
        if (before.st_size, before.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
            return digest, status
    raise BlockingIOError(EBUSY, "another program is writing to it; ingest it again when it is complete")


def _digest_of_picture(found: _Found) -> str | None:
    """SHA-256 of a file that is an image by its first bytes; None for other files.

    The opened file must be below the roots, because it may have been replaced by a link since it was found.
    """
    file = open_regular(found.path)
    if file is None:
        raise FileNotFoundError(2, "not a regular file")
    with file:
        if found.roots is not None and not _is_within(real_path(file), found.roots):
            raise PermissionError(EXDEV, "it is a link to somewhere outside the given folders")
        prefix = file.read(SNIFF_BYTES)
        meant = not prefix and found.path.suffix.lower() in PICTURE_SUFFIXES
        return digest_of(file) if meant or sniff_format(prefix) is not None else None


def real_paths(paths: Iterable[Path]) -> list[Path]:
    """Real paths of folders, without links."""
    return [path.resolve() for path in paths]


def _is_within(real: Path, roots: Sequence[Path]) -> bool:
    return any(real.is_relative_to(root) for root in roots)


def _chunks(paths: Iterator[Path]) -> Iterator[list[Path]]:
    """Few files at first, so that work begins at once, and twice as many each time."""
    size = min(FIRST_CHUNK, CHUNK)
    while chunk := list(islice(paths, size)):
        yield chunk
        size = min(2 * size, CHUNK)


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns of a file; None if it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
