"""PNGs of single segments: the segment cut out of its photo, and its mask."""

from __future__ import annotations

import io
from typing import Literal

import cv2
import numpy as np
from flask import Response
from numpy.typing import NDArray
from PIL import Image
from werkzeug.exceptions import Conflict, Gone, NotFound

from retrieval.catalog import ImageRecord
from retrieval.catalog.records import SegmentRecord
from retrieval.images.frames import scaled_run
from retrieval.images.masks import decode_mask, scale_box

from ..context import WebContext
from . import originals

MAX_ORIGINAL_PIXELS = 25_000_000
"""Larger photos are not decoded for a cut-out, which is then of the preview: it would take seconds and 100 MB."""

FRAME_HEADER = "Cutout-Frame"

_COMPRESSION = 3  # of zlib: twice as fast as the default, and a few per cent larger

Frame = Literal["original", "preview"]
MaskFrame = Literal["original", "analysed"]


def serve_cutout(context: WebContext, image: ImageRecord, segment: SegmentRecord) -> Response:
    """Send a segment's pixels, transparent around it, cropped to its box.

    The pixels are the original's if its file is there and has at most `MAX_ORIGINAL_PIXELS`, else the preview's; the
    header `FRAME_HEADER` says which.

    Raises
    ------
    NotFound
        The photo cannot be decoded.
    Conflict, Gone
        The photo's file changed or is missing, and there is no preview.
    """
    size_hw = _size_of(image)
    frame: Frame = "original" if size_hw[0] * size_hw[1] <= MAX_ORIGINAL_PIXELS else "preview"
    if frame == "original":
        try:
            originals.open_picture(context, image).close()
        except (Conflict, Gone):
            frame = "preview"

    def make() -> bytes:
        pixels = originals.pixels if frame == "original" else originals.preview_pixels
        return _png(cut_out(pixels(context, image), segment, size_hw))

    response = originals.png(make, f"cutout-{frame}-{segment.id}")
    response.headers[FRAME_HEADER] = frame
    return response


def serve_mask(image: ImageRecord, segment: SegmentRecord, frame: MaskFrame) -> Response:
    """Send a segment's mask, 255 inside and 0 outside, at the size of the upright original or of the analysed copy.

    Raises
    ------
    NotFound
        The photo has not been decoded yet.
    """
    size_hw = _size_of(image) if frame == "original" else segment.mask_size_hw

    def make() -> bytes:
        run = scaled_run((segment.mask_size_hw, segment.mask_counts), size_hw)
        return _png(decode_mask(*run).view(np.uint8) * np.uint8(255))

    return originals.png(make, f"mask-{frame}-{segment.id}")


def cut_out(rgb: NDArray[np.uint8], segment: SegmentRecord, size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """A segment cut out of a picture of its whole photo.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        The photo, upright, at any size.
    segment : SegmentRecord
        Its box is in pixels of the upright original.
    size_hw : tuple of int
        Height and width of the upright original.

    Returns
    -------
    ndarray of shape (h, w, 4), uint8
        The box in the frame of `rgb`: red, green, blue and alpha. What is outside of the segment is black, and the edge
        one pixel wide.
    """
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = scale_box(segment.box_xyxy, size_hw, (height, width))
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    mask = decode_mask(segment.mask_size_hw, segment.mask_counts).view(np.uint8) * 255
    smooth = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)[y0:y1, x0:x1].astype(np.float32)
    sharpness = max(1.0, height / mask.shape[0])  # the ramp of the interpolation is as wide as a pixel of the mask
    alpha = np.clip((smooth - 127.5) * sharpness + 127.5, 0, 255)
    piece = np.empty((y1 - y0, x1 - x0, 4), np.uint8)
    piece[..., 3] = np.rint(alpha)
    piece[..., :3] = np.where(piece[..., 3:] > 0, rgb[y0:y1, x0:x1], 0)
    return piece


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def _size_of(image: ImageRecord) -> tuple[int, int]:
    if not image.width or not image.height:
        raise NotFound(f"photo {image.id} has not been decoded yet: wait until it is indexed")
    return image.height, image.width
