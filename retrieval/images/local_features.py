"""Local features of pictures, and which of two pictures correspond.

References
----------
Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004 (SIFT, and the ratio test, section 7.1);
Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012, section 3
(RootSIFT).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

RATIO: Final = 0.85
"""A feature's match must be nearer than the next one by this factor."""

_CONTRAST: Final = 0.02  # of SIFT's extrema

GrayImage = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, slots=True)
class LocalFeatures:
    """Keypoints of a picture with their descriptors.

    Attributes
    ----------
    points : ndarray of shape (K, 2), float32
        Keypoints as (x, y), in pixels.
    descriptors : ndarray of shape (K, 128), uint8
        RootSIFT, scaled to bytes.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def of(cls, gray: GrayImage, most: int, mask: NDArray[np.bool_] | None = None) -> LocalFeatures:
        """Find the strongest features of a picture; about 15 ms for 256 × 192 pixels.

        Parameters
        ----------
        gray : ndarray of shape (h, w), uint8
        most : int
            How many at most.
        mask : ndarray of shape (h, w), bool, optional
            Only features with their keypoint inside.
        """
        detector = cv2.SIFT.create(nfeatures=most, contrastThreshold=_CONTRAST)
        inside = None if mask is None else mask.astype(np.uint8)
        keypoints, found = detector.detectAndCompute(gray, inside)
        raw = np.zeros((0, 128), np.float32) if found is None else found
        root = np.sqrt(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-9))
        points = np.array([each.pt for each in keypoints], np.float32).reshape(-1, 2)
        return cls(points, np.rint(root * 255).astype(np.uint8))


def matches(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Rows of descriptors that are each other's nearest, and nearer than the next by `RATIO`, (M, 2).

    Parameters
    ----------
    first, second : ndarray of shape (K, 128), uint8
        Descriptors of `LocalFeatures`.
    """
    if min(len(first), len(second)) < 2:
        return np.zeros((0, 2), np.intp)
    cosines = (first / np.float32(255)) @ (second / np.float32(255)).T
    rows, nearest = np.arange(len(first)), cosines.argmax(axis=1)
    best = cosines[rows, nearest]
    mutual = cosines.argmax(axis=0)[nearest] == rows
    cosines[rows, nearest] = -1
    chosen = mutual & (1 - best < RATIO**2 * (1 - cosines.max(axis=1)))
    return np.stack([rows[chosen], nearest[chosen]], axis=1)
