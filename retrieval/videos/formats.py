"""Formats of videos: which are read, and how they are recognised by content."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

from ..images.formats import SNIFF_BYTES, sniff_format

DEMUXERS = {"MP4": "mov", "MOV": "mov", "MKV": "matroska", "WEBM": "matroska", "GIF": "gif"}
"""FFmpeg's demuxer of each format. No other is ever tried, as some open further files or addresses."""

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".3gp", ".3g2"})
"""An empty file with such a name was meant to be a video."""

MIME_TYPES = {
    "MP4": "video/mp4",
    "MOV": "video/quicktime",
    "MKV": "video/x-matroska",
    "WEBM": "video/webm",
    "GIF": "image/gif",
}

_EXTENSIONS = {"MP4": "mp4", "MOV": "mov", "MKV": "mkv", "WEBM": "webm", "GIF": "gif"}
_BRANDS = (b"iso", b"mp4", b"avc", b"M4V", b"dash", b"MSNV", b"3g", b"f4v", b"mmp4", b"XAVC", b"dby1", b"hvc1", b"av01")
_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML = b"\x1a\x45\xdf\xa3"
_MOST_BLOCKS = 500_000


def may_be_video(uri: str) -> bool:
    """Whether what is at a URI may be a video, by its name; a GIF may move."""
    return PurePosixPath(urlsplit(uri).path).suffix.lower() in VIDEO_SUFFIXES | {".gif"}


def sniff_video(prefix: bytes) -> str | None:
    """Recognise the format of a video by its first bytes.

    Parameters
    ----------
    prefix : bytes
        The first `SNIFF_BYTES` bytes of the file, or all of a shorter one.

    Returns
    -------
    str or None
        ``MP4``, ``MOV``, ``MKV`` or ``WEBM``; None if it is none of these. Whether a GIF moves is not in its first
        bytes: see `video_format`.

    Notes
    -----
    Photos (HEIF, AVIF), raw photos (CR3) and music (M4A) are in the same container as MP4 and are told apart by their
    brands (ISO/IEC 14496-12, section 4.3).
    """
    if sniff_format(prefix) is not None:
        return None
    if prefix.startswith(_EBML):
        return "WEBM" if b"webm" in prefix else "MKV"
    kind = prefix[4:8]
    if kind == b"ftyp":
        return _of_brand(prefix[8:12])
    return "MOV" if kind in _ATOMS and prefix[0] == 0 else None


def video_format(stream: BinaryIO) -> str | None:
    """The format of an opened file if that is a video, or a GIF of several frames; it is left at its beginning."""
    stream.seek(0)
    prefix = stream.read(SNIFF_BYTES)
    found = "GIF" if sniff_format(prefix) == "GIF" and _moves(stream) else sniff_video(prefix)
    stream.seek(0)
    return found


def extension(name: str) -> str:
    """What names of files of a format end with."""
    return _EXTENSIONS[name]


def _of_brand(brand: bytes) -> str | None:
    if brand == b"qt  ":
        return "MOV"
    return "MP4" if brand.startswith(_BRANDS) else None


def _moves(stream: BinaryIO) -> bool:
    """Whether a GIF has a second frame; its blocks are walked over, not decoded."""
    stream.seek(0)
    head = stream.read(13)
    if len(head) < 13:
        return False
    if head[10] & 0x80:
        stream.seek(3 * 2 ** ((head[10] & 7) + 1), 1)
    frames = 0
    for _ in range(_MOST_BLOCKS):
        mark = stream.read(1)
        if mark == b",":
            frames += 1
            if frames == 2:
                return True
            packed = stream.read(9)[8:]
            if packed and packed[0] & 0x80:
                stream.seek(3 * 2 ** ((packed[0] & 7) + 1), 1)
            stream.seek(1, 1)
        elif mark == b"!":
            stream.seek(1, 1)
        else:
            return False
        while size := int.from_bytes(stream.read(1), "big"):
            stream.seek(size, 1)
    return False
