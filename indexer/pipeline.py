"""The line on which photos enter: decode | network | regions | write, overlapped, in bounded queues.

::

    claim ─► DecoderPool ─► network threads ─► region threads ─► writer thread ─► catalogue
             (processes)    (fill batches)      (no lock held)    (one transaction a batch)

A bad picture becomes a failed row and the line goes on; a bad state (database, disk, device) stops it, and what had
been claimed is given back.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from retrieval.analysis.batch import describe, extract_batch
from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.catalog import IngestQueue
from retrieval.catalog.records import Job
from retrieval.errors import ImageError, StoreUnavailableError, UnreadableImageError
from retrieval.images.decode import DecodedImage
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.renditions import remove_partial
from retrieval.processes.cores import usable_cores
from retrieval.recipes.protocols import Recipe
from retrieval.storage import file_names
from retrieval.storage.disk import Storage
from retrieval.storage.file_store import FileStore
from retrieval.storage.opening import Originals
from retrieval.storage.originals import Identity, digest_of, identity_of, path_of_opened
from retrieval.videos.formats import video_format

from .claims import Analyzed, Claims
from .opening import CHANGED
from .stages import Stages
from .videos import VideoIntake

BATCHES_AHEAD = 4
"""Decoded photos waiting for the network, in batches' worth beyond the one in work."""

LOOK_SECONDS = 0.2
"""How often it is looked whether there are photos to claim, unless `Pipeline.look` is called."""


@dataclass(frozen=True, eq=False, slots=True)
class _Decoding:
    """A photo that is being decoded, of a file that is held open and was the photo's when it was opened."""

    job: Job
    file: BufferedReader
    identity: Identity
    future: Future[DecodedImage]
    renditions: dict[str, Path]


@dataclass(frozen=True, eq=False, slots=True)
class _Decoded:
    job: Job
    image: DecodedImage


_END = None


