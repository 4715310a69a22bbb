"""Requests of exports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from retrieval.formats.exports import Format
from retrieval.query.request import MAX_ID, MAX_LIMIT, MAX_TEXT

from .schemas import BodyId, Moment, PathId, Strict, Text

MAX_ORDERED = 10_000
"""As many ids may an export that is written in the background name."""

Ids = Annotated[str, Field(pattern=r"^[0-9]{1,18}(,[0-9]{1,18}){0,499}$")]


def exported(mime_types: Iterable[str]) -> dict[str, Any]:
    """A response with a file in one of the formats, for the OpenAPI document."""
    binary = {"type": "string", "format": "binary"}
    content = {each: {"schema": {"type": "object"} if each == "application/json" else binary} for each in mime_types}
    return {"description": "The file", "content": content}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request names: ids, or a concept, or a search; everything if nothing."""

    photos: Sequence[int] | None
    segments: Sequence[int] | None
    concept: int | None
    text: str
    like: int | None
    limit: int


class Exported(Strict):
    """Which photos and segments, and in which format. Without a selection it is the whole library."""

    format: Annotated[
        Format,
        Field(
            description="`yolo`, `voc` and `cutouts` are ZIP files; `parquet` has masks and vectors, and `youtube-vis` "
            "the things in videos."
        ),
    ] = "coco"
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

    def wanted(self) -> Wanted:
        """What is selected."""
        return Wanted(
            photos=self.photo_ids,
            segments=self.segment_ids,
            concept=self.concept,
            text=self.text,
            like=self.like,
            limit=self.limit,
        )

    @property
    def photo_ids(self) -> Sequence[int] | None:
        """Ids of photos, each once."""
        return None

    @property
    def segment_ids(self) -> Sequence[int] | None:
        """Ids of segments, each once."""
        return None

    @model_validator(mode="after")
    def selects_once(self) -> Self:
        """Check that there is at most one selection."""
        searched = bool(self.text.strip()) or self.like is not None
        if sum((self.photo_ids is not None, self.segment_ids is not None, self.concept is not None, searched)) > 1:
            raise PydanticCustomError(
                "export", "give only one of `photos`, `segments`, `concept`, and `text` with `like`"
            )
        return self


class ExportQuery(Exported):
    """An export that is sent at once."""

    photos: Annotated[Ids | None, Field(description="Up to 500 ids of photos, separated by commas.")] = None
    segments: Annotated[Ids | None, Field(description="Up to 500 ids of segments, separated by commas.")] = None

    @property
    def photo_ids(self) -> Sequence[int] | None:
        """Ids of photos, each once."""
        return _ids(self.photos)

    @property
    def segment_ids(self) -> Sequence[int] | None:
        """Ids of segments, each once."""
        return _ids(self.segments)


class ExportOrder(Exported):
    """An export that a worker writes."""

    photos: Annotated[list[BodyId] | None, Field(min_length=1, max_length=MAX_ORDERED, description="Of photos.")] = None
    segments: Annotated[
        list[BodyId] | None, Field(min_length=1, max_length=MAX_ORDERED, description="Of segments.")
    ] = None

    @property
    def photo_ids(self) -> Sequence[int] | None:
        """Ids of photos, each once."""
        return None if self.photos is None else list(dict.fromkeys(self.photos))

    @property
    def segment_ids(self) -> Sequence[int] | None:
        """Ids of segments, each once."""
        return None if self.segments is None else list(dict.fromkeys(self.segments))


class ExportPath(Strict):
    """Which export."""

    export_id: PathId


class ExportJob(BaseModel):
    """An export that was ordered."""

    id: int
    format: Format
    state: Annotated[
        Literal["queued", "running", "done", "failed"],
        Field(description="`queued` until a worker has time; `segsearch serve` and `ingest --watch` run one."),
    ]
    done: Annotated[int, Field(description="Photos that were written.")]
    total: Annotated[int, Field(description="Photos, at most.")]
    created_at: Moment
    expires_at: Annotated[Moment | None, Field(description="When the file goes; null before it is there.")]
    size: Annotated[int | None, Field(description="Bytes of the file; null before it is there.")]
    error: Annotated[str | None, Field(description="Why it failed, and what to do; null if it did not.")]


class ExportJobs(BaseModel):
    """Exports that were ordered."""

    exports: list[ExportJob]


def _ids(text: str | None) -> list[int] | None:
    return None if text is None else list(dict.fromkeys(map(int, text.split(","))))
