"""Opening the files of photos: anybody may change what is at a path, so what counts is what has been opened.

A link, a folder that became a link, a hard link or another file may take the place of a photo at any time, and look
the same from outside: size and time of change can be set at will. So the bytes are compared by their digest, once for
every file that is met, and whatever is done next is done with the file that is open.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections import OrderedDict
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

KEPT_DIGESTS = 16_384
"""Of so many files a process remembers the digest; each takes about 500 bytes."""

SETTLED_NS = 3 * 10**9
"""File systems count time in steps of up to two seconds: what changed later than this may change again unnoticed."""


class Identity(NamedTuple):
    """What differs between two files, and between a file and what it was before it was changed."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def open_regular(path: Path) -> BufferedReader | None:
    """Open a file, wherever links lead; None if there is something else, which is not opened.

    A pipe does not block and a device is not started.

    Raises
    ------
    OSError
        There is nothing, or it may not be read.
    """
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return Path(f"/proc/self/fd/{handle}").open("rb")
    finally:
        os.close(handle)


def real_path(stream: BufferedReader) -> Path:
    """Where an opened file is, without links."""
    return Path(f"/proc/self/fd/{stream.fileno()}").readlink()


def path_of_opened(stream: BufferedReader) -> Path:
    """A path by which the processes of this user open the very file that is open here, for as long as it is."""
    return Path(f"/proc/{os.getpid()}/fd/{stream.fileno()}")


def identity_of(stream: BufferedReader) -> Identity:
    """The identity of an opened file, as it is now."""
    status = os.fstat(stream.fileno())
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Digests:
    """SHA-256 of opened files. A file is read again only after it was changed.

    Safe to use from several threads.

    Parameters
    ----------
    settled_ns : int
        How long ago a file must have been changed for its digest to be remembered.
    """

    def __init__(self, settled_ns: int = SETTLED_NS) -> None:
        self._settled_ns = settled_ns
        self._lock = threading.Lock()
        self._known: OrderedDict[Identity, str] = OrderedDict()

    def of(self, stream: BufferedReader) -> str:
        """The digest in hexadecimal; the file is at its beginning afterwards."""
        before, now = identity_of(stream), time.time_ns()
        stream.seek(0)
        with self._lock:
            known = self._known.get(before)
            if known is not None:
                self._known.move_to_end(before)
                return known
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        if identity_of(stream) == before and before.ctime_ns < now - self._settled_ns:
            self._remember(before, digest)
        return digest

    def _remember(self, identity: Identity, digest: str) -> None:
        with self._lock:
            self._known[identity] = digest
            while len(self._known) > KEPT_DIGESTS:
                self._known.popitem(last=False)


_DIGESTS = Digests()
digest_of = _DIGESTS.of
"""`Digests.of`, remembered by all of this process."""
