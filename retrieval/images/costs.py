"""What a picture file would cost besides its pixels: scans, pieces of metadata and strips, counted beforehand.

Decoders bound pixels, and read as many of these as a file has, some of them in Python. The time limit of a decoder
process stops what is left; this says what is wrong with a file in milliseconds.

References
----------
ITU-T T.81, annex B (JPEG); W3C, "Portable Network Graphics", third edition, section 5; CompuServe, "Graphics
Interchange Format", version 89a; Adobe, "TIFF", revision 6.0, section 2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

MAX_PIECES = 20_000
"""Pieces of metadata that are read: a colour profile in a JPEG has up to 255, an XMP packet in a GIF some hundreds."""

MAX_STRIPS = 200_000
"""Strips or tiles that a TIFF may have: one a row makes 82,000 at most."""

_CHUNK = 1 << 20
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # stuffed bytes, filling and restarts are part of what is coded
_TEM, _SOI, _EOI, _SOS = 0x01, 0xD8, 0xD9, 0xDA
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STRIP_TAGS = frozenset({273, 279, 324, 325})


def complaint(name: str, stream: BinaryIO, max_scans: int) -> str | None:
    """Why a file costs too much, and what to do; None if it does not.

    Parameters
    ----------
    name : str
        Of its format, as in `formats.FORMATS`.
    stream : binary file
        Left anywhere.
    max_scans : int
        Of a JPEG.

    Notes
    -----
    Damaged files are left to the decoder.
    """
    count = _COUNTED.get(name)
    return count(stream, max_scans) if count is not None else None


def _jpeg(stream: BinaryIO, max_scans: int) -> str | None:
    scans = pieces = 0
    for is_scan in _segments(stream):
        scans, pieces = scans + is_scan, pieces + (not is_scan)
        if scans > max_scans:
            return (
                f"it has more than {max_scans} scans, each of which is a pass over the whole picture, and other "
                "progressive JPEGs have about ten; save it again with another program"
            )
        if pieces > MAX_PIECES:
            return _too_many("pieces of metadata", MAX_PIECES)
    return None


def _segments(stream: BinaryIO) -> Iterator[bool]:
    """Whether each segment of the first picture is a scan.

    A sequential picture ends with a scan that has all components: libjpeg takes no other after it.
    """
    position, components, is_sequential = 0, 0, False
    while True:
        position = _next_marker(stream, position)
        stream.seek(position)
        head = stream.read(10)
        marker = head[1] if len(head) > 1 else _EOI
        if marker == _EOI:
            return
        if marker in (_TEM, _SOI):
            position += 2
            continue
        if marker in _FRAMES and len(head) == 10:
            components, is_sequential = head[9], marker in _SEQUENTIAL
        yield marker == _SOS
        if marker == _SOS and is_sequential and head[4:5] == bytes([components]):
            return
        position += 2 + max(2, int.from_bytes(head[2:4], "big"))


def _next_marker(stream: BinaryIO, position: int) -> int:
    """Where the next marker begins; the end of the file if there is none."""
    stream.seek(position)
    carried, size = b"", 2  # mostly it begins here
    while chunk := stream.read(size):
        found = _MARKER.search(carried + chunk)
        if found:
            return position - len(carried) + found.start()
        position += len(chunk)
        carried, size = chunk[-1:], _CHUNK
    return position


def _png(stream: BinaryIO, _: int) -> str | None:
    pieces, position = 0, 8
    while pieces <= MAX_PIECES:
        stream.seek(position)
        head = stream.read(8)
        kind = head[4:]
        if len(head) < 8 or kind in (b"IEND", b"fdAT"):  # what follows the first frame is not read
            return None
        pieces += kind not in (b"IDAT", b"fcTL")
        position += 12 + int.from_bytes(head[:4], "big")
    return _too_many("pieces of metadata", MAX_PIECES)


def _gif(stream: BinaryIO, _: int) -> str | None:
    stream.seek(0)
    head = stream.read(13)
    if len(head) == 13 and head[10] & 0x80:
        stream.seek(3 * 2 ** ((head[10] & 7) + 1), 1)
    pieces = 0
    while stream.read(1) == b"!" and stream.read(1):  # an extension before the first frame, and its blocks
        while size := int.from_bytes(stream.read(1), "big"):
            stream.seek(size, 1)
            pieces += 1
            if pieces > MAX_PIECES:
                return _too_many("pieces of metadata", MAX_PIECES)
        pieces += 1
    return None


def _tiff(stream: BinaryIO, _: int) -> str | None:
    stream.seek(0)
    head = stream.read(16)
    order = "<" if head[:2] == b"II" else ">"
    is_big = head[2:3] == b"+" or head[3:4] == b"+"
    start, count, entry = ("Q", "Q", "HHQ8x") if is_big else ("I", "H", "HHI4x")
    try:
        (first,) = struct.unpack_from(f"{order}{start}", head, 8 if is_big else 4)
        stream.seek(first)
        (entries,) = struct.unpack(f"{order}{count}", stream.read(struct.calcsize(f"<{count}")))
        size = struct.calcsize(f"<{entry}")
        table = stream.read(min(entries, 0xFFFF) * size)
        found = struct.iter_unpack(f"{order}{entry}", table[: len(table) // size * size])
        room = stream.seek(0, 2) // 2  # a file that claims more is damaged
        strips = max((number for tag, _, number in found if tag in _STRIP_TAGS and number <= room), default=0)
    except (struct.error, OSError, OverflowError, ValueError):
        return None
    return _too_many("strips or tiles", MAX_STRIPS) if strips > MAX_STRIPS else None


def _too_many(what: str, most: int) -> str:
    return f"it has more than {most:,} {what}, more than any picture needs; save it again with another program"


_COUNTED: dict[str, Callable[[BinaryIO, int], str | None]] = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "TIFF": _tiff}
