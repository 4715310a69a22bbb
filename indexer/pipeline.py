"""The line on which photos enter: decode | network | regions | write, overlapped, in bounded queues.

::

    claim ─► DecoderPool ─► network threads ─► region threads ─► writer thread ─► catalogue
             (processes)    (fill batches)      (no lock held)    (one transaction a batch)

A bad picture becomes a failed row and the line goes on; a bad state (database, disk, device) stops it, and what had
been claimed is given back.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BufferedReader
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
from retrieval.processes.program import PROGRAM
from retrieval.recipes.protocols import Recipe
from retrieval.settings import Settings
from retrieval.storage.disk import Storage
from retrieval.storage.opening import Originals
from retrieval.storage.originals import Identity, digest_of, identity_of, path_of_opened
from retrieval.types import AnalyzedImage
from retrieval.videos.formats import video_format

from .opening import CHANGED, open_photo, plain_reason
from .put_aside import PutAside
from .videos import VideoIntake

logger = logging.getLogger(__name__)

BATCHES_AHEAD = 4
"""Decoded photos waiting for the network, in batches' worth beyond the one in work."""

LOOK_SECONDS = 0.2
"""How often it is looked whether there are photos to claim, unless `Pipeline.look` is called."""

COMMIT_PHOTOS = 32
COMMIT_SECONDS = 0.5


@dataclass(slots=True)
class StageTimes:
    """Seconds each stage was at work, summed over photos; for the benchmark."""

    decode: float = 0.0
    network: float = 0.0
    regions: float = 0.0
    write: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class _Decoding:
    """A photo that is being decoded, of a file that is held open and was the photo's when it was opened."""

    job: Job
    file: BufferedReader
    identity: Identity
    future: Future[DecodedImage]


@dataclass(frozen=True, eq=False, slots=True)
class _Decoded:
    job: Job
    image: DecodedImage


@dataclass(frozen=True, eq=False, slots=True)
class _Analyzed:
    image_id: int
    image: AnalyzedImage


_END = None


