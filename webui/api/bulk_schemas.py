"""Requests and responses about several photos at once."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from retrieval.catalog.tags import MAX_NAME

from .schemas import MAX_PAGE, MAX_TAGS, BodyId, Strict, Text

Tag = Annotated[Text, Field(min_length=1, max_length=MAX_NAME)]


class PhotosById(Strict):
    """Which photos."""

    ids: Annotated[list[BodyId], Field(min_length=1, max_length=MAX_PAGE)]


class TagChange(PhotosById):
    """Which photos, the tags that they get, and the tags that they lose."""

    add: Annotated[list[Tag], Field(max_length=MAX_TAGS, default_factory=list)]
    remove: Annotated[list[Tag], Field(max_length=MAX_TAGS, default_factory=list)]

    @model_validator(mode="after")
    def changes_something(self) -> Self:
        """Check that there is a tag to add or to remove."""
        if not self.add and not self.remove:
            raise PydanticCustomError("tags", "there is nothing to change: send a tag in `add` or in `remove`")
        return self


class Changed(BaseModel):
    """How many of the photos exist."""

    photos: int


class CountedTag(BaseModel):
    """A tag."""

    name: str
    photos: Annotated[int, Field(description="Photos of the library that have it.")]


class TagList(BaseModel):
    """The tags, by name."""

    tags: list[CountedTag]


class Resegmented(BaseModel):
    """How many photos are pending now."""

    queued: Annotated[int, Field(description="Photos that failed, or that another recipe analysed.")]


class DownloadQuery(Strict):
    """Which photos."""

    ids: Annotated[
        str, Field(pattern=r"^[0-9]{1,18}(,[0-9]{1,18}){0,499}$", description="Up to 500 ids, separated by commas.")
    ]
