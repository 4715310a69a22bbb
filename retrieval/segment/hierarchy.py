"""Region hierarchy: class-agnostic segments, parts and wholes, without any training.

Fine superpixels are merged greedily by colour, by deep features at several strides and by the contrast along their
common border. Every node of the tree is a candidate; it is worth as much as it costs to merge it away, for that is
how much it differs from what surrounds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..pooling import pool_atoms
from ..types import Features, RgbImage, Segments
from .merging import MergeTree, border_contrasts, merge_regions
from .parameters import HierarchyParameters
from .superpixels import superpixels


@dataclass(frozen=True, slots=True)
class HierarchySegmenter:
    """Segments as nodes of a region hierarchy.

    Attributes
    ----------
    parameters : HierarchyParameters
    """

    parameters: HierarchyParameters = field(default_factory=HierarchyParameters)

    def segment(self, image: RgbImage, features: Features) -> Segments:
        """Segment one image.

        Parameters
        ----------
        image : ndarray of shape (H, W, 3), uint8
        features : Features
            Of the same image, with at least `strides`.

        Returns
        -------
        Segments
            In the frame of the image brought to `work_side`; at most `limit`, best first.
        """
        small = bounded(image, self.parameters.work_side)
        leaves = superpixels(small, scale=self.parameters.scale, min_size=self.parameters.min_size)
        count = int(leaves.max()) + 1
        if count == 1:
            return Segments(leaves, np.zeros((0, 1), bool), np.zeros(0, np.float32))
        areas = np.bincount(leaves.ravel(), minlength=count).astype(np.float32)
        tree = self._tree(small, leaves, areas, features)
        return self._select(tree, leaves, areas)

    def _tree(
        self, image: RgbImage, leaves: NDArray[np.int32], areas: NDArray[np.float32], features: Features
    ) -> MergeTree:
        """The merge tree over the superpixels."""
        lab, contrast = _lab_and_contrast(image)
        colors: NDArray[np.float32] = np.stack(
            [np.bincount(leaves.ravel(), lab[..., c].ravel(), len(areas)) for c in range(3)], 1
        )
        pooled = [pool_atoms(leaves, len(areas), features.strides[stride]) for stride in self.parameters.strides]
        weights = np.array(
            [self.parameters.color_weight, *self.parameters.stride_weights, self.parameters.contrast_weight], np.float32
        )
        borders, contrasts = border_contrasts(leaves, contrast)
        return merge_regions(areas, [colors, *pooled], weights, borders, contrasts, self.parameters.size_power)

    def _select(self, tree: MergeTree, leaves: NDArray[np.int32], areas: NDArray[np.float32]) -> Segments:
        """The best nodes, without near duplicates."""
        total = float(areas.sum())
        parents = tree.parents()
        worth = np.where(parents >= 0, tree.cost[np.maximum(parents - tree.leaves, 0)], 0.0)
        members = tree.membership()
        large = np.flatnonzero((members @ areas >= self.parameters.min_area * total) & (parents >= 0))
        order = large[np.argsort(-worth[large], kind="stable")][: 4 * self.parameters.limit]
        candidates = Segments(leaves, members[order], _quality(worth[order]))
        kept = suppress_duplicates(candidates.iou(), self.parameters.max_overlap, self.parameters.limit)
        return candidates[kept]


def bounded(image: RgbImage, long_side: int) -> RgbImage:
    """The image brought down to a long side; one that is smaller already is left alone."""
    scale = long_side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def suppress_duplicates(iou: NDArray[np.float32], max_overlap: float, limit: int) -> NDArray[np.int64]:
    """Rows that overlap no better row by more than `max_overlap`; rows come in falling order of worth.

    Parameters
    ----------
    iou : ndarray of shape (N, N), float32
    max_overlap : float
    limit : int
        Stop at this many.
    """
    kept: list[int] = []
    for row in range(len(iou)):
        if len(kept) == limit:
            break
        if not kept or iou[row, kept].max() <= max_overlap:
            kept.append(row)
    return np.array(kept, np.int64)


def _lab_and_contrast(image: RgbImage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """CIE Lab and the length of its gradient, in Lab units a pixel."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    across, down = (cv2.Sobel(lab, cv2.CV_32F, *step, scale=1 / 8) for step in ((1, 0), (0, 1)))
    contrast = np.sqrt((across**2 + down**2).sum(axis=2))
    return np.asarray(lab, dtype=np.float32), np.asarray(contrast, dtype=np.float32)


def _quality(worth: NDArray[np.float64]) -> NDArray[np.float32]:
    """Chance that a node of this worth fits some object with IoU >= .5, by a logistic curve in its logarithm."""
    slope, middle = 2.0, 2.5  # fitted on the training photos, 97 of coco-dev
    return np.asarray(1 / (1 + (np.maximum(worth, 1e-6) / middle) ** -slope), dtype=np.float32)
