"""Which videos are refused, how much of one is read, and how often a frame is taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..images.limits import DecodeLimits


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Limits of one video.

    Attributes
    ----------
    max_bytes : int
        File size; a larger file is refused. It is read piece by piece, so the default, 100 GB, costs no memory.
    frame : DecodeLimits
        Pixels, short side and aspect of a frame. The default admits 8K (7,680 x 4,320), some 50 MB a frame.
    max_seconds : float
        So much of a video is read; what is after that is left out, and noted.
    max_frames : int
        So many frames are taken.
    max_work_seconds : float
        So long may reading take; frames that were taken by then are used.
    silent_seconds : float
        A reader that says nothing for so long hangs, and is ended.
    memory_bytes : int
        How much the reader may allocate.

    Raises
    ------
    ValueError
        A limit is not positive.
    """

    max_bytes: int = 100 * 1024**3
    frame: DecodeLimits = field(default_factory=lambda: DecodeLimits(max_pixels=36_000_000, max_aspect=8.0))
    max_seconds: float = 12 * 3600.0
    max_frames: int = 20_000
    max_work_seconds: float = 6 * 3600.0
    silent_seconds: float = 60.0
    memory_bytes: int = 2 * 1024**3

    def __post_init__(self) -> None:
        counts = self.max_bytes, self.max_frames, self.memory_bytes
        seconds = self.max_seconds, self.max_work_seconds, self.silent_seconds
        if min(counts) < 1 or not min(seconds) > 0:
            raise ValueError(f"limits must be positive, got {self}")


DEFAULT_VIDEO_LIMITS = VideoLimits()
"""The limits used where none are given."""
