"""How processes end: on a signal, and together with the process that they belong to, however that one ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

PARENT_VARIABLE = "SEGSEARCH_PARENT"


def started_by() -> int | None:
    """Number of the process that this one belongs to; None if it was started by a user."""
    parent = os.environ.get(PARENT_VARIABLE, "")
    return int(parent) if parent.isdecimal() else None


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` once, in a thread, when SIGINT or SIGTERM comes; a second SIGINT ends the process at once.

    A second SIGTERM changes nothing: when a process group is ended, one comes from outside and one from the server.

    Notes
    -----
    The interpreter writes the signal's number into a pipe as it arrives, and a thread reads it there. A handler alone
    would not do: it runs in the main thread, which does not notice a signal that comes just before it starts to wait.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def handle(number: int, _frame: object) -> None:
        if number == signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)

    def wait() -> None:
        while os.read(reader, 1)[0] not in (signal.SIGINT, signal.SIGTERM):
            pass
        stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def stop_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` once the process that this one belongs to is gone; do nothing if there is none."""
    parent = started_by()
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
