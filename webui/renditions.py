"""Creates missing previews and thumbnails, crops of previews, and decodes originals.

Originals are untrusted and are decoded in a separate process; the web process opens only the JPEGs created there.
"""

from __future__ import annotations

import atexit
import io
import threading
import time
from collections import OrderedDict
from io import BufferedReader
from pathlib import Path

from PIL import Image
from werkzeug.exceptions import ServiceUnavailable

from retrieval.errors import ImageError
from retrieval.images.decode import DecodedImage
from retrieval.images.decoder_pool import QUERY_SECONDS, DecoderPool
from retrieval.types import RgbImage

CROP_SIDE = 512
"""Largest long side of a crop, in pixels."""

MAX_WAITING = 4
PATIENCE_SECONDS = 5.0
"""How many images may queue for the decoder, and how long others wait for a place in the queue."""

FAILURE_SECONDS = 600.0
MAX_FAILURES = 4096

_MARGIN = 0.06  # of the crop's long side, so that the segment does not touch the edge
_LEAST_MARGIN = 2.0
_QUALITY = 85
_SMALL = 64  # the decoded array is not used, only the renditions


class Renditions:
    """Creates previews and thumbnails; its decoder starts with the first image."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: DecoderPool | None = None
        self._places = threading.Semaphore(MAX_WAITING)
        self._failures: OrderedDict[str, tuple[float, ImageError]] = OrderedDict()

    def make(self, source: Path, sha256: str, *, preview: Path | None = None, thumbnail: Path | None = None) -> None:
        """Write a preview, a thumbnail or both of an image file.

        Parameters
        ----------
        source : Path
        sha256 : str
            Digest of its bytes. A file that could not be decoded is not retried for `FAILURE_SECONDS`.
        preview, thumbnail : Path, optional

        Raises
        ------
        ImageError
            The file is not a usable image.
        OSError
            A rendition cannot be written.
        ServiceUnavailable
            Too many images queue for the decoder.
        """
        self._decode(source, sha256, _SMALL, preview=preview, thumbnail=thumbnail)

    def decode(self, source: Path, sha256: str, *, long_side: int) -> RgbImage:
        """Decode an image file.

        Parameters
        ----------
        source : Path
        sha256 : str
            As in `make`.
        long_side : int
            Most pixels of the long side; that of the photo gives all of them.

        Returns
        -------
        ndarray of shape (h, w, 3), uint8
            Upright, in sRGB.

        Raises
        ------
        ImageError, ServiceUnavailable
            As `make`.
        """
        return self._decode(source, sha256, long_side).rgb

    def _decode(
        self, source: Path, sha256: str, long_side: int, *, preview: Path | None = None, thumbnail: Path | None = None
    ) -> DecodedImage:
        self._raise_failure(sha256)
        if not self._places.acquire(timeout=PATIENCE_SECONDS):
            raise ServiceUnavailable("too many pictures are being made at once: try again in 5 s", retry_after=5)
        try:
            self._raise_failure(sha256)
            job = self._decoders().submit(source, long_side=long_side, preview=preview, thumbnail=thumbnail)
            return job.result()
        except ImageError as error:
            self._note_failure(sha256, error)
            raise
        finally:
            self._places.release()

    def _raise_failure(self, sha256: str) -> None:
        with self._lock:
            failed_at, error = self._failures.get(sha256, (0.0, None))
        if error is not None and time.monotonic() - failed_at < FAILURE_SECONDS:
            raise type(error)(str(error))

    def _note_failure(self, sha256: str, error: ImageError) -> None:
        with self._lock:
            self._failures[sha256] = time.monotonic(), error.with_traceback(None)
            while len(self._failures) > MAX_FAILURES:
                self._failures.popitem(last=False)

    def close(self) -> None:
        """Stop the decoder; it restarts when needed."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(cancel=True)
            atexit.unregister(self.close)

    def _decoders(self) -> DecoderPool:
        with self._lock:
            if self._pool is None:
                self._pool = DecoderPool(1, timeout_seconds=QUERY_SECONDS)
                atexit.register(self.close)
            return self._pool


def cut(preview: BufferedReader, size_hw: tuple[int, int], box_xyxy: tuple[int, int, int, int]) -> bytes:
    """Cut a box with a small margin from a preview.

    Parameters
    ----------
    preview : Path
        A JPEG of the whole photo that SegSearch created.
    size_hw : tuple of int
        Height and width of the upright original.
    box_xyxy : tuple of int
        In pixels of the upright original.

    Returns
    -------
    bytes
        A JPEG with a long side of at most `CROP_SIDE` pixels, never enlarged.

    Raises
    ------
    OSError
        The preview is missing or damaged.
    """
    with Image.open(preview, formats=["JPEG"]) as picture:
        fx, fy = picture.width / size_hw[1], picture.height / size_hw[0]
        x0, y0, x1, y1 = box_xyxy[0] * fx, box_xyxy[1] * fy, box_xyxy[2] * fx, box_xyxy[3] * fy
        margin = max(_LEAST_MARGIN, _MARGIN * max(x1 - x0, y1 - y0))
        left, top = int(max(0, x0 - margin)), int(max(0, y0 - margin))
        right, bottom = int(min(picture.width, x1 + margin + 1)), int(min(picture.height, y1 + margin + 1))
        piece = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    piece.thumbnail((CROP_SIDE, CROP_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    piece.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
