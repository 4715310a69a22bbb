"""The work of a decoder process: pictures one after another, each with as much memory as the first had."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pillow_heif.options
from PIL import AvifImagePlugin

from .decode import DecodedImage, decode_with_renditions
from .fork_server import die_with_parent
from .limits import DecodeLimits

_LIBC = ctypes.CDLL(None)
_trim = getattr(_LIBC, "malloc_trim", lambda _: 0)  # the GNU C library's, like the next
_set_malloc = getattr(_LIBC, "mallopt", lambda *_: 0)
_MMAP_THRESHOLD, _LARGE_BLOCK = -3, 8 * 1024**2  # pictures are held in blocks of 16 MiB, which then leave no holes


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """One picture to decode: the arguments of :func:`retrieval.images.decode.decode_with_renditions`."""

    path: Path
    long_side: int
    preview: Path | None
    thumbnail: Path | None
    limits: DecodeLimits


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """The result of decoding a picture.

    Attributes
    ----------
    image : DecodedImage or None
    error : Exception or None
        What was raised, if there is no image.
    left : int
        Bytes that the process holds beyond what it held before its first picture, freed as far as can be.
    """

    image: DecodedImage | None
    error: Exception | None
    left: int


@dataclass(slots=True)
class _Memory:
    """Bytes held before the first picture."""

    before: int = 0


_memory = _Memory()


def decode_job(job: DecodeJob) -> DecodedImage:
    """Decode one picture."""
    return decode_with_renditions(
        job.path, long_side=job.long_side, preview=job.preview, thumbnail=job.thumbnail, limits=job.limits
    )


def perform(work: Callable[[DecodeJob], DecodedImage], job: DecodeJob, memory_limit_bytes: int) -> Outcome:
    """Decode one picture within the memory limit, and free what it took.

    An error knows the frames that it came through, and those hold the picture. It outlives the job, as what was sent
    last is kept until there is something else to send, so the frames are emptied.
    """
    image, failure = None, None
    _limit_memory(memory_limit_bytes)
    try:
        image = work(job)
    except Exception as error:
        failure = error
    _empty_frames(failure)
    _trim(0)
    return Outcome(image, failure, _held() - _memory.before)


def _empty_frames(error: BaseException | None) -> None:
    """Clear the frames of an error and of its causes."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _limit_memory(more: int) -> None:
    """Limit the memory to this many bytes more than are held now."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _held() + more
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _held() -> int:
    """Bytes of this process that its limit counts."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()


def initialize_child() -> None:
    """Prepare a child: memory limit, one thread, no output, and an end when its parent ends.

    Interrupts are ignored already (by pebble): the parent decides. C libraries write their complaints to standard
    error, where they would tear the parent's progress display; the same complaints arrive as exceptions.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # end at once, even in the midst of C code
    die_with_parent()
    _set_malloc(_MMAP_THRESHOLD, _LARGE_BLOCK)
    _memory.before = _held()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
