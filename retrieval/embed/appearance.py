"""What an object looks like, beyond its kind: its colours and local features, and how far those of two objects agree.

References
----------
Swain and Ballard, "Color Indexing", IJCV 1991, section 2 (objects told apart by their colour histograms); Philbin et
al., "Object retrieval with large vocabularies and fast spatial matching", CVPR 2007, section 4 (results ranked again by
the local features that agree on a transform).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..images.local_features import LocalFeatures, matches
from ..types import RgbImage

SIDE: Final = 384
"""Objects are compared at this long side, in pixels, enlarged twice at most."""

KEYPOINTS: Final = 400
"""At most so many local features are kept of an object."""

_MOST_ENLARGED: Final = 2.0
_MARGIN: Final = 8  # pixels around the object, for features at its edge
_BINS: Final = (8, 16, 16)
_RANGES: Final = ((0, 256), (64, 192), (64, 192))  # of L, a and b in bytes; few things have stronger colours
_REPROJECTION: Final = 12.0  # pixels by which a feature may miss its place: things bend
_ROUNDS: Final = 500  # of RANSAC
_LEAST: Final = 4  # pairs of features that a transform is sought for
_MOST_ZOOM: Final = 10.0


@dataclass(frozen=True, eq=False, slots=True)
class Appearance:
    """Of one object.

    Attributes
    ----------
    colors : ndarray of shape (2048,), float16
        Square roots of the shares of its pixels in 8 × 16 × 16 cells of CIELAB, smoothed.
    features : LocalFeatures
        Inside its mask.
    """

    colors: NDArray[np.float16]
    features: LocalFeatures

    @classmethod
    def of(cls, picture: RgbImage, mask: NDArray[np.bool_]) -> Appearance | None:
        """Look at an object; None if the mask is empty. 5 to 10 ms.

        Parameters
        ----------
        picture : ndarray of shape (H, W, 3), uint8
        mask : ndarray of shape (H, W), bool
        """
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        window = tuple(slice(max(0, at[0] - _MARGIN), at[-1] + 1 + _MARGIN) for at in (rows, columns))
        rgb, inside = picture[window], mask[window]
        scale = min(_MOST_ENLARGED, SIDE / max(rgb.shape[:2]))
        size = max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR).astype(np.uint8)
        inside = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT).astype(bool)
        gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        return cls(_colors(rgb[inside]), LocalFeatures.of(gray, KEYPOINTS, inside))

    def color_likeness(self, other: Appearance) -> float:
        """How far the colours agree, 0 to 1: the Bhattacharyya coefficient of the histograms."""
        return min(1.0, float(self.colors.astype(np.float32) @ other.colors.astype(np.float32)))

    def agreeing(self, other: Appearance) -> int:
        """How many local features agree on one similarity transform, found by RANSAC; below 1 ms."""
        pairs = matches(self.features.descriptors, other.features.descriptors)
        if len(pairs) < _LEAST:
            return 0
        cv2.setRNGSeed(0)
        affine, inliers = cv2.estimateAffinePartial2D(
            self.features.points[pairs[:, 0]],
            other.features.points[pairs[:, 1]],
            method=cv2.RANSAC,
            ransacReprojThreshold=_REPROJECTION,
            maxIters=_ROUNDS,
        )
        if affine is None or not 1 / _MOST_ZOOM < float(np.hypot(affine[0, 0], affine[0, 1])) < _MOST_ZOOM:
            return 0
        return int(inliers.sum())


def _colors(pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Square roots of a smoothed histogram of pixels, (N, 3) in sRGB."""
    lab = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0].astype(np.float32)
    counts = np.histogramdd(lab, bins=_BINS, range=_RANGES)[0].astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(each, (3, 3), 0) for each in counts]).ravel()
    return np.sqrt(smooth / max(float(smooth.sum()), 1.0)).astype(np.float16)
