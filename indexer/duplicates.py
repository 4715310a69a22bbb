"""Finding near-duplicates: the duty of a worker, and the renditions that it reads."""

from __future__ import annotations

import logging
import threading

from retrieval.assembly import Assembly
from retrieval.catalog.records import ImageRecord
from retrieval.duplicates.detection import DuplicateDetector, read_gray
from retrieval.errors import ImageError
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.local_features import GrayImage
from retrieval.storage import file_names
from retrieval.storage.originals import digest_of, path_of_opened

logger = logging.getLogger(__name__)

DUPLICATES = "duplicates"


class DuplicateSearch:
    """Compares new photos with the others, once nothing is pending.

    Parameters
    ----------
    assembly : Assembly
    stopping : threading.Event
        While it is set nothing is done.
    """

    def __init__(self, assembly: Assembly, stopping: threading.Event) -> None:
        self._assembly, self._stopping = assembly, stopping
        self._queue, self._vectors = assembly.ingest_queue, assembly.catalog.vectors
        self._recipe = assembly.recipe_spec
        self._detector: DuplicateDetector | None = None
        self._done: int | None = None

    def update(self) -> bool:
        """Compare some photos, if there are any; returns whether there are more."""
        if self._stopping.is_set() or self._queue.unfinished(self._recipe.fingerprint):
            return False
        stamp = self._vectors.stamp()
        if stamp == self._done:
            return False
        if self._detector is None:
            self._detector = detector_of(self._assembly)
        more = self._detector.update().more
        if not more:
            self._done = stamp
        return more


def detector_of(assembly: Assembly) -> DuplicateDetector:
    """What compares the photos of an installation."""
    renditions = _Renditions(assembly)
    return DuplicateDetector(
        assembly.catalog,
        assembly.duplicates,
        assembly.indexes.photos(),
        assembly.recipe_spec.space,
        renditions.thumbnail,
        renditions.preview,
    )


class _Renditions:
    """Reads previews and thumbnails, and makes those that are missing."""

    def __init__(self, assembly: Assembly) -> None:
        self._files, self._originals = assembly.files, assembly.originals

    def thumbnail(self, record: ImageRecord) -> GrayImage | None:
        return self._read(record, file_names.thumbnail(record.sha256))

    def preview(self, record: ImageRecord) -> GrayImage | None:
        return self._read(record, file_names.preview(record.sha256))

    def _read(self, record: ImageRecord, name: str) -> GrayImage | None:
        try:
            content = self._content(name)
        except FileNotFoundError:
            self._make(record)
            try:
                content = self._content(name)
            except FileNotFoundError:
                return None
        return read_gray(content)

    def _content(self, name: str) -> bytes:
        with self._files.open(name) as file:
            return file.read()

    def _make(self, record: ImageRecord) -> None:
        """Write both from the original, if that is still there."""
        names = file_names.preview(record.sha256), file_names.thumbnail(record.sha256)
        preview, thumbnail = map(self._files.new, names)
        for place in record.locations:
            try:
                file = self._originals.open(place.uri, record.sha256)
            except OSError:
                continue
            if file is None:
                continue
            with file, DecoderPool(1) as decoders:
                if digest_of(file) != record.sha256:
                    continue
                try:
                    job = decoders.submit(path_of_opened(file), long_side=64, preview=preview, thumbnail=thumbnail)
                    job.result()
                    self._files.keep(dict(zip(names, (preview, thumbnail), strict=True)))
                except ImageError as error:
                    logger.info("photo %d cannot be compared with others: %s", record.id, error)
                return
