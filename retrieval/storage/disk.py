"""Disk space: how much may still be written to the data directory."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ..settings import Settings

COUNT_SECONDS = 60.0
"""The size of the data directory is counted at most this often: it takes some microseconds per file."""

LOOK_SECONDS = 2.0

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
UNWRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST})
"""A read-only disk, missing rights, or a file in place of a folder."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes on the disk of a data directory.

    Attributes
    ----------
    free, total : int
        Of the whole disk.
    uploads, renditions, index : int
        Uploaded originals; previews and thumbnails; index files. What is in a bucket does not count.
    other : int
        The rest of the data directory: the catalogue, query photos, and copies of photos from object stores.
    """

    free: int
    total: int
    uploads: int
    renditions: int
    index: int
    other: int


class Storage:
    """The limits of one data directory; safe among threads.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._counted = self._looked = float("-inf")
        self._used = 0
        self._shortage: str | None = None
        self._counting = threading.Lock()
        self._usage: tuple[float, Usage] | None = None

    def shortage(self) -> str | None:
        """Why no photos are accepted, and what to do; None if they are. Looks at the disk every `LOOK_SECONDS`."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked >= LOOK_SECONDS:
                self._shortage, self._looked = self._look(now), now
            return self._shortage

    def disk_shortage(self) -> str | None:
        """Why nothing may be written at all, not even temporary files, and what to do; None if it may."""
        settings = self._settings
        for folder in dict.fromkeys((settings.data_dir, settings.files_dir)):
            if (free := _free(folder)) < settings.min_free:
                return (
                    f"the disk of {folder} has {size(free)} free, less than SEGSEARCH_MIN_FREE, "
                    f"{size(settings.min_free)}: free some space"
                )
        return _unwritable(settings)

    def usage(self) -> Usage:
        """What takes how much room; counted at most every `COUNT_SECONDS`, by one thread at a time."""
        with self._counting:
            now = time.monotonic()
            if self._usage is None or now - self._usage[0] >= COUNT_SECONDS:
                self._usage = now, _usage(self._settings)
            return self._usage[1]

    def _look(self, now: float) -> str | None:
        settings = self._settings
        if shortage := self.disk_shortage():
            return shortage
        if not settings.quota:
            return None
        if now - self._counted >= COUNT_SECONDS or self._used > settings.quota:
            self._used, self._counted = used_by(settings.data_dir), now
        if self._used <= settings.quota:
            return None
        return (
            f"{settings.data_dir} holds {size(self._used)}, and SEGSEARCH_QUOTA allows {size(settings.quota)}: "
            "delete photos, or raise the quota"
        )


def obstacle_of(error: OSError) -> str | None:
    """Why writing failed, and what to do; None if the error is not about the disk or its rights."""
    where = f" {os.fsdecode(error.filename)}" if error.filename is not None else ""
    if error.errno in FULL:
        return f"the disk is full ({error.strerror}{where}): free some space"
    if error.errno in UNWRITABLE:
        return (
            f"{where.strip() or 'a file of SEGSEARCH_DATA_DIR'} cannot be written ({error.strerror}): check that the "
            "disk is not mounted read-only, and that this account has write access to the folder"
        )
    return None


def size(count: int) -> str:
    """A number of bytes in readable units."""
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} bytes" if units[0] == "bytes" else f"{value:.1f} {units[0]}"


def used_by(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk; files that vanish during the count are ignored."""
    total, folders = 0, [str(folder)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
            except OSError:
                continue
    return total


def _usage(settings: Settings) -> Usage:
    uploads, renditions, index = map(used_by, (settings.uploads_dir, settings.renditions_dir, settings.index_dir))
    inside = uploads + renditions if settings.files_dir == settings.data_dir else 0
    other = max(0, used_by(settings.data_dir) - inside - index)
    disk = shutil.disk_usage(_existing(settings.data_dir))
    return Usage(disk.free, disk.total, uploads, renditions, index, other)


def _unwritable(settings: Settings) -> str | None:
    """Which existing folder of the data directory cannot be written, and what to do; None if all can."""
    for folder in (settings.data_dir, settings.uploads_dir, settings.queries_dir, settings.renditions_dir):
        try:
            if folder.exists() and not folder.is_dir():
                return f"{folder} is not a folder: move it away"
            if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
                return (
                    f"{folder} cannot be written: give this account write access, and check that the disk is not "
                    "read-only"
                )
        except OSError as error:
            return obstacle_of(error)
    return None


def _free(folder: Path) -> int:
    """Free bytes on the disk where a folder is or will be."""
    return shutil.disk_usage(_existing(folder)).free


def _existing(folder: Path) -> Path:
    """A folder, or if it does not exist the one where it will be created."""
    return next(path for path in (folder, *folder.parents) if path.exists())
