"""A video file to the frames that are taken, one after another: nothing but the last few is held.

FFmpeg decodes, by PyAV. Only the demuxer of the sniffed format is opened, and only this file.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation

from ..errors import ImageTooLargeError, UnreadableVideoError
from ..images.limits import check_size
from ..processes.cores import usable_cores
from ..settings import FRAME_SECONDS
from ..storage.originals import open_regular
from .content import SMALL_HW, FrameSelector
from .formats import DEMUXERS, video_format
from .limits import DEFAULT_VIDEO_LIMITS, VideoLimits
from .pictures import frame_jpeg, upright
from .times import clock

SHORT_SHARE, SHORT_SECONDS = 0.05, 1.5
"""A video that ends so much before its header says is cut off."""

MOST_FAULTS = 200
"""After so many parts in a row that cannot be decoded, the rest is given up."""

TELL_SECONDS = 1.0
THREADS = 2

FAR_SECONDS = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video once it is opened; width and height are those of upright frames."""

    format: str
    size_hw: tuple[int, int]
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A frame that was taken: its time in seconds from the beginning, and its JPEG."""

    time_s: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Reached:
    """How far reading is, in seconds of the video."""

    time_s: float


@dataclass(frozen=True, slots=True)
class VideoEnd:
    """The end of reading.

    Attributes
    ----------
    duration_s : float
        Of what was decoded.
    fault : str or None
        Why that is not the whole video, and what to do.
    """

    duration_s: float
    fault: str | None


Event = VideoInfo | VideoFrame | Reached | VideoEnd


def read_video(
    path: Path, sha256: str, *, interval: float = FRAME_SECONDS, limits: VideoLimits = DEFAULT_VIDEO_LIMITS
) -> Iterator[Event]:
    """Read a video: a `VideoInfo`, then frames as they are taken, then a `VideoEnd`.

    Parameters
    ----------
    path : Path
    sha256 : str
        Digest of the file, which frames name.
    interval : float
        Between cuts, at most one frame is taken in so many seconds.
    limits : VideoLimits, optional

    Yields
    ------
    VideoInfo, VideoFrame, Reached, VideoEnd

    Raises
    ------
    UnreadableVideoError
        It is empty, damaged, or has no pictures; also if not a single frame could be decoded.
    ImageTooLargeError, ImageTooSmallError
        The file or its frames are outside `limits`.
    ValueError
        `interval` is not positive.

    Notes
    -----
    Times are those of presentation, from the beginning of the container, as players count. Every frame is decoded: an
    hour of 720p (H.264) takes some minutes.
    """
    if not interval > 0:
        raise ValueError(f"interval must be positive, got {interval}")
    name = _checked_format(path, limits)
    try:
        container = av.open(
            str(path), format=DEMUXERS[name], options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise UnreadableVideoError(_unopened(error)) from error
    with container:
        yield from _Reading(container, name, sha256, interval, limits).events()


def _checked_format(path: Path, limits: VideoLimits) -> str:
    """The format of a file that is neither empty nor too large."""
    try:
        stream = open_regular(path)
    except OSError as error:
        raise UnreadableVideoError(
            f"cannot be opened ({error.strerror}); check the path and the permissions"
        ) from error
    if stream is None:
        raise UnreadableVideoError("not a regular file; give the path of a video")
    with stream:
        size = stream.seek(0, 2)
        if size == 0:
            raise UnreadableVideoError("the file is empty (0 bytes); copy it again from where it came from")
        if size > limits.max_bytes:
            raise ImageTooLargeError(
                f"the video has {size:,} bytes and at most {limits.max_bytes:,} are read; cut it into parts"
            )
        name = video_format(stream)
    if name is None:
        raise UnreadableVideoError(f"not a video in a supported format ({', '.join(DEMUXERS)})")
    return name


class _Reading:
    """One pass over an opened video."""

    def __init__(self, container: Any, name: str, sha256: str, interval: float, limits: VideoLimits) -> None:
        self._container, self._name, self._sha256, self._limits = container, name, sha256, limits
        self._stream = _video_stream(container)
        self._selector = FrameSelector(interval)
        self._start = float(container.start_time or 0) / av.time_base
        self._last = -1.0
        self._step = _step(self._stream)
        self._taken, self._faults, self._given_up = 0, 0, False
        self._taken_at = _taken_at(container)
        self._pixel_aspect = float(self._stream.sample_aspect_ratio or 1)
        if not 0.1 <= self._pixel_aspect <= 10:
            self._pixel_aspect = 1.0

    def events(self) -> Iterator[Event]:
        told, began = time.monotonic(), time.monotonic()
        fault = None
        for frame in self._frames():
            time_s = self._time_of(frame)
            if time_s > self._limits.max_seconds:
                fault = f"only its first {self._limits.max_seconds / 3600:g} hours were read; cut it into parts"
                break
            if self._last < 0:
                yield self._info(frame)
            self._last = time_s
            if self._selector.takes(time_s, _small(frame)):
                yield self._taken_frame(frame, time_s)
                self._taken += 1
            now = time.monotonic()
            if now - told > TELL_SECONDS:
                told = now
                yield Reached(time_s)
            fault = self._spent(now - began)
            if fault:
                break
        if self._last < 0:
            raise UnreadableVideoError(
                "damaged: none of its pictures can be decoded; copy it again from where it came from, or convert it "
                "with another program"
            )
        yield VideoEnd(self._last + self._step, fault or self._shortfall())

    def _frames(self) -> Iterator[Any]:
        """Frames in the order of presentation; parts that cannot be decoded are left out and counted."""
        in_a_row = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except av.error.EOFError:
                return
            except MemoryError as error:
                raise UnreadableVideoError(
                    "decoding it needs more memory than is available; save a smaller copy"
                ) from error
            except (av.error.FFmpegError, ValueError):
                self._faults, in_a_row = self._faults + 1, in_a_row + 1
                if in_a_row > MOST_FAULTS:
                    self._given_up = True
                    return
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._faults += 1
                    continue
                in_a_row = 0
                yield frame

    def _time_of(self, frame: Any) -> float:
        """Seconds from the beginning; where the file does not say, a step after the frame before."""
        known = frame.time
        if known is None or not -FAR_SECONDS < known - self._start < FAR_SECONDS:
            return max(0.0, self._last + self._step) if self._last >= 0 else 0.0
        return max(0.0, float(known) - self._start, self._last)

    def _info(self, frame: Any) -> VideoInfo:
        shown = _shown_size(frame, self._pixel_aspect)
        check_size(shown, self._limits.frame)
        return VideoInfo(self._name, (shown[1], shown[0]), self._taken_at)

    def _taken_frame(self, frame: Any, time_s: float) -> VideoFrame:
        check_size((frame.width, frame.height), self._limits.frame)  # it may change on the way
        rgb = frame.to_ndarray(format="rgb24", dst_color_range=ColorRange.JPEG)
        image = upright(rgb, frame.rotation, self._pixel_aspect)
        taken_at = None if self._taken_at is None else self._taken_at + timedelta(seconds=time_s)
        return VideoFrame(time_s, frame_jpeg(image, self._sha256, time_s, taken_at))

    def _spent(self, seconds: float) -> str | None:
        limits, reached = self._limits, clock(self._last)
        if self._taken >= limits.max_frames:
            return f"only what is before {reached} was read, which gave {self._taken:,} frames; cut it into parts"
        if seconds > limits.max_work_seconds:
            hours = limits.max_work_seconds / 3600
            return f"only what is before {reached} was read, in {hours:g} hours; cut it into parts"
        return None

    def _shortfall(self) -> str | None:
        """Why this may not be the whole video."""
        said, end = _said_duration(self._container, self._stream), self._last + self._step
        if self._given_up or (said and said - end > max(SHORT_SECONDS, SHORT_SHARE * said)):
            of = f" of {clock(said)}" if said and said > end else ""
            return (
                f"truncated or damaged: it breaks off at {clock(end)}{of}, and what is before can be searched; "
                "copy it again from where it came from"
            )
        if self._faults:
            return (
                f"damaged: {self._faults} of its parts cannot be decoded, and the others can be searched; "
                "copy it again from where it came from"
            )
        return None


def _video_stream(container: Any) -> Any:
    """The moving picture of a container, with its decoder set up; covers of music are none."""
    streams = [each for each in container.streams.video if not _is_cover(each)]
    if not streams:
        raise UnreadableVideoError("it has no pictures, only sound or data; give a video with a picture track")
    stream = streams[0]
    if stream.codec_context is None:
        raise UnreadableVideoError("its codec is not known here; convert it to H.264, HEVC, VP9 or AV1")
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = min(THREADS, len(usable_cores()))
    return stream


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _step(stream: Any) -> float:
    """Seconds between frames, as far as the file says."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return 1 / float(rate) if 0.001 < rate < 1000 else 0.04