@dataclass(eq=False, slots=True)
class Pipeline:
    """Works off what is pending, until nothing is left or it is told to stop.

    Attributes
    ----------
    ingest_queue : IngestQueue
    recipe : Recipe
    settings : Settings
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
    settings: Settings
    storage: Storage
    owner: str
    videos: VideoIntake
    on_done: Callable[[], None] | None = None
    decoders: int = 0
    region_threads: int = 0
    times: StageTimes = field(default_factory=StageTimes)
    _stop: threading.Event = field(default_factory=threading.Event)
    _more: threading.Event = field(default_factory=threading.Event)
    _failure: list[BaseException] = field(default_factory=list)
    _told: str | None = None
    _originals: Originals = field(init=False)
    _aside: PutAside = field(init=False)

    def __post_init__(self) -> None:
        self._originals = Originals(self.settings)
        self._aside = PutAside(self.ingest_queue, self.owner)

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
        analysed: queue.Queue[Future[_Analyzed] | None] = queue.Queue(ahead)
        films: queue.Queue[Job | None] = queue.Queue()
        done = [0]
        self._failure.clear()
        self.ingest_queue.release(self.owner)  # what an earlier run could not give back
        self._aside.clear()
        with (
            threadpool_limits(1),
            DecoderPool(self.decoders or max(1, cores // 2)) as pool,
            ThreadPoolExecutor(self.region_threads or cores, "regions") as regions,
        ):
            concurrency = [
                self._thread(self._network, decoded, analysed, regions) for _ in range(self.recipe.concurrency)
            ]
            writer = self._thread(self._write, analysed, done)
            reader = self._thread(self._read_videos, films, done)
            try:
                self._guarded(self._feed, pool, decoded, films, is_complete, done)
            finally:
                self._put(films, _END)
                reader.join()
                self._put(decoded, _END)
                for lane in concurrency:
                    lane.join()
                self._put(analysed, _END)
                writer.join()
                self.ingest_queue.release(self.owner)
        if self._failure:
            raise self._failure[0]
        return done[0]

    def _thread(self, stage: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(stage, *arguments), name=stage.__name__)
        thread.start()
        return thread

    # ---- stages

    def _feed(
        self,
        pool: DecoderPool,
        decoded: queue.Queue[_Decoded | None],
        films: queue.Queue[Job | None],
        is_complete: Callable[[], bool],
        done: list[int],
    ) -> None:
        """Claim photos and keep the decoders busy, in order, a bounded number ahead."""
        waiting: deque[_Decoding] = deque()
        room = max(self.recipe.batch_size * self.recipe.concurrency * 2, 8)
        while not self._is_ending():
            complete = is_complete()
            free = room - len(waiting) if len(waiting) <= room // 2 and self._is_free() else 0
            jobs = self.ingest_queue.claim(self.owner, free, self.recipe.fingerprint) if free else []
            for job in jobs:
                if (file := self._opened(job, done)) is None:
                    continue
                if video_format(file) is None:
                    waiting.append(self._decode(pool, job, file))
                else:
                    file.close()  # it is opened again when it is read: any number may wait
                    self._put(films, job)
            self._aside.give_back()
            if not waiting and not jobs:
                if complete and self.ingest_queue.unfinished(self.recipe.fingerprint) <= len(self._aside):
                    return
                self._more.wait(LOOK_SECONDS)
                self._more.clear()
            while waiting and (len(waiting) > room // 2 or not jobs):
                self._hand_on(waiting.popleft(), decoded, done)
        for decoding in waiting:
            if self._failure or not decoding.future.cancel():
                self._hand_on(decoding, decoded, done)
            decoding.file.close()

    def _is_free(self) -> bool:
        """Whether anything may be claimed; what is in the way is logged when it comes and when it goes."""
        paused = self.ingest_queue.orders().paused
        obstacle = f"ingest is paused; continue with `{PROGRAM} resume`" if paused else self.storage.shortage()
        if obstacle != self._told:
            logger.warning("%s", f"waiting: {obstacle}" if obstacle else "continuing")
            self._told = obstacle
        return obstacle is None

    def _opened(self, job: Job, done: list[int]) -> BufferedReader | None:
        """The file of a photo, which has failed or is put aside if there is none."""
        try:
            return open_photo(self._originals, job)
        except StoreUnavailableError as error:
            self._aside.add(job, error)
        except ImageError as error:
            self._fail(job, error, done)
        return None

    def _decode(self, pool: DecoderPool, job: Job, file: BufferedReader) -> _Decoding:
        """Have a photo decoded from a file that is open here, so that nothing can take its place."""
        preview, thumbnail = self.settings.preview(job.sha256), self.settings.thumbnail(job.sha256)
        preview.parent.mkdir(parents=True, exist_ok=True)
        if job.attempts > 1:
            remove_partial(preview)
            remove_partial(thumbnail)
        path, identity = path_of_opened(file), identity_of(file)
        future = pool.submit(path, long_side=ANALYSIS_SIDE, preview=preview, thumbnail=thumbnail)
        return _Decoding(job, file, identity, future)

    def _hand_on(self, decoding: _Decoding, decoded: queue.Queue[_Decoded | None], done: list[int]) -> None:
        try:
            with decoding.file:
                item = _Decoded(decoding.job, self._result(decoding))
        except ImageError as error:
            self._fail(decoding.job, error, done)
            return
        self._put(decoded, item)

    def _result(self, decoding: _Decoding) -> DecodedImage:
        """The picture.

        Raises
        ------
        ImageError
            It cannot be used, or the file was written to meanwhile; what was made of that is removed.
        """
        image, job = decoding.future.result(), decoding.job
        if identity_of(decoding.file) != decoding.identity and digest_of(decoding.file) != job.sha256:
            for rendition in (self.settings.preview(job.sha256), self.settings.thumbnail(job.sha256)):
                rendition.unlink(missing_ok=True)
            raise UnreadableImageError(CHANGED)
        return image

    def _read_videos(self, films: queue.Queue[Job | None], done: list[int]) -> None:
        """Enter the frames of videos, one video at a time; the frames are photos that are claimed in their turn."""
        while (job := films.get()) is not _END:
            if (file := self._opened(job, done)) is not None:
                with file:
                    try:
                        self._count(done, self.videos.enter(self.owner, job, file, self._is_ending, self.look))
                    except ImageError as error:
                        self._fail(job, error, done)

    def _is_ending(self) -> bool:
        return self._stop.is_set() or bool(self._failure)

    def _fail(self, job: Job, error: ImageError, done: list[int]) -> None:
        """Note why a photo cannot be entered."""
        self.ingest_queue.fail(self.owner, job.image_id, plain_reason(error))
        self._count(done, 1)

    def _count(self, done: list[int], photos: int) -> None:
        """Count photos that left the pipeline, and report each."""
        done[0] += photos
        if self.on_done is not None:
            for _ in range(photos):
                self.on_done()

    def _network(
        self,
        decoded: queue.Queue[_Decoded | None],
        analysed: queue.Queue[Future[_Analyzed] | None],
        regions: ThreadPoolExecutor,
    ) -> None:
        """Fill batches from what is decoded, run the network, and hand each photo to the region threads."""
        while (batch := _take_batch(decoded, self.recipe.batch_size)) and not self._failure:
            started = time.perf_counter()
            features = extract_batch(self.recipe, [item.image.rgb for item in batch])
            self.times.network += time.perf_counter() - started
            for item, each in zip(batch, features, strict=True):
                self._put(analysed, regions.submit(self._describe, item, each))

    def _describe(self, item: _Decoded, features: Any) -> _Analyzed:
        started = time.perf_counter()
        image = describe(self.recipe, item.image, features, item.job.imported)
        self.times.regions += time.perf_counter() - started
        return _Analyzed(item.job.image_id, image)

    def _write(self, analysed: queue.Queue[Future[_Analyzed] | None], done: list[int]) -> None:
        """Commit photos in batches, often enough that they are found soon; keep the leases alive."""
        analyzed: dict[int, AnalyzedImage] = {}
        committed = renewed = time.monotonic()
        more = True
        while more and not self._failure:
            try:
                future = analysed.get(timeout=COMMIT_SECONDS)
                more = future is not _END
                if future is not None:
                    item = future.result()
                    analyzed[item.image_id] = item.image
            except queue.Empty:
                pass
            now = time.monotonic()
            if analyzed and (not more or len(analyzed) >= COMMIT_PHOTOS or now - committed > COMMIT_SECONDS):
                started = time.perf_counter()
                self.ingest_queue.finish(self.owner, analyzed, self.recipe.fingerprint, self.recipe.space)
                self.times.write += time.perf_counter() - started
                self._count(done, len(analyzed))
                analyzed, committed = {}, now
            if now - renewed > 20:
                self.ingest_queue.renew(self.owner)
                renewed = now

    def _put(self, target: queue.Queue[Any], item: Any) -> None:
        """Put an item, waiting for room as long as the line runs.

        After a failure it is dropped where there is no room: whoever reads a full queue looks at `_failure` next.
        """
        while True:
            try:
                return target.put(item, timeout=0.5)
            except queue.Full:
                if self._failure:
                    return None

    def _guarded(self, stage: Callable[..., None], *arguments: Any) -> None:
        """Run a stage; what it raises stops the whole line."""
        try:
            stage(*arguments)
        except Exception as error:
            logger.exception("ingest stopped")
            self._failure.append(error)


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
