"""What goes in and out of the calls about photos and query photos."""

from __future__ import annotations

from typing import Annotated, Any

from flask import request
from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import FileStorage as ReceivedFile

from retrieval.catalog.records import State
from retrieval.query.request import MAX_ID

from .schemas import MAX_PAGE, PathId, Segment, Strict


class ImagePath(BaseModel):
    """The photo that is meant."""

    image_id: PathId


class SegmentPath(BaseModel):
    """The segment that is meant."""

    segment_id: PathId


class QueryPath(BaseModel):
    """The query photo that is meant."""

    query_id: PathId


class PageQuery(Strict):
    """Which page of photos."""

    after: Annotated[int, Field(ge=0, le=MAX_ID, description="`next` of the page before.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    state: Annotated[State | None, Field(description="Only photos in this state.")] = None
    max_quality: Annotated[
        float | None, Field(ge=0, le=1, description="Only analysed photos whose segmentation is no better.")
    ] = None


class PictureForm(BaseModel):
    """A picture file."""

    file: Annotated[FileStorage, Field(description="The picture: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIF or PPM.")]

    @model_validator(mode="before")
    @classmethod
    def has_file(cls, values: object) -> object:
        """Check that one file came, not a text of that name."""
        if len(request.files.getlist("file")) > 1:
            raise PydanticCustomError("file", "several files came: send one with each call")
        if not isinstance(values, dict) or not isinstance(values.get("file"), ReceivedFile):
            raise PydanticCustomError(
                "file", "no file came: send a multipart/form-data body, the picture as part `file`"
            )
        return values


class Segmentation(BaseModel):
    """How well a photo was segmented, all from 0 to 1."""

    quality: Annotated[float, Field(description="Mean over the photo of the best segment's quality there.")]
    covered: Annotated[float, Field(description="Share of the photo that usable segments cover.")]
    largest_hole: Annotated[float, Field(description="Share of the largest connected part that none covers.")]
    fragmented: Annotated[float, Field(description="Share that only fragments of under 1 % of the photo cover.")]


class Item(BaseModel):
    """A photo. Width and height are those of the upright original, null until it was decoded."""

    id: int
    path: Annotated[str | None, Field(description="Where the file is; bytes that are not UTF-8 stand as `\\xNN`.")]
    width: int | None
    height: int | None
    state: State
    segment_count: int
    error: Annotated[str | None, Field(description="Why it failed.")]
    missing: Annotated[bool, Field(description="Whether its file was not where it should be, when last looked for.")]
    taken_at: Annotated[str | None, Field(description="ISO 8601, local time of the camera.")]
    filename: str | None
    segmentation: Annotated[Segmentation | None, Field(description="Null until the photo was analysed.")]


class ItemWithSegments(Item):
    """A photo with its segments."""

    segments: list[Segment]


class Page(BaseModel):
    """A page of photos, by rising id."""

    items: list[Item]
    next: Annotated[int | None, Field(description="`after` of the next page; null at the end.")]


class Entered(BaseModel):
    """A photo that was given."""

    id: int
    state: State


class QueryPhoto(BaseModel):
    """A query photo with its segments, kept for a day."""

    id: int
    width: int
    height: int
    segments: list[Segment]


def picture(*mime_types: str) -> dict[str, Any]:
    """A response of picture bytes, for the OpenAPI document."""
    content = {mime_type: {"schema": {"type": "string", "format": "binary"}} for mime_type in mime_types}
    return {"description": "The picture", "content": content}
