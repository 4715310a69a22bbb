"""Values that the server answers; fields that a newer server adds are ignored.

Boxes are ``x0, y0, x1, y1``, half-open, and like points and areas in pixels of the upright original photo.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Box = tuple[int, int, int, int]


class Value(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Mask(Value):
    """A mask that covers a whole photo.

    Attributes
    ----------
    size : tuple of int
        Height and width: of the frame that the call asked for (`mask_frame`).
    counts : str or None
        COCO's compressed run lengths.
    polygons : tuple of tuple of int or None
        Instead, if they were asked for: corners ``x, y, x, y, …`` for each connected part.
    """

    size: tuple[int, int]
    counts: str | None = None
    polygons: tuple[tuple[int, ...], ...] | None = None

    def array(self) -> NDArray[np.bool_]:
        """The mask as pixels.

        Returns
        -------
        ndarray of shape (h, w), bool
        """
        from pycocotools import mask as coding

        height, width = self.size
        if self.counts is not None:
            run = {"size": [height, width], "counts": self.counts.encode()}
        else:
            run = coding.merge(
                coding.frPyObjects([list(map(float, each)) for each in self.polygons or ()], height, width)
            )
        decoded: NDArray[np.bool_] = coding.decode(run) > 0
        return decoded


class Segment(Value):
    """A segment of a photo.

    Attributes
    ----------
    id : int
        Of a stored segment; of a query photo the row, from 0.
    box_xyxy : tuple of int
    area : int
    quality : float
        0 to 1.
    label : str or None
        As the recipe labels it.
    parent : int or None
        The smallest segment that contains this one.
    mask : Mask
    concepts : tuple of str
    """

    id: int
    box_xyxy: Box
    area: int
    quality: float
    label: str | None = None
    label_score: float | None = None
    parent: int | None = None
    mask: Mask | None = None
    concepts: tuple[str, ...] = ()


class Vector(Value):
    """The vector of a segment, of unit length; only vectors of the same space can be compared."""

    space: str
    values: tuple[float, ...]


class StoredSegment(Segment):
    """A segment with its photo, and with its vector if that was asked for."""

    image_id: int
    vector: Vector | None = None


class FoundSegments(Value):
    """Segments in the order in which they were asked for, and the ids of which there is nothing."""

    segments: tuple[StoredSegment, ...]
    missing: tuple[int, ...] = ()


class Segmentation(Value):
    """How well a photo was segmented; all values are from 0 to 1."""

    quality: float
    covered: float
    largest_hole: float
    fragmented: float


class Photo(Value):
    """A photo of the library.

    Attributes
    ----------
    id : int
    path : str or None
        Of its file on the server.
    width, height : int or None
        Of the upright original; None until it is decoded.
    state : str
        ``pending``, ``working``, ``indexed``, ``empty`` or ``failed``.
    error : str or None
        Why it failed.
    missing : bool
        Whether its file was missing when last looked for.
    taken_at : datetime or None
        In the camera's local time.
    deleted_at : datetime or None
        If it is in the trash.
    duration_s : float or None
        Of a video, its length in seconds.
    video, time_s : int or None, float or None
        Of a frame, its video and the time in that, in seconds.
    """

    id: int
    path: str | None = None
    filename: str | None = None
    width: int | None = None
    height: int | None = None
    state: str
    segment_count: int = 0
    error: str | None = None
    missing: bool = False
    taken_at: datetime | None = None
    deleted_at: datetime | None = None
    segmentation: Segmentation | None = None
    duration_s: float | None = None
    video: int | None = None
    time_s: float | None = None


class PhotoWithSegments(Photo):
    """A photo with its tags and its segments, best first.

    Attributes
    ----------
    things : tuple of int
        Ids of the segments that are its things, the best first; empty where none is likely to be one.
    """

    tags: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    things: tuple[int, ...] = ()


class FoundPhotos(Value):
    """Photos in the order in which they were asked for, and the ids of which there is nothing."""

    items: tuple[Photo, ...]
    missing: tuple[int, ...] = ()


class Entered(Value):
    """A photo that was uploaded.

    Attributes
    ----------
    id : int
    state : str
    restored : bool
        Whether it was in the trash.
    is_new : bool
        Whether the library did not have its bytes before.
    """

    id: int
    state: str
    restored: bool = False
    is_new: bool = False

    @model_validator(mode="before")
    @classmethod
    def _see_status(cls, values: Any, info: ValidationInfo) -> Any:
        """A new photo is answered with another status."""
        accepted = (info.context or {}).get("status") == HTTPStatus.ACCEPTED
        return {"is_new": accepted, **values} if isinstance(values, dict) else values


class CountedTag(Value):
    """A tag, and how many photos have it."""

    name: str
    photos: int


class Folder(Value):
    """Folders of one name, and how many photos are in them."""

    name: str
    photos: int


class QueryPhoto(Value):
    """A photo to search with, kept by the server for a day.

    Attributes
    ----------
    things : tuple of int
        Ids of the segments that are its things, the best first; empty where none is likely to be one.
    """

    id: int
    width: int
    height: int
    segments: tuple[Segment, ...]
    things: tuple[int, ...] = ()


class Level(Value):
    """One of the segments under a point; level 0 is the likeliest."""

    level: int
    segment: int
    quality: float
    area: int


class Selected(Value):
    """What a place in a photo means: one of its segments, or one that was made (`segment` is None)."""

    made: bool
    segment: int | None
    box_xyxy: Box
    area: int
    quality: float
    label: str | None = None
    mask: Mask | None = None
