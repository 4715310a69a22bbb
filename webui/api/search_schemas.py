"""Requests and responses of searches and their refinement."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from retrieval.query.filters import FACETED, Filters, Position
from retrieval.query.relations import MAX_PARTS, Relation, RelationName
from retrieval.query.request import MAX_LIMIT, MAX_TEXT, Clause, Compare, GroupBy, Matching, SearchRequest
from retrieval.search.answer import LIKELY_CHANCE, SURE_CHANCE, Certainty, Compared

from .collection_schemas import Searched
from .mask_schemas import AnyMask
from .reference_schemas import Negative, Positive, Used
from .schemas import (
    BodyId,
    Box,
    ResultMasks,
    Strict,
    Text,
)
from .word_schemas import Words

Number = Annotated[int, Field(strict=True, ge=0, lt=MAX_PARTS)]


class Thing(Strict):
    """Another thing that a photo must contain. It needs at least one positive example or a word."""

    positive: Positive = []
    negative: Negative = []
    text: Annotated[str | None, Field(max_length=MAX_TEXT)] = None

    def to_clause(self) -> Clause:
        """Convert to the engine's value.

        Raises
        ------
        QueryError
            It is empty.
        """
        return Clause(
            positive=tuple(reference.to_ref() for reference in self.positive),
            negative=tuple(reference.to_ref() for reference in self.negative),
            text=self.text or "",
        )


class Lies(Strict):
    """How one thing is placed relative to another. Things are numbered from 0, in the order of the answer's `parts`."""

    subject: Number
    relation: RelationName
    object: Number


def _written(day: object) -> object:
    if not isinstance(day, str):
        raise PydanticCustomError("day", "it is not a day: write it as YYYY-MM-DD")
    return day


Day = Annotated[date, BeforeValidator(_written)]
"""A day as it is written; pydantic would also take seconds since 1970."""


class Conditions(Strict):
    """Conditions that results must meet, all of them."""

    folder: Annotated[
        Text | None,
        Field(
            min_length=1,
            max_length=4096,
            description="Absolute path of a folder, or address of a bucket or prefix such as s3://photos/2024, that "
            "contains the photo at any depth.",
        ),
    ] = None
    taken_from: Annotated[Day | None, Field(description="First day, by the photo's EXIF data.")] = None
    taken_until: Annotated[Day | None, Field(description="Last day, inclusive.")] = None
    recipe: Annotated[Text | None, Field(max_length=64, description="Fingerprint of the recipe that segmented it.")] = (
        None
    )
    label: Annotated[Text | None, Field(max_length=200, description="Label of the segment.")] = None
    concept: Annotated[BodyId | None, Field(description="Id of a concept that the segment is labelled with.")] = None
    min_area: Annotated[
        float, Field(strict=True, ge=0, le=1, description="Minimum share of the photo that the segment covers.")
    ] = 0.0
    max_area: Annotated[float, Field(strict=True, ge=0, le=1, description="Maximum share, exclusive.")] = 1.0
    position: Annotated[
        Position | None, Field(description="The third of the photo that contains the segment's centre.")
    ] = None

    def to_filters(self) -> Filters:
        """Convert to the engine's filters.

        Raises
        ------
        QueryError
            The conditions are contradictory.
        """
        return Filters(**dict(self))


