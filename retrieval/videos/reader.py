"""Reads a video in a child process, so that it can harm nothing but itself.

The child has its own limits of memory, and must say something from time to time. What it found before it died is used.
"""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..errors import ImageError, UnreadableVideoError
from ..images.decoder_child import initialize_child
from ..images.fork_server import ForkServerContext
from ..settings import FRAME_SECONDS
from .decoding import Event, VideoEnd, VideoFrame, VideoInfo, read_video
from .limits import DEFAULT_VIDEO_LIMITS, VideoLimits
from .times import clock

ADVICE = "copy it again from where it came from, or convert it with another program"

_POLL_SECONDS = 0.5

Read = Callable[..., Iterator[Event]]


class ReadingStopped(Exception):
    """Reading was stopped from outside."""


def read_guarded(
    path: Path,
    sha256: str,
    *,
    interval: float = FRAME_SECONDS,
    limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
    stopped: Callable[[], bool] = lambda: False,
    read: Read = read_video,
) -> Iterator[Event]:
    """As `read_video`, in a child process.

    Parameters
    ----------
    path, sha256, interval, limits
        As in `decoding.read_video`.
    stopped : callable
        Whether to stop; asked twice a second.
    read : callable
        What the child runs; a function of a module.

    Yields
    ------
    VideoInfo, VideoFrame, Reached, VideoEnd
        If the child dies after it gave a frame, the `VideoEnd` says so in its fault.

    Raises
    ------
    ImageError
        What `read_video` raises; UnreadableVideoError also if the child died, or said nothing for
        `limits.silent_seconds`, before it gave a frame.
    ReadingStopped
    """
    context = ForkServerContext()
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(sender, read, path, sha256, interval, limits), daemon=True)
    child.start()
    sender.close()
    try:
        yield from _received(receiver, limits, stopped)
    finally:
        receiver.close()
        child.kill()
        child.join()


def _received(receiver: Connection, limits: VideoLimits, stopped: Callable[[], bool]) -> Iterator[Event]:
    """What the child sends, until it has ended in one way or another."""
    frames, reached = 0, 0.0
    try:
        for message in _messages(receiver, limits, stopped):
            yield message
            if isinstance(message, VideoEnd):
                return
            frames += isinstance(message, VideoFrame)
            reached = reached if isinstance(message, VideoInfo) else message.time_s
    except UnreadableVideoError as error:
        if not frames:
            raise
        where = f"after {clock(reached)}, and what is before can be searched"
        yield VideoEnd(reached, f"it breaks off {where}: {error}")


def _messages(receiver: Connection, limits: VideoLimits, stopped: Callable[[], bool]) -> Iterator[Event]:
    """What the child sends, as long as it sends something.

    Raises
    ------
    ImageError
        It sent one.
    UnreadableVideoError
        It died, hangs, or takes too long.
    ReadingStopped
    """
    heard = began = time.monotonic()
    while not stopped():
        now = time.monotonic()
        if now - heard > limits.silent_seconds:
            raise UnreadableVideoError(f"decoding it hangs, nothing came for {limits.silent_seconds:g} s; {ADVICE}")
        if now - began > limits.max_work_seconds + limits.silent_seconds:
            raise UnreadableVideoError(f"it takes more than {limits.max_work_seconds / 3600:g} hours; {ADVICE}")
        if not receiver.poll(_POLL_SECONDS):
            continue
        try:
            message = receiver.recv()
        except (EOFError, OSError):
            raise UnreadableVideoError(f"the process that decodes it died; {ADVICE}") from None
        if isinstance(message, Exception):
            raise message
        heard = time.monotonic()
        yield message
    raise ReadingStopped


def _run(sender: Connection, read: Read, path: Path, sha256: str, interval: float, limits: VideoLimits) -> None:
    """The child: send what is read, and what is raised."""
    initialize_child()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limits.memory_bytes if hard == resource.RLIM_INFINITY else min(limits.memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    with contextlib.suppress(BrokenPipeError):  # nobody wants the rest
        try:
            for event in read(path, sha256, interval=interval, limits=limits):
                sender.send(event)
        except ImageError as error:
            sender.send(error)
        except MemoryError:
            sender.send(UnreadableVideoError("decoding it needs more memory than is allowed; save a smaller copy"))
        except Exception as error:  # noqa: BLE001  # decoders raise what they like
            sender.send(UnreadableVideoError(_said(error)))


def _said(error: Any) -> str:
    return f"damaged: it cannot be decoded ({type(error).__name__}: {error}); copy it again from where it came from"
