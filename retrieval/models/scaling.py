"""Images brought to the size of a network's pass."""

from __future__ import annotations

import cv2
import numpy as np

from ..types import RgbImage


def resized(image: RgbImage, size_hw: tuple[int, int]) -> RgbImage:
    """The image in another size: the mean of pixels where it shrinks, interpolated where it grows.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
    size_hw : tuple of int
        Height and width in pixels; the proportions may change.
    """
    shrinks = size_hw[0] * size_hw[1] < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size_hw[::-1], interpolation=how), dtype=np.uint8)


def fitted(image: RgbImage, *, short_side: int, long_side: int, least: int = 1) -> RgbImage:
    """The image scaled so that its short side has a length, unless the long one then exceeded its own.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
    short_side, long_side : int
        In pixels.
    least : int
        No side becomes shorter than this, whatever the image's proportions.
    """
    scale = min(short_side / min(image.shape[:2]), long_side / max(image.shape[:2]))
    height, width = (max(least, round(side * scale)) for side in image.shape[:2])
    return resized(image, (height, width))
