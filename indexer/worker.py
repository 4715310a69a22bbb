"""The worker: a process that enters whatever is pending, and publishes the index."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from retrieval.assembly import Assembly
from retrieval.catalog.owners import new_owner
from retrieval.errors import CatalogUnavailableError
from retrieval.processes.duties import Duty
from retrieval.storage.disk import obstacle_of

from .clean import KINDS, UPLOADS, clean
from .pipeline import Pipeline
from .publish import PUBLISH, Publisher
from .report import IngestReport, Tally
from .scan import register_files

logger = logging.getLogger(__name__)

DISCOVER = "discover"
TIDY = "tidy"
TIDY_SECONDS = 3600.0
PUBLISH_SECONDS = 30.0
LAST_ATTEMPTS = 3
"""So often what fails is tried when the worker ends."""

RETRY_SECONDS = 5.0
"""After a disk that is full or cannot be written or a locked catalogue stopped the line."""


class Worker:
    """One process's share of the work.

    Parameters
    ----------
    assembly : Assembly
    on_done : callable
        Called after each photo that left the line.
    """

    def __init__(self, assembly: Assembly, on_done: Callable[[], None] = lambda: None) -> None:
        self._assembly = assembly
        self.pipeline = Pipeline(
            assembly.ingest_queue,
            assembly.bulk_recipe,
            assembly.settings,
            new_owner(),
            on_done,
            obstacle=self._obstacle,
        )
        self._publisher = Publisher(assembly)
        self._stopping = threading.Event()
        self._discovered: tuple[int, str] | None = None
        self._rechecked = ""
        self._duties = (
            Duty(PUBLISH, self._publish, PUBLISH_SECONDS, "the index is not published", assembly.duties),
            Duty(TIDY, self._tidy, TIDY_SECONDS, "what is of no use stays", assembly.duties),
            Duty(DISCOVER, self._discover, PUBLISH_SECONDS, "the clusters are as they were", assembly.duties),
        )

    @property
    def stopping(self) -> threading.Event:
        """Set once the worker was told to stop."""
        return self._stopping

    def stop(self) -> None:
        """Finish what is on the line, give back the rest, publish, and return."""
        self._stopping.set()
        self.pipeline.stop()

    def work(self, is_complete: Callable[[], bool]) -> int:
        """Work until nothing is pending and `is_complete`; the index is published meanwhile and at the end."""
        ended = threading.Event()
        threads = [threading.Thread(target=duty.keep_up, args=(ended,), name=duty.name) for duty in self._duties]
        for thread in threads:
            thread.start()
        try:
            return self._run(is_complete)
        finally:
            ended.set()
            for thread, duty in zip(threads, self._duties, strict=True):
                thread.join()
                if duty.name != TIDY:
                    duty.finish(self._stopping.is_set, LAST_ATTEMPTS)

    def _run(self, is_complete: Callable[[], bool]) -> int:
        """Run the line, and again when what stopped it may have passed; nothing that was claimed is lost by that."""
        while True:
            try:
                return self.pipeline.run(is_complete)
            except (OSError, CatalogUnavailableError) as error:
                obstacle = obstacle_of(error) if isinstance(error, OSError) else str(error)
                if obstacle is None:
                    raise
                logger.error("the line stopped: %s; it goes on in %.0f s", obstacle, RETRY_SECONDS)
            if self._stopping.wait(RETRY_SECONDS):
                return 0

    def _obstacle(self) -> str | None:
        if self._assembly.ingest_queue.orders().paused:
            return "ingest is paused; `manage.py resume` lets it go on"
        return self._assembly.storage.shortage()

    def _discover(self) -> bool:
        """Let new segments join clusters or found some, once nothing is pending; returns whether there is more."""
        assembly = self._assembly
        if self._stopping.is_set() or assembly.ingest_queue.unfinished(assembly.recipe_spec.fingerprint):
            return False
        now = assembly.catalog.contents(assembly.recipe_spec.space).newest_segment, assembly.concepts.digest()
        if now == self._discovered:
            return False
        more = assembly.discoverer.update(0 if now[1] == self._rechecked else None).more
        self._rechecked = now[1]
        if not more:
            self._discovered = now
        return more

    def _tidy(self) -> bool:
        """Remove what is of no use, originals apart: those only `clean` removes, when it is told to."""
        clean(self._assembly, set(KINDS) - {UPLOADS})
        return False

    def _publish(self) -> bool | None:
        """The catalogue has everything already, so that a failure here is not fatal."""
        return False if self._publisher.publish() else None


def work_forever(worker: Worker) -> int:
    """Process what is pending, as it comes, until the worker is told to stop."""
    return worker.work(lambda: False)


def ingest(
    assembly: Assembly, worker: Worker, paths: Sequence[Path], tally: Tally, *, within: bool = False
) -> IngestReport:
    """Register what is under `paths` while the worker is already at it; return when nothing is pending.

    With `within`, links that lead out of the paths are not followed.

    Raises
    ------
    Exception
        Whatever stopped the registration or the line.
    """
    failure: list[BaseException] = []
    registered = threading.Event()

    def register() -> None:
        try:
            register_files(assembly.ingest_queue, paths, tally, within=within)
        except Exception as error:  # noqa: BLE001  # raised again below, in the caller's thread
            failure.append(error)
            worker.stop()
        finally:
            registered.set()

    registering = threading.Thread(target=register, name="register")
    registering.start()
    worker.work(registered.is_set)
    registering.join()
    if failure:
        raise failure[0]
    return tally.close(assembly.ingest_queue)


def ingest_paths(assembly: Assembly, paths: Sequence[Path]) -> IngestReport:
    """Enter photos by a worker of this process, and show nothing meanwhile; raises as `ingest`."""
    return ingest(assembly, Worker(assembly), paths, Tally())
