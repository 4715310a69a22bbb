"""Requests of exports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from retrieval.formats.exports import Format
from retrieval.query.request import MAX_ID, MAX_LIMIT, MAX_TEXT

from .schemas import Strict, Text

Ids = Annotated[str, Field(pattern=r"^[0-9]{1,18}(,[0-9]{1,18}){0,499}$")]


def exported(mime_types: Iterable[str]) -> dict[str, Any]:
    """A response with a file in one of the formats, for the OpenAPI document."""
    binary = {"type": "string", "format": "binary"}
    content = {each: {"schema": {"type": "object"} if each == "application/json" else binary} for each in mime_types}
    return {"description": "The file", "content": content}


class ExportQuery(Strict):
    """Which photos and segments, and in which format. Without a selection it is the whole library."""

    format: Annotated[
        Format,
        Field(description="`yolo`, `voc` and `cutouts` are ZIP files; `parquet` has vectors."),
    ] = "coco"
    photos: Annotated[Ids | None, Field(description="Up to 500 ids of photos, separated by commas.")] = None
    segments: Annotated[Ids | None, Field(description="Up to 500 ids of segments, separated by commas.")] = None
    concept: Annotated[
        int | None,
        Field(ge=0, le=MAX_ID, description="Id of a concept: the segments that it labels, and its examples."),
    ] = None
    text: Annotated[Text, Field(max_length=MAX_TEXT, description="The likely results of a search for these words.")] = (
        ""
    )
    like: Annotated[
        int | None, Field(ge=0, le=MAX_ID, description="The likely results of a search by the segment with this id.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="At most so many results of a search.")] = MAX_LIMIT
    polygons: Annotated[bool, Field(description="Whether COCO's masks are polygons.")] = False

    @model_validator(mode="after")
    def selects_once(self) -> Self:
        """Check that there is at most one selection."""
        searched = bool(self.text.strip()) or self.like is not None
        if sum((self.photos is not None, self.segments is not None, self.concept is not None, searched)) > 1:
            raise PydanticCustomError(
                "export", "give only one of `photos`, `segments`, `concept`, and `text` with `like`"
            )
        return self
