"""What can be asked, and what is answered: the values of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from .errors import QueryError

if TYPE_CHECKING:
    from .catalog.records import SegmentRecord
    from .vocabulary import Reading

GroupBy = Literal["image", "segment"]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

MAX_LIMIT = 1000
MAX_TEXT = 500
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """One example: a segment, a place in a photo, or a whole photo.

    Attributes
    ----------
    segment : int, optional
        Id of a stored segment; with `query`, the row of one of its segments.
    image, query : int, optional
        A stored photo or a kept query photo. With neither point, box nor segment: the whole photo.
    point : tuple of float, optional
        ``x, y`` in pixels of the upright original.
    box : tuple of float, optional
        ``x0, y0, x1, y1`` in the same pixels.

    Raises
    ------
    QueryError
        The combination means nothing.
    """

    segment: int | None = None
    image: int | None = None
    query: int | None = None
    point: Point | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        places = sum(place is not None for place in (self.segment, self.point, self.box))
        photos = sum(photo is not None for photo in (self.image, self.query))
        stored_segment = self.segment is not None and photos == 0 and places == 1
        in_photo = photos == 1 and places <= 1 and not (self.image is not None and self.segment is not None)
        if not (stored_segment or in_photo):
            raise QueryError(
                "a reference is one of {segment}, {image, point}, {image, box}, {image}, {query, segment}, "
                "{query, point}, {query, box} or {query}"
            )
        for number in (self.segment, self.image, self.query):
            if number is not None and abs(number) > MAX_ID:
                raise QueryError(f"there is no id {number}: no database holds a number as large")

    @property
    def is_photo(self) -> bool:
        """Whether it means the whole photo."""
        return self.segment is None and self.point is None and self.box is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A search.

    Attributes
    ----------
    positive, negative : tuple of Ref
        Examples of what is sought and of what is not.
    text : str
        Words; with positives, both are meant.
    limit : int
        1 to 1000.
    group_by : {"image", "segment"}
        One result a photo, its best segment; or segments, several a photo.
    min_quality : float
        Segments of a lower quality, 0 to 1, are not among the results. Whole photos have none and are all compared.

    Raises
    ------
    QueryError
        Nothing is asked for, or a number is out of range.
    """

    positive: tuple[Ref, ...] = ()
    negative: tuple[Ref, ...] = ()
    text: str = ""
    limit: int = 50
    group_by: GroupBy = "image"
    min_quality: float = 0.0

    def __post_init__(self) -> None:
        if not self.positive and not self.text.strip():
            raise QueryError("nothing is asked for: give at least one positive reference, or words")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise QueryError(f"limit is {self.limit}; it can be 1 to {MAX_LIMIT}")
        if not 0 <= self.min_quality <= 1:
            raise QueryError(f"min_quality is {self.min_quality}; it can be 0 to 1")
        if len(self.text) > MAX_TEXT:
            raise QueryError(f"the text has {len(self.text)} characters; at most {MAX_TEXT} are read")


@dataclass(frozen=True, slots=True)
class Used:
    """Which segment a reference came to; None for a whole photo."""

    ref: Ref
    segment: SegmentRecord | None


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
    """

    image_id: int
    segment_id: int | None
    score: float
    box_xyxy: tuple[int, int, int, int]
    label: str | None
    likely: bool
    fallback: bool
    quality: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """Results, best first, with what was understood and how fresh the index is.

    Attributes
    ----------
    results : tuple of Match
    used : tuple of Used
        One a reference, positives first.
    words : Reading or None
        How the words were read; None if there were none.
    indexed, lag : int
        Segments searched, and how many of the catalogue's were not searchable yet.
    took_ms : float
    """

    results: tuple[Match, ...]
    used: tuple[Used, ...]
    words: Reading | None
    indexed: int
    lag: int
    took_ms: float
