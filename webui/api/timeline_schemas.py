"""Requests and responses about the timeline."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from retrieval.catalog.records import Listed, Order, State, View
from retrieval.catalog.records.timeline import MONTH
from retrieval.catalog.tags import MAX_NAME
from retrieval.query.request import MAX_ID

from .schemas import MAX_PAGE, Strict, Text

MAX_IDS = 10_000
MAX_FOLDER = 255


class TimelineQuery(Strict):
    """Which photos, and in which order."""

    order: Annotated[
        Order,
        Field(
            description="By the time when they were taken, `newest` or `oldest` first, or by the time when they were "
            "`added`, newest first. A photo without a date counts as taken when it was added."
        ),
    ] = "newest"
    state: Annotated[
        Listed | None,
        Field(
            description="Only photos in this state; `pending` includes the ones in progress, `trash` what was deleted."
        ),
    ] = None
    folder: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_FOLDER,
            pattern="^[^/\\u0000]+$",
            description="Only photos in folders of this name.",
        ),
    ] = None
    tag: Annotated[Text | None, Field(min_length=1, max_length=MAX_NAME, description="Only photos with this tag.")] = (
        None
    )
    label: Annotated[
        Text | None,
        Field(min_length=1, max_length=MAX_FOLDER, description="Only photos with a segment that has this label."),
    ] = None

    def view(self) -> View:
        """The view of the catalogue."""
        return View(order=self.order, state=self.state, folder=self.folder, tag=self.tag, label=self.label)


class TimelinePageQuery(TimelineQuery):
    """Which page."""

    month: Annotated[str | None, Field(pattern=MONTH, description="Only photos of this month, as YYYY-MM.")] = None
    skip: Annotated[int, Field(ge=0, le=MAX_ID, description="How many photos come before the page.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 200


class TimelineIdsQuery(TimelineQuery):
    """Which ids."""

    skip: Annotated[int, Field(ge=0, le=MAX_ID, description="How many photos come before the page.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_IDS)] = MAX_IDS


class AroundQuery(TimelineQuery):
    """Around which photo."""

    image: Annotated[int, Field(ge=0, le=MAX_ID, description="Id of the photo.")]
    count: Annotated[int, Field(ge=1, le=MAX_PAGE, description="At most so many on each side.")] = 12


class MonthOfPhotos(BaseModel):
    """How many photos a month has."""

    month: Annotated[str, Field(description="YYYY-MM.")]
    photos: int
    aspect: Annotated[float, Field(description="Mean ratio of width to height; 4 : 3 for photos not decoded yet.")]


class Months(BaseModel):
    """Months that have photos, in the order that was asked for."""

    months: list[MonthOfPhotos]


class PhotoInTimeline(BaseModel):
    """What is needed to lay out and show a photo."""

    id: int
    aspect: Annotated[float, Field(description="Ratio of width to height; 4 : 3 if the photo was not decoded yet.")]
    state: State
    name: Annotated[str, Field(description="The name of its file.")]
    segments: int
    missing: Annotated[bool, Field(description="Whether the file was missing when last checked.")]
    error: Annotated[str | None, Field(description="Why the photo failed, without the path of its file.")]
    duration_s: Annotated[float | None, Field(description="Of a video, its length in seconds; otherwise null.")]


class PhotosInTimeline(BaseModel):
    """A page of photos."""

    photos: list[PhotoInTimeline]


class PhotoIds(BaseModel):
    """Ids of photos."""

    ids: list[int]


class PhotosAround(BaseModel):
    """The photos around a photo, in the order that was asked for."""

    before: list[PhotoInTimeline]
    after: list[PhotoInTimeline]
    listed: Annotated[bool, Field(description="Whether the photo itself is among the photos that were asked for.")]


class PhotoCount(BaseModel):
    """Something that photos have in common."""

    name: str
    photos: int


class LibraryFacets(BaseModel):
    """What most photos have in common, up to 20 of each kind, those of most photos first."""

    folders: list[PhotoCount]
    tags: list[PhotoCount]
    labels: Annotated[list[PhotoCount], Field(description="Labels of segments.")]
    concepts: Annotated[
        list[PhotoCount], Field(description="Among all photos of the library; of the first 50 concepts by name.")
    ]
