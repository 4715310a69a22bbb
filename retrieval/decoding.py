"""Decoding in processes of its own, so that a picture can spoil nothing but itself.

Decoders are large C libraries and picture files come from anywhere: one file may crash a decoder, keep it busy for
ever or make it fill the memory. :class:`DecoderPool` runs :func:`retrieval.images.decode_with_renditions` in child
processes with limits on time and memory. A child that breaks them, or dies, costs its own file an
:class:`~retrieval.errors.UnreadableImageError`; another child takes its place.

The children come from multiprocessing's fork server, a process that has only imported this module: nothing that
the program has loaded (torch, CUDA, threads) is forked, and its ``__main__`` is not run again. A child does not
outlive the program, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import multiprocessing
import os
import queue
import resource
import select
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import context, forkserver, popen_forkserver, process, reduction, spawn, util
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import pillow_heif.options
from pebble import ProcessExpired, ProcessPool
from PIL import AvifImagePlugin

from .errors import ConfigurationError, UnreadableImageError
from .images import DEFAULT_LIMITS, DecodedImage, DecodeLimits, decode_with_renditions, remove_partial

_TASKS_PER_CHILD = 1000  # a child then makes room for a fresh one: what decoders leak stays bounded
_LEAST_MEMORY = 64 * 1024**2
_ATTEMPTS = 3  # how often a picture is given to a new child when one dies before it begins
_DEATHS = 2  # how many children a picture may kill: the first may have been killed by something else
_POLL_SECONDS = 0.2
_PIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """One picture to decode: the arguments of :func:`retrieval.images.decode_with_renditions`."""

    path: Path
    long_side: int
    preview: Path | None
    thumbnail: Path | None
    limits: DecodeLimits


def _decode(job: DecodeJob) -> DecodedImage:
    """Do what a child is for."""
    return decode_with_renditions(
        job.path, long_side=job.long_side, preview=job.preview, thumbnail=job.thumbnail, limits=job.limits
    )


class DecoderPool:
    """Processes that decode pictures; a context manager.

    Leaving the block waits for what was submitted; leaving it by an exception cancels that instead.

    Parameters
    ----------
    processes : int
        How many pictures are decoded at once. An idle process holds some 40 MB.
    timeout_seconds : float
        How long one picture may take, from when its decoding starts.
    memory_limit_bytes : int
        How much one picture may allocate. The default, 2 GiB, is enough for all that the default limits admit.
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

    _work: Callable[[DecodeJob], DecodedImage] = staticmethod(_decode)

    def __init__(
        self,
        processes: int = 2,
        *,
        timeout_seconds: float = 30.0,
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
        self._jobs: queue.SimpleQueue[tuple[DecodeJob, Future[DecodedImage]] | None] = queue.SimpleQueue()
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
        self, path: Path, *, long_side: int, preview: Path | None = None, thumbnail: Path | None = None
    ) -> Future[DecodedImage]:
        """Have a picture decoded.

        Parameters
        ----------
        path, long_side, preview, thumbnail
            As in :func:`retrieval.images.decode_with_renditions`.

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
            self._jobs.put((DecodeJob(path, long_side, preview, thumbnail, self._limits), promise))
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
        with contextlib.closing(_Child(self._memory, self._timeout, self._cancelled)) as child:
            while (next_job := self._jobs.get()) is not None:
                job, promise = next_job
                if self._cancelled.is_set():
                    promise.cancel()
                if not promise.set_running_or_notify_cancel():
                    continue
                try:
                    image = child.run(self._work, job)
                except BaseException as error:
                    promise.set_exception(error)
                else:
                    promise.set_result(image)


class _Child:
    """One child process after another, each in a pebble pool of its own.

    In a pool of several processes one that dies may leave the pipe locked that they share, and one that dies idle
    takes the pool with it. A pool of one that is replaced after every death has nothing to share.
    """

    def __init__(self, memory_limit_bytes: int, timeout_seconds: float, cancelled: threading.Event) -> None:
        self._memory = memory_limit_bytes
        self._timeout = timeout_seconds
        self._cancelled = cancelled
        self._pool: ProcessPool | None = None

    def run(self, work: Callable[[DecodeJob], DecodedImage], job: DecodeJob) -> DecodedImage:
        """Have the child do a job, and another child if that one dies."""
        deaths: list[ProcessExpired] = []
        breaks: list[BrokenProcessPool] = []
        while len(deaths) < _DEATHS and len(breaks) < _ATTEMPTS:
            try:
                return self._attempt(work, job)
            except BrokenProcessPool as error:
                breaks.append(error)
                self._discard(job)
            except ProcessExpired as error:
                deaths.append(error)
                self._discard(job)
            except TimeoutError as error:
                if hasattr(error, "traceback"):  # pebble notes that on what the child raised itself
                    raise
                self._discard(job)
                raise UnreadableImageError(
                    f"{job.path}: decoding took longer than {self._timeout:g} s; save a smaller copy or allow more time"
                ) from error
        if len(deaths) == _DEATHS:
            raise UnreadableImageError(
                f"{job.path}: the decoder process died ({_ending(deaths[-1].exitcode)}); the file is likely to be "
                "damaged, copy it again or convert it with another program"
            ) from deaths[-1]
        raise ConfigurationError(
            "decoder processes cannot be kept running; see to it that there is memory for them and that "
            f"processes may be started ({breaks[-1]})"
        ) from breaks[-1]

    def close(self) -> None:
        """End the child."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def _attempt(self, work: Callable[[DecodeJob], DecodedImage], job: DecodeJob) -> DecodedImage:
        """Give the job to the child once.

        Raises
        ------
        BrokenProcessPool
            If the child was dead before it began.
        ProcessExpired, TimeoutError
            If it died or took too long.
        CancelledError
            If the pool is being closed.
        """
        pool = self._pool = self._pool or self._new_pool()
        try:
            promise = pool.schedule(work, (job,), timeout=self._timeout)
        except RuntimeError as error:
            raise BrokenProcessPool(str(error)) from error
        while not wait([promise], _POLL_SECONDS).done:
            if self._cancelled.is_set():
                raise CancelledError
            if not pool.active and not promise.done():  # pebble forgets what it was given while it broke
                raise BrokenProcessPool("the child died before it began")
        return promise.result()

    def _discard(self, job: DecodeJob) -> None:
        """Be rid of a pool without waiting for its end, and of what it has left of a job."""
        for path in filter(None, (job.preview, job.thumbnail)):
            remove_partial(path)
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            threading.Thread(target=pool.join, name="decoder end", daemon=True).start()

    def _new_pool(self) -> ProcessPool:
        fork_server = _ForkServerContext()
        fork_server.set_forkserver_preload([__name__])
        return ProcessPool(
            max_workers=1,
            max_tasks=_TASKS_PER_CHILD,
            initializer=_initialize_child,
            initargs=(self._memory,),
            context=fork_server,
        )


