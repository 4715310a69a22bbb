"""Files, folders and ZIP files that appear under their names when they are complete."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ..catalog import ImageRecord
from ..errors import QueryError

File = tuple[str, bytes]
"""The name of a file, with slashes between folders, and its contents."""

Original = Callable[[ImageRecord], tuple[str, bytes] | None]
"""Gives the extension and the bytes of a photo; None if it is gone, or not what it was."""


class Sink(io.RawIOBase):
    """A file of which only what was written since the last `take` is kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep a copy."""
        self._parts.append(bytes(data))
        self._written += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        """How much was written in all."""
        return self._written

    def take(self) -> bytes:
        """What was written since it was last taken."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def zipped(files: Iterable[File], *, compressed: bool = True) -> Iterator[bytes]:
    """A ZIP file, part by part; one of its files is held at a time, and about 1 KB for each that was written."""
    sink = Sink()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
            yield sink.take()
    yield sink.take()


def check_target(target: Path, *, replace: bool = False) -> None:
    """Check that something can be written under a name, before the work begins.

    Raises
    ------
    QueryError
        The name is taken, or its folder does not exist.
    """
    if not target.parent.is_dir():
        raise QueryError(f"the folder {target.parent} does not exist: create it, or choose another place")
    if target.is_dir() and replace:
        raise QueryError(f"{target} is a folder, and folders are not replaced: remove it, or choose another name")
    if os.path.lexists(target) and not replace:
        raise QueryError(f"{target} already exists: choose another name, or remove it")


def write_file(target: Path, parts: Iterable[bytes], *, replace: bool = False) -> None:
    """Write a file beside its name and rename it when it is complete; nothing is left if that fails.

    Raises
    ------
    QueryError
        As `check_target`.
    OSError
        The disk is full, or the folder cannot be written.
    """
    check_target(target, replace=replace)
    handle, beside = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".part", dir=target.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  # a handle has no path
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o666 & ~_umask())
        if not replace:
            check_target(target)
        Path(beside).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(beside).unlink()
        raise


def write_folder(target: Path, files: Iterable[File]) -> None:
    """Write files in a folder beside its name and rename it when it is complete; nothing is left if that fails.

    Raises
    ------
    QueryError
        As `check_target`.
    OSError
        The disk is full, or the folder cannot be written.
    """
    check_target(target)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", suffix=".part", dir=target.parent))
    try:
        for name, content in files:
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        beside.chmod(0o777 & ~_umask())
        check_target(target)
        beside.rename(target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
