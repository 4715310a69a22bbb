"""Processes that belong to another one and end with it, whatever ended it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

PARENT_VARIABLE = "SEGSEARCH_PARENT"


def stop_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` once the process that started this one for itself is gone; do nothing if none did."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None or not parent.isdigit():
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(0.5)
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
