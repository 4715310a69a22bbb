"""Children of multiprocessing's fork server that do not import the parent's program, and end with the parent."""

from __future__ import annotations

import contextlib
import fcntl
import io
import multiprocessing
import os
import select
import signal
import threading
from collections.abc import Iterator
from multiprocessing import context, forkserver, popen_forkserver, process, reduction, spawn, util
from multiprocessing.connection import Connection
from typing import Any

_PIPE_BYTES = 1 << 20


def die_with_parent() -> None:
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


class ForkServerContext(context.ForkServerContext):
    """Where such children come from."""

    Process = _ForkServerProcess

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:
        """Make a pipe that takes a whole array, which costs a quarter of sending it in pieces of 64 KiB."""
        reader, writer = super().Pipe(duplex)
        with contextlib.suppress(OSError):  # the user may have no more such pipes left: then it is slower
            fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return reader, writer
