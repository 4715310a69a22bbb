"""How the hits of a search by example are ranked: by likeness, by how well they fit a thing, and by their photos.

References
----------
Snoek et al., "Early versus Late Fusion in Semantic Video Analysis", ACM Multimedia 2005, section 2.2 (late fusion).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..index import ranking as rank
from ..index.protocols import SegmentIndex
from ..index.ranking import Scored
from ..types import Vectors

QUALITY_WEIGHT = 1 / 3
"""So much of its score a segment without any quality loses."""

PHOTO_WEIGHT = 0.1
"""Share of the whole photos' likeness in the score of a photo."""


def filled_up(scored: Scored, photos: int, search: Callable[[int], Scored]) -> tuple[Scored, bool]:
    """Hits of at least so many photos, if there are as many: those found, and the nearest of other photos.

    Parameters
    ----------
    scored : Scored
        The nearest segments, however many of a photo.
    photos : int
    search : callable
        Gives the nearest segment of each of so many photos.

    Returns
    -------
    Scored
    bool
        Whether there are no further photos.
    """
    if len(np.unique(scored.image_ids)) >= photos:
        return scored, False
    nearest = search(photos)
    return rank.best_of([scored, nearest[~np.isin(nearest.ids, scored.ids)]]), len(nearest) < photos


def weighted_by_quality(scored: Scored, qualities: NDArray[np.float32]) -> Scored:
    """Reorder hits by how well each fits a thing: of what looks alike, whole objects come before parts and background.

    A score loses nothing at a quality of 1, and a third at a quality of 0, by the square root.

    Parameters
    ----------
    scored : Scored
    qualities : ndarray of shape (N,), float32
        Of the hits, in [0, 1].
    """
    return rank.best_of([replace(scored, scores=discounted(scored.scores, qualities))])


def discounted(scores: NDArray[np.float32], qualities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores, (N,), less what they lose by the qualities, (N,), in [0, 1]."""
    lost = np.asarray(QUALITY_WEIGHT * (1 - np.sqrt(qualities)), np.float32)
    return np.asarray(scores - lost * np.abs(scores), np.float32)


def fused_with_photos(scored: Scored, photos: SegmentIndex, examples: Vectors) -> Scored:
    """Reorder photos, one hit each, by the likeness of the segments and, a little, of the whole photos.

    Parameters
    ----------
    scored : Scored
    photos : SegmentIndex
        Of whole photos; one that is not there is like none.
    examples : ndarray of shape (N, P), float32
        Whole-photo vectors of the examples' photos, whose mean is compared. Without any, nothing changes.

    Notes
    -----
    O(N·P) for N hits: .2 ms for 600 photos and vectors of 128 dimensions.
    """
    if not len(examples):
        return scored
    likeness = photos.get(scored.image_ids) @ examples.mean(axis=0)
    return rank.best_of([replace(scored, scores=(1 - PHOTO_WEIGHT) * scored.scores + PHOTO_WEIGHT * likeness)])
