"""Descriptors of segments from their own crops: the box as it is, and the box with the background blanked.

Better than pooling alone, but far more expensive: each segment takes two passes of a small image. Meant for a GPU.

References
----------
Girshick et al., "Rich feature hierarchies for accurate object detection and semantic segmentation", CVPR 2014,
section 3.3 ("full" and "fg"); Hariharan et al., "Simultaneous Detection and Segmentation", ECCV 2014, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ..models.backbone import Backbone
from ..types import RgbImage, Segments
from .projection import Descriptors, unit

BACKGROUND = 127
"""Grey of a blanked background: zero after the network's normalisation."""


def crop_descriptors(
    backbone: Backbone, image: RgbImage, segments: Segments, *, side: int, context: float, batch_size: int = 64
) -> Descriptors:
    """Describe every segment by its box crop and its foreground crop, (N, 2·1280).

    Parameters
    ----------
    backbone : Backbone
    image : ndarray of shape (H, W, 3), uint8
    segments : Segments
        Of the same image, at any scale.
    side : int
        Crops are squares of this many pixels.
    context : float
        The box is extended on every side by this share of its size.
    batch_size : int
        Crops per pass.
    """
    parts: list[NDArray[np.float32]] = []
    crops = list(_crops(image, segments, side, context))
    for start in range(0, len(crops), batch_size):
        features = backbone.extract(crops[start : start + batch_size], long_side=side)
        parts.append(np.stack([each.head.mean(axis=(0, 1)) for each in features]))
    if not parts:
        return np.zeros((0, 2 * 1280), np.float32)
    means = unit(np.concatenate(parts))
    return np.concatenate([means[0::2], means[1::2]], axis=1)


def _crops(image: RgbImage, segments: Segments, side: int, context: float) -> Iterator[RgbImage]:
    """Box crop and foreground crop of each segment in turn."""
    height, width = image.shape[:2]
    scale = np.array([width, height, width, height]) / np.array([*segments.size_hw[::-1]] * 2)
    for row, box in enumerate(segments.boxes_xyxy * scale):
        margin = context * np.array([box[2] - box[0], box[3] - box[1]])
        x0, y0 = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(box[2:] + margin), [width, height]).astype(int)
        crop = image[y0:y1, x0:x1]
        mask = cv2.resize(segments.mask(row).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        blanked = np.where(mask[y0:y1, x0:x1, None] > 0, crop, np.uint8(BACKGROUND))
        for each in (crop, blanked):
            yield np.asarray(cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
