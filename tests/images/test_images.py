"""Pictures in: every format, mode and orientation, and everything that can be wrong with a file."""

from __future__ import annotations

import functools
import io
import os
import re
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from retrieval.errors import ImageError, ImageTooLargeError, ImageTooSmallError, UnreadableImageError
from retrieval.images.decode import decode, decode_with_renditions
from retrieval.images.formats import FORMATS, SNIFF_BYTES, sniff_format
from retrieval.images.limits import DecodeLimits
from retrieval.images.renditions import PREVIEW_SIDE, THUMBNAIL_SIDE, write_renditions
from retrieval.images.srgb import MAX_PROFILE_BYTES

ROOT = Path(__file__).parents[2]
ODD_IMAGES = ROOT.parent / "shared/data/odd-images"

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 0)
LOSSY = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}, "AVIF": {"quality": 95}}


def quadrants(width: int = 96, height: int = 64) -> np.ndarray:
    """Red top left, green top right, blue bottom left, yellow bottom right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = RED, GREEN
    picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = BLUE, YELLOW
    return picture


def assert_quadrants(rgb: np.ndarray, tolerance: int = 0) -> None:
    """The centres of the four quadrants have their colours."""
    height, width = rgb.shape[:2]
    found = [rgb[y, x] for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    np.testing.assert_allclose(np.array(found, int), [RED, GREEN, BLUE, YELLOW], atol=tolerance)


def encoded(image: Image.Image | np.ndarray, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture.save(buffer, name, **{**LOSSY.get(name, {}), **options})
    return buffer.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file, also of the kinds that Pillow does not write; `rows` lack the filter bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    stride = len(rows) // height
    filtered = b"".join(b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def ramp16(height: int = 20) -> np.ndarray:
    """0 to 65535 from left to right; column x is grey level x."""
    return np.tile(np.arange(256, dtype=np.uint16) * 257, (height, 1))


def assert_ramp(rgb: np.ndarray, tolerance: int = 0) -> None:
    expected = np.broadcast_to(np.arange(256)[None, :, None], rgb.shape)
    np.testing.assert_allclose(rgb.astype(int), expected, atol=tolerance)


@functools.cache
def textured() -> Image.Image:
    """A picture that does not compress to nothing."""
    steps = np.random.default_rng(7).normal(0, 8, (80, 100, 3))
    return Image.fromarray(np.clip(np.cumsum(steps, 1) + 120, 0, 255).astype(np.uint8))


@functools.cache
def samples() -> dict[str, bytes]:
    """One small file of every kind whose end is the end of the picture."""
    colour, grey = textured(), textured().convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    return {
        "jpeg": encoded(colour, "JPEG"),
        "jpeg-progressive": encoded(colour, "JPEG", progressive=True),
        "png": encoded(colour, "PNG"),
        "png-palette": encoded(colour.convert("P"), "PNG"),
        "webp": encoded(colour, "WEBP"),
        "webp-lossless": encoded(colour, "WEBP", lossless=True),
        "tiff": encoded(colour, "TIFF"),
        "tiff-lzw": encoded(colour, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": encoded(colour, "TIFF", compression="jpeg"),
        "bmp": encoded(colour, "BMP"),
        "gif": encoded(colour, "GIF"),
        "avif": encoded(colour, "AVIF"),
        "heif": encoded(colour, "HEIF"),
        "ppm": encoded(colour, "PPM"),
        "pgm-16": encoded(deep, "PPM"),
        "pbm": encoded(colour.convert("1"), "PPM"),
        "pfm": encoded(grey.convert("F"), "PPM"),
    }


# Formats


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_recognised_and_decoded(name: str) -> None:
    content = encoded(quadrants(), name)
    assert sniff_format(content[:SNIFF_BYTES]) == name
    image = decode(content, long_side=500)
    assert (image.format, image.size_hw, image.rgb.shape) == (name, (64, 96), (64, 96, 3))
    assert image.rgb.dtype == np.uint8
    assert image.rgb.flags.c_contiguous
    assert image.rgb.flags.writeable
    assert_quadrants(image.rgb, 12)


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        b"\xc5\xd0\xd3\xc6" + bytes(60),
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"\x00\x00\x01\x00\x01\x00\x10\x10" + bytes(56),
        b"\xff\x4f\xff\x51\x00\x2f" + bytes(58),
        b"%PDF-1.7\n",
        b"GIF88a" + bytes(58),
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(48),
        b"\x00\x00\x00\x18ftypisom" + bytes(52),
        b"Python is a language in which pictures are read.",
        b"P2P networks, a survey",
        b"BMW: a history of the company and its motors",
        b"not a picture",
        b"",
        b"\xff",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_other_files_are_not_pictures(content: bytes) -> None:
    assert sniff_format(content) is None
    with pytest.raises(UnreadableImageError, match="empty" if not content else "not an image.*JPEG, PNG"):
        decode(content, long_side=100)


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_container_brand_is_resolved_by_what_the_file_lists(name: str) -> None:
    content = bytearray(encoded(quadrants(), name))
    brands = content[16 : int.from_bytes(content[:4], "big")]
    assert {"AVIF": b"avif", "HEIF": b"heic"}[name] in brands
    content[8:12] = b"mif1"
    assert sniff_format(bytes(content[:SNIFF_BYTES])) == name
    assert decode(bytes(content), long_side=100).format == name


def test_mpo_gives_its_first_picture() -> None:
    content = encoded(quadrants(), "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64))])
    image = decode(content, long_side=100)
    assert image.format == "JPEG"
    assert_quadrants(image.rgb, 40)


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_first_frame_of_several(name: str) -> None:
    content = encoded(quadrants(), name, save_all=True, append_images=[Image.new("RGB", (96, 64))])
    assert_quadrants(decode(content, long_side=100).rgb, 12)


def test_file_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "photo.eps"
    path.write_bytes(encoded(quadrants(), "PNG"))
    assert decode(path, long_side=100).format == "PNG"


# Modes


def over_white(colour: tuple[int, int, int], alpha: int) -> list[int]:
    return [round(value * alpha / 255 + 255 - alpha) for value in colour]


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_transparency_is_laid_over_white(name: str) -> None:
    picture = np.zeros((64, 96, 4), np.uint8)  # left: fully transparent black
    picture[:, 32:64] = (*RED, 128)
    picture[:, 64:] = (*BLUE, 255)
    options = {"lossless": True} if name == "WEBP" else {}
    rgb = decode(encoded(picture, name, **options), long_side=100).rgb.astype(int)
    tolerance = 12 if name in ("AVIF", "HEIF") else 1
    np.testing.assert_allclose(rgb[32, [16, 48, 80]], [[255] * 3, over_white(RED, 128), BLUE], atol=tolerance)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_grey_with_transparency(name: str) -> None:
    picture = np.zeros((32, 48, 2), np.uint8)
    picture[:, 16:32] = (100, 128)
    picture[:, 32:] = (100, 255)
    rgb = decode(encoded(Image.fromarray(picture, "LA"), name), long_side=100).rgb.astype(int)
    np.testing.assert_allclose(rgb[16, [8, 24, 40], 0], [255, over_white((100, 0, 0), 128)[0], 100], atol=1)


def test_palette_with_and_without_transparency() -> None:
    indices = np.zeros((32, 48), np.uint8)
    indices[:, 16:32], indices[:, 32:] = 1, 2
    picture = Image.fromarray(indices).convert("L")
    picture = Image.fromarray(np.asarray(picture), "P")
    picture.putpalette([*RED, *GREEN, *BLUE])
    columns = [8, 24, 40]
    plain = decode(encoded(picture, "PNG"), long_side=100).rgb
    np.testing.assert_array_equal(plain[16, columns], [RED, GREEN, BLUE])
    partial = decode(encoded(picture, "PNG", transparency=bytes([0, 128, 255])), long_side=100).rgb.astype(int)
    np.testing.assert_allclose(partial[16, columns], [[255] * 3, over_white(GREEN, 128), BLUE], atol=1)
    for name in ("GIF", "PNG"):
        single = decode(encoded(picture, name, transparency=1), long_side=100).rgb
        np.testing.assert_array_equal(single[16, columns], [RED, [255] * 3, BLUE])


def test_transparent_colour_of_an_rgb_and_of_a_grey_png() -> None:
    colour = decode(encoded(quadrants(), "PNG", transparency=BLUE), long_side=100).rgb
    assert colour[48, 24].tolist() == [255] * 3
    assert colour[16, 24].tolist() == list(RED)
    grey = np.full((32, 32), 40, np.uint8)
    grey[:, 16:] = 90
    assert decode(encoded(grey, "PNG", transparency=40), long_side=100).rgb[5, [5, 20], 0].tolist() == [255, 90]


@pytest.mark.parametrize("name", ["PNG", "TIFF", "BMP", "PPM", "GIF"])
def test_one_bit(name: str) -> None:
    picture = Image.new("1", (40, 30))
    picture.paste(1, (20, 0, 40, 30))
    rgb = decode(encoded(picture, name), long_side=100).rgb
    assert rgb[15, [5, 35]].tolist() == [[0] * 3, [255] * 3]


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk(name: str) -> None:
    inks = np.zeros((32, 80, 4), np.uint8)  # paper, cyan, magenta, yellow, black
    for column in range(4):
        inks[:, 16 * (column + 1) : 16 * (column + 2), column] = 255
    content = encoded(Image.fromarray(inks, "CMYK"), name)  # Pillow writes a JPEG inverted, as Adobe does
    assert (b"Adobe" in content[:200]) == (name == "JPEG")
    rgb = decode(content, long_side=100).rgb.astype(int)
    expected = [[255] * 3, [0, 255, 255], [255, 0, 255], [255, 255, 0], [0] * 3]
    np.testing.assert_allclose(rgb[16, 8::16], expected, atol=6)


def test_ycbcr_and_lab_tiff() -> None:
    for mode, tolerance in (("YCbCr", 3), ("LAB", 24)):  # eight bits of Lab are coarse at the edge of the gamut
        content = encoded(Image.fromarray(quadrants()).convert(mode), "TIFF")
        assert_quadrants(decode(content, long_side=100).rgb, tolerance)


@pytest.mark.parametrize(
    ("mode", "name"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF"), ("I;16", "PPM"), ("I", "TIFF")]
)
def test_sixteen_bit_grey_is_scaled_not_clipped(mode: str, name: str) -> None:
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode]
    picture = Image.frombytes(mode, (256, 20), ramp16().astype(kind).tobytes())
    assert_ramp(decode(encoded(picture, name), long_side=500).rgb)


def test_sixteen_bit_colour_is_scaled_not_clipped() -> None:
    pixels = np.stack([ramp16(), ramp16()[:, ::-1], np.full((20, 256), 65535, np.uint16)], -1)
    expected = np.stack([pixels[..., channel] >> 8 for channel in range(3)], -1)
    big_endian = pixels.astype(">u2").tobytes()
    deep_png = decode(png(256, 20, 16, 2, big_endian), long_side=500).rgb
    deep_ppm = decode(b"P6 256 20 65535\n" + big_endian, long_side=500).rgb
    np.testing.assert_array_equal(deep_png, expected)
    np.testing.assert_allclose(deep_ppm.astype(int), expected, atol=1)


def test_numbers_of_other_ranges() -> None:
    grey = ramp16().astype(np.float32)
    assert_ramp(decode(encoded(Image.fromarray(grey / 65535), "TIFF"), long_side=500).rgb)
    assert_ramp(decode(encoded(Image.fromarray(grey / 65535), "PPM"), long_side=500).rgb)
    assert_ramp(decode(encoded(Image.fromarray(grey / 100 - 300), "TIFF"), long_side=500).rgb, 1)
    assert_ramp(decode(encoded(Image.fromarray((grey * 9000).astype(np.int32) - 7), "TIFF"), long_side=500).rgb, 1)


def test_sensor_depths_in_sixteen_bits_are_not_left_black() -> None:
    ten_bits = (np.arange(256) * 1023 / 255).round().astype(np.uint16)
    picture = Image.fromarray(np.tile(ten_bits, (20, 1)))
    assert_ramp(decode(encoded(picture, "TIFF"), long_side=500).rgb, 1)
    dark = decode(b"P5 256 20 65535\n" + np.tile(ten_bits, (20, 1)).astype(">u2").tobytes(), long_side=500)
    assert dark.rgb.max() == 4  # a PGM says what white is


def test_floats_that_are_no_numbers_are_black() -> None:
    values = np.full((20, 30), 0.5, np.float32)
    values[:, :10], values[:, 20:] = np.nan, np.inf
    rgb = decode(encoded(Image.fromarray(values), "TIFF"), long_side=100).rgb
    assert rgb[10, [5, 15], 0].tolist() == [0, 128]
    nothing = np.full((20, 30), np.nan, np.float32)
    assert decode(encoded(Image.fromarray(nothing), "TIFF"), long_side=100).rgb.max() == 0
    constant = np.full((20, 30), 7.0, np.float32)
    assert decode(encoded(Image.fromarray(constant), "TIFF"), long_side=100).rgb.shape == (20, 30, 3)


def test_sixteen_bit_tiff_where_zero_is_white() -> None:
    content = encoded(Image.fromarray(ramp16()), "TIFF")
    black_is_zero = struct.pack("<HHIHH", 262, 3, 1, 1, 0)
    assert content.count(black_is_zero) == 1
    inverted = content.replace(black_is_zero, struct.pack("<HHIHH", 262, 3, 1, 0, 0))
    assert_ramp(255 - decode(inverted, long_side=500).rgb)


def test_conversion_in_strips_leaves_no_seams() -> None:
    side = 2500
    down = np.linspace(0, 65535, side).astype(np.uint16)
    rgb = decode(encoded(Image.fromarray(np.tile(down[:, None], (1, side))), "TIFF"), long_side=500).rgb
    expected = (np.arange(500) + 0.5) / 500 * 255
    np.testing.assert_allclose(rgb[..., 0], np.tile(expected[:, None], (1, 500)), atol=1.5)


# Orientation and EXIF


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera stores for a picture that is to be shown as `upright`, after the EXIF specification."""
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]


