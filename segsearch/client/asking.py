"""What searches are asked with: references, conditions, things and relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

from .values import Mask

Point = tuple[float, float]

MaskFormat = Literal["none", "rle", "polygons"]
MaskFrame = Literal["analysed", "original"]


class Asked:
    """A part of a request; what is None is not sent."""

    def json(self) -> dict[str, Any]:
        """As the server takes it."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]  # dataclasses
        return {name: _sent(value) for name, value in values.items() if value is not None}


def _sent(value: Any) -> Any:
    if isinstance(value, Asked):
        return value.json()
    if isinstance(value, Mask):
        return value.model_dump(mode="json", include={"size", "counts"}, exclude_none=True)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_sent(each) for each in value]
    return value


@dataclass(frozen=True, slots=True)
class Reference(Asked):
    """An example: a stored segment, a photo, or a place in a photo.

    Attributes
    ----------
    segment : int, optional
        A stored segment; with `query`, a row of that query photo's segments.
    image, query : int, optional
        A photo of the library, or a query photo.
    point : tuple of float, optional
        ``x, y`` in pixels of the upright original, as all coordinates are.
    box : tuple of float, optional
        ``x0, y0, x1, y1``.
    polygon, points, not_points : sequence of tuples, optional
        The corners of a line around the thing; points on it; points beside it.
    mask : Mask, optional
        Of any size with the proportions of the photo.
    granularity : float, optional
        With a point, from 0, a part, to 1, the whole.
    level : int, optional
        With a point, which of the segments under it.
    """

    segment: int | None = None
    image: int | None = None
    query: int | None = None
    point: Point | None = None
    box: tuple[float, float, float, float] | None = None
    polygon: Sequence[Point] | None = None
    points: Sequence[Point] | None = None
    not_points: Sequence[Point] | None = None
    mask: Mask | None = None
    granularity: float | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Filters(Asked):
    """Conditions that results must meet, all of them.

    Attributes
    ----------
    folder : str, optional
        Absolute path on the server; contains the photo at any depth.
    taken_from, taken_until : date, optional
        Both days are included.
    recipe : str, optional
        Fingerprint.
    label : str, optional
        Of the segment.
    concept : int, optional
        Id of a concept that labels the segment.
    min_area, max_area : float, optional
        Share of the photo that the segment covers, 0 to 1; the upper one is excluded.
    position : str, optional
        The third of the photo with the segment's centre, as the server names it.
    """

    folder: str | None = None
    taken_from: date | None = None
    taken_until: date | None = None
    recipe: str | None = None
    label: str | None = None
    concept: int | None = None
    min_area: float | None = None
    max_area: float | None = None
    position: str | None = None


Examples = Sequence[Reference | int]
"""An id alone is that of a stored segment."""


@dataclass(frozen=True, slots=True)
class Thing(Asked):
    """Another thing that must be in the same photo."""

    positive: Examples = ()
    negative: Examples = ()
    text: str | None = None

    def json(self) -> dict[str, Any]:
        """As the server takes it."""
        told = {"positive": references(self.positive), "negative": references(self.negative)}
        return told if self.text is None else {**told, "text": self.text}


@dataclass(frozen=True, slots=True)
class Relation(Asked):
    """How one thing lies to another; things are numbered from 0, in the order of the answer's `parts`."""

    subject: int
    relation: str
    object: int


def references(examples: Examples) -> list[dict[str, Any]]:
    """As the server takes them."""
    return [{"segment": each} if isinstance(each, int) else each.json() for each in examples]


@dataclass(frozen=True, slots=True)
class Search(Asked):
    """What is searched for: examples, words, or both.

    Attributes
    ----------
    text : str, optional
    positive, negative : sequence of Reference or int
        Examples of what to find, and of what not; an id alone is that of a stored segment.
    also : sequence of Thing
        What else must be in the same photo.
    relations : sequence of Relation
    limit : int, optional
        50 if absent.
    group_by : {"image", "segment"}
        One result for each photo, or several.
    min_quality : float, optional
    filters : Filters, optional
    facets : bool
        Whether the answer has them.
    fold_duplicates : bool
        Whether near-duplicates are listed once.
    compare : {"whole", "things"}, optional
        How photos are compared with a whole photo: as a whole, or by the things in it; it is the only example then.
    match : {"kind", "same"}, optional
        Whether results are of the examples' kind, or show the very objects.
    masks : {"none", "rle", "polygons"}
        How results have their masks.
    mask_frame : {"analysed", "original"}, optional
        Whose pixels masks are in: those of the copy that was analysed, or of the upright original.
    collections : sequence of int or "all", optional
        Where to search, by `Client.searches.find` alone: ids of collections, 0 for the photos of the installation
        itself; or all that you may see. If absent, in the one that is asked.
    """

    text: str | None = None
    positive: Examples = ()
    negative: Examples = ()
    also: Sequence[Thing] = ()
    relations: Sequence[Relation] = ()
    limit: int | None = None
    group_by: Literal["image", "segment"] = "image"
    min_quality: float | None = None
    filters: Filters | None = None
    facets: bool = False
    fold_duplicates: bool = False
    compare: Literal["whole", "things"] | None = None
    match: Literal["kind", "same"] | None = None
    masks: MaskFormat = "none"
    mask_frame: MaskFrame | None = None
    collections: Sequence[int] | Literal["all"] | None = None

    def json(self) -> dict[str, Any]:
        """As the server takes it."""
        told = Asked.json(self)
        return {**told, "positive": references(self.positive), "negative": references(self.negative)}


@dataclass(frozen=True, slots=True)
class ThingsSearch(Asked):
    """A search for each thing of a photo by itself.

    Attributes
    ----------
    image, query : int, optional
        A photo of the library, or a query photo: one of them.
    within : tuple of float, optional
        ``x0, y0, x1, y1`` in pixels of the upright original; only things inside.
    most : int, optional
        How many things at most; 12 if absent.
    limit : int, optional
        Results of each; 20 if absent.
    min_quality : float, optional
    filters : Filters, optional
    fold_duplicates : bool
        Whether near-duplicates are listed once.
    masks : {"none", "rle", "polygons"}
        How results have their masks.
    mask_frame : {"analysed", "original"}, optional
    """

    image: int | None = None
    query: int | None = None
    within: tuple[float, float, float, float] | None = None
    most: int | None = None
    limit: int | None = None
    min_quality: float | None = None
    filters: Filters | None = None
    fold_duplicates: bool = False
    masks: MaskFormat = "none"
    mask_frame: MaskFrame | None = None
