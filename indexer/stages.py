"""Threads that work on one line, with bounded queues between them; a failure of one ends all."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from retrieval.errors import ConfigurationError

logger = logging.getLogger(__name__)

PUT_SECONDS = 0.5


class Stages:
    """The stages of one run.

    Parameters
    ----------
    count : int
        How many are started.
    """

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count, "stage")
        self._started: list[Future[None]] = []
        self._failures: list[BaseException] = []

    def start(self, stage: Callable[..., None], *arguments: Any) -> Future[None]:
        """Run a stage in a thread of its own."""
        self._started.append(self._threads.submit(stage, *arguments))
        return self._started[-1]

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Run a stage in this thread; what it raises is raised by `end`."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # raised again
            self._failures.append(error)

    def is_failing(self) -> bool:
        """Whether a stage has failed."""
        return bool(self._failures) or any(each.done() and each.exception() for each in self._started)

    def put(self, target: queue.Queue[Any], item: Any) -> None:
        """Put an item, waiting for room as long as the line runs.

        After a failure it is dropped where there is no room: whoever reads a full queue looks at `is_failing` next.
        """
        while True:
            try:
                return target.put(item, timeout=PUT_SECONDS)
            except queue.Full:
                if self.is_failing():
                    return None

    def end(self) -> None:
        """Wait for the stages, and raise what one of them raised."""
        wait(self._started)
        self._threads.shutdown()
        failures = [*self._failures, *filter(None, (each.exception() for each in self._started))]
        for failure in failures:
            if not isinstance(failure, ConfigurationError):  # which says all
                logger.error("ingest stopped", exc_info=failure)
        if failures:
            raise failures[0]