def exif_bytes(orientation: int | None = None, taken: object = None) -> bytes:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken
    return exif.tobytes()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(name: str, orientation: int) -> None:
    kept = np.ascontiguousarray(stored(quadrants(), orientation))
    if orientation >= 5:
        assert kept.shape == (96, 64, 3)
    image = decode(encoded(kept, name, exif=exif_bytes(orientation)), long_side=48)
    assert image.size_hw == (64, 96)
    assert image.rgb.shape == (32, 48, 3)
    assert_quadrants(image.rgb, 12)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_impossible_orientation_is_ignored(orientation: int) -> None:
    assert_quadrants(decode(encoded(quadrants(), "PNG", exif=exif_bytes(orientation)), long_side=100).rgb)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_is_ignored(name: str, exif: bytes) -> None:
    content = encoded(quadrants(), name, exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = decode(content, long_side=100)
    assert image.taken_at is None
    assert_quadrants(image.rgb, 12)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_time_is_read(name: str) -> None:
    content = encoded(quadrants(), name, exif=exif_bytes(1, "2024:05:17 08:30:59"))
    assert decode(content, long_side=100).taken_at == datetime(2024, 5, 17, 8, 30, 59)


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", "2024:13:01 00:00:00", ""]
)
def test_time_that_makes_no_sense_is_none(taken: str) -> None:
    assert decode(encoded(quadrants(), "JPEG", exif=exif_bytes(1, taken)), long_side=100).taken_at is None


