"""Decoding in child processes, so that a picture can harm nothing but itself.

Decoders are large C libraries and picture files come from anywhere: one file may crash a decoder, keep it busy for
ever or make it fill the memory. :class:`DecoderPool` runs `decode.decode_with_renditions` in child processes with
limits on time and memory. A child that breaks them, or dies, costs its own file an
:class:`~retrieval.errors.UnreadableImageError`; another child takes its place.

The children come from multiprocessing's fork server, a process that has only imported this module: nothing that
the program has loaded (torch, CUDA, threads) is forked, and its ``__main__`` is not run again. A child does not
outlive the program, however that ends.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Self

from pebble import ProcessExpired, ProcessPool

from ..errors import ConfigurationError, UnreadableImageError
from .decode import DecodedImage
from .decoder_child import DecodeJob, Outcome, decode_job, initialize_child, perform
from .fork_server import ForkServerContext
from .limits import DEFAULT_LIMITS, DecodeLimits
from .renditions import remove_partial

_TASKS_PER_CHILD = 1000  # a child then makes room for a fresh one: what decoders leak stays bounded
_LEAST_MEMORY = 64 * 1024**2
_ATTEMPTS = 3  # how often a picture is given to a new child when one dies before it begins
_DEATHS = 2  # how many children a picture may kill: the first may have been killed by something else
_POLL_SECONDS = 0.2
_START_SECONDS = 60.0  # how long a child may take to begin: usually it is a second, with all that it imports
_LEFT_BYTES = 128 * 1024**2  # a child that holds so much more than at first is replaced; usually it is some 30 MB

INGEST_SECONDS = 30.0
"""Time limit of a picture that nobody waits for: the largest that are admitted take 5 s on a slow core."""

QUERY_SECONDS = 10.0
"""Time limit of a query photo: a person waits for it, and so do the query photos behind it."""

_Job = tuple[DecodeJob, float, Future[DecodedImage]]


class DecoderPool:
    """Processes that decode pictures; a context manager.

    Leaving the block waits for what was submitted; leaving it by an exception cancels that instead.

    Parameters
    ----------
    processes : int
        How many pictures are decoded at once. An idle process holds some 40 MB.
    timeout_seconds : float
        How long one picture may take, from when its decoding starts, unless `submit` is told otherwise.
    memory_limit_bytes : int
        How much one picture may allocate, whatever was decoded before it. The default, 2 GiB, is enough for all that
        the default limits admit.
    limits : DecodeLimits, optional

    Raises
    ------
    ValueError
        If a number is not positive or the memory is less than 64 MiB.

    Notes
    -----
    Safe to use from several threads. The processes start with the first picture. A finished future holds its
    array until it is dropped, so submit a bounded number ahead of what you consume.

    Handing a picture over and its array back takes one or two milliseconds for a 640-pixel photo.

    Examples
    --------
    >>> with DecoderPool(processes=2) as pool:  # doctest: +SKIP
    ...     image = pool.submit(Path("photo.jpg"), long_side=640).result()
    """

    _work: Callable[[DecodeJob], DecodedImage] = staticmethod(decode_job)

    def __init__(
        self,
        processes: int = 2,
        *,
        timeout_seconds: float = INGEST_SECONDS,
        memory_limit_bytes: int = 2 * 1024**3,
        limits: DecodeLimits = DEFAULT_LIMITS,
    ) -> None:
        if processes < 1 or not timeout_seconds > 0 or memory_limit_bytes < _LEAST_MEMORY:
            raise ValueError(
                f"processes and timeout_seconds must be positive and memory_limit_bytes at least {_LEAST_MEMORY}, "
                f"got {processes}, {timeout_seconds} and {memory_limit_bytes}"
            )
        self._processes = processes
        self._timeout = timeout_seconds
        self._memory = memory_limit_bytes
        self._limits = limits
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._cancelled = threading.Event()
        self._closed = False

    def __enter__(self) -> Self:
        """Return the pool itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the pool."""
        self.close(cancel=kind is not None)

    def submit(
        self,
        path: Path,
        *,
        long_side: int,
        preview: Path | None = None,
        thumbnail: Path | None = None,
        timeout_seconds: float | None = None,
    ) -> Future[DecodedImage]:
        """Submit a picture for decoding.

        Parameters
        ----------
        path, long_side, preview, thumbnail
            As in :func:`retrieval.images.decode.decode_with_renditions`.
        timeout_seconds : float, optional
            How long this picture may take, if not as long as the others of the pool.

        Returns
        -------
        Future of DecodedImage
            Raises what that function raises, and UnreadableImageError also where decoding took too long, took too
            much memory or killed its process; ConfigurationError if decoder processes cannot be kept running;
            CancelledError if closing the pool cancelled it. It can be cancelled until its decoding starts.

        Raises
        ------
        RuntimeError
            If the pool is closed.
        """
        promise: Future[DecodedImage] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the decoder pool is closed; submit inside its with block")
            while len(self._threads) < self._processes:
                self._threads.append(threading.Thread(target=self._serve, name="decoder", daemon=True))
                self._threads[-1].start()
            job = DecodeJob(path, long_side, preview, thumbnail, self._limits)
            self._jobs.put((job, timeout_seconds or self._timeout, promise))
        return promise

    def close(self, *, cancel: bool = False) -> None:
        """End the processes; may be called again.

        Parameters
        ----------
        cancel : bool
            Cancel what was submitted and is not done, instead of waiting for it.
        """
        if cancel:
            self._cancelled.set()
        with self._lock:
            self._closed = True
            threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join()

    def _serve(self) -> None:
        """Do jobs with one child until told to end; the work of one thread."""
        with contextlib.closing(_Child(self._memory, self._cancelled)) as child:
            while (next_job := self._jobs.get()) is not None:
                job, seconds, promise = next_job
                if self._cancelled.is_set():
                    promise.cancel()
                if not promise.set_running_or_notify_cancel():
                    continue
                try:
                    image = child.run(self._work, job, seconds)
                except BaseException as error:
                    promise.set_exception(error)
                else:
                    promise.set_result(image)


class _Child:
    """One child process after another, each in a pebble pool of its own.

    In a pool of several processes one that dies may leave the pipe locked that they share, and one that dies idle
    takes the pool with it. A pool of one, replaced after every death, shares nothing.
    """

    def __init__(self, memory_limit_bytes: int, cancelled: threading.Event) -> None:
        self._memory = memory_limit_bytes
        self._cancelled = cancelled
        self._pool: ProcessPool | None = None

    def run(self, work: Callable[[DecodeJob], DecodedImage], job: DecodeJob, seconds: float) -> DecodedImage:
        """Run a job in the child, or in a new one if the child dies; a child that has grown large is replaced."""
        outcome = self._outcome(work, job, seconds)
        if outcome.left > _LEFT_BYTES:
            self._discard(job)
        if outcome.image is None:
            raise outcome.error or AssertionError("neither an image nor an error")
        return outcome.image

    def _outcome(self, work: Callable[[DecodeJob], DecodedImage], job: DecodeJob, seconds: float) -> Outcome:
        deaths: list[ProcessExpired] = []
        breaks: list[BrokenProcessPool] = []
        while len(deaths) < _DEATHS and len(breaks) < _ATTEMPTS:
            try:
                return self._attempt(work, job, seconds)
            except BrokenProcessPool as error:
                breaks.append(error)
                self._discard(job)
            except ProcessExpired as error:
                deaths.append(error)
                self._discard(job)
            except TimeoutError as error:
                self._discard(job)
                raise UnreadableImageError(
                    f"{job.path}: decoding took longer than {seconds:g} s; save a smaller copy or allow more time"
                ) from error
        if len(deaths) == _DEATHS:
            raise UnreadableImageError(
                f"{job.path}: the decoder process died ({_ending(deaths[-1].exitcode)}); the file is likely to be "
                "damaged, copy it again or convert it with another program"
            ) from deaths[-1]
        raise ConfigurationError(
            "decoder processes keep dying; check that there is enough memory and that processes can be started "
            f"({breaks[-1]})"
        ) from breaks[-1]

    def close(self) -> None:
        """End the child."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def _attempt(self, work: Callable[[DecodeJob], DecodedImage], job: DecodeJob, seconds: float) -> Outcome:
        """Give the job to the child once.

        Raises
        ------
        BrokenProcessPool
            If the child was dead before it began, or did not begin.
        ProcessExpired, TimeoutError
            If it died or took too long.
        CancelledError
            If the pool is being closed.
        """
        pool = self._pool = self._pool or self._new_pool()
        given = time.monotonic()
        try:
            promise = pool.schedule(perform, (work, job, self._memory), timeout=seconds)
        except RuntimeError as error:
            raise BrokenProcessPool(str(error)) from error
        while not wait([promise], _POLL_SECONDS).done:
            if self._cancelled.is_set():
                raise CancelledError
            if not pool.active and not promise.done():  # pebble forgets what it was given while it broke
                raise BrokenProcessPool("the child died before it started")
            if time.monotonic() - given > _START_SECONDS and not (promise.running() or promise.done()):
                raise BrokenProcessPool(f"the child did not begin within {_START_SECONDS:g} s")
        return promise.result()

    def _discard(self, job: DecodeJob) -> None:
        """Stop a pool without waiting for it, and remove what is left of its job."""
        for path in filter(None, (job.preview, job.thumbnail)):
            remove_partial(path)
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            threading.Thread(target=pool.join, name="decoder end", daemon=True).start()

    def _new_pool(self) -> ProcessPool:
        fork_server = ForkServerContext()
        fork_server.set_forkserver_preload([__name__])
        return ProcessPool(
            max_workers=1,
            max_tasks=_TASKS_PER_CHILD,
            initializer=initialize_child,
            context=fork_server,
        )


def _ending(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-exit_code).name
    return f"signal {-exit_code}"
