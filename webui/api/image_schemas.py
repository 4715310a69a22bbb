"""Requests and responses about photos and query photos."""

from __future__ import annotations

from typing import Annotated, Any

from flask import request
from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import FileStorage as ReceivedFile

from retrieval.catalog.records import State
from retrieval.query.request import MAX_ID, MOST_THINGS

from .mask_schemas import Frame
from .schemas import MAX_PAGE, Moment, PathId, Segment, Strict, Text


class ImagePath(BaseModel):
    """The id of the photo."""

    image_id: PathId


class SegmentPath(BaseModel):
    """The id of the segment."""

    segment_id: PathId


class QueryPath(BaseModel):
    """The id of the query photo."""

    query_id: PathId


class MaskQuery(Strict):
    """The frame of a mask."""

    mask_frame: Frame = "original"


class PageQuery(Strict):
    """Which page of photos."""

    after: Annotated[int, Field(ge=0, le=MAX_ID, description="The `next` of the previous page.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    state: Annotated[State | None, Field(description="Only photos in this state.")] = None
    max_quality: Annotated[
        float | None, Field(ge=0, le=1, description="Only analysed photos whose segmentation quality is at most this.")
    ] = None
    video: Annotated[
        int | None, Field(ge=1, le=MAX_ID, description="The frames of this video, which are left out otherwise.")
    ] = None


class PictureForm(BaseModel):
    """A picture file."""

    file: Annotated[
        FileStorage, Field(description="The image file: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIF or PPM.")
    ]

    @model_validator(mode="before")
    @classmethod
    def has_file(cls, values: object) -> object:
        """Check that the field is one file, not a text."""
        if len(request.files.getlist("file")) > 1:
            raise PydanticCustomError("file", "the request has several files: send one per call")
        if not isinstance(values, dict) or not isinstance(values.get("file"), ReceivedFile):
            raise PydanticCustomError(
                "file", "the request has no file: send multipart/form-data with the picture as part `file`"
            )
        return values


class UploadForm(PictureForm):
    """A picture file and where it was."""

    folder: Annotated[
        Text,
        Field(max_length=4096, description="The folder that the file was in, such as `Holiday/Day 1`."),
    ] = ""

    @model_validator(mode="before")
    @classmethod
    def is_in_one_folder(cls, values: object) -> object:
        """Check that the form has one folder; the framework would take the first."""
        if len(request.form.getlist("folder")) > 1:
            raise PydanticCustomError("folder", "the request has several folders: send the one that the file was in")
        return values


class Segmentation(BaseModel):
    """How well a photo was segmented; all values are from 0 to 1."""

    quality: Annotated[float, Field(description="Quality of the best segment at each point, averaged over the photo.")]
    covered: Annotated[float, Field(description="Share of the photo covered by good segments.")]
    largest_hole: Annotated[
        float, Field(description="Share of the photo taken by the largest connected uncovered area.")
    ]
    fragmented: Annotated[
        float, Field(description="Share of the photo covered only by fragments smaller than 1% of it.")
    ]


class Item(BaseModel):
    """A photo, a video, or a frame of one.

    Width and height are those of the upright original, null until it is decoded.
    """

    id: int
    path: Annotated[str | None, Field(description="Path of the file; bytes that are not UTF-8 are written as `\\xNN`.")]
    width: int | None
    height: int | None
    state: State
    segment_count: int
    error: Annotated[
        str | None, Field(description="Why the photo failed or, of a video, why it was not read as a whole.")
    ]
    missing: Annotated[bool, Field(description="Whether the file was missing when last checked.")]
    taken_at: Annotated[
        str | None,
        Field(description="By the clock of the camera, which does not say its time zone: `YYYY-MM-DDThh:mm:ss`."),
    ]
    deleted_at: Annotated[
        Moment | None, Field(description="When the photo was moved to the trash, in UTC, if it is there.")
    ]
    filename: Annotated[
        str | None,
        Field(description="The name of the file; of an upload the name that it had, if known."),
    ]
    segmentation: Annotated[Segmentation | None, Field(description="Null until the photo is analysed.")]
    duration_s: Annotated[float | None, Field(description="Of a video, its length in seconds; otherwise null.")]
    video: Annotated[int | None, Field(description="Of a frame, the id of its video; otherwise null.")]
    time_s: Annotated[float | None, Field(description="Of a frame, seconds from the beginning of its video.")]


Things = Annotated[
    list[int],
    Field(
        description=f"Ids of the segments that are its things, the best first, at most {MOST_THINGS}: of high quality, "
        "and none a part of another. Empty where no segment is likely to be a thing."
    ),
]


class ItemWithSegments(Item):
    """A photo with its segments."""

    tags: list[str]
    segments: list[Segment]
    things: Things


class Page(BaseModel):
    """A page of photos, in ascending order of id."""

    items: list[Item]
    next: Annotated[int | None, Field(description="The `after` of the next page; null on the last page.")]


class Entered(BaseModel):
    """An uploaded photo."""

    id: int
    state: State
    restored: Annotated[bool, Field(description="Whether the photo was in the trash; it has been restored.")]


class Deleted(BaseModel):
    """How many photos were deleted."""

    deleted: int


class Restored(BaseModel):
    """How many photos were restored."""

    restored: int


class Emptied(Deleted):
    """How many photos were deleted for good, and how many are still in the trash."""

    left: int


class QueryPhoto(BaseModel):
    """A query photo with its segments, kept for a day."""

    id: int
    width: int
    height: int
    segments: list[Segment]
    things: Things


def picture(*mime_types: str) -> dict[str, Any]:
    """A response of picture bytes, for the OpenAPI document."""
    content = {mime_type: {"schema": {"type": "string", "format": "binary"}} for mime_type in mime_types}
    return {"description": "The picture", "content": content}


CUTOUT = picture("image/png") | {
    "headers": {
        "Cutout-Frame": {
            "description": "Whose pixels it has.",
            "schema": {"type": "string", "enum": ["original", "preview"]},
        }
    }
}
