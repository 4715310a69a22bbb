"""Which pictures are refused because of their size."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from ..errors import ImageTooLargeError, ImageTooSmallError, UnreadableImageError

_LIBRARY = threading.Lock()  # guards the process-wide state that `pillow_limits` borrows


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


def check_bytes(size: int, limits: DecodeLimits) -> None:
    """Refuse a file that is empty, or larger than `limits` say.

    Raises
    ------
    UnreadableImageError, ImageTooLargeError
    """
    if size == 0:
        raise UnreadableImageError("the file is empty (0 bytes); copy it again from where it came from")
    if size > limits.max_bytes:
        raise ImageTooLargeError(
            f"the file has {size:,} bytes and at most {limits.max_bytes:,} are read; save it compressed or smaller"
        )


def check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    """Refuse what is outside `limits`; `size` is width and height.

    Raises
    ------
    ImageTooLargeError, ImageTooSmallError
    """
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


@contextmanager
def pillow_limits(limits: DecodeLimits) -> Iterator[None]:
    """Apply `limits` to Pillow and silence its warnings in this process, inside the block."""
    with _LIBRARY, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = math.ceil(limits.max_pixels / 2)  # Pillow raises above twice this, warns above it
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
