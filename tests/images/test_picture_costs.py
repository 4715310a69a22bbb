"""Files that cost far more than their pixels: each is refused before it is decoded, or no more of it is read."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from retrieval.errors import ImageTooLargeError, UnreadableImageError
from retrieval.images import costs as picture_costs
from retrieval.images.costs import MAX_PIECES, MAX_STRIPS
from retrieval.images.decode import decode
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.limits import DEFAULT_LIMITS, DecodeLimits

SIZE = (64, 48)
MOST = DEFAULT_LIMITS.max_scans


def frames(count: int = 40) -> list[Image.Image]:
    """Pictures of noise, the first one black."""
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)) for _ in range(count - 1)]
    return [Image.new("RGB", SIZE), *noise]


def encoded(name: str, picture: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (picture or frames(2)[1]).save(buffer, name, **options)
    return buffer.getvalue()


def moving(name: str, **options: object) -> bytes:
    first, *rest = frames()
    return encoded(name, first, save_all=True, append_images=rest, **options)


def heif_of_many() -> bytes:
    file, buffer = pillow_heif.HeifFile(), io.BytesIO()
    for frame in frames():
        file.add_from_pillow(frame)
    file.save(buffer, quality=50)
    return buffer.getvalue()


def jpeg_of_scans(count: int, *, end: bytes = b"\xff\xd9", mode: str = "L") -> bytes:
    """A progressive JPEG whose last scan is there again and again."""
    plain = encoded("JPEG", frames(2)[1].convert(mode), progressive=True)
    last = plain[plain.rfind(b"\xff\xda") : -2]
    return plain[:-2] + last * (count - plain.count(b"\xff\xda")) + end


def jpeg_with(pieces: bytes, **options: object) -> bytes:
    plain = encoded("JPEG", **options)
    return plain[:2] + pieces + plain[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(before: bytes = b"", after: bytes = b"", **options: object) -> bytes:
    plain = encoded("PNG", **options)
    return plain[:33] + before + plain[33:-12] + after + plain[-12:]


def gif_with(extensions: bytes) -> bytes:
    plain = encoded("GIF")
    start = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    return plain[:start] + extensions + plain[start:]


def tiff_of_strips(count: int, order: str = "<", *, big: bool = False) -> bytes:
    """A grey TIFF whose rows are strips, all of the same row; or a BigTIFF."""
    entry, word, head = ("HHQQ", "Q", 8) if big else ("HHII", "I", 4)
    start, tags = 2 * head, 9
    end = start + struct.calcsize("<Q" if big else "<H") + tags * struct.calcsize(f"<{entry}") + head
    width = struct.calcsize(f"<{word}")
    kind = 16 if big else 4
    values = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    values += [(273, kind, count, end), (277, 3, 1, 1), (278, 4, 1, 1), (279, kind, count, end + width * count)]
    shift = {3: 48 if big else 16, 4: 32 if big else 0} if order == ">" else {}
    packed = b"".join(
        struct.pack(f"{order}{entry}", tag, type_, number, value << shift.get(type_, 0) if number == 1 else value)
        for tag, type_, number, value in values
    )
    mark = b"II" if order == "<" else b"MM"
    header = mark + (struct.pack(f"{order}HHHQ", 43, 8, 0, start) if big else struct.pack(f"{order}HI", 42, start))
    row = end + 2 * width * count
    offsets = struct.pack(f"{order}{word}", row) * count + struct.pack(f"{order}{word}", 64) * count
    return header + struct.pack(f"{order}{'Q' if big else 'H'}", tags) + packed + bytes(head) + offsets + bytes(64)


SCANS = rf"more than {MOST} scans.*save it again"
PIECES = r"more than 20,000 pieces of metadata.*save it again"
STRIPS = r"more than 200,000 strips or tiles.*save it again"
TEXT = chunk(b"tEXt", b"a\0b")
BOMB = b"a\0\0" + zlib.compress(bytes(64 * 2**20), 9)

REFUSED = {
    "a grey JPEG of many scans": (jpeg_of_scans(MOST + 1), SCANS),
    "a coloured JPEG of many scans": (jpeg_of_scans(1500, mode="RGB"), SCANS),
    "one that does not end": (jpeg_of_scans(1500, end=b""), SCANS),
    "a JPEG of many comments": (jpeg_with(b"\xff\xfe\x00\x02" * (MAX_PIECES + 1)), PIECES),
    "a JPEG of many EXIF blocks": (jpeg_with(b"\xff\xe1\x00\x08Exif\0\0" * (MAX_PIECES + 1), progressive=True), PIECES),
    "a PNG of many texts": (png_with(TEXT * (MAX_PIECES + 1)), PIECES),
    "a PNG of many texts at its end": (png_with(b"", TEXT * (MAX_PIECES + 1)), PIECES),
    "a GIF of many comments": (gif_with(b"!\xfe\x01a\0" * MAX_PIECES), PIECES),
    "a GIF of a comment in many blocks": (gif_with(b"!\xfe" + b"\x01a" * (MAX_PIECES + 1) + b"\0"), PIECES),
    "a TIFF of many strips": (tiff_of_strips(MAX_STRIPS + 1), STRIPS),
    "one of the other order": (tiff_of_strips(MAX_STRIPS + 1, ">"), STRIPS),
    "a BigTIFF of many strips": (tiff_of_strips(MAX_STRIPS + 1, big=True), STRIPS),
    "a big BigTIFF of the other order": (tiff_of_strips(MAX_STRIPS + 1, ">", big=True), STRIPS),
}

ADMITTED = {
    "a progressive JPEG": encoded("JPEG", progressive=True),
    "a JPEG of as many scans as are read": jpeg_of_scans(MOST),
    "a JPEG with bytes between its segments": jpeg_with(b"\xff\xfe\x00\x04\xff\xda" + b"\xff" * 9),
    "a JPEG whose EXIF block has a JPEG": jpeg_with(
        b"\xff\xe1" + struct.pack(">H", 60_002) + jpeg_of_scans(500)[:60_000]
    ),
    "a PNG of some texts": png_with(TEXT * 1000, TEXT * 1000),
    "a GIF of some comments": gif_with(b"!\xfe\x01a\0" * 1000),
    "a TIFF of a strip a row": tiff_of_strips(64),
    "one of the other order": tiff_of_strips(64, ">"),
    "a BigTIFF": tiff_of_strips(64, big=True),
}

FIRST_ONLY = {
    "GIF": moving("GIF"),
    "APNG": moving("PNG"),
    "WEBP": moving("WEBP", lossless=True),
    "TIFF": moving("TIFF"),
    "AVIF": moving("AVIF"),
    "MPO": moving("MPO"),
    "HEIF": heif_of_many(),
}

COMPRESSED = {
    "text": png_with(chunk(b"zTXt", BOMB)),
    "text at the end": png_with(b"", chunk(b"zTXt", BOMB)),
    "international text": png_with(chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB[3:])),
    "a colour profile": png_with(chunk(b"iCCP", BOMB)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_costs_too_much_is_refused(name: str) -> None:
    content, said = REFUSED[name]
    with pytest.raises(ImageTooLargeError, match=said):
        decode(content, long_side=64)


@pytest.mark.parametrize("name", ADMITTED)
def test_what_costs_little_is_not(name: str) -> None:
    assert max(decode(ADMITTED[name], long_side=64).size_hw) == 64


@pytest.mark.parametrize("name", FIRST_ONLY)
def test_of_several_pictures_only_the_first_is_decoded(name: str) -> None:
    """What follows it is spoilt, and nobody notices."""
    content = bytearray(FIRST_ONLY[name])
    start, end = len(content) // 2, len(content) - 64
    if name == "WEBP":  # whose structure is looked at to its end
        start = content.rfind(b"VP8L") + 16
        end = start + 500
    if name == "HEIF":  # the pictures lie in one box, the first of them before the others
        start = content.rfind(b"mdat") + 2000
    if name != "TIFF":  # whose first directory may lie at its end
        content[start:end] = bytes(end - start)
    found = decode(bytes(content), long_side=64)
    assert found.size_hw == SIZE[::-1]
    assert found.rgb.max() < 40


@pytest.mark.parametrize("name", COMPRESSED)
def test_what_unpacks_to_very_much_is_not_unpacked(name: str) -> None:
    with pytest.raises(UnreadableImageError, match="too large"):
        decode(COMPRESSED[name], long_side=64)


def test_a_decoder_process_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "slow.jpg"
    path.write_bytes(jpeg_of_scans(1500))
    with DecoderPool(1) as pool, pytest.raises(ImageTooLargeError, match=rf"slow\.jpg: it has {SCANS}"):
        pool.submit(path, long_side=64).result()


def test_limits_are_kept() -> None:
    content = encoded("JPEG", progressive=True)
    scans = content.count(b"\xff\xda")
    decode(content, long_side=64, limits=DecodeLimits(max_scans=scans))
    with pytest.raises(ImageTooLargeError, match=f"more than {scans - 1} scans"):
        decode(content, long_side=64, limits=DecodeLimits(max_scans=scans - 1))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "TIFF"])
def test_any_part_of_a_file_can_be_looked_at(name: str) -> None:
    """Damaged files are for the decoder to judge."""
    content = encoded(name, **({"progressive": True} if name == "JPEG" else {}))
    rng = np.random.default_rng(0)
    for end in range(len(content) if len(content) < 2000 else 2000):
        assert picture_costs.complaint(name, io.BytesIO(content[:end]), MOST) is None
    for _ in range(200):
        spoilt = bytearray(content)
        for place in rng.integers(0, min(len(content), 400), 4):
            spoilt[place] = int(rng.integers(0, 256))
        picture_costs.complaint(name, io.BytesIO(bytes(spoilt)), MOST)
