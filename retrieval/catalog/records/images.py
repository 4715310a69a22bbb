"""Photos and the places of their files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from ...segment.assessment import Assessment
from ...storage.locations import displayed, is_file, name_of, path_of

State = Literal["pending", "working", "indexed", "empty", "failed"]
STATES: tuple[State, ...] = ("pending", "working", "indexed", "empty", "failed")


@dataclass(frozen=True, slots=True)
class LocationRecord:
    """A place where a photo's bytes are, or were when `missing_since` is set.

    An upload lies under its digest. `uploaded_as` is the name that it had before, after its folder if that was uploaded
    (``Holiday/1.jpg``), empty if it is not known, and None for files that were not uploaded. `version` is the entity
    tag of an object in a store.
    """

    uri: str
    size: int
    mtime_ns: int
    missing_since: datetime | None
    uploaded_as: str | None
    version: str | None = None

    @property
    def path(self) -> Path | None:
        """The file; None for an object in a store, which is no file of this machine."""
        return path_of(self.uri) if is_file(self.uri) else None

    @property
    def displayed(self) -> str:
        """The path of the file, or the address of the object, as text."""
        return displayed(self.uri)

    @property
    def name(self) -> str:
        """The name of the file; empty if it was uploaded, and its name is not known."""
        return name_of(self.uri) if self.uploaded_as is None else self.uploaded_as.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class KnownLocation:
    """What the catalogue knows of a place."""

    id: int
    image_id: int
    size: int
    mtime_ns: int
    state: State
    is_missing: bool
    in_trash: bool
    version: str | None = None

    def is_same(self, size: int, mtime_ns: int, version: str | None = None) -> bool:
        """Whether what is there now is what was registered.

        An object is told by its entity tag, if it has one; others by size and time of change.
        """
        if version is not None:
            return not self.is_missing and self.version == version
        return not self.is_missing and (self.size, self.mtime_ns) == (size, mtime_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """A photo, a video, or a frame of a video.

    A video has a `duration_s`, and no segments of its own; a frame has its `video_id` and its `time_s` from there.

    Width and height are those of the upright original, None until it was decoded. It was taken at `taken_at`, in the
    camera's local time, added at `created_at`, and moved to the trash at `deleted_at`, if it is there.
    """

    id: int
    sha256: str
    state: State
    error: str | None
    attempts: int
    format: str | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    created_at: datetime
    deleted_at: datetime | None
    recipe: str | None
    space: str | None
    segment_count: int
    assessment: Assessment | None
    locations: tuple[LocationRecord, ...]
    duration_s: float | None = None
    video_id: int | None = None
    time_s: float | None = None

    @property
    def is_video(self) -> bool:
        """Whether it is a video that was read."""
        return self.duration_s is not None

    @property
    def is_missing(self) -> bool:
        """Whether the photo is at none of its locations any more, as far as was noticed."""
        return all(location.missing_since is not None for location in self.locations)

    @property
    def place(self) -> LocationRecord | None:
        """The first location that is there, else the first that was."""
        there = [location for location in self.locations if location.missing_since is None]
        return next(iter((*there, *self.locations)), None)

    @property
    def path(self) -> Path | None:
        """The file at `place`; None if that is an object in a store."""
        return None if self.place is None else self.place.path

    @property
    def displayed(self) -> str:
        """The path or address of `place` as text; empty if the photo has no place."""
        return "" if self.place is None else self.place.displayed