# Colour profiles


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """The sRGB profile with the primaries of red and green exchanged."""
    return srgb_profile().replace(b"rXYZ", b"####").replace(b"gXYZ", b"rXYZ").replace(b"####", b"gXYZ")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_profile_is_converted(name: str) -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :24], picture[:, 24:] = (255, 0, 0), (0, 255, 0)
    rgb = decode(encoded(picture, name, icc_profile=swapped_profile()), long_side=100).rgb.astype(int)
    np.testing.assert_allclose(rgb[16, [8, 40]], [(0, 255, 0), (255, 0, 0)], atol=20)


def test_srgb_profile_changes_nothing() -> None:
    plain = decode(encoded(textured(), "PNG"), long_side=100).rgb
    tagged = decode(encoded(textured(), "PNG", icc_profile=srgb_profile()), long_side=100).rgb
    np.testing.assert_array_equal(tagged, plain)


@pytest.mark.parametrize("profile", [b"nonsense", srgb_profile()[:200], bytes(128) + b"\xff" * 40])
def test_broken_profile_is_ignored(profile: bytes) -> None:
    assert_quadrants(decode(encoded(quadrants(), "PNG", icc_profile=profile), long_side=100).rgb)


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "TIFF", "HEIF"])
def test_huge_profile_is_ignored(name: str) -> None:
    """Profiles that were used are kept for the next picture, in a process that decodes a thousand."""
    picture = np.full((32, 48, 3), (255, 0, 0), np.uint8)
    profile = swapped_profile().ljust(MAX_PROFILE_BYTES + 1, b"\0")
    rgb = decode(encoded(picture, name, icc_profile=profile), long_side=100).rgb
    np.testing.assert_allclose(rgb[16, 16].astype(int), (255, 0, 0), atol=20)
    rgb = decode(encoded(picture, name, icc_profile=profile[:-1]), long_side=100).rgb
    np.testing.assert_allclose(rgb[16, 16].astype(int), (0, 255, 0), atol=20)


