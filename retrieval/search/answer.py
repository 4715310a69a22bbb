"""The answer to a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..catalog.records import SegmentRecord, Sighting
from ..query.filters import Facets
from ..query.request import Ref
from ..text.reading import Reading
from .making import MadeSegment

Certainty = Literal["sure", "likely", "weak"]
"""A probability in words: at least `SURE_CHANCE`, at least `LIKELY_CHANCE`, or less."""

Compared = Literal["segments", "whole", "things"]

SURE_CHANCE = 0.8
"""From this probability on, 81 % of the results are right of words that have not seen the photos, on photos for
development (docs/models/word-presence.md)."""

LIKELY_CHANCE = 0.5
"""A result with a probability is likely from this one on."""


@dataclass(frozen=True, slots=True)
class Used:
    """The segment that a reference was resolved to; None for a whole photo, and where one was made.

    Attributes
    ----------
    levels : tuple of SegmentRecord
        All segments under a point, the likeliest first, `segment` among them; empty for other references.
    made : MadeSegment or None
        What was made, because none of the photo's segments fits what was marked.
    """

    ref: Ref
    segment: SegmentRecord | None
    levels: tuple[SegmentRecord, ...] = ()
    made: MadeSegment | None = None

    @property
    def level(self) -> int | None:
        """Which of the levels `segment` is."""
        return (self.ref.level or 0) if self.levels else None

    @property
    def alternatives(self) -> tuple[tuple[int, SegmentRecord], ...]:
        """The other levels, each with its number."""
        return tuple((number, each) for number, each in enumerate(self.levels) if number != self.level)


class PartMatch(NamedTuple):
    """How a result matches one part of the query.

    Attributes
    ----------
    part : int
        Number in `SearchAnswer.parts`.
    score : float
        Cosine similarity.
    nearest : str or None
        For a word, the nearest of the classes that it stands for.
    """

    part: int
    segment_id: int
    score: float
    box_xyxy: tuple[int, int, int, int]
    label: str | None
    nearest: str | None


class ObjectEvidence(NamedTuple):
    """How a result was compared with the very object of an example, which it is most like.

    Attributes
    ----------
    likeness : float
        Cosine similarity of the vectors.
    colors : float
        Agreement of the colours, 0 to 1.
    features : int
        Local features that agree on one transform of the object.
    """

    likeness: float
    colors: float
    features: int


class Match(NamedTuple):
    """One result.

    Attributes
    ----------
    segment_id : int or None
        None if whole photos are compared.
    score : float
        Higher is closer: cosine similarity or, with examples, that of `example_ranking`.
    box_xyxy : tuple of int
        In pixels of the upright original.
    likely : bool
        For a search by words alone, or for the very object of an example, whether the probability is at least one
        half; otherwise whether the score stands out from the other scores of this search.
    fallback : bool
        No segment was found in this photo, so the whole photo was compared.
    quality : float or None
        Quality of the segment, 0 to 1; None if whole photos are compared.
    parts : tuple of PartMatch
        The explanation: the score for each example and word or, for several things, the segment that matches each.
        Empty for a search by one example.
    relations : tuple of float
        Degree to which each requested relation holds, 0 to 1; those that words tell come last.
    probability : float or None
        That the photo shows what was asked for, 0 to 1: of a search by words alone, with a recipe that knows it, and
        of a search for the very object of an example.
    alike : tuple of int
        Photos that were left out because they are near-duplicates of this one, the best first.
    evidence : ObjectEvidence or None
        Of a search for the very object: what was compared.
    video_id, time_s : int or None, float or None
        Of a frame, its video and the time in that, in seconds.
    moments : tuple of Sighting
        Where in the video the same thing is seen, this frame among them, by time; at most `folding.MOST_MOMENTS`.
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
    probability: float | None = None
    alike: tuple[int, ...] = ()
    video_id: int | None = None
    time_s: float | None = None
    moments: tuple[Sighting, ...] = ()
    evidence: ObjectEvidence | None = None

    @property
    def certainty(self) -> Certainty | None:
        """The probability in words; None without one."""
        if self.probability is None:
            return None
        return "sure" if self.probability >= SURE_CHANCE else "likely" if self.probability >= LIKELY_CHANCE else "weak"


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetAnswer:
    """Facets of the results of a search.

    Attributes
    ----------
    facets : Facets
        Counts of the likely ones among the best results.
    facets_of : int
        How many of the best results were counted.
    took_ms : float
    """

    facets: Facets
    facets_of: int
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """Results, best first, with how the request was understood and how fresh the index is.

    Attributes
    ----------
    results : tuple of Match
    used : tuple of Used
        One per reference, positives first; then those of further things.
    words : Reading or None
        How the words of all things were read; None without words.
    parts : tuple of str
        Names of the parts in `Match.parts`.
    facets : Facets or None
        Only on request.
    facets_of : int or None
        How many of the best results were counted.
    indexed, lag : int
        Segments searched, and how many of the catalogue's were not searchable yet.
    took_ms : float
    compared : {"segments", "whole", "things"}
        What was compared: segments, whole photos, or the things of a photo with the segments of others.
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
    compared: Compared = "segments"

    @property
    def none_likely(self) -> bool:
        """Whether probably nothing shows what was asked for: results have a probability, and none is likely."""
        has_probability = any(match.probability is not None for match in self.results)
        return has_probability and not any(match.likely for match in self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingFound:
    """A thing of a photo, and what a search for it found.

    Attributes
    ----------
    segment : SegmentRecord
    name : str
        Its label or, without one, its number.
    answer : SearchAnswer
    """

    segment: SegmentRecord
    name: str
    answer: SearchAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingsAnswer:
    """What searches for each thing of a photo found.

    Attributes
    ----------
    things : tuple of ThingFound
        The best first.
    whole : SearchAnswer or None
        Where the photo has no thing: photos that are alike as a whole. None where only a region was asked for.
    note : str or None
        Why there is no thing.
    took_ms : float
    """

    things: tuple[ThingFound, ...]
    whole: SearchAnswer | None
    note: str | None
    took_ms: float
