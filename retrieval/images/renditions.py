"""Previews and thumbnails: the JPEGs that the web interface shows."""

from __future__ import annotations

import glob
import io
import secrets
from pathlib import Path

from PIL import Image

from .scaling import shrunk

PREVIEW_SIDE = 1024
"""Long side of a preview in pixels, for pictures that have as many."""

THUMBNAIL_SIDE = 360
"""Long side of a thumbnail in pixels, for pictures that have as many."""

_JPEG_QUALITY = 85
_PARTIAL = ".{}.{}.partial"


def write_renditions(image: Image.Image, *, preview: Path | None = None, thumbnail: Path | None = None) -> None:
    """Write the pictures that the web interface shows.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB, sRGB, upright.
    preview, thumbnail : Path, optional
        JPEG files with a long side of at most :data:`PREVIEW_SIDE` and :data:`THUMBNAIL_SIDE`, never enlarged,
        quality 85, without any metadata. Missing folders are made. A reader sees the old file or the new one,
        never a part.

    Raises
    ------
    OSError
        If a file cannot be written; no partial file is left then.
    """
    for path, side in ((preview, PREVIEW_SIDE), (thumbnail, THUMBNAIL_SIDE)):
        if path is not None:
            image = shrunk(image, side, Image.Resampling.HAMMING)  # near Lanczos to the eye, a third of its cost
            _write_jpeg(image, path)


def _write_jpeg(image: Image.Image, path: Path) -> None:
    """Write a JPEG without metadata, atomically."""
    image.info = {}
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    keep_rendition(path, buffer.getbuffer())


def keep_rendition(path: Path, jpeg: bytes | memoryview) -> None:
    """Write the bytes of a rendition to its file, atomically; raises as `write_renditions`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(_PARTIAL.format(path.name, secrets.token_hex(4)))
    try:
        partial.write_bytes(jpeg)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def remove_partial(path: Path) -> None:
    """Remove the partial file that a killed process left beside a rendition."""
    for left in path.parent.glob(_PARTIAL.format(glob.escape(path.name), "*")):
        left.unlink(missing_ok=True)
