"""Mean colour: an embedder without a network, as a modest baseline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import RgbImage, Segments
from .projection import unit


def mean_colors(image: RgbImage, segments: Segments) -> NDArray[np.float32]:
    """Mean and spread of the colour of each segment, (N, 6), unit rows.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        At any scale.
    segments : Segments
    """
    size = segments.size_hw[::-1]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255 - 0.5
    count = segments.membership.shape[1]
    flat = segments.atoms.ravel()
    values = np.concatenate([small, small**2], axis=2).reshape(-1, 6)
    sums = np.stack([np.bincount(flat, values[:, c], count) for c in range(6)], axis=1)
    means = segments.membership @ sums / np.maximum(segments.areas, 1)[:, None]
    spread = np.sqrt(np.maximum(means[:, 3:] - means[:, :3] ** 2, 0))
    return unit(np.concatenate([means[:, :3] + 1e-6, spread], axis=1))
