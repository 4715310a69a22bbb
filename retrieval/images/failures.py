"""Explanations of decoder errors for users: whether a file is damaged or truncated."""

from __future__ import annotations

import os
from typing import BinaryIO

_TRUNCATION_HINTS = ("truncated", "end of file", "eof", "not enough image data", "cannot load this image")


def reason_of(error: Exception, name: str, stream: BinaryIO, opened: bool) -> str:
    """Say why a picture could not be decoded, and what to do.

    Parameters
    ----------
    error : Exception
        The decoder's complaint.
    name : str
        Of the format.
    stream : binary file
        Left anywhere.
    opened : bool
        Whether the header was read.
    """
    text = str(error) or type(error).__name__
    if any(hint in text.lower() for hint in _TRUNCATION_HINTS) or _ends_early(name, stream, opened):
        return "truncated: the file ends before the picture does; copy it again from where it came from"
    return f"damaged: this {name} file cannot be decoded ({text}); copy it again from where it came from"


def _ends_early(name: str, stream: BinaryIO, opened: bool) -> bool:
    """Whether the file is shorter than its own headers say; only asked after decoding has failed."""
    reached = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if name == "WEBP":
        head = stream.read(8)
        return len(head) < 8 or 8 + int.from_bytes(head[4:], "little") > size
    if name in ("AVIF", "HEIF"):
        return _boxes_end(stream, size) > size
    return not opened and reached >= size  # these readers read headers piece by piece: the last piece was missing


def _boxes_end(stream: BinaryIO, size: int) -> int:
    """Where the last top-level box of an ISO media file should end; `size` if that is not said."""
    position = 0
    while position < size:
        stream.seek(position)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if len(head) < 8 or length == 1:
            return size + 1
        if length < 8:  # 0: to the end of the file; the rest is nonsense
            return size
        position += length
    return position
