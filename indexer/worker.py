"""The worker: a process that enters whatever is pending, and publishes the index."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.assembly import Assembly
from retrieval.catalog.owners import new_owner
from retrieval.errors import CatalogUnavailableError, SchemaOutdatedError, StoreUnavailableError
from retrieval.storage.disk import obstacle_of

from .pipeline import Pipeline
from .report import IngestReport, Tally
from .scan import register_files
from .scan_stores import register_objects
from .upkeep import Upkeep
from .videos import VideoIntake

if TYPE_CHECKING:
    from .ray.pipeline import RayPipeline

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""After a disk that is full or cannot be written or a locked catalogue stopped the line."""


class Worker:
    """One process's share of the work.

    Parameters
    ----------
    assembly : Assembly
    on_done : callable
        Called after each photo that left the line.
    ray : module, optional
        Connected to a cluster, which analyses the photos instead of this process.
    """

    def __init__(self, assembly: Assembly, on_done: Callable[[], None] | None = None, ray: Any = None) -> None:
        self._stopping = threading.Event()
        self._upkeep = Upkeep(assembly, self._stopping)
        self._is_of_installation = not assembly.settings.collection
        owner = new_owner()
        self._heartbeat = assembly.heartbeat(owner, "worker", self._end_outdated)
        self.pipeline: Pipeline | RayPipeline = (
            _pipeline(assembly, owner, on_done) if ray is None else _pipeline_on(ray, assembly, owner, on_done)
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
        """Work until nothing is pending and `is_complete`; the index is published meanwhile and at the end.

        Raises
        ------
        SchemaOutdatedError
            A newer version has upgraded the catalogue, and this one cannot work with it: what was on the line is
            finished, the rest is given back, and nothing is published.
        """
        if self._is_of_installation:
            self._heartbeat.start()
        self._upkeep.start()
        try:
            done = self._run(is_complete)
        finally:
            self._upkeep.finish(at_once=self._heartbeat.outdated is not None)
            if self._is_of_installation:
                self._heartbeat.end()
        if self._heartbeat.outdated is not None:
            raise self._heartbeat.outdated
        return done

    def _end_outdated(self, error: SchemaOutdatedError) -> None:
        logger.error("the worker ends after the photos in progress: %s", error)
        self.stop()

    def _run(self, is_complete: Callable[[], bool]) -> int:
        """Run the line, and again when what stopped it may have passed; nothing that was claimed is lost by that."""
        while True:
            try:
                return self.pipeline.run(is_complete)
            except (CatalogUnavailableError, StoreUnavailableError) as error:
                logger.error("ingest stopped: %s; retrying in %.0f s", error, RETRY_SECONDS)
            except OSError as error:
                obstacle = obstacle_of(error)
                if obstacle is None:
                    raise
                logger.error("ingest stopped: %s; retrying in %.0f s", obstacle, RETRY_SECONDS)
            if self._stopping.wait(RETRY_SECONDS):
                return 0


def _pipeline(assembly: Assembly, owner: str, on_done: Callable[[], None] | None) -> Pipeline:
    return Pipeline(
        assembly.ingest_queue,
        assembly.bulk_recipe,
        assembly.files,
        assembly.originals,
        assembly.storage,
        owner,
        VideoIntake.of(assembly),
        on_done,
    )


def _pipeline_on(ray: Any, assembly: Assembly, owner: str, on_done: Callable[[], None] | None) -> RayPipeline:
    from .ray.pipeline import RayPipeline

    return RayPipeline(assembly, ray, owner, on_done)


def work_forever(worker: Worker) -> int:
    """Process what is pending, as it comes, until the worker is told to stop."""
    return worker.work(lambda: False)


def ingest(
    assembly: Assembly,
    worker: Worker,
    paths: Sequence[Path],
    tally: Tally,
    *,
    uris: Sequence[str] = (),
    within: bool = False,
    restore: bool = False,
) -> IngestReport:
    """Register what is under `paths` and `uris` while the worker is already at it; return when nothing is pending.

    With `within`, links that lead out of the paths are not followed. Photos that were deleted are restored if their
    files are among `paths` or `uris` themselves; with `restore` also if they are somewhere below.

    Raises
    ------
    Exception
        Whatever stopped the registration or the line.
    """
    wanted = {path for path in paths if not os.path.isdir(path)}  # noqa: PTH112  # `is_dir` raises for long names
    failure: list[BaseException] = []
    registered = threading.Event()

    def register() -> None:
        try:
            register_files(
                assembly,
                paths,
                tally,
                within=within,
                restore=restore or wanted,
                on_registered=worker.pipeline.look,
            )
            register_objects(
                assembly,
                uris,
                tally,
                restore=restore or uris,
                stopping=worker.stopping,
                on_registered=worker.pipeline.look,
            )
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


def ingest_paths(assembly: Assembly, paths: Sequence[Path], uris: Sequence[str] = ()) -> IngestReport:
    """Enter photos by a worker of this process, and show nothing meanwhile; raises as `ingest`."""
    return ingest(assembly, Worker(assembly), paths, Tally(), uris=uris)