def test_profile_for_other_channels_is_ignored() -> None:
    cyan = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    rgb = decode(encoded(cyan, "TIFF", icc_profile=swapped_profile()), long_side=100).rgb
    assert rgb[16, 16].tolist() == [0, 255, 255]
    grey = Image.new("L", (32, 32), 77)
    assert decode(encoded(grey, "PNG", icc_profile=swapped_profile()), long_side=100).rgb[3, 3].tolist() == [77] * 3


# Sizes


@given(st.integers(16, 300), st.integers(16, 300), st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_bounded_never_enlarged_and_in_proportion(width: int, height: int, long_side: int) -> None:
    image = decode(encoded(Image.new("L", (width, height), 90), "BMP"), long_side=long_side)
    assert image.size_hw == (height, width)
    assert max(image.rgb.shape[:2]) == min(long_side, max(width, height))
    scale = max(image.rgb.shape[:2]) / max(width, height)
    np.testing.assert_allclose(image.rgb.shape[:2], [max(1, height * scale), max(1, width * scale)], atol=0.51)
    assert np.all(image.rgb == 90)


@pytest.mark.parametrize("name", ["JPEG", "BMP", "GIF"])
@pytest.mark.parametrize("size", [(4099, 1051), (3001, 999)])
def test_reduction_does_not_shift_the_picture(name: str, size: tuple[int, int]) -> None:
    image = decode(encoded(quadrants(*size), name), long_side=400)
    lit = image.rgb[10, :, 0] > 127  # red ends where the left half ends
    assert abs(int(lit.sum()) - 400 * (size[0] // 2) / size[0]) <= 1
    assert_quadrants(image.rgb, 12)


def test_long_side_must_be_positive() -> None:
    with pytest.raises(ValueError, match="long_side must be positive, got 0"):
        decode(encoded(quadrants(), "PNG"), long_side=0)


@pytest.mark.parametrize(
    ("size", "said"),
    [((1, 1), "1 x 1 pixels.*at least 16"), ((3, 4000), "3 x 4,000.*at least 16"), ((40, 15), "40 x 15.*at least 16")],
)
def test_too_small(size: tuple[int, int], said: str) -> None:
    with pytest.raises(ImageTooSmallError, match=said):
        decode(encoded(Image.new("RGB", size), "PNG"), long_side=100)


def test_slivers_are_refused_and_panoramas_are_not() -> None:
    assert decode(encoded(Image.new("L", (640, 20)), "PNG"), long_side=512).rgb.shape == (16, 512, 3)
    with pytest.raises(ImageTooSmallError, match=r"20 x 661 pixels make a sliver, 33 times.*at most 32"):
        decode(encoded(Image.new("L", (20, 661)), "PNG"), long_side=512)


@pytest.mark.parametrize("limits", [{"max_pixels": 0}, {"min_side": 0}, {"max_aspect": 0.5}, {"max_bytes": -1}])
def test_senseless_limits(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="limits must be positive"):
        DecodeLimits(**limits)


def test_limits_are_kept() -> None:
    content = encoded(Image.new("L", (100, 50)), "PNG")
    assert decode(content, long_side=100, limits=DecodeLimits(max_pixels=5000)).size_hw == (50, 100)
    with pytest.raises(ImageTooLargeError, match="100 x 50 pixels are 5,000 in all and at most 4,999"):
        decode(content, long_side=100, limits=DecodeLimits(max_pixels=4999))
    with pytest.raises(ImageTooLargeError, match=r"has \d+ bytes and at most 20 "):
        decode(content, long_side=100, limits=DecodeLimits(max_bytes=20))


def test_bombs_are_refused_by_their_headers() -> None:
    with pytest.raises(ImageTooLargeError, match="60,000 x 60,000 pixels are 3,600,000,000"):
        decode(png(60_000, 60_000, 8, 2, b""), long_side=100)
    frame = struct.pack("<6sHHBBB", b"GIF89a", 32, 32, 0, 0, 0) + struct.pack("<cHHHHB", b",", 0, 0, 65535, 65535, 0)
    with pytest.raises(ImageTooLargeError, match="more than the 210,000,000 pixels"):
        decode(frame + b"\x02\x00;", long_side=100)
    webp = bytearray(encoded(Image.new("RGBA", (64, 64), (1, 2, 3, 4)), "WEBP", exif=exif_bytes(1)))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = (16382).to_bytes(3, "little") * 2
    with pytest.raises(ImageTooLargeError, match="save a smaller copy"):
        decode(bytes(webp), long_side=100)


def test_hundred_megapixels_are_welcome() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = decode(encoded(Image.new("L", (11648, 8736), 99), "JPEG"), long_side=512)
    assert image.size_hw == (8736, 11648)
    assert image.rgb.shape == (384, 512, 3)
    assert np.all(image.rgb == 99)


@pytest.mark.slow
def test_memory_for_48_megapixels_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(quadrants(8000, 6000)).save(path, quality=60)
    script = (
        "import sys; from pathlib import Path; from retrieval.images.decode import decode\n"
        "def peak(): return int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
        "if {'torch', 'faiss', 'cv2', 'scipy'} & set(sys.modules): sys.exit('heavy libraries were imported')\n"
        "before = peak(); image = decode(Path(sys.argv[1]), long_side=640)\n"
        "sys.stdout.write(f'{image.rgb.shape} {peak() - before}')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run(
        [sys.executable, "-c", script, path], env=environment, check=True, capture_output=True, text=True
    ).stdout
    shape, kilobytes = output.rsplit(" ", 1)
    assert shape == "(480, 640, 3)"
    assert int(kilobytes) < 80_000  # all its pixels would be 192 MB


# Files that are not what they should be


@given(st.sampled_from(sorted(samples())), st.floats(0, 1, exclude_max=True))
@settings(max_examples=300, deadline=None)
def test_truncated_files_never_pass(name: str, share: float) -> None:
    content = samples()[name]
    cut = content[: int(share * len(content))]
    try:
        image = decode(cut, long_side=64)
    except ImageError as error:
        assert re.search("truncated|empty|damaged|not an image|too few", str(error))
    else:  # only what comes after the last pixel was missing
        np.testing.assert_array_equal(image.rgb, decode(content, long_side=64).rgb)


@pytest.mark.parametrize("name", sorted(samples()))
def test_half_a_file_is_called_truncated(name: str) -> None:
    content = samples()[name]
    with pytest.raises(UnreadableImageError, match=r"the picture: truncated: the file ends before.*copy it again"):
        decode(content[: len(content) // 2], long_side=64)


@given(st.sampled_from(["jpeg", "png", "gif", "bmp", "ppm", "tiff", "webp"]), st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_damaged_files_raise_nothing_else(name: str, data: st.DataObject) -> None:
    content = bytearray(samples()[name])
    places = st.integers(0, len(content) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        content[place] = value
    try:
        image = decode(bytes(content), long_side=64, limits=DecodeLimits(max_pixels=1_000_000))
    except ImageError as error:
        assert str(error).startswith("the picture: ")
    else:
        assert image.rgb.shape[2] == 3


def test_damage_is_told_from_truncation() -> None:
    content = bytearray(samples()["png"])
    content[content.index(b"IDAT") + 4 : content.index(b"IDAT") + 40] = bytes(36)
    with pytest.raises(UnreadableImageError, match="damaged: this PNG file cannot be decoded") as caught:
        decode(bytes(content), long_side=64)
    assert caught.value.__cause__ is not None


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, said in [
        ("missing.jpg", "missing.jpg: cannot be opened .No such file"),
        ("empty.jpg", r"empty.jpg: the file is empty \(0 bytes\)"),
        ("pipe.jpg", "pipe.jpg: not a regular file"),
        (".", "not a regular file"),
        ("nul\0.jpg", "cannot be opened"),
    ]:
        with pytest.raises(UnreadableImageError, match=said):
            decode(tmp_path / name, long_side=100)


def test_nothing_global_stays_changed() -> None:
    pixels, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)

    def work(number: int) -> None:
        limits = DecodeLimits(max_pixels=10_000 + number)
        for content in samples().values():
            decode(content, long_side=64, limits=limits)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pixels == Image.MAX_IMAGE_PIXELS
    assert filters == list(warnings.filters)


# Renditions


def test_renditions_come_from_one_decode(tmp_path: Path) -> None:
    upright = quadrants(2400, 1600)
    source, preview, thumbnail = tmp_path / "in.jpg", tmp_path / "deep/er/preview.jpg", tmp_path / "thumbnail.jpg"
    exif = exif_bytes(6, "2024:05:17 08:30:59")
    kept = np.ascontiguousarray(stored(upright, 6))
    source.write_bytes(encoded(kept, "JPEG", exif=exif, icc_profile=srgb_profile(), comment=b"private"))
    image = decode_with_renditions(source, long_side=600, preview=preview, thumbnail=thumbnail)
    np.testing.assert_array_equal(image.rgb, decode(source, long_side=600).rgb)
    for path, side in ((preview, PREVIEW_SIDE), (thumbnail, THUMBNAIL_SIDE)):
        with Image.open(path) as written:
            assert written.format == "JPEG"
            assert written.size == (side, round(side * 2 / 3))
            assert not {"exif", "icc_profile", "comment", "xmp"} & set(written.info)
            assert_quadrants(np.asarray(written), 12)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "in.jpg",
        "preview.jpg",
        "thumbnail.jpg",
    ]
    assert preview.stat().st_mode & 0o777 == source.stat().st_mode & 0o777  # as the umask says, not private


def test_small_pictures_are_not_enlarged(tmp_path: Path) -> None:
    write_renditions(Image.fromarray(quadrants(200, 100)), preview=tmp_path / "p.jpg", thumbnail=tmp_path / "t.jpg")
    for name in ("p.jpg", "t.jpg"):
        with Image.open(tmp_path / name) as written:
            assert written.size == (200, 100)
    write_renditions(Image.fromarray(quadrants(200, 100)))


def test_unwritable_rendition_is_not_the_fault_of_the_picture(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        decode_with_renditions(encoded(quadrants(), "PNG"), long_side=50, preview=tmp_path / "file/preview.jpg")


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "t.jpg"
    target.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_renditions(Image.fromarray(quadrants()), thumbnail=target)
    assert [path.name for path in tmp_path.iterdir()] == ["t.jpg"]
    assert target.read_bytes() == b"old"


def test_bad_picture_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError):
        decode_with_renditions(samples()["jpeg"][:1000], long_side=50, preview=tmp_path / "p.jpg")
    assert list(tmp_path.iterdir()) == []


# Files from the wild

DECODES = {  # height, width, mean colour
    "16bit.cropped.tif": (64, 64, (97, 97, 97)),  # 10-bit camera values in 16 bits
    "1_trns.png": (64, 64, (124, 124, 124)),
    "chi.gif": (240, 320, (250, 251, 247)),
    "dispose_bgnd.gif": (100, 100, (72, 169, 247)),
    "exif.png": (512, 512, (143, 141, 142)),
    "flat-grey.png": (480, 640, (128, 128, 128)),
    "flower.jpg": (360, 480, (119, 132, 94)),
    "flower.webp": (360, 480, (119, 132, 94)),
    "hopper.gif": (128, 128, (90, 80, 95)),
    "hopper.jpg": (128, 128, (90, 80, 95)),
    "hopper.png": (128, 128, (90, 80, 95)),
    "hopper.tif": (128, 128, (90, 80, 95)),
    "hopper.webp": (128, 128, (90, 80, 96)),
    "hopper_16bit.pgm": (128, 128, (84, 84, 84)),
    "hopper_1bit.pbm": (128, 128, (84, 84, 84)),
    "hopper_bad_exif.jpg": (500, 500, (126, 126, 126)),
    "hopper_gray.jpg": (128, 128, (85, 85, 85)),
    "hopper_idat_after_image_end.png": (128, 128, (90, 80, 95)),
    "hopper_orientation_3.webp": (128, 128, (90, 80, 96)),
    "hopper_orientation_6.jpg": (128, 128, (90, 80, 95)),
    "hopper_zero_comment_subblocks.gif": (128, 128, (90, 80, 95)),
    "invalid-exif.jpg": (200, 200, (92, 92, 92)),
    "itxt_chunks.png": (2000, 2400, (233, 214, 234)),
    "pil_sample_cmyk.jpg": (100, 100, (30, 5, 7)),
    "rgb_trns.png": (64, 64, (128, 176, 163)),
    "sugarshack_bad_mpo_header.jpg": (480, 640, (120, 109, 99)),
    "transparent.gif": (150, 200, (211, 203, 204)),
    "transparent.png": (150, 200, (211, 203, 204)),
    "truncated_app14.jpg": (100, 100, (28, 4, 3)),
    "uncompressed_rgb.png": (600, 800, (243, 243, 253)),
}
REFUSED = {
    "broken.png": (UnreadableImageError, "damaged: this PNG file"),
    "broken_data_stream.png": (UnreadableImageError, "damaged: this PNG file"),
    "crash-1152ec2d1a1a71395b6f2ce6721c38924d025bf3.tif": (UnreadableImageError, "damaged: this TIFF file"),
    "crash-2020-10-test.tif": (ImageTooSmallError, "20 x 1,536 pixels make a sliver"),
    "decompression_bomb.gif": (ImageTooLargeError, "it claims more than the 210,000,000 pixels"),
    "half.jpg": (UnreadableImageError, "truncated: the file ends"),
    "multipage.tiff": (ImageTooSmallError, "10 x 10 pixels are too few"),
    "one-pixel.png": (ImageTooSmallError, "1 x 1 pixels are too few"),
    "oom-225817ca0f8c663be7ab4b9e717b02c661e66834.tif": (UnreadableImageError, "truncated: the file ends"),
    "sliver.png": (ImageTooSmallError, "3 x 4,000 pixels are too few"),
    "truncated_end_chunk.png": (UnreadableImageError, "truncated: the file ends"),
}
NOT_PICTURES = {
    "decompression_bomb.ico": "not an image",
    "empty.jpg": "the file is empty",
    "not-an-image.jpg": "not an image",
    "notes.txt": "not an image",
    "zero_height.j2k": "not an image",
}


@pytest.mark.skipif(not ODD_IMAGES.is_dir(), reason=f"third-party pictures are not at {ODD_IMAGES}")
def test_odd_images_end_as_expected() -> None:
    names = {path.name for path in ODD_IMAGES.iterdir()}
    assert names == DECODES.keys() | REFUSED.keys() | NOT_PICTURES.keys()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, (height, width, mean) in DECODES.items():
            image = decode(ODD_IMAGES / name, long_side=200)
            assert image.size_hw == (height, width), name
            np.testing.assert_allclose(image.rgb.mean((0, 1)), mean, atol=2, err_msg=name)
        for name, (kind, said) in REFUSED.items():
            with pytest.raises(kind, match=f"{re.escape(name)}: {said}"):
                decode(ODD_IMAGES / name, long_side=200)
        for name, said in NOT_PICTURES.items():
            assert sniff_format((ODD_IMAGES / name).read_bytes()[:SNIFF_BYTES]) is None
            with pytest.raises(UnreadableImageError, match=f"{re.escape(name)}: {said}"):
                decode(ODD_IMAGES / name, long_side=200)


@pytest.mark.skipif(not ODD_IMAGES.is_dir(), reason=f"third-party pictures are not at {ODD_IMAGES}")
def test_same_subject_looks_the_same_whatever_the_file() -> None:
    reference = decode(ODD_IMAGES / "hopper.png", long_side=128).rgb.astype(int)
    others = ["jpg", "tif", "webp", "gif"]
    others = [f"hopper.{ending}" for ending in others] + ["hopper_orientation_6.jpg", "hopper_orientation_3.webp"]
    for name in others:
        difference = np.abs(decode(ODD_IMAGES / name, long_side=128).rgb - reference).mean()
        assert difference < 12, name
