"""Opens the files of photos. Paths may change at any time, so only the opened file counts.

A link, a folder replaced by a link, a hard link or another file may take the place of a photo at any time and look
the same, because size and modification time can be set freely. So each file's bytes are compared by their digest once,
and everything else is done with the open file.
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
"""A process caches the digests of this many files; each takes about 500 bytes."""

SETTLED_NS = 3 * 10**9
"""File systems count time in steps of up to two seconds, so a later change may be followed by an unnoticed one."""


class Identity(NamedTuple):
    """Identifies one version of one file."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def open_regular(path: Path) -> BufferedReader | None:
    """Open a regular file, following links; None if it is something else, which is not opened.

    Pipes do not block, and devices are not started.

    Raises
    ------
    OSError
        The file does not exist or cannot be read.
    """
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return Path(f"/proc/self/fd/{handle}").open("rb")
    finally:
        os.close(handle)


def real_path(stream: BufferedReader) -> Path:
    """The path of an opened file, without links."""
    return Path(f"/proc/self/fd/{stream.fileno()}").readlink()


def path_of_opened(stream: BufferedReader) -> Path:
    """A path through which processes of this user can open the same open file, while it stays open."""
    return Path(f"/proc/{os.getpid()}/fd/{stream.fileno()}")


def identity_of(stream: BufferedReader) -> Identity:
    """The current identity of an opened file."""
    status = os.fstat(stream.fileno())
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Digests:
    """Caches SHA-256 digests of opened files. A file is read again only after a change.

    Safe to use from several threads.

    Parameters
    ----------
    settled_ns : int
        How old the last change must be for the digest to be cached.
    """

    def __init__(self, settled_ns: int = SETTLED_NS) -> None:
        self._settled_ns = settled_ns
        self._lock = threading.Lock()
        self._known: OrderedDict[Identity, str] = OrderedDict()

    def of(self, stream: BufferedReader) -> str:
        """The digest in hexadecimal. The file is rewound afterwards."""
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
"""`Digests.of` with one cache for the whole process."""
