"""Registers the photos and videos of folders in the catalogue: finds files, and which of them are new and such."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from errno import EBUSY, EXDEV
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from retrieval.assembly import Assembly
from retrieval.catalog import Catalog
from retrieval.catalog.records import KnownLocation
from retrieval.images.formats import SNIFF_BYTES, sniff_format
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.storage.originals import digest_of, open_regular, real_path
from retrieval.videos.formats import VIDEO_SUFFIXES, sniff_video

from .registering import Chunk, growing, patiently, register_chunks
from .report import Failure, Tally
from .walk import MOST_BYTES, find_files, is_too_long

logger = logging.getLogger(__name__)

T = TypeVar("T")

READERS = 4
"""Threads that read and hash files; disks, and above all network disks, answer several at once sooner."""

LOOKS = 3
"""How often a file is read again if it changes while it is read."""

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
"""An empty file with such a name was meant to be an image, so it is a failure, as of `VIDEO_SUFFIXES`; any other is
skipped."""


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
    roots = (roots or real_paths(paths)) if within else None
    examine = _Examiner(assembly.catalog, roots, restore)
    found = growing(find_files(paths, within=within))
    seen = register_chunks(assembly, found, examine, tally, readers=READERS, on_registered=on_registered)
    if seen is None:
        return
    for path in paths:
        patiently(partial(assembly.catalog.locations.note_missing, uri_of(path), np.frombuffer(seen, np.int64)))


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

    def __call__(self, paths: list[Path]) -> Chunk:
        named = {uri_of(path): path for path in paths}
        known = patiently(partial(self.catalog.locations.known, list(named)))
        deleted = patiently(partial(self.catalog.deleted_files.known, list(named)))
        chunk = Chunk()
        for uri, path in named.items():
            found = _Found(path, uri, self.roots, self._restores(path))
            _examine(found, known.get(uri), deleted.get(uri), chunk)
        return chunk

    def _restores(self, path: Path) -> bool:
        return self.restore if isinstance(self.restore, bool) else path in self.restore


def _examine(found: _Found, known: KnownLocation | None, deleted: tuple[int, int] | None, chunk: Chunk) -> None:
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
        is_same = known is not None and known.is_same(status.st_size, status.st_mtime_ns)
        if known is not None and is_same and not (known.in_trash and found.restores):
            chunk.settle(known, path)
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


def _read(found: _Found, status: os.stat_result) -> tuple[str | None, os.stat_result]:
    """Digest and status of a file that does not change while it is read."""
    for _ in range(LOOKS):
        digest, before, status = _digest_of_picture(found), status, found.path.stat()
        if (before.st_size, before.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
            return digest, status
    raise BlockingIOError(EBUSY, "another program is writing to it; ingest it again when it is complete")


def _digest_of_picture(found: _Found) -> str | None:
    """SHA-256 of a file that is an image or a video by its first bytes; None for other files.

    The opened file must be below the roots, because it may have been replaced by a link since it was found.
    """
    file = open_regular(found.path)
    if file is None:
        raise FileNotFoundError(2, "not a regular file")
    with file:
        if found.roots is not None and not _is_within(real_path(file), found.roots):
            raise PermissionError(EXDEV, "it is a link to somewhere outside the given folders")
        prefix = file.read(SNIFF_BYTES)
        meant = not prefix and found.path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES
        return digest_of(file) if meant or sniff_format(prefix) or sniff_video(prefix) else None


def real_paths(paths: Iterable[Path]) -> list[Path]:
    """Real paths of folders, without links."""
    return [path.resolve() for path in paths]


def _is_within(real: Path, roots: Sequence[Path]) -> bool:
    return any(real.is_relative_to(root) for root in roots)


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns of a file; None if it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
