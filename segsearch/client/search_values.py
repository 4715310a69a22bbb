"""Values that searches answer."""

from __future__ import annotations

from typing import Any

from .values import Box, Level, Mask, Segment, Value


class Matched(Value):
    """How a result matches one part of a search."""

    part: int
    segment_id: int
    score: float
    box_xyxy: Box
    label: str | None = None
    nearest: str | None = None
    mask: Mask | None = None


class Evidence(Value):
    """How a result was compared with the very object of an example.

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


class Sighting(Value):
    """A frame of a video in which a thing is seen, seconds from the beginning."""

    time_s: float
    image_id: int
    segment_id: int | None = None


class Result(Value):
    """One result.

    Attributes
    ----------
    image_id : int
    segment_id : int or None
        None if whole photos were compared.
    collection : int
        Of a search over several, the collection that the ids are of; 0 for the photos of the installation itself.
    score : float
        Cosine similarity.
    box_xyxy : tuple of int
    likely : bool
    probability : float or None
        Of a search by words, or for the very object, that the photo shows what was asked for.
    certainty : str or None
        ``sure``, ``likely`` or ``weak``.
    matched : tuple of Matched
    alike : tuple of int
        Near-duplicates that were left out for it.
    evidence : Evidence or None
        Of a search for the very object.
    video, time_s : int or None, float or None
        Of a frame, its video and the time in that, in seconds.
    moments : tuple of Sighting
        Of a frame, where in its video the same is seen.
    """

    image_id: int
    segment_id: int | None
    collection: int = 0
    score: float
    box_xyxy: Box
    label: str | None = None
    likely: bool = False
    fallback: bool = False
    quality: float | None = None
    alike: tuple[int, ...] = ()
    video: int | None = None
    time_s: float | None = None
    moments: tuple[Sighting, ...] = ()
    matched: tuple[Matched, ...] = ()
    relations: tuple[float, ...] = ()
    probability: float | None = None
    certainty: str | None = None
    evidence: Evidence | None = None
    mask: Mask | None = None


class Used(Value):
    """What an example was taken for."""

    ref: dict[str, Any]
    segment: Segment | None = None
    mask: Mask | None = None
    box_xyxy: Box | None = None
    quality: float | None = None
    level: int | None = None
    alternatives: tuple[Level, ...] = ()


class Substitute(Value):
    """A known word that stands for one that is not known."""

    name: str
    weight: float


class Term(Value):
    """A word that was understood."""

    text: str
    name: str
    labels: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    concept: int | None = None
    substitutes: tuple[Substitute, ...] = ()


class Link(Value):
    """What was said between two words."""

    subject: int
    object: int
    text: str
    relation: str | None = None


class Words(Value):
    """How a text was read."""

    understood: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()
    links: tuple[Link, ...] = ()
    unknown: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    suggested: tuple[tuple[str, ...], ...] = ()


class Freshness(Value):
    """How many segments were searched, and how many are not searchable yet."""

    segments: int
    lag: int


class Facet(Value):
    """A condition, and how many likely results meet it."""

    value: str
    name: str
    count: int


class Searched(Value):
    """A collection that was searched, or `left_out` for a reason."""

    id: int
    name: str | None = None
    address: str
    left_out: str | None = None


class Answer(Value):
    """The results of a search, best first.

    Attributes
    ----------
    results : tuple of Result
    none_likely : bool
        Whether probably nothing shows what was asked for: the results are only the nearest.
    words : Words or None
        How the text was read.
    compared : str
        ``segments``, ``whole`` photos, or the ``things`` of a photo.
    collections : tuple of Searched
        Of a search over several.
    """

    results: tuple[Result, ...]
    collections: tuple[Searched, ...] = ()
    used: tuple[Used, ...] = ()
    words: Words | None = None
    parts: tuple[str, ...] = ()
    facets: dict[str, tuple[Facet, ...]] | None = None
    index: Freshness
    took_ms: float
    facets_of: int | None = None
    none_likely: bool = False
    compared: str = "segments"


class ThingFound(Value):
    """A thing of a photo, and what was found for it.

    Attributes
    ----------
    segment : int
        A stored segment; of a query photo, the row.
    name : str
        Its label or, without one, its number.
    answer : Answer
    """

    segment: int
    name: str
    answer: Answer


class ThingsAnswer(Value):
    """What was found for each thing of a photo.

    Attributes
    ----------
    things : tuple of ThingFound
        The best first.
    whole : Answer or None
        If the photo has no thing, photos that are alike as a whole.
    note : str or None
        Why there is no thing.
    """

    things: tuple[ThingFound, ...]
    whole: Answer | None = None
    note: str | None = None
    took_ms: float


class Facets(Value):
    """The facets of a search, counted from the likely ones of the best `facets_of` results."""

    facets: dict[str, tuple[Facet, ...]]
    facets_of: int
    took_ms: float


class Round(Answer):
    """A round of feedback.

    Attributes
    ----------
    id : int
        Of the search that is refined.
    round, rounds : int
        This round, and the last one; round 0 is the search without feedback.
    ask : tuple of Result
        Results for which feedback would help most.
    relevant, irrelevant : tuple of int
        Segments judged so far.
    """

    id: int
    round: int
    rounds: int
    model: str
    kept_query: bool = False
    leave_one_out: dict[str, float]
    threshold: float
    ask: tuple[Result, ...] = ()
    relevant: tuple[int, ...] = ()
    irrelevant: tuple[int, ...] = ()


class Problem(Value):
    """Why a search of several was not answered."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None


class Answered(Value):
    """What came of one of several searches: an answer, or an error."""

    answer: Answer | None = None
    error: Problem | None = None
