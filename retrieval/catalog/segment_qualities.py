"""Qualities of segments, remembered by the process: every search by example weights some hundred hits by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from ..types import Ids
from .dialects import in_chunks
from .models import Segment
from .segment_select import SegmentSelect
from .sessions import Sessions

SPARE = 1.25
"""The array is made so many times as long as the greatest id needs, so that it seldom grows."""


class SegmentQualities:
    """Reads the quality of a segment once. Ids are given once, and a segment keeps its quality.

    Two bytes for each id up to the greatest that was asked for.

    Parameters
    ----------
    sessions : Sessions
    """

    def __init__(self, sessions: Sessions) -> None:
        self._select = SegmentSelect(sessions, select(Segment.id, Segment.quality))
        self._known = np.zeros(0, np.float16)

    def of(self, segment_ids: Ids) -> NDArray[np.float32]:
        """Quality of each segment, (N,), in [0, 1]; 0 for one that does not exist."""
        known = self._long_enough(int(segment_ids.max(initial=-1)) + 1)
        missing = np.unique(segment_ids[np.isnan(known[segment_ids])])
        for chunk in in_chunks(missing.tolist()):
            for key, quality in self._select.of(chunk):
                known[key] = quality
        return np.nan_to_num(known[segment_ids].astype(np.float32))

    def _long_enough(self, length: int) -> NDArray[np.float16]:
        """The array, grown if ids need it; of two threads that grow it at once, one reads again later."""
        known = self._known
        if len(known) < length:
            grown = np.full(int(length * SPARE), np.nan, np.float16)
            grown[: len(known)] = known
            self._known = known = grown
        return known
