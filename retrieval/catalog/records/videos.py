"""Videos and their frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from .images import State


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of a video once it was read.

    Attributes
    ----------
    format : str
    size_hw : tuple of int
        Of upright frames.
    duration_s : float
        Seconds that were read.
    taken_at : datetime or None
    fault : str or None
        Why that is not the whole video, and what to do.
    """

    format: str
    size_hw: tuple[int, int]
    duration_s: float
    taken_at: datetime | None
    fault: str | None


class Moment(NamedTuple):
    """A frame of a video.

    Attributes
    ----------
    image_id : int
    time_s : float
        Seconds from the beginning of the video.
    state : State
    """

    image_id: int
    time_s: float
    state: State


class FramePlace(NamedTuple):
    """Which frame of which video a photo is: the video's id, and seconds from its beginning."""

    video_id: int
    time_s: float


class Sighting(NamedTuple):
    """A frame in which a thing is seen.

    Attributes
    ----------
    time_s : float
        Seconds from the beginning of the video.
    image_id : int
        The frame.
    segment_id : int or None
        The thing in it; None where whole frames are compared.
    """

    time_s: float
    image_id: int
    segment_id: int | None
