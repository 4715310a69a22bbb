"""Pictures in: files and uploads become bounded, upright sRGB arrays, and the JPEGs that the web interface shows.

Everything odd about picture files ends here. Formats are told by content, never by name, and only those of
:data:`FORMATS` are tried: no plug-in that starts another program can be reached. Sizes are checked before pixels
are read. Whatever a decoder says about a bad file comes out as an :class:`~retrieval.errors.ImageError` whose
message names the file, the reason and the remedy.

Every picture is first brought to a *working copy* (long side at most ``max(long_side, PREVIEW_SIDE)``), and the
preview, the thumbnail and the array for analysis are made from that one. A picture therefore gives the same array
whether or not renditions were asked for: when it was indexed and when it is uploaded as a query.
"""

from __future__ import annotations

import glob
import io
import logging
import math
import os
import secrets
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, PpmImagePlugin
from pillow_heif import register_heif_opener

from ..errors import ImageError, ImageTooLargeError, ImageTooSmallError, UnreadableImageError
from ..storage.originals import open_regular
from ..types import RgbImage
from .costs import complaint

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "PPM")
"""What is read: JPEG includes MPO (its first picture); GIF, APNG, animated WebP and AVIF give their first frame,
TIFF its first page; PPM stands for PBM, PGM, PPM and PFM."""

SNIFF_BYTES = 64
"""How many bytes of a file :func:`sniff_format` wants to see; with fewer it may not recognise the file."""

PREVIEW_SIDE = 1024
"""Long side of a preview in pixels, for pictures that have as many."""

THUMBNAIL_SIDE = 360
"""Long side of a thumbnail in pixels, for pictures that have as many."""

MAX_PROFILE_BYTES = 4 * 1024**2
"""Larger colour profiles are passed over: those of presses have up to 3 MB, those of cameras and screens a few KB."""

_JPEG_QUALITY = 85
_PARTIAL = ".{}.{}.partial"
_UNSEEN = 2  # levels by which a colour may be off before its profile is worth applying
_REDUCING_GAP = 1.8  # cheap averaging ends above this multiple of the wanted size; so 12 megapixels decode at half
_STRIP_PIXELS = 1 << 21  # how many source pixels are converted at a time
_LIBRARY = threading.Lock()  # guards the process-wide state that `_pillow_limits` borrows
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TRUNCATION_HINTS = ("truncated", "end of file", "eof", "not enough image data", "cannot load this image")
_TIFF_PHOTOMETRIC, _TIFF_WHITE_IS_ZERO = 262, 0
_INTEGER_TOPS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