def _ending(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-exit_code).name
    return f"signal {-exit_code}"


def _initialize_child(memory_limit_bytes: int) -> None:
    """Prepare a child: limits, an end when its parent ends, one thread, and silence.

    Interrupts are ignored already (by pebble): the parent decides. C libraries write their complaints to standard
    error, where they would tear the parent's progress display; the same complaints arrive as exceptions.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # end at once, even in the midst of C code
    _die_with_parent()
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = used + memory_limit_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


def _die_with_parent() -> None:
    """Have the kernel end this process when the parent ends, whatever this process is doing then.

    The parent holds one end of a pipe and never writes to it. When the parent is gone the kernel closes that end,
    and sends SIGIO, which kills, to whoever asked to hear about the other. (PR_SET_PDEATHSIG would not do: it
    watches the fork server, which lives on as long as its children.)
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([parent.sentinel], [], [], 0)[0]:  # it ended before we asked
        os._exit(1)


class _ForkServerPopen(popen_forkserver.Popen):
    """A child of the fork server, but one that is not told of the parent's ``__main__``.

    It would import that module, which may load torch or not be guarded against being imported; the jobs do not
    need it. Its exit code can be asked for by several threads: it comes through a pipe, once, and its base would
    let two threads read it and report 255 to one of them.
    """

    _fds: list[int]

    def __init__(self, process_obj: process.BaseProcess) -> None:
        self._polling = threading.Lock()
        super().__init__(process_obj)

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """Return the exit code, or None while there is none."""
        with self._polling:
            return super().poll(flag)

    def _launch(self, process_obj: process.BaseProcess) -> None:
        prepared = spawn.get_preparation_data(process_obj.name)
        for key in ("init_main_from_name", "init_main_from_path"):
            prepared.pop(key, None)
        buffer = io.BytesIO()
        with _spawning(self):
            reduction.dump(prepared, buffer)
            reduction.dump(process_obj, buffer)
        self.sentinel, writer = forkserver.connect_to_new_process(self._fds)
        kept = os.dup(writer)  # closed when this process ends: the child listens for that
        self.finalizer = util.Finalize(self, util.close_fds, (kept, self.sentinel))  # type: ignore[attr-defined]
        with open(writer, "wb", closefd=True) as stream:
            stream.write(buffer.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


@contextlib.contextmanager
def _spawning(popen: Any) -> Iterator[None]:
    context.set_spawning_popen(popen)
    try:
        yield
    finally:
        context.set_spawning_popen(None)


class _ForkServerProcess(context.ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: process.BaseProcess) -> _ForkServerPopen:
        return _ForkServerPopen(process_obj)


class _ForkServerContext(context.ForkServerContext):
    Process = _ForkServerProcess

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:
        """Make a pipe that takes a whole array, which costs a quarter of sending it in pieces of 64 KiB."""
        reader, writer = super().Pipe(duplex)
        with contextlib.suppress(OSError):  # the user may have no more such pipes left: then it is slower
            fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return reader, writer
