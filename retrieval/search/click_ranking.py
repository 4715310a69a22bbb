"""Ranks the segments under a click: a linear listwise ranker on four features.

Fitted by ``python -m training.fit_click_ranking`` to clicks on annotated objects. A segment's score is a weighted sum
of its features, and the softmax over the segments under the click is the chance that each is meant. Only segments under
one click are compared, so where a recipe gives all segments the same quality, the other features decide.

References
----------
Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007 (ListNet, top-one probabilities).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ..catalog.records import SegmentRecord
from ..errors import WeightsCorruptError
from ..images.masks import decode_mask
from ..models.tensor_file import read_tensors

PATH = Path(__file__).resolve().parents[1] / "data" / "click-ranking.safetensors"

FEATURES = ("quality", "centrality", "area", "sides")
"""Columns of `features`."""

LEAST_QUALITY = 1e-3
"""Qualities are kept this far from 0 and 1, where their log odds are infinite."""


@dataclass(frozen=True, eq=False, slots=True)
class SegmentsUnderClick:
    """The segments of a photo whose masks cover a point.

    Attributes
    ----------
    rows : ndarray of shape (N,), int64
        Of the segments, by falling quality.
    areas : ndarray of shape (N,), float64
        Shares of the photo, in (0, 1].
    features : ndarray of shape (N, 4), float64
        `FEATURES`: log odds of the quality; the point's distance to the segment's border over the greatest such
        distance in the segment, in (0, 1], the photo's frame being a border; logarithm of the area's share of the
        photo; how many of the photo's four sides the segment touches.
    """

    rows: NDArray[np.int64]
    areas: NDArray[np.float64]
    features: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def at(
        cls, segments: Sequence[SegmentRecord], size_hw: tuple[int, int], point_xy: tuple[float, float]
    ) -> SegmentsUnderClick:
        """Find them.

        Parameters
        ----------
        segments : sequence of SegmentRecord
        size_hw : tuple of int
            Size of the upright original.
        point_xy : tuple of float
            In its pixels; within the photo.

        Notes
        -----
        Decodes the masks whose boxes hold the point, and computes a distance transform of each that covers it: some
        4 ms for the masks of `lite`, 512 x 384 pixels, on one core.
        """
        rows: list[int] = []
        found: list[NDArray[np.float64]] = []
        for row in sorted(range(len(segments)), key=lambda row: -segments[row].quality):
            segment = segments[row]
            mask_hw = segment.mask_size_hw
            if not _in_box(segment.box_xyxy, point_xy):
                continue
            y, x = int(point_xy[1] * mask_hw[0] / size_hw[0]), int(point_xy[0] * mask_hw[1] / size_hw[1])
            mask = decode_mask(mask_hw, segment.mask_counts)
            if mask[y, x]:
                rows.append(row)
                found.append(shape_features(mask, [(x, y)])[0])
        quality = log_odds(np.array([segments[row].quality for row in rows]))
        values = np.column_stack([quality, np.array(found, np.float64).reshape(-1, len(FEATURES) - 1)])
        return cls(np.array(rows, np.int64), np.exp(values[:, FEATURES.index("area")]), values)


@dataclass(frozen=True, eq=False, slots=True)
class ClickRanker:
    """The ranker.

    Attributes
    ----------
    weights : ndarray of shape (4,), float32
        One a feature.
    """

    weights: NDArray[np.float32]

    def __call__(self, under: SegmentsUnderClick) -> NDArray[np.float64]:
        """The chance that each segment is meant, (N,), summing to 1; (0,) if there is none."""
        scores = under.features @ self.weights
        chances = np.exp(scores - scores.max(initial=-np.inf))
        return np.asarray(chances / chances.sum(), np.float64) if len(chances) else chances

    def save(self, path: Path) -> None:
        """Write the weights as safetensors."""
        save_file({"weights": np.ascontiguousarray(self.weights, np.float32)}, path)

    @classmethod
    @cache
    def load(cls, path: Path = PATH) -> ClickRanker:
        """Read the weights, once a process.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        try:
            weights = read_tensors(path, "a click ranker")["weights"]
        except KeyError as error:
            raise WeightsCorruptError(f"{path} is not a click ranker: restore it with `git checkout`") from error
        if weights.shape != (len(FEATURES),) or not np.isfinite(weights).all():
            raise WeightsCorruptError(f"{path} is not a click ranker of {len(FEATURES)} features: restore it")
        return cls(weights)


def _in_box(box_xyxy: tuple[int, int, int, int], point_xy: tuple[float, float]) -> bool:
    x, y = point_xy
    return box_xyxy[0] <= x < box_xyxy[2] and box_xyxy[1] <= y < box_xyxy[3]


def shape_features(mask: NDArray[np.bool_], points_xy: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """The `FEATURES` but for the quality, (P, 3), of a segment whose mask, (H, W), covers P pixels x, y."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    piece = np.pad(mask[top : top + height, left : left + width], 1).astype(np.uint8)
    depth = cv2.distanceTransform(piece, cv2.DIST_L2, 5)
    sides = (left == 0) + (top == 0) + (left + width == mask.shape[1]) + (top + height == mask.shape[0])
    x, y = np.array(points_xy).T
    centrality = depth[y - top + 1, x - left + 1] / depth.max()
    return np.stack([centrality, np.full(len(x), np.log(mask.mean())), np.full(len(x), float(sides))], axis=1)


def log_odds(quality: NDArray[np.floating]) -> NDArray[np.float64]:
    """The feature that a quality is."""
    chance = np.clip(np.asarray(quality, np.float64), LEAST_QUALITY, 1 - LEAST_QUALITY)
    return np.asarray(np.log(chance / (1 - chance)), np.float64)
