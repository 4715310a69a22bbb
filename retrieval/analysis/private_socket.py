"""Unix sockets that only processes of one user can use.

They are in a folder that only its owner may enter, and each side asks the kernel for the other side's user before it
sends anything. So there is no key to steal, and nobody else can take the place of a process that died.

Sockets are opened through the open folder (``/proc/self/fd``): the path of a socket may have only 107 bytes, and a
folder that was checked cannot be replaced by another one in the meantime.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigurationError

logger = logging.getLogger(__name__)

SUFFIX = ".sock"
SETTLED_SECONDS = 60.0
"""A younger socket that refuses connections may be about to listen."""

_CREDENTIALS = struct.Struct("iII")
_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class PrivateFolder:
    """An open folder that belongs to this user alone; made by `opened`.

    Attributes
    ----------
    number : int
        Its file descriptor.
    """

    number: int

    def names(self) -> list[str]:
        """Names of the sockets in it, whether or not a process listens there."""
        return sorted(name for name in os.listdir(self.number) if name.endswith(SUFFIX))  # noqa: PTH208  # the open one

    def listen(self, name: str) -> socket.socket:
        """Create a socket and listen on it.

        Raises
        ------
        OSError
            The file system does not support sockets.
        """
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(self._path(name))
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
        return listener

    def connect(self, name: str, timeout: float) -> socket.socket:
        """Connect to the process that listens on a socket.

        Raises
        ------
        PermissionError
            The process belongs to another user.
        OSError
            No process listens.
        """
        wire = socket.socket(socket.AF_UNIX)
        try:
            wire.settimeout(timeout)
            wire.connect(self._path(name))
            if not is_own(wire):
                raise PermissionError(f"{name} belongs to a process of another user")  # noqa: TRY301
        except BaseException:
            wire.close()
            raise
        return wire

    def remove(self, name: str) -> None:
        """Remove a socket, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.number)  # below the open folder

    def sweep(self) -> None:
        """Remove the sockets of processes that died."""
        for name in self.names():
            with contextlib.suppress(OSError):
                age = time.time() - os.stat(name, dir_fd=self.number, follow_symlinks=False).st_mtime
                if age < SETTLED_SECONDS:
                    continue
                try:
                    self.connect(name, 1.0).close()
                except ConnectionRefusedError:
                    self.remove(name)

    def _path(self, name: str) -> str:
        return f"/proc/self/fd/{self.number}/{name}"


@contextmanager
def opened(folder: Path) -> Iterator[PrivateFolder]:
    """Open a folder of sockets.

    Raises
    ------
    PermissionError
        Other users may enter it, or it is a link.
    OSError
        There is no such folder.
    """
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(number)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise PermissionError(f"other users can access {folder}, or own it")
        yield PrivateFolder(number)
    finally:
        os.close(number)


def make(folder: Path) -> None:
    """Create a folder of sockets, or close an existing one to other users.

    Raises
    ------
    ConfigurationError
        It cannot be made private.
    """
    advice = "remove it, or move SEGSEARCH_DATA_DIR to a file system that supports owners, modes and sockets"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not folder.is_symlink() and folder.stat().st_uid == os.geteuid():
            folder.chmod(0o700)
        with opened(folder):
            pass
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be closed to other users ({error}): {advice}") from error


def is_own(wire: socket.socket) -> bool:
    """Whether the other end of a connection is a process of this user."""
    credentials = wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[1]) == os.geteuid()
