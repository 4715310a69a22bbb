"""Requests and responses about the installation."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field


class Counts(BaseModel):
    """Photos in each state."""

    pending: int
    working: int
    indexed: int
    empty: int
    failed: int


class Status(BaseModel):
    """The status of the installation."""

    counts: Counts
    trash: Annotated[int, Field(description="Photos in the trash, which are in no other count.")]
    segments: Annotated[int, Field(description="Searchable segments.")]
    lag: Annotated[int, Field(description="Segments not yet searchable.")]
    recipe: str
    fingerprint: Annotated[
        str, Field(description="Vector space of the recipe; vectors of different spaces are never compared.")
    ]
    analyzer_up: Annotated[bool, Field(description="Whether query photos can be segmented now.")]
    paused: Annotated[bool, Field(description="Whether ingest is paused.")]
    shortage: Annotated[
        str | None, Field(description="Why there is no space for photos and what to do; null if there is space.")
    ]


class Paused(BaseModel):
    """Whether ingest is paused."""

    paused: bool


class PhotoCount(BaseModel):
    """The number of photos affected."""

    photos: int
