"""Copies of photos from object stores, on this machine: those used last, in a folder of limited size.

A copy is named by the digest of its bytes, so it is never out of date: it is the photo. Several processes share the
folder. One that removes a copy which another has open does it no harm.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom, BufferedReader
from pathlib import Path

from ..settings import Settings
from .originals import open_regular

SLACK = 1 / 16
"""Share of the limit that one process adds before it counts the folder again."""


class Copies:
    """Such a folder; safe among threads and processes.

    Parameters
    ----------
    settings : Settings
        Each process may exceed the limit, `Settings.cache`, by `SLACK` and the copy that is being made. If it is 0,
        copies are gone once they are closed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._added = settings.cache

    def open(self, sha256: str) -> BufferedReader | None:
        """A copy, which counts as used now; None if there is none."""
        path = self._settings.copy(sha256)
        try:
            stream = open_regular(path)
        except FileNotFoundError:
            return None
        with suppress(OSError):  # another process may have removed it
            os.utime(path)
        return stream

    @contextmanager
    def making(self) -> Iterator[BufferedRandom]:
        """An empty file for a copy; it is removed unless `keep` moves it to its place."""
        folder = self._settings.copies_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f".copy-{secrets.token_hex(8)}.tmp"
        try:
            with path.open("x+b") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def keep(self, file: BufferedRandom, sha256: str) -> BufferedReader:
        """Move a file from `making` to its place, and open it; others make room for it."""
        path = Path(file.name)
        stream = path.open("rb")  # before others can remove it
        self.keep_file(path, sha256)
        return stream

    def keep_file(self, path: Path, name: str) -> None:
        """Move a file of the same folder, whose bytes are those of a copy of this name, to its place."""
        target = self._settings.copy(name)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        added = path.stat().st_size
        path.rename(target)
        self._make_room(added)

    def remove(self, name: str) -> None:
        """Remove a copy, if there is one; whoever has it open keeps it."""
        with suppress(OSError):
            self._settings.copy(name).unlink(missing_ok=True)

    def _make_room(self, added: int) -> None:
        """Remove the copies that were used longest ago, if there are too many."""
        most, total = self._settings.cache, 0
        with self._lock:
            self._added += added
            if self._added <= most * SLACK:
                return
            self._added = 0
            for _, size, path in sorted(_files(self._settings.copies_dir), reverse=True):
                total += size
                if total > most:
                    path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """When each copy was used, its size, and its path."""
    for path in folder.glob("??/*"):
        with suppress(FileNotFoundError):  # another process removed it
            status = path.stat()
            yield status.st_mtime_ns, status.st_size, path
