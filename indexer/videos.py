"""Enters videos: their frames become pending photos as they are found."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BufferedReader

from retrieval.assembly import Assembly
from retrieval.catalog import Videos
from retrieval.catalog.records import Job, VideoFacts
from retrieval.errors import ImageError, StoreUnavailableError, UnreadableVideoError
from retrieval.storage.disk import Storage
from retrieval.storage.originals import digest_of, identity_of, path_of_opened
from retrieval.storage.own_files import OwnFiles
from retrieval.videos.decoding import VideoEnd, VideoFrame, VideoInfo
from retrieval.videos.limits import DEFAULT_VIDEO_LIMITS, VideoLimits
from retrieval.videos.reader import ReadingStopped, read_guarded
from retrieval.videos.times import clock

from .claims import Claims
from .opening import CHANGED

WAIT_SECONDS = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class VideoIntake:
    """Reads videos, one at a time, and enters their frames.

    Attributes
    ----------
    videos : Videos
    own_files : OwnFiles
    storage : Storage
        While it is short, reading waits.
    interval : float
        Between cuts, at most one frame is taken in so many seconds.
    limits : VideoLimits
    """

    videos: Videos
    own_files: OwnFiles
    storage: Storage
    interval: float
    limits: VideoLimits = DEFAULT_VIDEO_LIMITS

    @classmethod
    def of(cls, assembly: Assembly) -> VideoIntake:
        """The intake of a data directory, with its settings."""
        return cls(assembly.catalog.videos, assembly.own_files, assembly.storage, assembly.settings.frame_seconds)

    def enter_all(
        self, claims: Claims, films: queue.Queue[Job | None], stopped: Callable[[], bool], on_frame: Callable[[], None]
    ) -> None:
        """Enter videos that were claimed, one at a time, until None comes; the frames are claimed in their turn."""
        while (job := films.get()) is not None:
            if (file := claims.open(job)) is not None:
                with file:
                    try:
                        claims.count(self.enter(claims.owner, job, file, stopped, on_frame))
                    except StoreUnavailableError as error:
                        claims.put_aside(job, error)
                    except ImageError as error:
                        claims.fail(job, error)

    def enter(
        self,
        owner: str,
        job: Job,
        file: BufferedReader,
        stopped: Callable[[], bool],
        on_frame: Callable[[], None] = lambda: None,
    ) -> bool:
        """Enter a video that `owner` has claimed; returns whether it was read to its end, and was still theirs.

        Parameters
        ----------
        owner : str
        job : Job
        file : binary file
            The opened video.
        stopped : callable
            Whether to stop; what was entered stays, and is found again when the video is read again.
        on_frame : callable
            Called after each frame that was entered.

        Raises
        ------
        ImageError
            It gave no frame, and cannot be used; or it was written to meanwhile.
        StoreUnavailableError
            Its frames cannot be kept now.
        """
        before, name = identity_of(file), self.videos.shown_name(job.image_id)
        info: VideoInfo | None = None
        try:
            for event in read_guarded(
                path_of_opened(file), job.sha256, interval=self.interval, limits=self.limits, stopped=stopped
            ):
                if isinstance(event, VideoInfo):
                    info = event
                elif isinstance(event, VideoFrame):
                    self._wait_for_room(stopped)
                    if not self._add(owner, job.image_id, event, name):
                        return False
                    on_frame()
                elif isinstance(event, VideoEnd) and info is not None:
                    if identity_of(file) != before and digest_of(file) != job.sha256:
                        raise UnreadableVideoError(CHANGED)
                    facts = VideoFacts(info.format, info.size_hw, event.duration_s, info.taken_at, event.fault)
                    return self.videos.finish(owner, job.image_id, facts)
        except ReadingStopped:
            pass
        return False

    def _add(self, owner: str, video_id: int, frame: VideoFrame, name: str) -> bool:
        called = f"{name} {clock(frame.time_s)}" if name else ""
        write = partial(self.videos.add_frame, owner, video_id, time_s=frame.time_s)
        return self.own_files.enter_frame(frame.jpeg, called, write)

    def _wait_for_room(self, stopped: Callable[[], bool]) -> None:
        """Wait while the disk is short of room.

        Raises
        ------
        ReadingStopped
        """
        while self.storage.shortage():
            if stopped():
                raise ReadingStopped
            time.sleep(WAIT_SECONDS)
