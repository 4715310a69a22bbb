"""Orientation and time of a photo, from its EXIF data."""

from __future__ import annotations

import struct
from datetime import datetime

from PIL import ExifTags, Image

TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_and_time(image: Image.Image) -> tuple[int, datetime | None]:
    """Orientation (1 to 8) and time of a loaded picture; broken EXIF data is ignored."""
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
