"""Registers the photos of folders in the catalogue: finds files, and which of them are new and images."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from errno import EBUSY, EXDEV
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from retrieval.assembly import Assembly
from retrieval.catalog import LocationRepository
from retrieval.catalog.records import KnownLocation
from retrieval.errors import CatalogUnavailableError, RetrievalError
from retrieval.images.formats import SNIFF_BYTES, sniff_format
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.storage.originals import digest_of, open_regular, real_path

from .report import Failure, Tally
from .walk import MOST_BYTES, find_files, is_too_long

logger = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK = 256
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
) -> None:
    """Register new files under `paths` as pending, and note the outcome of every file in `tally`.

    Ends early if a user cancels pending photos. With `within`, nothing outside `roots` is read; these are real paths of
    folders, by default `paths`.

    Raises
    ------
    CatalogUnavailableError
        The catalogue could not be written for minutes.
    """
    locations, orders = assembly.catalog.locations, assembly.ingest_queue.orders
    before = patiently(orders).cancellations
    roots = (roots or real_paths(paths)) if within else None
    for chunk in _chunks(find_files(paths, within=within)):
        if patiently(orders).cancellations != before:
            logger.warning("cancelled: files that are not registered yet are left out")
            return
        named = {uri_of(path): path for path in chunk}
        known = patiently(partial(locations.known, list(named)))
        seen: list[SeenFile] = []
        lost: list[str] = []
        for uri, path in named.items():
            file = _look_at(_Found(path, uri, roots), known.get(uri), tally, lost)
            if file is not None:
                seen.append(file)
        patiently(partial(locations.note_lost, lost))
        _register(locations, seen, named, tally)
    for path in paths:
        patiently(partial(locations.note_missing, uri_of(path)))


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


def _register(locations: LocationRepository, seen: Sequence[SeenFile], named: dict[str, Path], tally: Tally) -> None:
    for file, registered in zip(seen, patiently(partial(locations.register, seen)), strict=True):
        if registered.outcome == "new" or registered.waits:
            tally.entered(registered.image_id, named[file.uri])
        else:
            tally.count(registered.outcome)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that was found, and the folders that it must be in, if any."""

    path: Path
    uri: str
    roots: Sequence[Path] | None


def _look_at(found: _Found, known: KnownLocation | None, tally: Tally, lost: list[str]) -> SeenFile | None:
    """The file if it must be registered; otherwise its outcome is noted in `tally`, and a lost photo in `lost`."""
    path = found.path
    if path.name.startswith("."):
        tally.count("skipped")
        return None
    if is_too_long(path):
        tally.failed(
            Failure(str(path), f"its path has more than {MOST_BYTES} bytes: move it to a folder with a shorter path")
        )
        return None
    try:
        status = path.stat()
        if (
            known is not None
            and not known.is_missing
            and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns)
        ):
            if known.state in ("pending", "working"):
                tally.entered(known.image_id, path)
            else:
                tally.count("unchanged")
            return None
        digest, status = _read(found, status)
    except OSError as error:
        tally.failed(Failure(str(path), f"cannot be read: {error.strerror or error}"))
        return None
    except Exception as error:
        logger.exception("%s cannot be examined", path)
        tally.failed(Failure(str(path), f"cannot be examined: {type(error).__name__}: {error}"))
        return None
    if digest is None:
        tally.count("skipped")
        if known is not None:
            lost.append(found.uri)
        return None
    return SeenFile(found.uri, digest, status.st_size, status.st_mtime_ns)


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
    while chunk := list(islice(paths, CHUNK)):
        yield chunk


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns of a file; None if it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
