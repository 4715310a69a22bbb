"""A frame as a picture: upright, with square pixels, as a JPEG that says which frame it is."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
from PIL import ExifTags, Image

from ..images.scaling import bounded_size
from ..types import RgbImage

FRAME_SIDE = 1920
"""Long side of a frame's picture in pixels, for videos that have as many."""

_QUALITY = 92


def upright(rgb: RgbImage, rotation: int, pixel_aspect: float) -> Image.Image:
    """A decoded frame as it is shown.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
    rotation : int
        Degrees anticlockwise by which the video is to be turned.
    pixel_aspect : float
        Width of a pixel over its height.
    """
    image = Image.fromarray(rgb)
    if pixel_aspect != 1:
        image = image.resize((max(1, round(image.width * pixel_aspect)), image.height), Image.Resampling.BILINEAR)
    turns = round(rotation / 90) % 4
    return Image.fromarray(np.ascontiguousarray(np.rot90(np.asarray(image), turns))) if turns else image


def frame_jpeg(image: Image.Image, video_sha256: str, time_s: float, taken_at: datetime | None) -> bytes:
    """A frame as a JPEG with a long side of at most `FRAME_SIDE`.

    It names the video and the time, so that no two frames have the same bytes, and the same frame always has.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = f"frame at {time_s:.3f} s of the video {video_sha256}"
    if taken_at is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    buffer = io.BytesIO()
    small = image.resize(bounded_size(image.size, FRAME_SIDE), Image.Resampling.LANCZOS)
    small.save(buffer, "JPEG", quality=_QUALITY, exif=exif)
    return buffer.getvalue()
