"""From folders to photos in the catalogue: what is there, what is new, what is a picture at all."""

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
"""How often a file is read that is another one after it was read."""

ATTEMPTS = 20
PAUSE_SECONDS = 5.0
"""A catalogue that cannot be written is tried again so often, after such pauses."""

UNFORESEEN = 3
"""So often what nobody foresaw is tried again, after pauses that grow."""

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
"""An empty file with such a name was meant to be a picture, so it is a failure; any other is merely not a picture."""


def register_files(
    assembly: Assembly,
    paths: Sequence[Path],
    tally: Tally,
    *,
    within: bool = False,
    roots: Sequence[Path] | None = None,
) -> None:
    """Enter what is new under `paths` as pending, and note in `tally` what every file came to.

    Ends early where somebody cancels what waits meanwhile. With `within`, nothing is read that is outside of `roots`,
    real paths of folders, which are `paths` if absent.

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
    """Ask the catalogue, again and again if it cannot answer now.

    What only a person can mend is not tried again; what nobody foresaw is, a few times.
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
    """A file that was found, and the folders that it may not lead out of, if so."""

    path: Path
    uri: str
    roots: Sequence[Path] | None


def _look_at(found: _Found, known: KnownLocation | None, tally: Tally, lost: list[str]) -> SeenFile | None:
    """The file if it has to be registered; otherwise its outcome is noted in `tally`, a lost photo in `lost`."""
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
    """Digest of a file that is the same before and after it was read, and its status then."""
    for _ in range(LOOKS):
        digest, before, status = _digest_of_picture(found), status, found.path.stat()
        if (before.st_size, before.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
            return digest, status
    raise BlockingIOError(EBUSY, "another program is writing to it; ingest it again when it is complete")


def _digest_of_picture(found: _Found) -> str | None:
    """SHA-256 of a file that is a picture by its first bytes, None for another.

    What has been opened has to be below the roots, for a link may have come since the file was found.
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
    """Where folders are, without links."""
    return [path.resolve() for path in paths]


def _is_within(real: Path, roots: Sequence[Path]) -> bool:
    return any(real.is_relative_to(root) for root in roots)


def _chunks(paths: Iterator[Path]) -> Iterator[list[Path]]:
    while chunk := list(islice(paths, CHUNK)):
        yield chunk


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Size in bytes and time of change in ns of a file; None if it cannot be asked."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
