"""The status as server-sent events, over connections that stay open.

A connection takes a thread of the server while it is open, so their number is bounded (`admission`), and a page whose
connection is refused asks for the status from time to time instead. The status is looked up once a second at most,
however many connections there are.

References
----------
WHATWG, "HTML Living Standard", section 9.2, "Server-sent events".
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from retrieval.errors import RetrievalError

STOPPING = "segsearch.stopping"
"""In the environment of a request: an event that is set when the server stops."""


@dataclass(eq=False, slots=True)
class StatusEvents:
    """Tells every connection of changes of the status.

    Attributes
    ----------
    look : callable
        Returns the status as an object for JSON.
    look_seconds : float
        Time between two looks.
    beat_seconds : float
        Time after which a connection without news is written to, by which one notices that the client has gone.
    longest_seconds : float
        How long a connection stays open; clients then open another one.
    """

    look: Callable[[], dict[str, Any]]
    look_seconds: float = 1.0
    beat_seconds: float = 3.0
    longest_seconds: float = 600.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looked: float = float("-inf")
    _last: str = ""

    def stream(
        self, stopping: threading.Event | None = None, is_allowed: Callable[[], bool] = lambda: True
    ) -> Iterator[str]:
        """Events until `longest_seconds` have passed, the server stops, or the catalogue cannot be read.

        They end as well when the client may see them no more, which `is_allowed` tells before each.

        The first tells the status, each further one that it has changed.
        """
        yield "retry: 3000\n\n"
        stopping = stopping or threading.Event()
        end, told, written = time.monotonic() + self.longest_seconds, "", time.monotonic()
        while time.monotonic() < end and not stopping.is_set():
            try:
                now = self._now() if is_allowed() else None
            except RetrievalError:
                return
            if now is None:
                return
            if now != told:
                yield f"event: status\ndata: {now}\n\n"
                told, written = now, time.monotonic()
            elif time.monotonic() - written >= self.beat_seconds:
                yield ": no news\n\n"
                written = time.monotonic()
            stopping.wait(self.look_seconds)

    def _now(self) -> str:
        with self._lock:
            if time.monotonic() - self._looked >= self.look_seconds:
                self._last = json.dumps(self.look())
                self._looked = time.monotonic()
            return self._last
