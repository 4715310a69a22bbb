"""Stores uploaded files under the digest of their bytes.

The uploader's file name is shown, and is never part of a path.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException, UnprocessableEntity, UnsupportedMediaType

from retrieval.images.formats import FORMATS, SNIFF_BYTES, sniff_format
from retrieval.storage.disk import FULL
from retrieval.videos.formats import DEMUXERS, sniff_video

PARTIAL_PATTERN = ".upload-*"
_BLOCK = 1 << 20


class InsufficientStorage(HTTPException):  # named like werkzeug's own exceptions
    """*507* ``Insufficient Storage``: the disk is full, or the quota is reached."""

    code = 507
    description = "The server's disk is full. Free some space on it."


@dataclass(frozen=True, slots=True)
class Received:
    """An upload that was written, but not moved to its place yet.

    Attributes
    ----------
    partial : Path
        Where it was written.
    sha256, format : str
    """

    partial: Path
    sha256: str
    format: str


def receive(upload: FileStorage, folder: Path, *, videos: bool = False) -> Received:
    """Write an upload next to its final place, if its content is an image or, with `videos`, a video.

    Parameters
    ----------
    upload : FileStorage
    folder : Path
        On the same file system as its final place.
    videos : bool
        Whether it may be a video.

    Raises
    ------
    UnprocessableEntity
        The file is empty.
    UnsupportedMediaType
        It is not an image in a supported format.
    InsufficientStorage
        The disk is full.
    """
    prefix = upload.stream.read(SNIFF_BYTES)
    if not prefix:
        raise UnprocessableEntity("the file is empty (0 bytes): choose another, or copy it again from its source")
    found = sniff_format(prefix) or (sniff_video(prefix) if videos else None)
    if found is None:
        formats = ", ".join(dict.fromkeys((*FORMATS, *(DEMUXERS if videos else ()))))
        raise UnsupportedMediaType(f"the file's content is not a supported image: send one of {formats}")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / PARTIAL_PATTERN.replace("*", secrets.token_hex(8))
    try:
        return Received(partial, _write(prefix, upload.stream.read, partial), found)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise InsufficientStorage(
                "the server's disk is full: free some space on it, and send the file again"
            ) from error
        raise


def _write(prefix: bytes, read: Callable[[int], bytes], path: Path) -> str:
    """Write a file and flush it to the disk; returns the digest of its bytes."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        block = prefix
        while block:
            digest.update(block)
            file.write(block)
            block = read(_BLOCK)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
