"""Finds and removes waste in the data directory: files without a row, index files without a manifest, expired rows.

Nothing younger than an hour is removed, because a process may be about to use it. A file named by its digest is removed
under the same lock as uploads, after another look-up, so an upload of the same bytes is not lost.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retrieval.assembly import Assembly
from retrieval.errors import IndexFileError, IndexLockedError
from retrieval.index.files import IndexFiles
from retrieval.storage import file_names
from retrieval.storage.file_store import FileStore, StoredFile, files_in

logger = logging.getLogger(__name__)

AGE_SECONDS = 3600.0
CHUNK = 500

RENDITIONS = "renditions of photos that are not in the catalogue"
UPLOADS = "uploads that are not in the catalogue"
QUERIES = "files of query photos that are not kept any more"
KIND_OF = {RENDITIONS: file_names.RENDITIONS, UPLOADS: file_names.UPLOADS, QUERIES: file_names.QUERIES}
"""Their folders."""

UNFINISHED = "files that were never finished"
INDEX = "index files that no manifest names"
QUERY_ROWS = "query photos whose time is over"
FEEDBACK_ROWS = "refined searches whose time is over"
ANSWER_ROWS = "answers of requests whose time is over"
EXPORT_ROWS = "exports whose time is over"
EXPORTS = "files of exports whose time is over"
TRASH = "photos whose time in the trash is over"
KINDS = (
    TRASH,
    RENDITIONS,
    UPLOADS,
    QUERIES,
    UNFINISHED,
    INDEX,
    QUERY_ROWS,
    FEEDBACK_ROWS,
    ANSWER_ROWS,
    EXPORT_ROWS,
    EXPORTS,
)

_UNFINISHED = re.compile(r"\.upload-[0-9a-f]+|\..+\.[0-9a-f]+\.partial|\..+-[0-9a-f]+\.tmp")
_NAMED = re.compile(r"(?P<sha256>[0-9a-f]{64})(\.preview\.jpg|\.thumb\.jpg|\.\w+)?")


@dataclass(frozen=True, slots=True)
class Waste:
    """The waste of one kind: number of files or rows, and bytes."""

    kind: str
    count: int = 0
    bytes: int = 0

    def __str__(self) -> str:
        return f"{self.count} {self.kind}"


@dataclass(frozen=True, slots=True)
class _Store:
    """Files named by digest, which digests are in use, and how to remove a file that is still unused."""

    kind: str
    files: FileStore
    wanted: Callable[[Collection[str]], set[str]]
    remove: Callable[[str, str], None]

    def found(self) -> Iterator[tuple[str, StoredFile]]:
        """Its files with their digests."""
        for file in self.files.below(KIND_OF[self.kind]):
            if match := _NAMED.fullmatch(file_names.last(file.name)):
                yield match["sha256"], file


def waste(assembly: Assembly) -> list[Waste]:
    """What `clean` would remove, by kind; empty kinds are left out."""
    return _cleaned(assembly, remove=False, kinds=KINDS)


def clean(assembly: Assembly, kinds: Collection[str] = KINDS) -> list[Waste]:
    """Remove waste of the given kinds; returns what was removed."""
    return _cleaned(assembly, remove=True, kinds=kinds)


def _cleaned(assembly: Assembly, *, remove: bool, kinds: Collection[str]) -> list[Waste]:
    found = dict.fromkeys(kinds, (0, 0))
    expiring = (
        (TRASH, assembly.trash),
        (QUERY_ROWS, assembly.queries),
        (FEEDBACK_ROWS, assembly.judgements),
        (ANSWER_ROWS, assembly.idempotency_keys),
        (EXPORT_ROWS, assembly.export_jobs),
    )
    for kind, rows in expiring:
        if kind in found:
            found[kind] = rows.expired(), 0
            if remove:
                rows.expire()
    for kind, size in _all(assembly, remove=remove, kinds=kinds):
        if kind in found:
            count, total = found[kind]
            found[kind] = count + 1, total + size
    return [Waste(kind, *each) for kind, each in found.items() if each[0]]


def _all(assembly: Assembly, *, remove: bool, kinds: Collection[str]) -> Iterator[tuple[str, int]]:
    """Kind and size of each file, which is removed with `remove`."""
    settings, files, own = assembly.settings, assembly.files, assembly.own_files
    known, kept = assembly.catalog.images.known_digests, assembly.queries.kept_digests
    stores = (
        _Store(RENDITIONS, files, known, lambda sha256, _: own.remove_photo(sha256, [])),
        _Store(UPLOADS, files, known, lambda sha256, name: own.remove_photo(sha256, [files.uri(name)])),
        _Store(QUERIES, files, kept, lambda sha256, _: own.remove_query(sha256)),
    )
    for store in stores:
        if store.kind in kinds:
            yield from _stored(store, remove=remove)
    if UNFINISHED in kinds:
        own_folders = settings.exports_dir, settings.copies_dir, settings.data_dir / "duties"
        former = (settings.data_dir / kind for kind in file_names.KINDS)
        for folder in dict.fromkeys((*map(files.incoming, file_names.KINDS), *former, *own_folders)):
            yield from _unfinished(folder, remove=remove)
    if EXPORTS in kinds:
        yield from _exports(assembly, remove=remove)
    if INDEX in kinds:
        for folder in sorted(settings.index_dir.glob("*/*")):
            yield from _index_files(IndexFiles(folder), remove=remove)


def _stored(store: _Store, *, remove: bool) -> Iterator[tuple[str, int]]:
    found, oldest = store.found(), (time.time() - AGE_SECONDS) * 1e9
    while chunk := list(islice(found, CHUNK)):
        wanted = store.wanted({sha256 for sha256, _ in chunk})
        waste = [(sha256, file) for sha256, file in chunk if sha256 not in wanted and file.mtime_ns <= oldest]
        for sha256, file in waste:
            if remove:  # with others of the same digest
                store.remove(sha256, file.name)
            if not remove or store.files.look(file.name) is None:
                yield store.kind, file.size


def _exports(assembly: Assembly, *, remove: bool) -> Iterator[tuple[str, int]]:
    """Files without a row, whatever their age: a row is there before its file, and as long."""
    files = (path for path in files_in(assembly.settings.exports_dir) if path.stem.isdecimal())
    while chunk := list(islice(files, CHUNK)):
        known = assembly.export_jobs.known([int(path.stem) for path in chunk])
        for path in chunk:
            size = _size(path)
            if int(path.stem) not in known and (not remove or _unlink(path)):
                yield EXPORTS, size


def _unfinished(folder: Path, *, remove: bool) -> Iterator[tuple[str, int]]:
    for path in files_in(folder):
        if _UNFINISHED.fullmatch(path.name) and not _is_young(path):
            size = _size(path)
            if not remove or _unlink(path):
                yield UNFINISHED, size


def _index_files(files: IndexFiles, *, remove: bool) -> Iterator[tuple[str, int]]:
    """Files left by a killed writer. A running writer has files that no manifest names yet, so this takes its lock."""
    try:
        if not remove:
            yield from ((INDEX, _size(path)) for path in files.unnamed() if not _is_young(path))
            return
        with files.writing():
            for path in files.unnamed():
                size = _size(path)
                if not _is_young(path) and _unlink(path):
                    yield INDEX, size
    except IndexLockedError:
        logger.info("%s is being written; its writer will clean up", files.folder)
    except IndexFileError as error:
        logger.warning("%s is left alone: %s", files.folder, error)


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        logger.error("%s cannot be removed: %s", path, error.strerror)
        return False
    logger.info("removed %s", path)
    return True


def _is_young(path: Path) -> bool:
    """Whether a process may be about to use the file; True if it is gone."""
    try:
        return time.time() - path.stat().st_mtime < AGE_SECONDS
    except OSError:
        return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