def _small(frame: Any) -> Any:
    height, width = SMALL_HW
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation=Interpolation.AREA, threads=1)
    return small.to_ndarray().astype(np.int16)


def _shown_size(frame: Any, pixel_aspect: float) -> tuple[int, int]:
    """Width and height of a frame as it is shown."""
    width = max(1, round(frame.width * pixel_aspect))
    return (frame.height, width) if round(frame.rotation / 90) % 2 else (width, frame.height)


def _said_duration(container: Any, stream: Any) -> float | None:
    """Seconds that the file says the picture has."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    said = _tagged(stream.metadata.get("DURATION", ""))
    if said:
        return said
    sound = len(container.streams.audio) > 0
    return None if sound or not container.duration else container.duration / av.time_base


def _tagged(text: str) -> float | None:
    """Matroska's ``00:01:02.500000000`` in seconds."""
    with contextlib.suppress(ValueError):
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return None


def _taken_at(container: Any) -> datetime | None:
    """When it was taken: by the clock of the camera if it says so, else in UTC; None for a clock that was not set."""
    metadata = container.metadata
    for key in ("com.apple.quicktime.creationdate", "creation_time"):
        with contextlib.suppress(ValueError):
            found = datetime.fromisoformat(str(metadata.get(key, ""))).replace(tzinfo=None, microsecond=0)
            if found.year > 1980:
                return found
    return None


def _unopened(error: Exception) -> str:
    """Why a file cannot be opened, and what to do."""
    told = getattr(error, "strerror", None) or str(error).split("'")[0]
    text = told.strip(" ;:") or type(error).__name__
    return (
        f"damaged or truncated: this video cannot be opened ({text}); copy it again from where it came from, or "
        "convert it with another program"
    )
