"""Masks with a score and a class each, as segments.

References
----------
Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation", CVPR 2022, section 4.1: a query's
score is that of its class times the mean probability of its mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Segments
from .hierarchy import suppress_duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceParameters:
    """Which masks become segments.

    Attributes
    ----------
    frame_side : int
        Long side of the masks, in pixels; smaller photos keep their size.
    min_score : float
        Least score of a mask.
    max_overlap : float
        Of two masks with a higher IoU, only the better one is kept.
    limit : int
        Most segments of one image.
    """

    frame_side: int = 512
    min_score: float = 0.3
    max_overlap: float = 0.8
    limit: int = 100


@dataclass(frozen=True, eq=False, slots=True)
class ScoredMasks:
    """Masks of one image, a bit a pixel.

    Attributes
    ----------
    bits : ndarray of shape (N, ceil(H·W / 8)), uint8
    scores : ndarray of shape (N,), float32
    kinds : ndarray of shape (N,), int64
        Their classes.
    size_hw : tuple of int
    """

    bits: NDArray[np.uint8]
    scores: NDArray[np.float32]
    kinds: NDArray[np.int64]
    size_hw: tuple[int, int]

    def of_kind(self, kind: int) -> ScoredMasks:
        """Those of a class."""
        rows = self.kinds == kind
        return ScoredMasks(self.bits[rows], self.scores[rows], self.kinds[rows], self.size_hw)

    @classmethod
    def joined(cls, parts: Sequence[ScoredMasks], size_hw: tuple[int, int]) -> ScoredMasks:
        """The masks of several passes over one image."""
        none = cls(
            np.zeros((0, -(-size_hw[0] * size_hw[1] // 8)), np.uint8),
            np.zeros(0, np.float32),
            np.zeros(0, np.int64),
            size_hw,
        )
        every = [none, *parts]
        return cls(
            np.concatenate([each.bits for each in every]),
            np.concatenate([each.scores for each in every]),
            np.concatenate([each.kinds for each in every]),
            size_hw,
        )


def instance_segments(found: ScoredMasks, names: Sequence[str | None], parameters: InstanceParameters) -> Segments:
    """Masks as segments, best first, without those that repeat a better one.

    Parameters
    ----------
    found : ScoredMasks
    names : sequence of str or None
        Of the classes; None for one that says nothing.
    parameters : InstanceParameters

    Returns
    -------
    Segments
        They may overlap. Quality and label score are the mask's score, the latter zero without a name.

    Notes
    -----
    N masks of the frame as bool, some 20 MB for a hundred, are held for as long as it takes to find their atoms.
    """
    pixels = found.size_hw[0] * found.size_hw[1]
    masks = np.unpackbits(found.bits, axis=1, count=pixels).astype(bool).reshape(-1, *found.size_hw)
    order = np.argsort(-found.scores, kind="stable")
    order = order[(found.scores[order] >= parameters.min_score) & masks[order].any(axis=(1, 2))]
    scores = np.clip(found.scores[order], 0, 1).astype(np.float32)
    labels = [names[kind] for kind in found.kinds[order]]
    named = np.array([label is not None for label in labels], bool)
    segments = Segments.from_masks(masks[order], scores, labels, np.where(named, scores, 0).astype(np.float32))
    if not len(segments):
        return segments
    return segments[suppress_duplicates(segments.iou(), parameters.max_overlap, parameters.limit)]


def painted(segments: Segments, names: Sequence[str | None]) -> NDArray[np.uint16]:
    """Class of every pixel, (H, W), by the best segment that has a name; 0 where there is none."""
    found = np.zeros(segments.size_hw, np.uint16)
    for row in reversed(range(len(segments))):
        if segments.labels[row] is not None:
            found[segments.membership[row][segments.atoms]] = names.index(segments.labels[row])
    return found
