"""What a search is answered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..catalog.records import SegmentRecord
from ..query.filters import Facets
from ..query.request import Ref
from ..text.vocabulary import Reading


@dataclass(frozen=True, slots=True)
class Used:
    """Which segment a reference came to; None for a whole photo."""

    ref: Ref
    segment: SegmentRecord | None


class PartMatch(NamedTuple):
    """What a result has of one part of the query.

    Attributes
    ----------
    part : int
        Number in `SearchAnswer.parts`.
    score : float
        Cosine similarity.
    nearest : str or None
        Of a word, which of the classes it stands for came nearest.
    """

    part: int
    segment_id: int
    score: float
    box_xyxy: tuple[int, int, int, int]
    label: str | None
    nearest: str | None


class Match(NamedTuple):
    """One result.

    Attributes
    ----------
    segment_id : int or None
        None where whole photos are compared.
    score : float
        Cosine similarity, greater is nearer.
    box_xyxy : tuple of int
        In pixels of the upright original.
    likely : bool
        Whether the score stands out enough from this query's others.
    fallback : bool
        Nothing was found in this photo, so that the whole of it was compared.
    quality : float or None
        Of the segment, 0 to 1; None where whole photos are compared.
    parts : tuple of PartMatch
        How it came about: what each example and word scored, or, where several things are looked for, the segment that
        each was found in. Empty for a search by one example.
    relations : tuple of float
        To what degree each relation that was asked for holds, 0 to 1.
    """

    image_id: int
    segment_id: int | None
    score: float
    box_xyxy: tuple[int, int, int, int]
    label: str | None
    likely: bool
    fallback: bool
    quality: float | None
    parts: tuple[PartMatch, ...] = ()
    relations: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetAnswer:
    """What the results of a search could be narrowed to.

    Attributes
    ----------
    facets : Facets
        Of the likely ones among the best results.
    facets_of : int
        From how many of the best results they were counted.
    took_ms : float
    """

    facets: Facets
    facets_of: int
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """Results, best first, with what was understood and how fresh the index is.

    Attributes
    ----------
    results : tuple of Match
    used : tuple of Used
        One a reference, positives first; then those of further things.
    words : Reading or None
        How the words were read, of all things; None if there were none.
    parts : tuple of str
        Names of what `Match.parts` speaks of.
    facets : Facets or None
        Only if asked for.
    facets_of : int or None
        From how many of the best results they were counted.
    indexed, lag : int
        Segments searched, and how many of the catalogue's were not searchable yet.
    took_ms : float
    """

    results: tuple[Match, ...]
    used: tuple[Used, ...]
    words: Reading | None
    parts: tuple[str, ...]
    facets: Facets | None
    facets_of: int | None
    indexed: int
    lag: int
    took_ms: float

    def segment_ids(self) -> list[int]:
        """All segments that results speak of, each once."""
        matches = ((match.segment_id, *(part.segment_id for part in match.parts)) for match in self.results)
        return list(dict.fromkeys(key for keys in matches for key in keys if key is not None))
