"""Requests and responses about many photos, segments or searches at once."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from .image_schemas import Item
from .mask_schemas import FORMATS, Frame, MaskFormat
from .schemas import MAX_PAGE, BodyId, PhotoMasksQuery, Problem, Segment, Strict
from .search_schemas import Answer, Search

MAX_SEARCHES = 100

MAX_RESULTS = 10_000


class ImagesById(Strict):
    """Which photos."""

    ids: Annotated[list[BodyId], Field(min_length=1, max_length=MAX_PAGE)]


class SegmentQuery(PhotoMasksQuery):
    """What to give of a segment."""

    vector: Annotated[bool, Field(description="Whether to include its vector.")] = False


class SegmentsById(Strict):
    """Which segments, and what to give of them."""

    ids: Annotated[list[BodyId], Field(min_length=1, max_length=MAX_PAGE)]
    masks: Annotated[MaskFormat, Field(description=FORMATS)] = "rle"
    mask_frame: Frame = "analysed"
    vectors: Annotated[bool, Field(strict=True, description="Whether to include their vectors.")] = False


class Missing(BaseModel):
    """What was asked for and is not there."""

    missing: Annotated[list[int], Field(description="Ids of which there is nothing, in the order of the request.")]


class FoundImages(Missing):
    """Photos, in the order of the request, each once."""

    items: list[Item]


class Vector(BaseModel):
    """The vector of a segment."""

    space: Annotated[str, Field(description="Only vectors of the same space can be compared.")]
    values: Annotated[list[float], Field(description="Of unit length, so that inner products are cosines.")]


class StoredSegment(Segment):
    """A segment with its photo."""

    image_id: int
    vector: Annotated[Vector | None, Field(description="Only on request.")] = None


class FoundSegments(Missing):
    """Segments, in the order of the request, each once."""

    segments: list[StoredSegment]


class Searches(Strict):
    """Searches, each as `POST /search` takes it."""

    searches: Annotated[list[Search], Field(min_length=1, max_length=MAX_SEARCHES)]

    @model_validator(mode="after")
    def is_bounded(self) -> Self:
        """Check that there are not too many results to give."""
        if sum(each.limit for each in self.searches) > MAX_RESULTS:
            raise PydanticCustomError(
                "results", f"the limits of all searches add up to more than {MAX_RESULTS} results: send fewer at once"
            )
        return self


class Answered(BaseModel):
    """What came of one search: an answer, or an error."""

    answer: Annotated[Answer | None, Field(description="Absent if there is an error.")] = None
    error: Annotated[Problem | None, Field(description="Absent if there is an answer.")] = None


class Answers(BaseModel):
    """What came of each search, in the order of the request."""

    answers: list[Answered]
    took_ms: float
