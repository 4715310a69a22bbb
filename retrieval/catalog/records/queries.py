"""Kept query photos, and searches that are being refined."""

from __future__ import annotations

from dataclasses import dataclass

from ...query.request import SearchRequest
from ...types import Vectors
from .segments import SegmentRecord


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class QueryRecord:
    """A kept query photo; the segments' ids are their rows."""

    id: int
    sha256: str
    size_hw: tuple[int, int]
    recipe: str
    segments: tuple[SegmentRecord, ...]
    vectors: Vectors
    photo_vector: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRecord:
    """A search that is being refined, at the end of a round.

    Attributes
    ----------
    round, rounds : int
        The one that is meant, and the last there is.
    relevant, irrelevant : tuple of int
        Segments judged by then.
    """

    id: int
    space: str
    request: SearchRequest
    round: int
    rounds: int
    relevant: tuple[int, ...]
    irrelevant: tuple[int, ...]
