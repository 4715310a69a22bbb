"""Photos that a worker has claimed, and whose store cannot be read for now."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from retrieval.catalog import IngestQueue
from retrieval.catalog.records import Job
from retrieval.errors import StoreUnavailableError

logger = logging.getLogger(__name__)

ASIDE_SECONDS = 60.0
"""After this time photos that were put aside are tried again, if the worker still runs."""


@dataclass(eq=False, slots=True)
class PutAside:
    """Claimed photos whose store could not be read: no other worker takes them, and they are not failed.

    They are given back after `ASIDE_SECONDS`, or when the worker ends, and then wait like others.

    Attributes
    ----------
    ingest_queue : IngestQueue
    owner : str
        The worker, which holds them.
    """

    ingest_queue: IngestQueue
    owner: str
    _since: dict[int, float] = field(default_factory=dict)
    _told: str | None = None

    def __len__(self) -> int:
        return len(self._since)

    def add(self, job: Job, error: StoreUnavailableError) -> None:
        """Put a photo aside; the reason is logged unless it is the last one's."""
        self._since[job.image_id] = time.monotonic()
        if self._told != str(error):
            logger.warning("photos wait for their store: %s", error)
            self._told = str(error)

    def give_back(self) -> None:
        """Give back those that waited long enough."""
        now = time.monotonic()
        due = [key for key, since in self._since.items() if now - since >= ASIDE_SECONDS]
        if due:
            self.ingest_queue.release(self.owner, due)
            for key in due:
                del self._since[key]

    def clear(self) -> None:
        """Forget them: the worker has given all back."""
        self._since.clear()
