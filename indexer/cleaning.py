"""What lies about in HOME and is of no use: files that no row names, index files that no manifest names, expired rows.

Nothing is removed that is younger than an hour, for somebody may be about to use it. A file is put aside first and
looked up again, so that one that comes back meanwhile, an upload of the same bytes say, is not lost.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retrieval.assembly import Assembly
from retrieval.errors import IndexFileError, IndexLockedError
from retrieval.index.files import IndexFiles

logger = logging.getLogger(__name__)

AGE_SECONDS = 3600.0
CHUNK = 500

RENDITIONS = "renditions of photos that are not in the catalogue"
UPLOADS = "uploads that are not in the catalogue"
QUERIES = "files of query photos that are not kept any more"
UNFINISHED = "files that were never finished"
INDEX = "index files that no manifest names"
QUERY_ROWS = "query photos whose time is over"
FEEDBACK_ROWS = "refined searches whose time is over"
KINDS = (RENDITIONS, UPLOADS, QUERIES, UNFINISHED, INDEX, QUERY_ROWS, FEEDBACK_ROWS)

ASIDE = re.compile(r"\.(?P<name>.+)\.clean")
_UNFINISHED = re.compile(r"\.upload-[0-9a-f]+|\..+\.[0-9a-f]+\.partial|\..+-[0-9a-f]+\.tmp")
_NAMED = re.compile(r"(?P<sha256>[0-9a-f]{64})(\.preview\.jpg|\.thumb\.jpg|\.\w+)?")


@dataclass(frozen=True, slots=True)
class Waste:
    """What there is of one kind: files or rows, and bytes."""

    kind: str
    count: int = 0
    bytes: int = 0

    def __str__(self) -> str:
        return f"{self.count} {self.kind}"


@dataclass(frozen=True, slots=True)
class _Store:
    """A folder of files under digests, and which digests are wanted."""

    kind: str
    folder: Path
    wanted: Callable[[Collection[str]], set[str]]


def waste(assembly: Assembly) -> list[Waste]:
    """What `clean` would remove, by kind; kinds of which there is nothing are left out."""
    return _cleaned(assembly, remove=False, kinds=KINDS)


def clean(assembly: Assembly, kinds: Collection[str] = KINDS) -> list[Waste]:
    """Remove waste of some kinds; returns what was removed."""
    return _cleaned(assembly, remove=True, kinds=kinds)


def _cleaned(assembly: Assembly, *, remove: bool, kinds: Collection[str]) -> list[Waste]:
    found = dict.fromkeys(kinds, (0, 0))
    for kind, size in _all(assembly, remove=remove, kinds=kinds):
        if kind in found:
            count, total = found[kind]
            found[kind] = count + 1, total + size
    for kind, rows in ((QUERY_ROWS, assembly.queries), (FEEDBACK_ROWS, assembly.judgements)):
        if kind in found:
            found[kind] = rows.expired(), 0
            if remove:
                rows.expire()
    return [Waste(kind, *each) for kind, each in found.items() if each[0]]


def _all(assembly: Assembly, *, remove: bool, kinds: Collection[str]) -> Iterator[tuple[str, int]]:
    """Kind and size of each file; with `remove` each was removed."""
    settings = assembly.settings
    stores = (
        _Store(RENDITIONS, settings.renditions_dir, assembly.catalog.known_digests),
        _Store(UPLOADS, settings.uploads_dir, assembly.catalog.known_digests),
        _Store(QUERIES, settings.queries_dir, assembly.queries.kept_digests),
    )
    for store in stores:
        if store.kind in kinds:
            yield from _stored(store, remove=remove)
    if UNFINISHED in kinds:
        for folder in (*(store.folder for store in stores), settings.home / "duties"):
            yield from _unfinished(folder, remove=remove)
    if INDEX in kinds:
        for folder in sorted(settings.index_dir.glob("*/*")):
            yield from _index_files(IndexFiles(folder), remove=remove)


def _stored(store: _Store, *, remove: bool) -> Iterator[tuple[str, int]]:
    files = ((match["sha256"], path) for path in _files(store.folder) if (match := _NAMED.fullmatch(_name_of(path))))
    while chunk := list(islice(files, CHUNK)):
        wanted = store.wanted({sha256 for sha256, _ in chunk})
        for sha256, path in chunk:
            to_restore = remove and ASIDE.fullmatch(path.name) is not None
            if (sha256 in wanted and not to_restore) or _is_young(path):
                continue
            size = _size(path)
            if not remove or _remove(path, lambda sha256=sha256: bool(store.wanted({sha256}))):  # type: ignore[misc]
                yield store.kind, size


def _remove(path: Path, is_wanted: Callable[[], bool]) -> bool:
    """Remove a file unless it is wanted by now, or is another one by now; returns whether it was removed."""
    place = path.with_name(_name_of(path))
    aside = place.with_name(f".{place.name}.clean")
    try:
        path.rename(aside)
        if not (is_wanted() or _is_young(aside)):
            aside.unlink()
            logger.info("%s was removed", place)
            return True
        if place.exists():
            aside.unlink()
        else:
            aside.rename(place)
    except FileNotFoundError:
        pass  # somebody else has removed it
    except OSError as error:
        logger.error("%s cannot be removed: %s", path, error.strerror)
    return False


def _unfinished(folder: Path, *, remove: bool) -> Iterator[tuple[str, int]]:
    for path in _files(folder):
        if _UNFINISHED.fullmatch(path.name) and not _is_young(path):
            size = _size(path)
            if not remove or _unlink(path):
                yield UNFINISHED, size


def _index_files(files: IndexFiles, *, remove: bool) -> Iterator[tuple[str, int]]:
    """Left by who was killed while it wrote; only the writer knows what it will name, so its lock is taken."""
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
        logger.info("%s is being written; its writer removes what it leaves", files.folder)
    except IndexFileError as error:
        logger.warning("%s is left as it is: %s", files.folder, error)


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        logger.error("%s cannot be removed: %s", path, error.strerror)
        return False
    logger.info("%s was removed", path)
    return True


def _files(folder: Path) -> Iterator[Path]:
    """Files in a folder and in the folders of it."""
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        yield Path(entry.path)
        except FileNotFoundError:
            continue


def _name_of(path: Path) -> str:
    """The name a file has, or had before it was put aside by somebody who was killed then."""
    aside = ASIDE.fullmatch(path.name)
    return aside["name"] if aside else path.name


def _is_young(path: Path) -> bool:
    """Whether somebody may be about to use it; what is gone is."""
    try:
        return time.time() - path.stat().st_mtime < AGE_SECONDS
    except OSError:
        return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
