"""What goes in and out of the calls about the installation."""

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
    """How the installation is doing."""

    counts: Counts
    segments: Annotated[int, Field(description="Segments that a search can find.")]
    lag: Annotated[int, Field(description="Segments that are not searchable yet.")]
    recipe: str
    fingerprint: Annotated[str, Field(description="Of the recipe; vectors of two are never compared.")]
    analyzer_up: Annotated[bool, Field(description="Whether query photos can be segmented now.")]
    paused: Annotated[bool, Field(description="Whether the workers were told to enter nothing more for now.")]
    shortage: Annotated[
        str | None, Field(description="Why there is no room for photos, and what to do; null if there is.")
    ]


class Paused(BaseModel):
    """Whether the workers are told to enter nothing more for now."""

    paused: bool


class PhotoCount(BaseModel):
    """How many photos it was."""

    photos: int
