"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import BinaryIO

from .calls import StrPath


class Download:
    """What came of a file, over several attempts: the next one asks for the rest if the server allows it.

    Parameters
    ----------
    file : file
        Open for writing, and empty.

    References
    ----------
    Fielding, Nottingham and Reschke, "HTTP Semantics", RFC 9110, sections 13.1.5 (If-Range) and 14 (range requests).
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._etag = file, ""

    def headers(self) -> dict[str, str]:
        """What the next request asks for: all, or what is missing of what has not changed since."""
        plain = {"Accept-Encoding": "identity"}  # so that bytes can be counted
        came = self._file.tell()
        return {**plain, "Range": f"bytes={came}-", "If-Range": self._etag} if self._etag and came else plain

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """An answer begins: forget what came before unless this is the rest of it."""
        if status != 206:
            self._file.seek(0)
            self._file.truncate()
        tag = headers.get("ETag", "")
        self._etag = tag if headers.get("Accept-Ranges") == "bytes" and not tag.startswith("W/") else ""

    def write(self, block: bytes) -> None:
        """Take some bytes."""
        self._file.write(block)


@contextmanager
def replacing(target: StrPath) -> Iterator[tuple[Path, BufferedWriter]]:
    """A file that takes the place of another when the block ends well; otherwise it is removed.

    Parameters
    ----------
    target : path

    Yields
    ------
    (Path, file)
        The target, and what is to be written to.

    Raises
    ------
    OSError
        It cannot be written.
    """
    path = Path(target)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            yield path, file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
