"""Analyses photos in a process of a Ray cluster.

Messages are plain values, and what was found travels as `retrieval.analysis.wire` writes it.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from threadpoolctl import threadpool_limits

from retrieval.analysis.batch import describe, extract_batch
from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.analysis.wire import dump_photo
from retrieval.catalog.records import Job
from retrieval.errors import ImageError, StoreUnavailableError
from retrieval.images.decode import DecodedImage
from retrieval.images.decoder_pool import DecoderPool
from retrieval.processes.cores import shares
from retrieval.processes.versions import versions
from retrieval.recipes import load
from retrieval.settings import Settings
from retrieval.storage.opening import Originals
from retrieval.storage.originals import path_of_opened
from retrieval.types import ImportedMask

from ..opening import open_photo, plain_reason

READERS = 8
"""Threads that read from stores, which answer slowly."""


class Photo(TypedDict):
    """A photo to be analysed.

    `content` is None for one that the process reads from a store itself, at one of its `uris`. `imported` has the
    masks of imported segments, as the fields of `ImportedMask`, by the segments' ids. `renditions` asks for the preview
    and the thumbnail.
    """

    image_id: int
    sha256: str
    uris: list[str]
    content: bytes | None
    imported: dict[int, tuple[tuple[int, int], bytes, str | None, float]]
    renditions: bool


class Found(TypedDict):
    """What became of a photo: its analysis in bytes, why it cannot be used, or why its store cannot be read now."""

    image_id: int
    photo: NotRequired[bytes]
    renditions: NotRequired[tuple[bytes, bytes] | None]
    fault: NotRequired[str]
    unavailable: NotRequired[str]


class Facts(TypedDict):
    """What a process tells of itself: what it runs, and how many photos it takes at once."""

    machine: str
    version: str
    recipe: str
    batch_size: int
    concurrency: int


def installed_version() -> str:
    """The version of this program."""
    return versions(["segsearch"]).get("segsearch", "")


class PhotoAnalyzer:
    """Analyses photos with a recipe; several calls at once overlap reading, decoding, the network and segmenting.

    Parameters
    ----------
    recipe, device : str
    part, parts : int
        Which of how many parts of this machine's cores it uses.
    """

    def __init__(self, recipe: str, device: str, part: int, parts: int) -> None:
        cores = shares(parts)[part]
        os.sched_setaffinity(0, cores)
        self._folder = tempfile.TemporaryDirectory(prefix="segsearch-ray-")
        settings = Settings.in_data_dir(Path(self._folder.name), device=device, recipe=recipe)
        self._originals = Originals(replace(settings, cache=0))
        self._recipe = load(recipe, device, threads=1)
        threadpool_limits(1)  # for good: photos, not parts of one, share the cores
        self._decoders = DecoderPool(max(1, len(cores) // 2))
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._regions = ThreadPoolExecutor(len(cores), "regions")
        self._passes = threading.Semaphore(self._recipe.concurrency)

    def facts(self) -> Facts:
        """What it runs; answered once it can work."""
        return {
            "machine": socket.gethostname(),
            "version": installed_version(),
            "recipe": self._recipe.fingerprint,
            "batch_size": self._recipe.batch_size,
            "concurrency": self._recipe.concurrency,
        }

    def analyze(self, photos: Sequence[Photo]) -> list[Found]:
        """Analyse photos; the answers are in no order.

        Raises
        ------
        Exception
            The device, the disk or the memory fails; what is wrong with a photo is its answer.
        """
        results = list(self._readers.map(self._decoded, photos))
        decoded = [each for each in results if isinstance(each, _Decoded)]
        found = [each for each in results if not isinstance(each, _Decoded)]
        for start in range(0, len(decoded), self._recipe.batch_size):
            batch = decoded[start : start + self._recipe.batch_size]
            with self._passes:
                features = extract_batch(self._recipe, [each.image.rgb for each in batch])
            found += self._regions.map(self._described, batch, features)
        return found

    def _decoded(self, photo: Photo) -> _Decoded | Found:
        """A photo's pixels, or why there are none."""
        try:
            with self._open(photo) as file:
                return self._decode(photo, file)
        except StoreUnavailableError as error:
            return {"image_id": photo["image_id"], "unavailable": str(error)}
        except ImageError as error:
            return {"image_id": photo["image_id"], "fault": plain_reason(error)}

    def _open(self, photo: Photo) -> BufferedReader:
        if photo["content"] is None:
            return open_photo(self._originals, Job(photo["image_id"], photo["sha256"], tuple(photo["uris"])))
        number = os.memfd_create("photo")
        with os.fdopen(number, "wb", closefd=False) as file:
            file.write(photo["content"])
        return os.fdopen(number, "rb")

    def _decode(self, photo: Photo, file: BufferedReader) -> _Decoded:
        if not photo["renditions"]:
            return _Decoded(photo, self._decoders.submit(path_of_opened(file), long_side=ANALYSIS_SIDE).result())
        with tempfile.TemporaryDirectory(dir=self._folder.name) as name:
            preview, thumbnail = Path(name) / "preview.jpg", Path(name) / "thumbnail.jpg"
            path = path_of_opened(file)
            decoding = self._decoders.submit(path, long_side=ANALYSIS_SIDE, preview=preview, thumbnail=thumbnail)
            return _Decoded(photo, decoding.result(), (preview.read_bytes(), thumbnail.read_bytes()))

    def _described(self, decoded: _Decoded, features: Any) -> Found:
        photo = decoded.photo
        imported = {key: ImportedMask(*fields) for key, fields in photo["imported"].items()}
        analyzed = dump_photo(describe(self._recipe, decoded.image, features, imported))
        return {"image_id": photo["image_id"], "photo": analyzed, "renditions": decoded.renditions}


@dataclass(frozen=True, eq=False, slots=True)
class _Decoded:
    photo: Photo
    image: DecodedImage
    renditions: tuple[bytes, bytes] | None = None
