"""What must not be in a photo: "people" of "motorcycle without people".

A photo's score is multiplied by one minus the best score that any of its segments has for an unwanted word: it is as
likely to be meant as it shows what is wanted and does not show what is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..index import ranking as rank
from ..index.protocols import SegmentIndex
from ..index.ranking import Scored
from ..types import Ids, Vectors

BLOCK = 500
"""The segments of so many photos are read at once."""


def absence(vectors: Vectors, unwanted: Sequence[Vectors]) -> NDArray[np.float32]:
    """Factors for the scores of segments by themselves, (N,), from 0 to 1.

    Parameters
    ----------
    vectors : ndarray of shape (N, D), float32
    unwanted : sequence of ndarray of shape (R, D), float32
        The directions of each unwanted word.
    """
    scores = [(vectors @ directions.T).max(axis=1) for directions in unwanted]
    return np.asarray(1 - np.clip(np.max(scores, axis=0), 0, 1), dtype=np.float32)


def penalized(scored: Scored, index: SegmentIndex, unwanted: Sequence[Vectors]) -> Scored:
    """Multiply scores by the factor of each photo, the least of its segments', and sort them.

    Notes
    -----
    O(photos · segments · D): all segments of the photos are read.
    """
    if not unwanted or not len(scored):
        return scored
    photos = np.unique(scored.image_ids)
    factors = np.ones(len(photos), np.float32)
    for start in range(0, len(photos), BLOCK):
        ids: Ids = index.ids_of_images(photos[start : start + BLOCK])
        rows = np.searchsorted(photos, index.image_ids_of(ids))
        np.minimum.at(factors, rows, absence(index.get(ids), unwanted))
    return rank.best_of([replace(scored, scores=scored.scores * factors[np.searchsorted(photos, scored.image_ids)])])
