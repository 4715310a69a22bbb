"""Locks of the folders of files, so that none is removed while another process enters it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol


class FileLocks(Protocol):
    """Locks of folders, which are released when their process dies."""

    def held(self, folder: str, *, alone: bool) -> AbstractContextManager[None]:
        """Hold the lock of a folder, exclusively or shared; waits for it."""
        ...

    def close(self) -> None:
        """Let go of connections; what is asked for afterwards connects again."""
        ...


class FolderLocks:
    """Locks among the processes of one machine, by the kernel (flock).

    Parameters
    ----------
    root : Path
        What the folders are in; they are made if they are not there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def held(self, folder: str, *, alone: bool) -> Iterator[None]:
        """See `FileLocks`."""
        path = self._root / folder
        path.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(number, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(number)

    def close(self) -> None:
        """See `FileLocks`; nothing stays open."""