for _plugin in ("Avif", "Bmp", "Gif", "Jpeg", "Mpo", "Png", "Ppm", "Tiff", "WebP"):
    import_module(f"PIL.{_plugin}ImagePlugin")  # they register themselves
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it says about broken files is said by our exceptions


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Which pictures are refused because of their size.

    Attributes
    ----------
    max_pixels : int
        The default, 210 million, admits the largest photos that phones make (16,320 x 12,240 is 200 megapixels)
        and bounds what a decoder allocates to 840 MB, four bytes a pixel, whatever a header claims.
    max_bytes : int
        File size; some decoders read the whole file into memory. The default, 2 GiB, admits an uncompressed
        16-bit RGB picture of `max_pixels`.
    min_side : int
        Pixels of the short side. Below the default, 16, a picture holds no segment worth finding.
    max_aspect : float
        Long side over short side. The default, 32, leaves a picture bounded to a long side of 512 a short side
        of 16; wider panoramas have nothing left to segment after scaling.

    max_scans : int
        Of a JPEG. Programs write about ten, the most elaborate scripts some sixty; each is a pass over the picture, so
        that a file of 1,500 takes as long as 150 photos.

    Raises
    ------
    ValueError
        If a limit is not positive or an aspect is below 1.
    """

    max_pixels: int = 210_000_000
    max_bytes: int = 2 * 1024**3
    min_side: int = 16
    max_aspect: float = 32.0
    max_scans: int = 100

    def __post_init__(self) -> None:
        if min(self.max_pixels, self.max_bytes, self.min_side, self.max_scans) < 1 or not self.max_aspect >= 1:
            raise ValueError(f"limits must be positive and max_aspect at least 1, got {self}")


DEFAULT_LIMITS = DecodeLimits()
"""The limits used where none are given."""


@dataclass(frozen=True, eq=False, slots=True)
class DecodedImage:
    """A picture, ready to be analysed.

    Attributes
    ----------
    rgb : ndarray of shape (h, w, 3), uint8
        Bounded upright copy in sRGB, 0-255, C-contiguous and writable.
    size_hw : tuple of int
        Height and width of the original, upright.
    format : str
        One of :data:`FORMATS`.
    taken_at : datetime or None
        EXIF DateTimeOriginal: local time of the camera, without a time zone. None if there is none or it makes
        no sense.
    """

    rgb: RgbImage
    size_hw: tuple[int, int]
    format: str
    taken_at: datetime | None


@dataclass(frozen=True, eq=False, slots=True)
class _Working:
    """A working copy (mode RGB, upright) and what is known about its original."""

    image: Image.Image
    size_hw: tuple[int, int]
    format: str
    taken_at: datetime | None


def sniff_format(prefix: bytes) -> str | None:
    """Tell the format of a file by how it begins.

    Parameters
    ----------
    prefix : bytes
        The first :data:`SNIFF_BYTES` bytes of the file, or all of a shorter one.

    Returns
    -------
    str or None
        One of :data:`FORMATS`, or None if this is not a picture that can be read. A name does not promise that
        the file is whole.

    Notes
    -----
    The tests are those which Pillow's plug-ins register. Two of them look at two letters only, and a text may
    begin with those ("BMW", "P2P", "Python"), so BMP and PPM are looked at more closely.
    """
    for name in FORMATS:
        accept = Image.OPEN[name][1]
        if accept is not None and accept(prefix) and _is_really(name, prefix):
            return name
    return None


def decode(source: Path | bytes, *, long_side: int, limits: DecodeLimits = DEFAULT_LIMITS) -> DecodedImage:
    """Decode a picture to a bounded, upright sRGB array.

    Parameters
    ----------
    source : Path or bytes
        A file, or the contents of one.
    long_side : int
        The array has at most this many pixels on its long side; a smaller picture is not enlarged.
    limits : DecodeLimits, optional

    Returns
    -------
    DecodedImage

    Raises
    ------
    UnreadableImageError
        If the file cannot be opened, is empty, is not a picture, is truncated or is damaged.
    ImageTooLargeError, ImageTooSmallError
        If it is outside `limits`. Decided from the header, before pixels are read.
    ValueError
        If `long_side` is not positive.

    Notes
    -----
    EXIF orientation is applied, transparency is laid over white, an embedded colour profile is converted to sRGB
    and more than eight bits are scaled by their range; broken EXIF data or profiles are passed over.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where that suffices: 48 megapixels take about 50 MB. The other
    formats take up to four bytes per pixel of the original and little more, since conversions run in strips.

    Pictures are decoded one at a time within a process (silencing Pillow's warnings changes process-wide state);
    use :class:`retrieval.images.decoder_pool.DecoderPool` to decode several at once, and for files from strangers.
    """
    return decode_with_renditions(source, long_side=long_side, limits=limits)


def decode_with_renditions(
    source: Path | bytes,
    *,
    long_side: int,
    preview: Path | None = None,
    thumbnail: Path | None = None,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> DecodedImage:
    """Decode a picture once, for analysis and for its preview and thumbnail.

    Parameters
    ----------
    source, long_side, limits
        As in :func:`decode`.
    preview, thumbnail : Path, optional
        Where to write the renditions, see :func:`write_renditions`; one that is not given is not made.

    Returns
    -------
    DecodedImage
        The same, bit for bit, as :func:`decode` returns.

    Raises
    ------
    UnreadableImageError, ImageTooLargeError, ImageTooSmallError, ValueError
        As in :func:`decode`; nothing is written then.
    OSError
        If a rendition cannot be written: the disk is full or the folder may not be written to. The picture is
        not to blame.
    """
    if long_side < 1:
        raise ValueError(f"long_side must be positive, got {long_side}")
    try:
        with _pillow_limits(limits), _stream(source, limits) as stream:
            working = _decode_stream(stream, max(long_side, PREVIEW_SIDE), limits)
    except ImageError as error:
        name = str(source) if isinstance(source, Path) else "the picture"
        raise type(error)(f"{name}: {error}") from error
    rgb = np.array(_shrunk(working.image, long_side))
    _write_renditions(working.image, preview, thumbnail)
    return DecodedImage(rgb, working.size_hw, working.format, working.taken_at)


def write_renditions(rgb: RgbImage, *, preview: Path | None = None, thumbnail: Path | None = None) -> None:
    """Write the pictures that the web interface shows.

    Parameters
    ----------
    rgb : ndarray of shape (h, w, 3), uint8
        sRGB, 0-255, upright.
    preview, thumbnail : Path, optional
        JPEG files with a long side of at most :data:`PREVIEW_SIDE` and :data:`THUMBNAIL_SIDE`, never enlarged,
        quality 85, without any metadata. Missing folders are made. A reader sees the old file or the new one,
        never a part.

    Raises
    ------
    OSError
        If a file cannot be written; no partial file is left then.
    """
    _write_renditions(Image.fromarray(rgb), preview, thumbnail)


def _is_really(name: str, prefix: bytes) -> bool:
    """What Pillow's own test leaves open."""
    if name == "BMP":
        return len(prefix) < 18 or int.from_bytes(prefix[14:18], "little") in _BMP_HEADER_SIZES
    if name == "PPM":
        magic = prefix.split(maxsplit=1)[0]
        return magic in PpmImagePlugin.MODES
    if name == "AVIF" and prefix[8:12] in (b"mif1", b"msf1"):  # a container for either codec: see what it lists
        brands = prefix[16 : int.from_bytes(prefix[:4], "big")]
        return b"avif" in brands or b"avis" in brands
    return True


@contextmanager
def _pillow_limits(limits: DecodeLimits) -> Iterator[None]:
    """Have Pillow keep to `limits` and keep its warnings to itself, in this process, for a while."""
    with _LIBRARY, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = math.ceil(limits.max_pixels / 2)  # Pillow raises above twice this, warns above it
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _stream(source: Path | bytes, limits: DecodeLimits) -> Iterator[BinaryIO]:
    """Open a file or its contents, if it has any and not too many.

    Raises
    ------
    UnreadableImageError, ImageTooLargeError
    """
    if isinstance(source, bytes):
        _check_bytes(len(source), limits)
        yield io.BytesIO(source)
        return
    try:
        stream = open_regular(source)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableImageError(f"cannot be opened ({reason}); check the path and the permissions") from error
    if stream is None:
        raise UnreadableImageError("not a regular file; give the path of a picture")
    with stream:
        _check_bytes(os.fstat(stream.fileno()).st_size, limits)
        yield stream


def _check_bytes(size: int, limits: DecodeLimits) -> None:
    if size == 0:
        raise UnreadableImageError("the file is empty (0 bytes); copy it again from where it came from")
    if size > limits.max_bytes:
        raise ImageTooLargeError(
            f"the file has {size:,} bytes and at most {limits.max_bytes:,} are read; save it compressed or smaller"
        )


def _check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    """Refuse what is outside `limits`; `size` is width and height."""
    long, short = max(size), min(size)
    measures = f"{size[0]:,} x {size[1]:,} pixels"
    if long * short > limits.max_pixels:
        raise ImageTooLargeError(
            f"{measures} are {long * short:,} in all and at most {limits.max_pixels:,} are decoded; "
            "save a smaller copy or raise max_pixels"
        )
    if short < limits.min_side:
        raise ImageTooSmallError(
            f"{measures} are too few to hold a segment; each side needs at least {limits.min_side}"
        )
    if long > limits.max_aspect * short:
        raise ImageTooSmallError(
            f"{measures} make a sliver, {long / short:.0f} times longer than wide, and at most "
            f"{limits.max_aspect:g} times is accepted; cut it into pieces"
        )


def _decode_stream(stream: BinaryIO, side: int, limits: DecodeLimits) -> _Working:
    """The working copy of the picture in a stream.

    Raises
    ------
    UnreadableImageError, ImageTooLargeError, ImageTooSmallError
    """
    name = sniff_format(stream.read(SNIFF_BYTES))
    if name is None:
        raise UnreadableImageError(f"not a picture in a format that is read here ({', '.join(FORMATS)})")
    opened = False
    too_costly = complaint(name, stream, limits.max_scans)
    if too_costly is not None:
        raise ImageTooLargeError(too_costly)
    try:
        stream.seek(0)
        with Image.OPEN[name][0](stream, "") as image:  # not Image.open: that forgets why a header is refused
            opened = True
            _check_size(image.size, limits)
            return _working(image, name, side)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            f"it claims more than the {limits.max_pixels:,} pixels that are decoded at most; "
            "save a smaller copy or raise max_pixels"
        ) from error
    except MemoryError as error:
        raise UnreadableImageError("decoding it needs more memory than there is; save a smaller copy") from error
    except Exception as error:  # decoders raise what they like, down to SyntaxError and struct.error
        raise UnreadableImageError(_reason(error, name, stream, opened)) from error


