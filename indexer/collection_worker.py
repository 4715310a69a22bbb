"""Works in the collections of an installation, beside the photos of the installation itself."""

from __future__ import annotations

import logging
import threading
import time

from retrieval.assembly import Assembly
from retrieval.catalog import CollectionRecord
from retrieval.storage.disk import obstacle_of

from .worker import Worker

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often it is looked for collections with work to do."""

TURN_SECONDS = 60.0
"""For so long photos of one collection are ingested before the next one has its turn."""

UPKEEP_SECONDS = 3600.0
"""As often each collection is tidied up, even if there is no other work."""


class CollectionWorker(threading.Thread):
    """A thread that takes the collections with work to do in turn, each by a `Worker` with the network that is loaded.

    Parameters
    ----------
    assembly : Assembly
        Of the installation.
    """

    def __init__(self, assembly: Assembly) -> None:
        super().__init__(name="collections", daemon=True)
        self._assembly = assembly
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._open: dict[int, Assembly] = {}
        self._tended: dict[int, float] = {}
        self._erased = float("-inf")

    def stop(self) -> None:
        """Finish what is in progress, and end."""
        with self._lock:
            self._ending.set()
            if self._worker is not None:
                self._worker.stop()

    def run(self) -> None:
        """Work until told to stop; a collection that fails does not keep the others waiting."""
        while not self._ending.wait(LOOK_SECONDS):
            try:
                self._look_at_all()
            except Exception:  # a thread that ends would leave all collections waiting
                logger.exception("the collections cannot be looked at; trying again")
        for each in self._open.values():
            each.close()

    def _look_at_all(self) -> None:
        records = self._assembly.collections.all()
        for gone in self._open.keys() - {record.id for record in records}:
            self._open.pop(gone).close()
        for record in records:
            if self._ending.is_set():
                return
            try:
                assembly = self._opened(record)
                if self._is_due(record.id) or has_work(assembly):
                    self._work(record, assembly)
                assembly.close()  # gives back its connections, of which a server has a limited number
            except Exception:  # as a worker process that dies would not end the others
                logger.exception("working in collection %d failed; it has its turn again", record.id)
        if time.monotonic() - self._erased > UPKEEP_SECONDS:
            self._erased = time.monotonic()
            self._assembly.erase_old_collections()

    def _opened(self, record: CollectionRecord) -> Assembly:
        known = self._open.get(record.id)
        if known is None or record.recipe not in (None, known.settings.recipe):
            if known is not None:
                known.close()
            self._open[record.id] = known = self._assembly.of_collection(record)
        return known

    def _is_due(self, number: int) -> bool:
        """Whether it is time to tidy up; not at once after the start, when there is other work."""
        return time.monotonic() - self._tended.setdefault(number, time.monotonic()) > UPKEEP_SECONDS

    def _work(self, record: CollectionRecord, assembly: Assembly) -> None:
        worker = Worker(assembly)
        with self._lock:
            if self._ending.is_set():
                return
            self._worker = worker
        turn = threading.Timer(TURN_SECONDS, worker.stop)
        turn.daemon = True
        turn.start()
        try:
            worker.work(lambda: True)
        except OSError as error:
            obstacle = obstacle_of(error)
            if obstacle is None:
                raise
            logger.error("collection %d waits: %s", record.id, obstacle)
        finally:
            turn.cancel()
            self._tended[record.id] = time.monotonic()
            with self._lock:
                self._worker = None


def has_work(assembly: Assembly) -> bool:
    """Whether photos or exports of a collection wait for a worker, and one may take them now."""
    if assembly.ingest_queue.orders().paused or assembly.storage.shortage() is not None:
        return False
    if assembly.ingest_queue.unfinished(assembly.recipe_spec.fingerprint):
        return True
    return any(job.state in ("queued", "running") for job in assembly.export_jobs.all())
