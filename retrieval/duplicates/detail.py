"""How much of a scene a copy of a photo shows: its size, without what is blurred or only a border."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_SCALES: Final = (0.25, 0.3, 0.35, 0.42, 0.5, 0.6, 0.71, 0.84)
_LOST: Final = 5.0
"""Root mean square of gray values, of 255, that shrinking may lose without a loss that is seen."""

_BAR: Final = 0.5
"""A row or column belongs to a border if this share of it has the colour of the edge."""
_SAME: Final = 10  # gray values by which such a colour may differ
_MOST: Final = 0.35  # a border is at most this share of a side


def detail(gray: NDArray[np.uint8], width: int, height: int) -> float:
    """Estimate how many pixels of a photo show something of its scene.

    Borders and bars of one colour, with words or without, are not counted, nor are pixels that were interpolated: the
    picture is shrunk to the least size from which it can be enlarged again without a visible loss. About 5 ms.

    Parameters
    ----------
    gray : ndarray of shape (h, w), uint8
        The photo, or a smaller rendition of it.
    width, height : int
        Size of the photo in pixels.
    """
    top, bottom = _border(gray)
    left, right = _border(gray.T)
    inner = gray[top : gray.shape[0] - bottom, left : gray.shape[1] - right]
    return width * height * inner.size / gray.size * _kept_scale(inner) ** 2


def _border(gray: NDArray[np.uint8]) -> tuple[int, int]:
    """How many rows of a border are above, and how many below."""
    most = int(gray.shape[0] * _MOST)
    return _rows(gray[:most]), _rows(gray[::-1][:most])


def _rows(gray: NDArray[np.uint8]) -> int:
    if not len(gray):
        return 0
    color = np.median(gray[0])
    plain = (np.abs(gray.astype(np.int16) - color) <= _SAME).mean(axis=1) >= _BAR
    return int(np.argmin(plain)) if not plain.all() else 0


def _kept_scale(gray: NDArray[np.uint8]) -> float:
    """The least scale at which nothing visible of a picture is lost."""
    height, width = gray.shape
    values = gray.astype(np.float32)
    for scale in _SCALES:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
        again = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        if float(np.sqrt(np.mean((again - values) ** 2))) <= _LOST:
            return scale
    return 1.0
