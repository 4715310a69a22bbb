"""Values that the server answers; fields that a newer server adds are ignored.

Boxes are ``x0, y0, x1, y1``, half-open, and like points and areas in pixels of the upright original photo.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Box = tuple[int, int, int, int]


class Value(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Mask(Value):
    """A mask that covers a whole photo, as COCO's compressed run lengths.

    Attributes
    ----------
    size : tuple of int
        Height and width at which the photo was analysed.
    counts : str
    """

    size: tuple[int, int]
    counts: str

    def array(self) -> NDArray[np.bool_]:
        """The mask, (h, w) bool, at the size at which the photo was analysed.

        Returns
        -------
        ndarray of shape (h, w), bool
        """
        from pycocotools import mask as coding

        decoded: NDArray[np.bool_] = coding.decode({"size": list(self.size), "counts": self.counts.encode()}) > 0
        return decoded


class Segment(Value):
    """A segment of a photo.

    Attributes
    ----------
    id : int
        Of a stored segment; of a query photo the row, from 0.
    box_xyxy : tuple of int
    area : int
    quality : float
        0 to 1.
    label : str or None
        As the recipe labels it.
    parent : int or None
        The smallest segment that contains this one.
    mask : Mask
    concepts : tuple of str
    """

    id: int
    box_xyxy: Box
    area: int
    quality: float
    label: str | None = None
    label_score: float | None = None
    parent: int | None = None
    mask: Mask | None = None
    concepts: tuple[str, ...] = ()


class Segmentation(Value):
    """How well a photo was segmented; all values are from 0 to 1."""

    quality: float
    covered: float
    largest_hole: float
    fragmented: float


class Photo(Value):
    """A photo of the library.

    Attributes
    ----------
    id : int
    path : str or None
        Of its file on the server.
    width, height : int or None
        Of the upright original; None until it is decoded.
    state : str
        ``pending``, ``working``, ``indexed``, ``empty`` or ``failed``.
    error : str or None
        Why it failed.
    missing : bool
        Whether its file was missing when last looked for.
    taken_at : datetime or None
        In the camera's local time.
    deleted_at : datetime or None
        If it is in the trash.
    """

    id: int
    path: str | None = None
    filename: str | None = None
    width: int | None = None
    height: int | None = None
    state: str
    segment_count: int = 0
    error: str | None = None
    missing: bool = False
    taken_at: datetime | None = None
    deleted_at: datetime | None = None
    segmentation: Segmentation | None = None


class PhotoWithSegments(Photo):
    """A photo with its tags and its segments, best first."""

    tags: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()


class Entered(Value):
    """A photo that was uploaded.

    Attributes
    ----------
    id : int
    state : str
    restored : bool
        Whether it was in the trash.
    is_new : bool
        Whether the library did not have its bytes before.
    """

    id: int
    state: str
    restored: bool = False
    is_new: bool = False

    @model_validator(mode="before")
    @classmethod
    def _see_status(cls, values: Any, info: ValidationInfo) -> Any:
        """A new photo is answered with another status."""
        accepted = (info.context or {}).get("status") == HTTPStatus.ACCEPTED
        return {"is_new": accepted, **values} if isinstance(values, dict) else values


class CountedTag(Value):
    """A tag, and how many photos have it."""

    name: str
    photos: int


class Folder(Value):
    """Folders of one name, and how many photos are in them."""

    name: str
    photos: int


class QueryPhoto(Value):
    """A photo to search with, kept by the server for a day."""

    id: int
    width: int
    height: int
    segments: tuple[Segment, ...]


class Level(Value):
    """One of the segments under a point; level 0 is the likeliest."""

    level: int
    segment: int
    quality: float
    area: int


class Selected(Value):
    """What a place in a photo means: one of its segments, or one that was made (`segment` is None)."""

    made: bool
    segment: int | None
    box_xyxy: Box
    area: int
    quality: float
    label: str | None = None
    mask: Mask | None = None


class Matched(Value):
    """How a result matches one part of a search."""

    part: int
    segment_id: int
    score: float
    box_xyxy: Box
    label: str | None = None
    nearest: str | None = None
    mask: Mask | None = None


class Result(Value):
    """One result.

    Attributes
    ----------
    image_id : int
    segment_id : int or None
        None if whole photos were compared.
    score : float
        Cosine similarity.
    box_xyxy : tuple of int
    likely : bool
    probability : float or None
        Of a search by words, that the photo shows what was asked for.
    certainty : str or None
        ``sure``, ``likely`` or ``weak``.
    matched : tuple of Matched
    """

    image_id: int
    segment_id: int | None
    score: float
    box_xyxy: Box
    label: str | None = None
    likely: bool = False
    fallback: bool = False
    quality: float | None = None
    matched: tuple[Matched, ...] = ()
    relations: tuple[float, ...] = ()
    probability: float | None = None
    certainty: str | None = None
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


class Freshness(Value):
    """How many segments were searched, and how many are not searchable yet."""

    segments: int
    lag: int


class Facet(Value):
    """A condition, and how many likely results meet it."""

    value: str
    name: str
    count: int


class Answer(Value):
    """The results of a search, best first.

    Attributes
    ----------
    results : tuple of Result
    none_likely : bool
        Whether probably nothing shows what was asked for: the results are only the nearest.
    words : Words or None
        How the text was read.
    """

    results: tuple[Result, ...]
    used: tuple[Used, ...] = ()
    words: Words | None = None
    parts: tuple[str, ...] = ()
    facets: dict[str, tuple[Facet, ...]] | None = None
    index: Freshness
    took_ms: float
    facets_of: int | None = None
    none_likely: bool = False


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
