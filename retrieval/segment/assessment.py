"""Assesses the segmentation of a photo without knowing what it shows.

References
----------
Zhang, Fritts and Goldman, "Image Segmentation Evaluation: A Survey of Unsupervised Methods", CVIU 2008, section 2
(judging a segmentation without a reference).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Segments

USABLE = 0.2
"""A segment of at least this quality counts as found."""

FRAGMENT = 0.01
"""A smaller segment, as a share of the photo, counts as a fragment."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Figures of one photo, all in [0, 1].

    Attributes
    ----------
    quality : float
        Mean over the photo of the quality of the best segment at each point, what a click can expect; 0 without
        segments.
    covered : float
        Share of the photo that usable segments cover.
    largest_hole : float
        Share of the photo in the largest connected uncovered part.
    fragmented : float
        Share of the photo that only fragments cover, because it was segmented too finely.
    """

    quality: float
    covered: float
    largest_hole: float
    fragmented: float


def assess(segments: Segments) -> Assessment:
    """Assess a segmentation.

    Parameters
    ----------
    segments : Segments

    Notes
    -----
    O(N·A + H·W) for N segments of A atoms.
    """
    areas = segments.atom_areas
    total = float(areas.sum())
    if not len(segments):
        return Assessment(0.0, 0.0, 1.0, 0.0)
    best = (segments.membership * segments.quality[:, None]).max(axis=0)
    usable = segments.quality >= USABLE
    covered = segments.membership[usable].any(axis=0)
    whole = segments.membership[usable & (segments.areas >= FRAGMENT * total)].any(axis=0)
    return Assessment(
        quality=float(best @ areas) / total,
        covered=float(areas[covered].sum()) / total,
        largest_hole=_largest_part(segments.atoms, np.logical_not(covered)) / total,
        fragmented=float(areas[covered & ~whole].sum()) / total,
    )


def _largest_part(atoms: NDArray[np.int32], chosen: NDArray[np.bool_]) -> int:
    """Pixels of the largest connected part of some atoms."""
    if not chosen.any():
        return 0
    _, _, statistics, _ = cv2.connectedComponentsWithStats(chosen[atoms].astype(np.uint8), connectivity=4)
    return int(statistics[1:, cv2.CC_STAT_AREA].max(initial=0))