class Search(ResultMasks):
    """What to search for: examples, words, or both. At least one positive example or a word is required."""

    positive: Positive = []
    negative: Negative = []
    text: Annotated[
        str | None,
        Field(
            max_length=MAX_TEXT,
            description="With positive examples, results match both; without, each word must appear in the photo.",
        ),
    ] = None
    also: Annotated[
        list[Thing], Field(max_length=MAX_PARTS - 1, description="What else must be in the same photo.")
    ] = []
    relations: Annotated[
        list[Lies],
        Field(max_length=10, description="How the things are arranged; photos without this arrangement are left out."),
    ] = []
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_LIMIT)] = 50
    group_by: Annotated[GroupBy, Field(description="`image`: one result per photo; `segment`: possibly several.")] = (
        "image"
    )
    min_quality: Annotated[
        float, Field(strict=True, ge=0, le=1, description="Leave out segments of lower quality.")
    ] = 0.0
    filters: Annotated[Conditions, Field(description="Conditions that results must meet.")] = Conditions()
    facets: Annotated[bool, Field(strict=True, description="Whether to count facets of the likely results.")] = False
    fold_duplicates: Annotated[bool, Field(strict=True, description="Whether to list near-duplicates once.")] = False
    compare: Annotated[
        Compare,
        Field(
            description="How photos are compared with a whole photo: as a `whole`, or by the `things` in it, which has "
            "to be the only example then."
        ),
    ] = "whole"
    match: Annotated[
        Matching,
        Field(
            description="`kind`: things like the examples. `same`: the very object of the examples, which are segments "
            "or places in photos, without words; the first 100 results are compared with them by likeness, colours "
            "and local features, which takes a second or two the first time."
        ),
    ] = "kind"

    def to_request(self) -> SearchRequest:
        """Convert to the engine's value.

        Raises
        ------
        QueryError
            The request is empty.
        """
        return SearchRequest(
            positive=tuple(reference.to_ref() for reference in self.positive),
            negative=tuple(reference.to_ref() for reference in self.negative),
            text=self.text or "",
            limit=self.limit,
            group_by=self.group_by,
            min_quality=self.min_quality,
            filters=self.filters.to_filters(),
            facets=self.facets,
            also=tuple(thing.to_clause() for thing in self.also),
            fold_duplicates=self.fold_duplicates,
            compare=self.compare,
            match=self.match,
            relations=tuple(Relation(each.subject, each.relation, each.object) for each in self.relations),
        )


class SearchOfSeveral(Search):
    """What to search for, and in which collections."""

    collections: Annotated[
        list[BodyId] | Literal["all"] | None,
        Field(
            description="Ids of the collections to search, 0 for the photos of the installation itself; or `all` that "
            "you may see. If absent, the one that is asked. Examples and filters are of that one."
        ),
    ] = None


class Evidence(BaseModel):
    """How a result was compared with the very object of an example."""

    likeness: Annotated[float, Field(description="Cosine similarity of the vectors.")]
    colors: Annotated[float, Field(description="Agreement of the colours, 0 to 1.")]
    features: Annotated[int, Field(description="Local features that agree on one transform of the object.")]


class Matched(BaseModel):
    """How a result matches one part of the query."""

    part: Annotated[int, Field(description="Number in the answer's `parts`.")]
    segment_id: int
    score: Annotated[float, Field(description="Cosine similarity to this part alone.")]
    box_xyxy: Box
    label: str | None
    nearest: Annotated[
        str | None, Field(description="For a word, the nearest of the classes it stands for; otherwise null.")
    ]
    mask: Annotated[AnyMask | None, Field(description="Only on request.")] = None


class Sighting(BaseModel):
    """A frame of a video in which a thing is seen."""

    time_s: Annotated[float, Field(description="Seconds from the beginning of the video.")]
    image_id: Annotated[int, Field(description="Id of the frame.")]
    segment_id: Annotated[int | None, Field(description="The thing in it; null if whole frames are compared.")]


