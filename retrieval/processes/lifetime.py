"""How processes end: when they are told to, and with the one that they belong to, whatever ended it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

PARENT_VARIABLE = "SEGSEARCH_PARENT"


def started_by() -> int | None:
    """Number of the process that started this one for itself; None if none did."""
    parent = os.environ.get(PARENT_VARIABLE, "")
    return int(parent) if parent.isdecimal() else None


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` once, in a thread, when SIGINT or SIGTERM comes; a second SIGINT ends the process at once.

    A second SIGTERM changes nothing: where a group is ended, one comes from who ends it and one from the server. The
    handler itself only puts into a queue, which is safe wherever the process is interrupted.
    """
    told: SimpleQueue[int] = SimpleQueue()

    def handle(number: int, _frame: object) -> None:
        told.put(number)
        if number == signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)

    def wait() -> None:
        told.get()
        stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def stop_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` once the process that started this one for itself is gone; do nothing if none did."""
    parent = started_by()
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
