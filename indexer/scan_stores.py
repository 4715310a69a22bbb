"""Registers the photos of object stores and web servers: lists objects, and downloads those that are new or changed."""

from __future__ import annotations

import logging
import mimetypes
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from retrieval.assembly import Assembly
from retrieval.catalog.records import KnownLocation
from retrieval.errors import ImageTooLargeError, StoreUnavailableError
from retrieval.images.formats import SNIFF_BYTES, sniff_format
from retrieval.storage.bucket_files import is_kept
from retrieval.storage.disk import obstacle_of
from retrieval.storage.locations import SeenFile, displayed, name_of
from retrieval.storage.opening import MOST_BYTES
from retrieval.storage.remote import SeenObject

from .registering import Chunk, growing, patiently, register_chunks
from .report import Failure, Tally
from .scan import PICTURE_SUFFIXES

logger = logging.getLogger(__name__)

READERS = 8
"""Threads that download; stores answer slowly, and many at once."""

CHUNK = 64
"""Objects that are registered in one transaction, at most."""


def register_objects(
    assembly: Assembly,
    uris: Sequence[str],
    tally: Tally,
    *,
    restore: Collection[str] | bool = False,
    stopping: threading.Event | None = None,
    on_registered: Callable[[], None] = lambda: None,
) -> None:
    """Register new objects at and below `uris` as pending, and note the outcome of every object in `tally`.

    Objects that are as they were are not downloaded. Those that are gone are noted as missing files are, if the whole
    listing was read. A store that cannot be read is a failure, which the next call tries again. Ends early if a user
    cancels pending photos.

    Parameters
    ----------
    assembly : Assembly
    uris : sequence of str
        From `retrieval.storage.locations.uri_from`.
    tally : Tally
    restore : collection of str, or bool
        Which of the URIs restore photos that were deleted: some, or all objects.
    stopping : threading.Event, optional
        Ends it early, without a look for what is gone.
    on_registered : callable
        Called after each transaction.

    Raises
    ------
    CatalogUnavailableError
        The catalogue could not be written for minutes.
    ConfigurationError
        A package is not installed.
    """
    stopping = stopping or threading.Event()
    for uri in uris:
        listing, examine = _Listing(assembly, uri, stopping), _Examiner(assembly, restore, stopping)
        found = growing(iter(listing), CHUNK)
        seen = register_chunks(assembly, found, examine, tally, readers=READERS, on_registered=on_registered)
        if listing.failure is not None:
            tally.failed(Failure(displayed(uri), listing.failure))
        if seen is None:
            return
        if listing.is_whole:
            _note_missing(assembly, uri, seen)


def _note_missing(assembly: Assembly, uri: str, seen: Sequence[int]) -> None:
    """Note which objects are gone; each that was not listed is looked for once more."""

    def is_there(uri: str) -> bool:
        return is_kept(assembly.settings, uri) or assembly.originals.stores.is_there(uri)

    here = np.asarray(seen, np.int64)
    try:
        patiently(partial(assembly.catalog.locations.note_missing, uri, here, is_there))
    except StoreUnavailableError as error:
        logger.warning("whether objects are gone is looked for the next time: %s", error)


class _Listing:
    """The objects of a listing, without what SegSearch itself keeps there; what goes wrong ends it and is kept.

    Attributes
    ----------
    failure : str or None
    is_whole : bool
        Whether all of it was read; so it is, too, if there is nothing any more.
    """

    def __init__(self, assembly: Assembly, uri: str, stopping: threading.Event) -> None:
        self._assembly, self._uri, self._stopping = assembly, uri, stopping
        self.failure: str | None = None
        self.is_whole = False

    def __iter__(self) -> Iterator[SeenObject]:
        try:
            for seen in self._assembly.originals.stores.below(self._uri):
                if self._stopping.is_set():
                    return
                if not is_kept(self._assembly.settings, seen.uri):
                    yield seen
        except StoreUnavailableError as error:
            self.failure = str(error).removeprefix(f"{displayed(self._uri)}: ")
        except FileNotFoundError:
            self.failure = "there is nothing: check the bucket and the prefix, or the address"
            self.is_whole = True
        else:
            self.is_whole = True


@dataclass(frozen=True, slots=True)
class _Examiner:
    """Looks at objects, in any thread."""

    assembly: Assembly
    restore: Collection[str] | bool
    stopping: threading.Event

    def __call__(self, objects: list[SeenObject]) -> Chunk:
        uris = [each.uri for each in objects]
        known = patiently(partial(self.assembly.catalog.locations.known, uris))
        deleted = patiently(partial(self.assembly.catalog.deleted_files.known, uris))
        chunk = Chunk()
        for seen in objects:
            if self.stopping.is_set():
                break
            self._examine(seen, known.get(seen.uri), deleted.get(seen.uri), chunk)
        return chunk

    def _examine(
        self, seen: SeenObject, known: KnownLocation | None, deleted: tuple[int, int] | None, chunk: Chunk
    ) -> None:
        """Note in its chunk what an object is."""
        restores = self.restore if isinstance(self.restore, bool) else seen.uri in self.restore
        if not _may_be_picture(name_of(seen.uri)):
            chunk.settled.append("skipped")
        elif deleted == (seen.size, seen.mtime_ns) and seen.mtime_ns and not restores:
            chunk.settled.append("deleted")
        elif (
            known is not None
            and known.is_same(seen.size, seen.mtime_ns, seen.version)
            and not (known.in_trash and restores)
        ):
            chunk.settle(known, displayed(seen.uri))
        elif seen.size > MOST_BYTES:
            chunk.failures.append(Failure(displayed(seen.uri), f"it has more than {MOST_BYTES:,} bytes"))
        else:
            self._download(seen.uri, known, chunk, restores=restores)

    def _download(self, uri: str, known: KnownLocation | None, chunk: Chunk, *, restores: bool) -> None:
        """Note what the bytes are, as they were read: the object may have changed since it was listed."""
        where = displayed(uri)
        try:
            downloaded = self.assembly.originals.download(uri, partial(_is_picture, name_of(uri)))
        except StoreUnavailableError as error:
            chunk.failures.append(Failure(where, str(error).removeprefix(f"{where}: ")))
            return
        except (ImageTooLargeError, FileNotFoundError) as error:
            chunk.failures.append(Failure(where, str(getattr(error, "strerror", None) or error)))
        except OSError as error:
            chunk.failures.append(Failure(where, obstacle_of(error) or f"cannot be copied: {error.strerror or error}"))
            return
        else:
            if downloaded is not None:
                found, stream = downloaded
                stream.close()
                facts = found.sha256, found.seen.size, found.seen.mtime_ns
                chunk.to_register[SeenFile(uri, *facts, restores=restores, version=found.seen.version)] = where
                return
            chunk.settled.append("skipped")
        if known is not None:
            chunk.lost.append(uri)


def _may_be_picture(name: str) -> bool:
    """Whether an object is worth a look at its first bytes: its name is not that of something else."""
    kind = mimetypes.guess_type(name)[0]
    return not name.startswith(".") and (kind is None or kind.startswith("image/"))


def _is_picture(name: str, beginning: bytes) -> bool:
    """Whether bytes begin like a picture; an empty object with the name of one was meant to be one."""
    if not beginning:
        return any(name.lower().endswith(suffix) for suffix in PICTURE_SUFFIXES)
    return sniff_format(beginning[:SNIFF_BYTES]) is not None