class Result(BaseModel):
    """One result."""

    image_id: int
    segment_id: Annotated[int | None, Field(description="Null if whole photos are compared.")]
    collection: Annotated[
        int, Field(description="If several were searched, the one that the ids are of; otherwise absent.")
    ] = 0
    score: Annotated[
        float,
        Field(
            description="Higher is closer: cosine similarity, with examples adjusted by quality and the whole photos."
        ),
    ]
    box_xyxy: Box
    label: str | None
    likely: Annotated[
        bool,
        Field(
            description="With a probability, whether it is at least one half; otherwise whether the score stands out "
            "from the other scores of this search."
        ),
    ]
    fallback: Annotated[
        bool,
        Field(
            description="No segment was found in this photo, so the whole photo was compared. Such results come last."
        ),
    ]
    quality: Annotated[
        float | None, Field(description="Quality of the segment, 0 to 1; null if whole photos are compared.")
    ]
    alike: Annotated[list[int], Field(description="Near-duplicates that were left out for it, the best first.")]
    video: Annotated[int | None, Field(description="Of a frame, the id of its video; otherwise null.")]
    time_s: Annotated[float | None, Field(description="Of a frame, seconds from the beginning of its video.")]
    moments: Annotated[
        list[Sighting],
        Field(description="Of a frame, where in its video the same thing is seen, by time; at most 100."),
    ]
    matched: Annotated[
        list[Matched],
        Field(
            description="How it came about: what each part scored and, of several things, in which segment; empty for "
            "a search by a single example. Of photos that are compared by things, those that they likely share."
        ),
    ]
    relations: Annotated[
        list[float],
        Field(description="Degree to which each requested relation holds, 0 to 1; then those of `words.links`."),
    ]
    probability: Annotated[
        float | None,
        Field(
            description="That the photo shows what was asked for, 0 to 1: of a search by words alone, with a recipe "
            "that knows it, and of the first results of one with `match: same`."
        ),
    ]
    certainty: Annotated[
        Certainty | None,
        Field(
            description=f"The probability in words: `sure` from {SURE_CHANCE} on, `likely` from {LIKELY_CHANCE} on, "
            "otherwise `weak`; null without one."
        ),
    ]
    evidence: Annotated[
        Evidence | None, Field(description="With `match: same`: what the probability comes from; null without one.")
    ] = None
    mask: Annotated[AnyMask | None, Field(description="Only on request.")] = None


class Freshness(BaseModel):
    """How much of the catalogue is indexed."""

    segments: Annotated[int, Field(description="Segments searched.")]
    lag: Annotated[int, Field(description="Segments not yet searchable.")]


class Facet(BaseModel):
    """A condition and the number of likely results that meet it."""

    value: Annotated[str, Field(description="Value for the filter of that name; an id for concepts.")]
    name: Annotated[str, Field(description="Human-readable name.")]
    count: int


class Answer(BaseModel):
    """Results, best first."""

    results: list[Result]
    collections: Annotated[list[Searched], Field(description="Those of a search of several; otherwise absent.")] = []
    used: Annotated[list[Used], Field(description="One per example, positive ones first.")]
    words: Annotated[Words | None, Field(description="Null if there was no text.")]
    parts: Annotated[list[str], Field(description="Names of the parts that `matched` refers to.")]
    facets: Annotated[
        dict[str, list[Facet]] | None,
        Field(
            description="Of folder, year, label, concept, size, position and recipe, over the likely ones among the "
            "best `facets_of` results; null unless asked for. `POST /search/facets` gives them apart."
        ),
    ]
    index: Freshness
    took_ms: float
    facets_of: Annotated[
        int | None,
        Field(description=f"How many results facets were counted from, at most {FACETED}; null without facets."),
    ]
    none_likely: Annotated[
        bool,
        Field(
            description="Whether probably nothing shows what was asked for: results have a probability, and none is "
            "likely. They are only the nearest."
        ),
    ]
    compared: Annotated[
        Compared,
        Field(
            description="What was compared: `segments`, `whole` photos, or the `things` of a photo. A photo without "
            "things is compared as a whole, even if `things` were asked for."
        ),
    ]


class Facets(BaseModel):
    """The facets of a search."""

    facets: Annotated[
        dict[str, list[Facet]],
        Field(description="Of folder, year, label, concept, size, position and recipe, the most frequent first."),
    ]
    facets_of: Annotated[
        int, Field(description=f"From the likely ones among so many of the best results, at most {FACETED}.")
    ]
    took_ms: float
