"""Why a result is one: its scores for each of several examples and words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..index.protocols import SegmentIndex
from ..types import Vectors
from .answer import Match, PartMatch
from .plan import QueryPlan, QueryTerm


def explained(matches: tuple[Match, ...], understood: QueryPlan, index: SegmentIndex) -> tuple[Match, ...]:
    """The matches with their scores for each of several examples and words, if missing."""
    parts = understood.parts
    if not parts or not matches or understood.is_combination or understood.by_photo:
        return matches
    vectors = index.get(np.array([match.segment_id for match in matches], np.int64))
    columns = [_told(number, part, matches, vectors) for number, part in enumerate(parts)]
    rows = zip(*columns, strict=True)
    return tuple(match._replace(parts=row) for match, row in zip(matches, rows, strict=True))


def _told(number: int, part: QueryTerm, matches: Sequence[Match], vectors: Vectors) -> list[PartMatch]:
    """Scores of matches for one example or word."""
    scores = vectors @ part.directions.T
    nearest = scores.argmax(axis=1).tolist()
    return [
        PartMatch(
            number, match.segment_id or 0, score, match.box_xyxy, match.label, part.labels[row] if part.labels else None
        )
        for match, row, score in zip(matches, nearest, scores.max(axis=1).tolist(), strict=True)
    ]
