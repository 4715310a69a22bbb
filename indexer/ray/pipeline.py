"""The pipeline on which photos enter, with the analysis on a Ray cluster.

::

    claim ─► read files ─► RayPool: decode, network, regions ─► read answers ─► writer thread ─► catalogue
    (here)   (here)        (on all machines)                    (here)          (one transaction a batch)

This process holds the leases and commits, so a photo that is analysed twice is entered once. As many photos are claimed
as the cluster has room for.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from retrieval.analysis.wire import load_photo
from retrieval.assembly import Assembly
from retrieval.catalog.records import Job
from retrieval.errors import StoreUnavailableError, UnreadableImageError
from retrieval.images.renditions import keep_rendition
from retrieval.storage import file_names
from retrieval.storage.locations import is_file
from retrieval.videos.formats import may_be_video, video_format

from ..claims import Analyzed, Claims
from ..opening import CHANGED
from ..stages import Stages
from ..videos import VideoIntake
from .actor import Found, Photo
from .pool import RayPool

LOOK_SECONDS = 0.2
READ_AHEAD = 64
"""Answers that are read and not committed yet, at most."""

_END = None


class RayPipeline:
    """Works off what is pending, as `indexer.pipeline.Pipeline` does.

    Parameters
    ----------
    assembly : Assembly
    ray : module
        Connected to a cluster.
    owner : str
        Holder of the leases, unique to this process.
    on_done : callable, optional
        Called after each photo that left the pipeline.
    """

    def __init__(self, assembly: Assembly, ray: Any, owner: str, on_done: Callable[[], None] | None = None) -> None:
        settings, spec = assembly.settings, assembly.recipe_spec
        self._files = assembly.files
        self._videos = VideoIntake.of(assembly)
        self._claims = Claims(
            assembly.ingest_queue,
            owner,
            spec.fingerprint,
            spec.space,
            assembly.storage,
            assembly.originals,
            on_done,
        )
        self._new_pool = partial(RayPool, ray, settings.recipe, settings.device, spec.fingerprint)
        self._stop = threading.Event()

    def stop(self) -> None:
        """Claim nothing more; what the cluster has is finished."""
        self._stop.set()

    def look(self) -> None:
        """Do nothing: it is looked for pending photos all the time."""

    def run(self, is_complete: Callable[[], bool] = lambda: True) -> int:
        """Work until nothing is pending and `is_complete`; see `Pipeline.run`."""
        analysed: queue.Queue[Future[Analyzed | None] | None] = queue.Queue(READ_AHEAD)
        films: queue.Queue[Job | None] = queue.Queue()
        stages = self._stages = Stages(2)
        pool = self._new_pool()
        self._claims.begin()
        with ThreadPoolExecutor(1, "answers") as readers:
            writer = stages.start(self._claims.commit, analysed, stages.is_failing)
            reader = stages.start(self._videos.enter_all, self._claims, films, self._is_ending, self.look)
            try:
                with stages.noting():
                    self._feed(pool, films, partial(self._take, readers, analysed), is_complete)
            finally:
                pool.close()
                stages.put(films, _END)
                wait([reader])
                stages.put(analysed, _END)
                wait([writer])
                self._claims.end()
        stages.end()
        return self._claims.done

    def _feed(
        self,
        pool: RayPool,
        films: queue.Queue[Job | None],
        take: Callable[[Job, Found], None],
        is_complete: Callable[[], bool],
    ) -> None:
        """Claim photos, keep the cluster busy, and take what it answers."""
        there: dict[int, Job] = {}
        while not self._is_ending():
            complete = is_complete()
            jobs = self._claims.take(pool.room())
            read = [(job, photo) for job in jobs if (photo := self._read(job, films)) is not None]
            there.update({job.image_id: job for job, _ in read})
            pool.add([photo for _, photo in read])
            for found in pool.results(LOOK_SECONDS):
                take(there.pop(found["image_id"]), found)
            if pool.is_idle() and not jobs and complete and self._claims.is_all_done():
                return
        pool.drop_waiting()
        while not pool.is_idle() and not self._stages.is_failing():
            for found in pool.results(LOOK_SECONDS):
                take(there.pop(found["image_id"]), found)
            pool.drop_waiting()

    def _is_ending(self) -> bool:
        return self._stop.is_set() or self._stages.is_failing()

    def _read(self, job: Job, films: queue.Queue[Job | None]) -> Photo | None:
        """What is sent of a photo: its bytes, unless it lies in a store alone, from which the cluster reads it.

        None for what is not sent: a video, or a photo that cannot be used, or not now.
        """
        content = None
        if not job.uris or any(is_file(uri) or may_be_video(uri) for uri in job.uris):
            if (file := self._claims.open(job)) is None:
                return None
            with file:
                if video_format(file) is not None:
                    self._stages.put(films, job)
                    return None
                content = file.read()
            if hashlib.sha256(content).hexdigest() != job.sha256:
                self._claims.fail(job, UnreadableImageError(CHANGED))
                return None
        try:
            has_renditions = all(map(self._files.look, _renditions(job)))
        except StoreUnavailableError as error:
            self._claims.put_aside(job, error)
            return None
        imported = job.imported.items()
        return {
            "image_id": job.image_id,
            "sha256": job.sha256,
            "uris": list(job.uris),
            "content": content,
            "imported": {key: (each.size_hw, each.counts, each.label, each.quality) for key, each in imported},
            "renditions": not has_renditions,
        }

    def _take(
        self, readers: ThreadPoolExecutor, analysed: queue.Queue[Future[Analyzed | None] | None], job: Job, found: Found
    ) -> None:
        """Hand on what became of a photo."""
        if "fault" in found:
            self._claims.fail(job, UnreadableImageError(found["fault"]))
        elif "unavailable" in found:
            self._claims.put_aside(job, StoreUnavailableError(found["unavailable"]))
        else:
            self._stages.put(analysed, readers.submit(self._analyzed, job, found))

    def _analyzed(self, job: Job, found: Found) -> Analyzed | None:
        """Read an answer, and keep its renditions; None if they cannot be kept now, and the photo is put aside."""
        if (renditions := found["renditions"]) is not None:
            paths = {name: self._files.new(name) for name in _renditions(job)}
            for path, jpeg in zip(paths.values(), renditions, strict=True):
                keep_rendition(path, jpeg)
            try:
                self._files.keep(paths)
            except StoreUnavailableError as error:
                self._claims.put_aside(job, error)
                return None
        return Analyzed(job.image_id, load_photo(found["photo"]))


def _renditions(job: Job) -> tuple[str, str]:
    """Names of a photo's preview and thumbnail."""
    return file_names.preview(job.sha256), file_names.thumbnail(job.sha256)
