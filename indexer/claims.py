"""The photos that one worker has claimed: it alone opens them, commits what was found in them, or fails them."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from io import BufferedReader

from retrieval.catalog import IngestQueue
from retrieval.catalog.records import Job
from retrieval.errors import ImageError, StoreUnavailableError
from retrieval.processes.program import PROGRAM
from retrieval.storage.disk import Storage
from retrieval.storage.opening import Originals
from retrieval.types import AnalyzedImage

from .opening import open_photo, plain_reason
from .put_aside import PutAside

logger = logging.getLogger(__name__)

COMMIT_PHOTOS = 32
COMMIT_SECONDS = 0.5
RENEW_SECONDS = 20.0


@dataclass(frozen=True, eq=False, slots=True)
class Analyzed:
    """A claimed photo with what was found in it."""

    image_id: int
    image: AnalyzedImage


@dataclass(eq=False, slots=True)
class Claims:
    """The claims of one worker; safe among its threads.

    Attributes
    ----------
    ingest_queue : IngestQueue
    owner : str
        Holder of the leases, unique to this process.
    recipe, space : str
        Fingerprints of what analyses the photos, and of its vectors.
    storage : Storage
        While it is short, or while workers are paused, nothing is claimed.
    originals : Originals
    on_done : callable
        Called after each photo that left the pipeline.
    done : int
        Photos that left it since `begin`, failed ones included.
    """

    ingest_queue: IngestQueue
    owner: str
    recipe: str
    space: str
    storage: Storage
    originals: Originals
    on_done: Callable[[], None] | None = None
    done: int = 0
    _aside: PutAside = field(init=False)
    _told: str | None = None

    def __post_init__(self) -> None:
        self._aside = PutAside(self.ingest_queue, self.owner)

    def begin(self) -> None:
        """Give back what an earlier run could not give back, and count from 0."""
        self.ingest_queue.release(self.owner)
        self._aside.clear()
        self.done = 0

    def end(self) -> None:
        """Give back what was claimed and not finished."""
        self.ingest_queue.release(self.owner)

    def take(self, limit: int) -> list[Job]:
        """Claim up to `limit` photos; none while ingest is paused or the disk is short of room."""
        self._aside.give_back()
        if limit <= 0 or not self._is_free():
            return []
        return self.ingest_queue.claim(self.owner, limit, self.recipe)

    def is_all_done(self) -> bool:
        """Whether nothing waits or is being worked on, by any worker, but what was put aside here."""
        return self.ingest_queue.unfinished(self.recipe) <= len(self._aside)

    def open(self, job: Job) -> BufferedReader | None:
        """The file of a photo, which has failed or is put aside if there is none."""
        try:
            return open_photo(self.originals, job)
        except StoreUnavailableError as error:
            self.put_aside(job, error)
        except ImageError as error:
            self.fail(job, error)
        return None

    def put_aside(self, job: Job, error: StoreUnavailableError) -> None:
        """Try a photo again later: its store cannot be read for now."""
        self._aside.add(job, error)

    def fail(self, job: Job, error: ImageError) -> None:
        """Note why a photo cannot be entered."""
        self.ingest_queue.fail(self.owner, job.image_id, plain_reason(error))
        self.count(1)

    def count(self, photos: int) -> None:
        """Count photos that left the pipeline, and report each."""
        self.done += photos
        if self.on_done is not None:
            for _ in range(photos):
                self.on_done()

    def commit(self, analysed: queue.Queue[Future[Analyzed | None] | None], is_failing: Callable[[], bool]) -> None:
        """Commit photos as they come, until None does: in batches, often enough that they are found soon.

        The leases are kept alive meanwhile.

        Parameters
        ----------
        analysed : queue of Future of Analyzed or None
            None ends it; the result of a future is None for a photo that was put aside.
        is_failing : callable
            Whether to end at once.
        """
        analyzed: dict[int, AnalyzedImage] = {}
        committed = renewed = time.monotonic()
        more = True
        while more and not is_failing():
            try:
                future = analysed.get(timeout=COMMIT_SECONDS)
                more = future is not None
                if future is not None and (item := future.result()) is not None:
                    analyzed[item.image_id] = item.image
            except queue.Empty:
                pass
            now = time.monotonic()
            if analyzed and (not more or len(analyzed) >= COMMIT_PHOTOS or now - committed > COMMIT_SECONDS):
                self.ingest_queue.finish(self.owner, analyzed, self.recipe, self.space)
                self.count(len(analyzed))
                analyzed, committed = {}, now
            if now - renewed > RENEW_SECONDS:
                self.ingest_queue.renew(self.owner)
                renewed = now

    def _is_free(self) -> bool:
        """Whether anything may be claimed; what is in the way is logged when it comes and when it goes."""
        paused = self.ingest_queue.orders().paused
        obstacle = f"ingest is paused; continue with `{PROGRAM} resume`" if paused else self.storage.shortage()
        if obstacle != self._told:
            logger.warning("%s", f"waiting: {obstacle}" if obstacle else "continuing")
            self._told = obstacle
        return obstacle is None
