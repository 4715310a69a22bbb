"""Walks all files below folders: of any depth, with any names, following links."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

MOST_BYTES = 4095
"""The longest path that Linux accepts as a whole, in bytes."""

_NAME_BYTES = 255
_OPENING = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

Identity = tuple[int, int]
"""Device and inode."""


def find_files(paths: Iterable[Path], *, within: bool = False, is_quiet: bool = False) -> Iterator[Path]:
    """Every file at and below the paths, once, sorted within a folder; links to folders are followed once.

    Hidden folders are skipped. A folder that cannot be read is logged and skipped. A file whose path is longer than
    `MOST_BYTES` is found, too, although it cannot be opened by that path. With `within`, targets of links outside the
    paths are left out; use it for folders that others can write to. With `is_quiet`, nothing is logged.
    """
    if within:
        paths = list(paths)
        roots = [path.resolve() for path in paths]
        yield from (path for path in find_files(paths, is_quiet=is_quiet) if is_below(path, roots))
        return
    entered: set[Identity] = set()
    given: set[str] = set()
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112  # `Path.is_dir` raises where a name is too long
            inside = _below(path, entered, logging.DEBUG if is_quiet else logging.WARNING)
            yield from (each for each in inside if not given or os.path.abspath(each) not in given)  # noqa: PTH100
        elif identity_of(path.absolute().parent) not in entered and os.path.abspath(path) not in given:  # noqa: PTH100
            given.add(os.path.abspath(path))  # noqa: PTH100
            yield path


def is_below(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a file, after following links, is below one of the folders; False for circular links."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        return False
    return any(real.is_relative_to(root) for root in roots)


def is_too_long(path: Path) -> bool:
    """Whether a file cannot be opened by its absolute path."""
    return len(os.fsencode(os.path.abspath(path))) > MOST_BYTES  # noqa: PTH100


def identity_of(path: Path) -> Identity | None:
    """Status of a file or folder; None if it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _below(folder: Path, entered: set[Identity], level: int) -> Iterator[Path]:
    """Files below a folder that was not visited yet, with an explicit stack: folders may be nested thousands deep."""
    stack = [(os.fspath(folder), iter(_entries(os.fspath(folder), entered, level)))]
    while stack:
        inside, entries = stack[-1]
        for name, is_folder in entries:
            path = os.path.join(inside, name)  # noqa: PTH118  # paths are made by the million here
            if not is_folder:
                yield Path(path)
            elif not name.startswith("."):
                stack.append((path, iter(_entries(path, entered, level))))
                break
        else:
            stack.pop()


def _entries(folder: str, entered: set[Identity], level: int) -> list[tuple[str, bool]]:
    """Sorted names in a folder, and whether each is a folder; nothing if it was visited before or cannot be read."""
    try:
        if len(os.fsencode(folder)) + 1 + _NAME_BYTES <= MOST_BYTES:
            return _list(folder, os.stat(folder), entered)  # noqa: PTH116
        handle = _open(folder)
        try:
            return _list(handle, os.fstat(handle), entered)
        finally:
            os.close(handle)
    except OSError as error:
        logger.log(level, "skipping %s, which cannot be read: %s", folder, error.strerror)
        return []


def _list(folder: str | int, status: os.stat_result, entered: set[Identity]) -> list[tuple[str, bool]]:
    identity = status.st_dev, status.st_ino
    if identity in entered:
        return []
    entered.add(identity)
    with os.scandir(folder) as entries:
        return sorted((entry.name, _is_folder(entry)) for entry in entries)


def _open(folder: str) -> int:
    """Open a folder whose path is too long for one call: piece by piece, each relative to the one before."""
    handle = os.open("/" if os.path.isabs(folder) else ".", _OPENING)  # noqa: PTH117
    for piece in _pieces(folder):
        try:
            below = os.open(piece, _OPENING, dir_fd=handle)
        finally:
            os.close(handle)
        handle = below
    return handle


def _pieces(path: str) -> Iterator[str]:
    """A path in pieces of at most `MOST_BYTES`."""
    piece, length = list[str](), 0
    for name in filter(None, path.split("/")):
        more = len(os.fsencode(name)) + 1
        if piece and length + more > MOST_BYTES:
            yield "/".join(piece)
            piece, length = list[str](), 0
        piece.append(name)
        length += more
    if piece:
        yield "/".join(piece)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder; a circular link is not, and will fail as a file."""
    try:
        return entry.is_dir()
    except OSError:
        return False
