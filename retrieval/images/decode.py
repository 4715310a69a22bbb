"""Decode files and uploads to bounded, upright sRGB arrays, and to the JPEGs that the web interface shows.

Everything odd about picture files is handled here. Formats are told by content, never by name, and only those of
:data:`~retrieval.images.formats.FORMATS` are tried: no plug-in that starts another program can be reached. Sizes are
checked before pixels are read. Whatever a decoder says about a bad file comes out as an
:class:`~retrieval.errors.ImageError` whose message names the file, the reason and the remedy.

Every picture is first brought to a *working copy* (long side at most ``max(long_side, PREVIEW_SIDE)``), and the
preview, the thumbnail and the array for analysis are made from that one. A picture therefore gives the same array
whether or not renditions were asked for: when it was indexed and when it is uploaded as a query.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..errors import ImageError, ImageTooLargeError, UnreadableImageError
from ..storage.originals import open_regular
from ..types import RgbImage
from .costs import complaint
from .failures import reason_of
from .formats import FORMATS, SNIFF_BYTES, sniff_format
from .limits import DEFAULT_LIMITS, DecodeLimits, check_bytes, check_size, pillow_limits
from .renditions import PREVIEW_SIDE, write_renditions
from .scaling import shrunk
from .working_copy import WorkingCopy, make_working_copy


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
        One of :data:`~retrieval.images.formats.FORMATS`.
    taken_at : datetime or None
        EXIF DateTimeOriginal: local time of the camera, without a time zone. None if there is none or it makes
        no sense.
    """

    rgb: RgbImage
    size_hw: tuple[int, int]
    format: str
    taken_at: datetime | None


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
        Where to write the renditions, see :func:`~retrieval.images.renditions.write_renditions`; one that is not
        given is not made.

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
        with pillow_limits(limits), _stream(source, limits) as stream:
            working = _decode_stream(stream, max(long_side, PREVIEW_SIDE), limits)
    except ImageError as error:
        name = str(source) if isinstance(source, Path) else "the picture"
        raise type(error)(f"{name}: {error}") from error
    rgb = np.array(shrunk(working.image, long_side))
    write_renditions(working.image, preview=preview, thumbnail=thumbnail)
    return DecodedImage(rgb, working.size_hw, working.format, working.taken_at)


@contextmanager
def _stream(source: Path | bytes, limits: DecodeLimits) -> Iterator[BinaryIO]:
    """Open a file or its contents, if it has any and not too many.

    Raises
    ------
    UnreadableImageError, ImageTooLargeError
    """
    if isinstance(source, bytes):
        check_bytes(len(source), limits)
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
        check_bytes(os.fstat(stream.fileno()).st_size, limits)
        yield stream


def _decode_stream(stream: BinaryIO, side: int, limits: DecodeLimits) -> WorkingCopy:
    """The working copy of the picture in a stream.

    Raises
    ------
    UnreadableImageError, ImageTooLargeError, ImageTooSmallError
    """
    name = sniff_format(stream.read(SNIFF_BYTES))
    if name is None:
        raise UnreadableImageError(f"not an image in a supported format ({', '.join(FORMATS)})")
    opened = False
    too_costly = complaint(name, stream, limits.max_scans)
    if too_costly is not None:
        raise ImageTooLargeError(too_costly)
    try:
        stream.seek(0)
        with Image.OPEN[name][0](stream, "") as image:  # not Image.open: that forgets why a header is refused
            opened = True
            check_size(image.size, limits)
            return make_working_copy(image, name, side)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            f"it claims more than the {limits.max_pixels:,} pixels that are decoded at most; "
            "save a smaller copy or raise max_pixels"
        ) from error
    except MemoryError as error:
        raise UnreadableImageError("decoding it needs more memory than is available; save a smaller copy") from error
    except Exception as error:  # decoders raise what they like, down to SyntaxError and struct.error
        raise UnreadableImageError(reason_of(error, name, stream, opened)) from error
