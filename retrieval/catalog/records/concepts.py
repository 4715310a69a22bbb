"""Concepts, and what was learned of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...types import Vectors


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ConceptModel:
    """What was learned of a concept.

    Attributes
    ----------
    space : str
    directions : ndarray of shape (R, D), float32
        A segment's score is its best inner product with any of them.
    threshold : float
        Score from which on a segment is labelled with the concept.
    query : ndarray of shape (Q, D), float32, or None
        Directions of the search that it began with.
    positive, negative : tuple of int
        Segments.
    """

    space: str
    directions: Vectors
    threshold: float
    query: Vectors | None
    positive: tuple[int, ...]
    negative: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ConceptRecord:
    """A name that people gave, with what was learnt of it and how many examples a resegmentation has lost."""

    id: int
    name: str
    created_at: datetime
    lost: int
    model: ConceptModel
