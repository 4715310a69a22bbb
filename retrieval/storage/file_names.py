"""Names of the files that SegSearch keeps, relative to where it keeps them: all by the digest of a photo's bytes."""

from __future__ import annotations

from pathlib import PurePosixPath

UPLOADS, RENDITIONS, QUERIES = KINDS = "uploads", "renditions", "queries"
"""The folders: uploaded originals; previews and thumbnails; query photos."""


def upload(sha256: str, extension: str) -> str:
    """An uploaded original, or the picture of a video's frame."""
    return f"{folder(UPLOADS, sha256)}/{sha256}.{extension}"


def preview(sha256: str) -> str:
    """A photo's preview (long side 1024 px)."""
    return f"{folder(RENDITIONS, sha256)}/{sha256}.preview.jpg"


def thumbnail(sha256: str) -> str:
    """A photo's thumbnail (long side 360 px)."""
    return f"{folder(RENDITIONS, sha256)}/{sha256}.thumb.jpg"


def query(sha256: str) -> str:
    """A query photo as it was uploaded."""
    return f"{folder(QUERIES, sha256)}/{sha256}"


def query_picture(sha256: str) -> str:
    """A query photo as a JPEG, which is made on request."""
    return f"{query(sha256)}.jpg"


def folder(kind: str, sha256: str) -> str:
    """The folder of one of `KINDS` for files with such a digest: one of 256."""
    return f"{kind}/{sha256[:2]}"


def last(name: str) -> str:
    """A name without its folders."""
    return PurePosixPath(name).name
