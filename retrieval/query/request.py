"""The request of a search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..errors import QueryError
from .filters import NO_FILTERS, Filters
from .prompt import Box, Mask, Point, Prompt
from .relations import MAX_PARTS, Relation

GroupBy = Literal["image", "segment"]

Compare = Literal["whole", "things"]
"""How whole photos are compared: by what they look like as a whole, or by the things in them."""

Matching = Literal["kind", "same"]
"""What an example stands for: things of its kind, or itself, the very object, on other photos."""

MAX_LIMIT = 1000
MAX_TEXT = 500
MAX_ID = 2**63 - 1

MOST_THINGS = 12
"""So many segments of a photo are its things, at most."""


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
    polygon, points, not_points, mask
        As those of `Prompt`.
    granularity : float, optional
        From 0, a part, to 1, the whole, of what lies under the point; the one most likely meant if absent.
    level : int, optional
        Which of the segments under the point: 0, the first, if absent.

    Raises
    ------
    QueryError
        The combination of fields is invalid.
    """

    segment: int | None = None
    image: int | None = None
    query: int | None = None
    point: Point | None = None
    box: Box | None = None
    polygon: tuple[Point, ...] = ()
    points: tuple[Point, ...] = ()
    not_points: tuple[Point, ...] = ()
    mask: Mask | None = None
    granularity: float | None = None
    level: int | None = None

    def __post_init__(self) -> None:
        places = (self.segment is not None) + (self.point is not None) + sum(self._marks)
        photos = sum(photo is not None for photo in (self.image, self.query))
        stored_segment = self.segment is not None and photos == 0 and places == 1
        in_photo = photos == 1 and places <= 1 and not (self.image is not None and self.segment is not None)
        if not (stored_segment or in_photo):
            raise QueryError(
                "a reference is one of {segment}, {query, segment}, and {image} or {query} with at most one of point, "
                "box, polygon, points and mask; not_points may go with points"
            )
        if any(self._marks):
            self._prompt()
        for number in (self.segment, self.image, self.query):
            if number is not None and abs(number) > MAX_ID:
                raise QueryError(f"there is no id {number}: it is too large for the database")
        if self.point is None and (self.granularity is not None or self.level is not None):
            raise QueryError("granularity and level choose among the segments under a point: give a point, too")
        if self.granularity is not None:
            check_granularity(self.granularity)
        if self.level is not None and self.level < 0:
            raise QueryError(f"level is {self.level}; the first is 0")

    @property
    def is_photo(self) -> bool:
        """Whether it stands for the whole photo."""
        return self.segment is None and self.point is None and not any(self._marks)

    @property
    def prompt(self) -> Prompt | None:
        """The box, lasso, points or mask that it is told by, if any."""
        return self._prompt() if any(self._marks) else None

    @property
    def _marks(self) -> tuple[bool, ...]:
        return self.box is not None, self.mask is not None, bool(self.polygon), bool(self.points or self.not_points)

    def _prompt(self) -> Prompt:
        return Prompt(
            box=self.box, polygon=self.polygon, points=self.points, not_points=self.not_points, mask=self.mask
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """Another thing that must be in the same photo.

    Attributes
    ----------
    positive, negative : tuple of Ref
        Segments, or places in photos.
    text : str

    Raises
    ------
    QueryError
        It is empty, or contains a whole photo.
    """

    positive: tuple[Ref, ...] = ()
    negative: tuple[Ref, ...] = ()
    text: str = ""

    def __post_init__(self) -> None:
        if not self.positive and not self.text.strip():
            raise QueryError("a part of the query is empty: give it at least one positive reference, or words")
        if any(ref.is_photo for ref in (*self.positive, *self.negative)):
            raise QueryError("a whole photo cannot be one of several parts of a query: pick a segment of it instead")
        _check_text(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A search.

    Attributes
    ----------
    positive, negative : tuple of Ref
        Examples of what to find, and of what to avoid.
    text : str
        Words; with positives, both must match. "without" and "left of" are read, too: `retrieval.text.phrases`.
    limit : int
        1 to 1000.
    group_by : {"image", "segment"}
        One result per photo, its best segment; or segments, possibly several per photo.
    min_quality : float
        Segments of lower quality, 0 to 1, are left out. Whole photos have no quality and are all compared.
    filters : Filters
        Conditions that results must meet.
    facets : bool
        Whether to count facets of the likely results among the best `FACETED`.
    also : tuple of Clause
        Other things that must be in the same photo, each in its own segment.
    relations : tuple of Relation
        How the things are arranged. The request's own examples and words are thing 0. Several words without examples
        are one thing each; this also applies to `also`.
    fold_duplicates : bool
        Whether only the best result of photos that are near-duplicates of one another is listed.
    compare : {"whole", "things"}
        How photos are compared with a whole photo; with ``things`` that is the only example.
    match : {"kind", "same"}
        Whether results are of the examples' kind, or show the very objects; ``same`` takes segments and places in
        photos as examples, and no words.

    Raises
    ------
    QueryError
        The request is empty, or a number is out of range.
    """

    positive: tuple[Ref, ...] = ()
    negative: tuple[Ref, ...] = ()
    text: str = ""
    limit: int = 50
    group_by: GroupBy = "image"
    min_quality: float = 0.0
    filters: Filters = NO_FILTERS
    facets: bool = False
    also: tuple[Clause, ...] = ()
    relations: tuple[Relation, ...] = ()
    fold_duplicates: bool = False
    compare: Compare = "whole"
    match: Matching = "kind"

    def __post_init__(self) -> None:
        if not self.positive and not self.text.strip():
            raise QueryError("the query is empty: give at least one positive reference, or words")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise QueryError(f"limit is {self.limit}; it must be from 1 to {MAX_LIMIT}")
        if not 0 <= self.min_quality <= 1:
            raise QueryError(f"min_quality is {self.min_quality}; it must be from 0 to 1")
        _check_text(self.text)
        if len(self.also) >= MAX_PARTS:
            raise QueryError(f"the query has {len(self.also) + 1} parts; it can have at most {MAX_PARTS}")
        whole = any(ref.is_photo for ref in (*self.positive, *self.negative))
        if self.compare == "things":
            self._check_sets()
        if self.match == "same" and (whole or not self.positive or self.text.strip() or self.also):
            raise QueryError(
                "the very object is found by examples of it alone: give segments or places in photos, and no words, "
                "other things or whole photos"
            )
        if whole and self.filters.of_segments:
            raise QueryError(f"whole photos have no {', '.join(self.filters.of_segments)}: search by a segment instead")
        if (self.also or self.relations) and self.group_by != "image":
            raise QueryError("a query of several parts finds photos: group by image, not by segment")
        if self.fold_duplicates and self.group_by != "image":
            raise QueryError("near-duplicates are whole photos: group by image, not by segment, to fold them")

    def _check_sets(self) -> None:
        is_photo = len(self.positive) == 1 and self.positive[0].is_photo
        if not is_photo or self.negative or self.text.strip() or self.also:
            raise QueryError(
                "photos are compared by the things in them with one whole photo: give an image or a query without a "
                "place on it, and no other examples or words"
            )

    @property
    def conditions(self) -> Filters:
        """All conditions that results must meet."""
        return replace(self.filters, min_quality=max(self.min_quality, self.filters.min_quality))


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingsRequest:
    """A search for each thing of a photo by itself.

    Attributes
    ----------
    photo : Ref
        The whole photo.
    within : tuple of float, optional
        ``x0, y0, x1, y1`` in pixels of the upright original; only things inside it.
    most : int
        How many things at most, the best first, from 1 to `MOST_THINGS`.
    limit, min_quality, filters, fold_duplicates
        Of each search, as those of `SearchRequest`.

    Raises
    ------
    QueryError
        The reference is no whole photo, or a number is out of range.
    """

    photo: Ref
    within: Box | None = None
    most: int = MOST_THINGS
    limit: int = 20
    min_quality: float = 0.0
    filters: Filters = NO_FILTERS
    fold_duplicates: bool = False

    def __post_init__(self) -> None:
        if not self.photo.is_photo:
            raise QueryError("the things of a photo are asked for: give an image or a query, and no place on it")
        if not 1 <= self.most <= MOST_THINGS:
            raise QueryError(f"most is {self.most}; a photo has from 1 to {MOST_THINGS} things")
        if self.within is not None and not (self.within[0] < self.within[2] and self.within[1] < self.within[3]):
            raise QueryError("the region is empty: give x0, y0, x1, y1, the first corner above and left of the second")
        self.search(self.photo, self.filters.of_photos)

    def search(self, ref: Ref, filters: Filters | None = None) -> SearchRequest:
        """The search for one of the things, or for the whole photo."""
        return SearchRequest(
            positive=(ref,),
            limit=self.limit,
            min_quality=self.min_quality,
            filters=self.filters if filters is None else filters,
            fold_duplicates=self.fold_duplicates,
        )


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise QueryError(f"the text has {len(text)} characters: shorten it to at most {MAX_TEXT}")


def check_granularity(granularity: float) -> None:
    """Check that a granularity is in range.

    Raises
    ------
    QueryError
    """
    if not 0 <= granularity <= 1:
        raise QueryError(f"granularity is {granularity:g}; it must be from 0 (a part) to 1 (the whole)")
