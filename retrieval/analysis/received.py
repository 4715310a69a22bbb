"""Photos that clients sent to an analyzer, in files without names, which end with the process."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import IO

from ..storage.originals import path_of_opened

MAX_PHOTO_BYTES = 256 * 1024**2
"""Largest photo that is sent to an analyzer."""

KEPT_BYTES = 256 * 1024**2
"""The latest photos are kept up to this size, so that features that were kept of them are found again."""

_PIECE = 1 << 20


class ReceivedPhotos:
    """The latest photos, by their bytes; safe to use from several threads.

    The same bytes are the same file, as long as it is kept: what was computed of it is found by the file's identity.

    Parameters
    ----------
    limit_bytes : int
        A larger photo is kept no longer than it is used.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[IO[bytes], int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @contextmanager
    def receive(self, source: BufferedIOBase, size: int) -> Iterator[Path]:
        """Read a photo; its path is good inside the block, for this process and its children.

        Parameters
        ----------
        source : binary file
        size : int
            Bytes of the photo, which come next.

        Raises
        ------
        EOFError
            The source ends before that.
        """
        file = tempfile.TemporaryFile(prefix="segsearch-")  # noqa: SIM115  # closed when others take its place
        try:
            digest = _copy(source, file, size)
        except BaseException:
            file.close()
            raise
        with self._lock:
            kept, _ = self._kept.pop(digest, (file, size))
            if kept is not file:
                file.close()
            self._kept[digest] = kept, size
            mine = Path(f"/proc/self/fd/{kept.fileno()}").open("rb")  # noqa: SIM115
            while self._kept and sum(each for _, each in self._kept.values()) > self._limit:
                _, (oldest, _) = self._kept.popitem(last=False)
                oldest.close()
        with mine:
            yield path_of_opened(mine)

    def close(self) -> None:
        """Forget all photos."""
        with self._lock:
            for file, _ in self._kept.values():
                file.close()
            self._kept.clear()


def _copy(source: BufferedIOBase, target: IO[bytes], size: int) -> str:
    """Copy so many bytes; returns their SHA-256."""
    digest, left = hashlib.sha256(), size
    while left:
        piece = source.read(min(left, _PIECE))
        if not piece:
            raise EOFError(f"the photo ends {left} bytes early")
        digest.update(piece)
        target.write(piece)
        left -= len(piece)
    target.flush()
    return digest.hexdigest()