@dataclass(eq=False, slots=True)
class Pipeline:
    """Works off what is pending, until nothing is left or it is told to stop.

    Attributes
    ----------
    ingest_queue : IngestQueue
    recipe : Recipe
    files : FileStore
        Where renditions are kept.
    originals : Originals
        What opens the photos.
    storage : Storage
        While it is short, or while workers are paused, nothing is claimed.
    owner : str
        Holder of the leases, unique to this process.
    videos : VideoIntake
        Enters the frames of videos.
    on_done : callable
        Called after each committed photo.
    decoders, region_threads : int
        Processes that decode and threads that segment; by the number of cores if zero.
    """

    ingest_queue: IngestQueue
    recipe: Recipe
    files: FileStore
    originals: Originals
    storage: Storage
    owner: str
    videos: VideoIntake
    on_done: Callable[[], None] | None = None
    decoders: int = 0
    region_threads: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _more: threading.Event = field(default_factory=threading.Event)
    _claims: Claims = field(init=False)
    _stages: Stages = field(init=False)

    def __post_init__(self) -> None:
        self._claims = Claims(
            self.ingest_queue,
            self.owner,
            self.recipe.fingerprint,
            self.recipe.space,
            self.storage,
            self.originals,
            self.on_done,
        )

    def stop(self) -> None:
        """Claim nothing more; what is on the line is finished."""
        self._stop.set()
        self._more.set()

    def look(self) -> None:
        """Look at once for photos to claim: there may be some."""
        self._more.set()

    def run(self, is_complete: Callable[[], bool] = lambda: True) -> int:
        """Work until nothing is pending and `is_complete` says that nothing more will come; may be called again.

        Returns
        -------
        int
            Photos that left the line, failed ones included.

        Raises
        ------
        Exception
            Whatever stopped a stage.
        """
        cores, ahead = len(usable_cores()), self.recipe.batch_size * self.recipe.concurrency * BATCHES_AHEAD
        decoded: queue.Queue[_Decoded | None] = queue.Queue(ahead)
        analysed: queue.Queue[Future[Analyzed | None] | None] = queue.Queue(ahead)
        films: queue.Queue[Job | None] = queue.Queue()
        stages = self._stages = Stages(self.recipe.concurrency + 2)
        self._claims.begin()
        with (
            threadpool_limits(1),
            DecoderPool(self.decoders or max(1, cores // 2)) as pool,
            ThreadPoolExecutor(self.region_threads or cores, "regions") as regions,
        ):
            lanes = [stages.start(self._network, decoded, analysed, regions) for _ in range(self.recipe.concurrency)]
            writer = stages.start(self._claims.commit, analysed, stages.is_failing)
            reader = stages.start(self.videos.enter_all, self._claims, films, self._is_ending, self.look)
            try:
                with stages.noting():
                    self._feed(pool, decoded, films, is_complete)
            finally:
                stages.put(films, _END)
                wait([reader])
                stages.put(decoded, _END)
                wait(lanes)
                stages.put(analysed, _END)
                wait([writer])
                self._claims.end()
        stages.end()
        return self._claims.done

    # ---- stages

    def _feed(
        self,
        pool: DecoderPool,
        decoded: queue.Queue[_Decoded | None],
        films: queue.Queue[Job | None],
        is_complete: Callable[[], bool],
    ) -> None:
        """Claim photos and keep the decoders busy, in order, a bounded number ahead."""
        waiting: deque[_Decoding] = deque()
        room = max(self.recipe.batch_size * self.recipe.concurrency * 2, 8)
        while not self._is_ending():
            complete = is_complete()
            jobs = self._claims.take(room - len(waiting) if len(waiting) <= room // 2 else 0)
            for job in jobs:
                if (file := self._claims.open(job)) is None:
                    continue
                if video_format(file) is None:
                    waiting.append(self._decode(pool, job, file))
                else:
                    file.close()  # it is opened again when it is read: any number may wait
                    self._stages.put(films, job)
            if not waiting and not jobs:
                if complete and self._claims.is_all_done():
                    return
                self._more.wait(LOOK_SECONDS)
                self._more.clear()
            while waiting and (len(waiting) > room // 2 or not jobs):
                self._hand_on(waiting.popleft(), decoded)
        for decoding in waiting:
            if self._stages.is_failing() or not decoding.future.cancel():
                self._hand_on(decoding, decoded)
            decoding.file.close()

    def _is_ending(self) -> bool:
        return self._stop.is_set() or self._stages.is_failing()

    def _decode(self, pool: DecoderPool, job: Job, file: BufferedReader) -> _Decoding:
        """Have a photo decoded from a file that is open here, so that nothing can take its place."""
        names = file_names.preview(job.sha256), file_names.thumbnail(job.sha256)
        preview, thumbnail = map(self.files.new, names)
        if job.attempts > 1:
            remove_partial(preview)
            remove_partial(thumbnail)
        path, identity = path_of_opened(file), identity_of(file)
        future = pool.submit(path, long_side=ANALYSIS_SIDE, preview=preview, thumbnail=thumbnail)
        return _Decoding(job, file, identity, future, {names[0]: preview, names[1]: thumbnail})

    def _hand_on(self, decoding: _Decoding, decoded: queue.Queue[_Decoded | None]) -> None:
        try:
            with decoding.file:
                item = _Decoded(decoding.job, self._result(decoding))
        except StoreUnavailableError as error:
            self._claims.put_aside(decoding.job, error)
            return
        except ImageError as error:
            self._claims.fail(decoding.job, error)
            return
        self._stages.put(decoded, item)

    def _result(self, decoding: _Decoding) -> DecodedImage:
        """The picture, whose renditions are kept.

        Raises
        ------
        ImageError
            It cannot be used, or the file was written to meanwhile; what was made of that is removed.
        StoreUnavailableError
            The renditions cannot be kept now.
        """
        image, job = decoding.future.result(), decoding.job
        if identity_of(decoding.file) != decoding.identity and digest_of(decoding.file) != job.sha256:
            for rendition in decoding.renditions.values():
                rendition.unlink(missing_ok=True)
            raise UnreadableImageError(CHANGED)
        self.files.keep(decoding.renditions)
        return image

    def _network(
        self,
        decoded: queue.Queue[_Decoded | None],
        analysed: queue.Queue[Future[Analyzed | None] | None],
        regions: ThreadPoolExecutor,
    ) -> None:
        """Fill batches from what is decoded, run the network, and hand each photo to the region threads."""
        while (batch := _take_batch(decoded, self.recipe.batch_size)) and not self._stages.is_failing():
            features = extract_batch(self.recipe, [item.image.rgb for item in batch])
            for item, each in zip(batch, features, strict=True):
                self._stages.put(analysed, regions.submit(self._describe, item, each))

    def _describe(self, item: _Decoded, features: Any) -> Analyzed:
        return Analyzed(item.job.image_id, describe(self.recipe, item.image, features, item.job.imported))


def _take_batch(source: queue.Queue[_Decoded | None], limit: int) -> list[_Decoded]:
    """Wait for one, then take what else is there, up to `limit`; empty at the end."""
    first = source.get()
    if first is None:
        source.put(None)
        return []
    batch = [first]
    while len(batch) < limit:
        try:
            item = source.get_nowait()
        except queue.Empty:
            break
        if item is None:
            source.put(None)
            break
        batch.append(item)
    return batch