def _reason(error: Exception, name: str, stream: BinaryIO, opened: bool) -> str:
    """What a user should know about a decoder's complaint."""
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


def _working(image: ImageFile.ImageFile, name: str, side: int) -> _Working:
    """Load an opened picture and make its working copy."""
    original = image.size
    target = _bounded_size(original, side)
    scaled = image.draft(None, (math.ceil(target[0] * _REDUCING_GAP), math.ceil(target[1] * _REDUCING_GAP)))
    image.load()
    extent = scaled[1][2:] if scaled is not None else image.size
    factor = max(1, int(max(extent) / (_REDUCING_GAP * max(target))))
    reduced = _reduced(image, name, factor)
    if reduced.size != target:
        box = (0, 0, min(extent[0] / factor, reduced.width), min(extent[1] / factor, reduced.height))
        reduced = reduced.resize(target, Image.Resampling.LANCZOS, box)
    orientation, taken_at = _exif(image)
    upright = _to_srgb(reduced, image.info.get("icc_profile"))
    if orientation in _TRANSPOSE:
        upright = upright.transpose(_TRANSPOSE[orientation])
    height_width = original if orientation >= 5 else original[::-1]
    return _Working(upright, (height_width[0], height_width[1]), name, taken_at)


def _bounded_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """`size` scaled down, its aspect kept, so that neither number exceeds `side`."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrunk(image: Image.Image, side: int, resampling: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    """`image` with a long side of at most `side`."""
    size = _bounded_size(image.size, side)
    return image if size == image.size else image.resize(size, resampling)


def _reduced(image: Image.Image, name: str, factor: int) -> Image.Image:
    """Average blocks of `factor` x `factor` pixels, in mode L, CMYK or RGB.

    Other modes are converted in strips, so that besides the picture itself only a few megapixels are held.
    """
    convert = _converter(image, name)
    if convert is None:
        return image.reduce(factor) if factor > 1 else image
    rows = max(1, _STRIP_PIXELS // (image.width * factor)) * factor
    strips: list[Image.Image] = []
    for top in range(0, image.height, rows):
        strip = convert(image.crop((0, top, image.width, min(top + rows, image.height))))
        strips.append(strip.reduce(factor) if factor > 1 else strip)
    canvas = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for number, strip in enumerate(strips):
        canvas.paste(strip, (0, number * (rows // factor)))
    return canvas


def _converter(image: Image.Image, name: str) -> Callable[[Image.Image], Image.Image] | None:
    """How to bring strips of `image` to L, CMYK or RGB; None if it is in one of these."""
    if image.mode[0] in "IF":
        low, high = _value_range(image, name)
        return lambda strip: _grey(strip, low, high)
    if image.has_transparency_data:
        return _over_white
    if image.mode in ("L", "RGB", "CMYK"):
        return None
    mode = "L" if image.mode == "1" else "RGB"
    return lambda strip: strip.convert(mode)


def _over_white(strip: Image.Image) -> Image.Image:
    rgba = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
    paper = Image.new("RGB", rgba.size, "white")
    paper.paste(rgba, mask=rgba.getchannel("A"))
    return paper


def _grey(strip: Image.Image, low: float, high: float) -> Image.Image:
    """Map values from `low` (black) and `high` (white) to 0-255; `low` may be the greater."""
    values = np.asarray(strip).astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        values = (values - np.float32(low)) * np.float32(255 / (high - low))
    levels = np.rint(np.clip(np.nan_to_num(values, nan=0.0), 0, 255))
    return Image.fromarray(levels.astype(np.uint8))


def _value_range(image: Image.Image, name: str) -> tuple[float, float]:
    """Which values of an integer or float picture are black and white.

    A PGM says what white is. Other integers are taken to have the least customary depth that holds them: sensors
    of 10 to 14 bits are often stored in 16, and would be near black if those were taken at their word. Fractions
    of 1 are taken as that. What is left goes from its least to its greatest value.
    """
    low, high = (0.0, 65535.0) if name == "PPM" and image.mode == "I" else _data_range(image)
    tops = (1.0,) if image.mode == "F" else _INTEGER_TOPS
    fitting = [top for top in tops if low >= 0 and high <= top]
    if fitting:
        low, high = 0.0, fitting[0]
    elif high <= low:
        high = low + 1.0
    tags = getattr(image, "tag_v2", {})
    if tags.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO:
        low, high = high, low
    return low, high


def _data_range(image: Image.Image) -> tuple[float, float]:
    """Least and greatest finite value of a picture of numbers; 0 and 1 if there is no such value."""
    rows = max(1, _STRIP_PIXELS // image.width)
    low, high = math.inf, -math.inf
    for top in range(0, image.height, rows):
        values = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 1.0)


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """`image` in mode RGB and in sRGB; a profile that is broken, huge or for other channels is passed over."""
    usable = isinstance(profile, bytes) and len(profile) <= MAX_PROFILE_BYTES
    transform = _transform(profile, image.mode) if usable else None
    return image.convert("RGB") if transform is None else transform.apply(image)


@lru_cache(maxsize=4)  # a folder has one or two
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion from a profile to sRGB, or None if there can be none or it would change nothing to see."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.ImageCmsTransform(source, _SRGB, mode, "RGB")
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None
    if mode == "CMYK":
        return transform
    levels = np.arange(0, 256, 17).astype(np.uint8)  # most profiles are sRGB under some name: 4096 colours tell
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(64, 64, 3)
    probe = Image.fromarray(colours).convert(mode)
    change = np.asarray(transform.apply(probe)).astype(int) - np.asarray(probe.convert("RGB"))
    return transform if np.abs(change).max() > _UNSEEN else None


def remove_partial(path: Path) -> None:
    """Remove what a process that was killed while it wrote a rendition has left beside it."""
    for left in path.parent.glob(_PARTIAL.format(glob.escape(path.name), "*")):
        left.unlink(missing_ok=True)


def _exif(image: Image.Image) -> tuple[int, datetime | None]:
    """Orientation (1 to 8) and time of a loaded picture; broken EXIF data tells nothing."""
    try:
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, AttributeError, struct.error):
        return 1, None
    known = isinstance(orientation, int) and 1 <= orientation <= 8
    return int(orientation) if known else 1, _exif_time(taken)


def _exif_time(value: object) -> datetime | None:
    """``2024:05:17 08:30:00`` as a datetime; cameras without a clock write blanks or zeros."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _write_renditions(image: Image.Image, preview: Path | None, thumbnail: Path | None) -> None:
    for path, side in ((preview, PREVIEW_SIDE), (thumbnail, THUMBNAIL_SIDE)):
        if path is not None:
            image = _shrunk(image, side, Image.Resampling.HAMMING)  # near Lanczos to the eye, a third of its cost
            _write_jpeg(image, path)


def _write_jpeg(image: Image.Image, path: Path) -> None:
    """Write a JPEG without metadata, in one piece."""
    image.info = {}
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(_PARTIAL.format(path.name, secrets.token_hex(4)))
    try:
        partial.write_bytes(buffer.getbuffer())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
