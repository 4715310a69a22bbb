"""Whether two pictures are one photo: they are aligned by local features, and compared where they overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..images.local_features import GrayImage, LocalFeatures, matches

SIDE: Final = 256
"""Long side of the pictures that are compared, in pixels."""

KEYPOINTS: Final = 300
"""At most so many local features are kept of a picture."""

MIN_INLIERS: Final = 22
"""So many features must agree on an alignment: of different photos, at most 20 did (``docs/benchmarks.md``)."""

_REPROJECTION: Final = 3.0  # pixels by which a feature may miss its place
_ROUNDS: Final = 500  # of RANSAC
_COMPARED_SIDE: Final = 96  # the overlap of aligned pictures is compared at this size
_MIN_OVERLAP: Final = 64  # pixels at that size
_MIN_ZOOM: Final = 1e-3
_FRAME_SIDE: Final = 32  # whole frames are compared as squares of this side

_BINS = np.arange(128).reshape(4, 4, 8)
_MIRRORED = _BINS[::-1, :, -np.arange(8) % 8].ravel()
"""Where the 4 x 4 cells and 8 orientations of a SIFT descriptor are if the picture is mirrored."""

Affine = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A small picture with its local features.

    Attributes
    ----------
    gray : ndarray of shape (h, w), uint8
    features : LocalFeatures
    frame : ndarray of shape (32, 32), float32
        The whole picture, squeezed to a square.
    """

    gray: GrayImage
    features: LocalFeatures
    frame: NDArray[np.float32]

    @classmethod
    def of(cls, gray: GrayImage) -> Picture:
        """Find the local features of a picture; about 15 ms.

        Parameters
        ----------
        gray : ndarray of shape (h, w), uint8
            Upright. It is shrunk to a long side of at most :data:`SIDE`.
        """
        scale = SIDE / max(gray.shape)
        small = _resized(gray, scale).astype(np.uint8) if scale < 1 else gray
        frame = cv2.resize(small, (_FRAME_SIDE, _FRAME_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        return cls(small, LocalFeatures.of(small, KEYPOINTS), frame)


def likeness(first: Picture, second: Picture) -> float:
    """How alike two pictures are where they overlap, from 0 to 1; about 2 ms.

    They are aligned by a similarity transform, which RANSAC finds (Fischler and Bolles, CACM 1981) from matched local
    features, of the picture and of its mirror image, or laid upon each other frame by frame in the eight ways that a
    frame can be turned and mirrored, for pictures with few features. The likeness is the zero-mean normalised
    cross-correlation of the overlap under the best of these alignments.

    Returns
    -------
    float
        0 if the best alignment has a negative correlation. The same whichever picture comes first, up to the draws
        of RANSAC.
    """
    aligned = [_correlation(first.gray, second.gray, each) for each in _alignments(first, second)]
    return max(0.0, _frame_likeness(first, second), *aligned)


def _alignments(first: Picture, second: Picture) -> list[Affine]:
    """Maps from the pixels of the first picture to the second's on which enough local features agree."""
    width, found = first.gray.shape[1], list[Affine]()
    mirror = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    for bins, flip in ((slice(None), np.eye(3)), (_MIRRORED, mirror)):
        pairs = matches(first.features.descriptors[:, bins], second.features.descriptors)
        if len(pairs) < MIN_INLIERS:
            continue
        source = first.features.points[pairs[:, 0]] @ flip[:2, :2].T + flip[:2, 2]
        cv2.setRNGSeed(0)
        affine, inliers = cv2.estimateAffinePartial2D(
            source.astype(np.float32),
            second.features.points[pairs[:, 1]],
            method=cv2.RANSAC,
            ransacReprojThreshold=_REPROJECTION,
            maxIters=_ROUNDS,
        )
        if affine is not None and int(inliers.sum()) >= MIN_INLIERS:
            found.append(affine @ flip)
    return found


def _frame_likeness(first: Picture, second: Picture) -> float:
    """The best correlation of the whole frames, and of their details, which keeps a bright sky from matching others."""
    turned = [np.rot90(each, turns) for each in (first.frame, first.frame[:, ::-1]) for turns in range(4)]
    return max(min(_ncc(each, second.frame), _ncc(_details(each), _details(second.frame))) for each in turned)


def _correlation(first: GrayImage, second: GrayImage, affine: Affine) -> float:
    """Correlation of the overlap; `affine` maps pixels of the first picture to the second's."""
    shrink = min(1.0, _COMPARED_SIDE / max(first.shape))
    zoom = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    if zoom < _MIN_ZOOM:
        return 0.0
    one, other = _resized(first, shrink), _resized(second, min(1.0, shrink / zoom))
    there = _to_shrunk(second, other) @ np.vstack([affine, [0, 0, 1]]) @ np.linalg.inv(_to_shrunk(first, one))
    size, inverse = (one.shape[1], one.shape[0]), cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(other, there[:2], size, flags=cv2.INTER_LINEAR | inverse, borderMode=cv2.BORDER_REPLICATE)
    shared = cv2.warpAffine(np.ones_like(other), there[:2], size, flags=cv2.INTER_NEAREST | inverse) > 0
    return _ncc(one[shared], warped[shared].astype(np.float32)) if shared.sum() >= _MIN_OVERLAP else 0.0


def _resized(gray: GrayImage, scale: float) -> NDArray[np.float32]:
    height, width = (max(4, round(length * scale)) for length in gray.shape)
    return cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)


def _to_shrunk(gray: GrayImage, shrunk: NDArray[np.float32]) -> Affine:
    """The map from pixel centres of a picture to those of its shrunk copy."""
    y, x = (small / large for small, large in zip(shrunk.shape, gray.shape, strict=True))
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])


def _details(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """A difference of Gaussians."""
    near, far = (cv2.GaussianBlur(np.ascontiguousarray(gray), (0, 0), sigma) for sigma in (1.0, 4.0))
    return (near - far).astype(np.float32)


def _ncc(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    one, other = (first - first.mean()).ravel(), (second - second.mean()).ravel()
    norm = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / norm if norm > 1e-3 * len(one) else 0.0
