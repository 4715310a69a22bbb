"""Requests and responses about the installation."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from .schemas import Moment


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


class PhotoInProgress(BaseModel):
    """A photo that a worker is processing."""

    id: int
    name: str


class Worker(BaseModel):
    """A worker that is processing photos. Idle workers are not listed."""

    host: str
    pid: int | None
    photos: list[PhotoInProgress]
    lease_until: Annotated[
        Moment, Field(description="When other workers may take its photos, unless it renews, in UTC.")
    ]
    is_gone: Annotated[bool, Field(description="Whether its process has ended; another worker takes over.")]


class Intake(BaseModel):
    """Photos on their way in."""

    pending: Annotated[int, Field(description="Photos that any worker may take.")]
    waiting_for_recipe: Annotated[
        int, Field(description="Photos that wait for a worker with another recipe than this server's.")
    ]
    working: Annotated[int, Field(description="Photos in progress; a pause does not stop these.")]
    failed: int
    paused: bool
    shortage: Annotated[
        str | None, Field(description="Why there is no space for photos and what to do; null if there is space.")
    ]
    workers: list[Worker]
