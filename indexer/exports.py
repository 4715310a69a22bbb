"""Writes the exports that were ordered by the API, one after another."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

from retrieval.assembly import Assembly
from retrieval.catalog.export_jobs import MOST_KEPT_BYTES
from retrieval.catalog.owners import new_owner
from retrieval.catalog.records import ExportRecord
from retrieval.errors import CatalogUnavailableError, QueryError, RetrievalError
from retrieval.formats.dataset import Dataset
from retrieval.formats.exports import EXTENSIONS, Export, Format
from retrieval.formats.selection import Selection
from retrieval.images.decoder_pool import DecoderPool
from retrieval.library.photos import Photos
from retrieval.storage.disk import obstacle_of, size

logger = logging.getLogger(__name__)

TELL_SECONDS = 1.0
"""Progress is told at most this often."""

CHECKED_BYTES = 64 * 1024**2
"""After so many bytes it is checked whether there is room for more."""


class _GivenUpError(Exception):
    """The worker is to stop, or nobody wants the export any more."""


class Exporter:
    """A worker's share of the exports.

    Parameters
    ----------
    assembly : Assembly
    is_stopping : callable
        Whether to give back what is not finished.
    """

    def __init__(self, assembly: Assembly, is_stopping: Callable[[], bool]) -> None:
        self._assembly, self._is_stopping = assembly, is_stopping
        self._jobs, self._owner = assembly.export_jobs, new_owner()

    def write_next(self) -> bool | None:
        """Write the export that waits longest; None if there is none."""
        if self._is_stopping():
            return None
        job = self._jobs.claim(self._owner)
        if job is None:
            return None
        try:
            self._write(job)
        except _GivenUpError:
            self._jobs.release(job.id, self._owner)
        except CatalogUnavailableError:
            raise  # the duty is tried again, and begins this export anew
        except RetrievalError as error:
            self._jobs.fail(job.id, self._owner, str(error))
        except OSError as error:
            self._jobs.fail(job.id, self._owner, obstacle_of(error) or f"{type(error).__name__}: {error.strerror}")
        except Exception as error:
            logger.exception("export %d failed", job.id)
            self._jobs.fail(job.id, self._owner, f"internal error ({type(error).__name__}): see the worker's log")
        return True

    def _write(self, job: ExportRecord) -> None:
        target = self._assembly.settings.export(job.id, EXTENSIONS[cast("Format", job.format)])
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}-{secrets.token_hex(4)}.tmp")
        try:
            written, digest = self._written(job, beside)
            beside.replace(target)
            if not self._jobs.finish(job.id, self._owner, written, digest):
                target.unlink(missing_ok=True)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)

    def _written(self, job: ExportRecord, path: Path) -> tuple[int, str]:
        """Write the file; returns its size and its SHA-256."""
        assembly, digest, written, checked = self._assembly, hashlib.sha256(), 0, 0
        self._check_room(0)
        with DecoderPool(1) as decoders, path.open("xb") as file:
            made = Export(
                dataset=Dataset(
                    assembly.catalog,
                    assembly.concepts,
                    assembly.recipe_spec.space,
                    Selection.from_json(job.selection),
                    self._telling(job),
                ),
                format=cast("Format", job.format),
                picture=Photos(assembly.catalog, assembly.originals, decoders).image,
                polygons=job.polygons,
            )
            for part in made.parts():
                file.write(part)
                digest.update(part)
                written += len(part)
                if written - checked >= CHECKED_BYTES:
                    self._check_room(written)
                    checked = written
            file.flush()
        return written, digest.hexdigest()

    def _telling(self, job: ExportRecord) -> Callable[[], None]:
        done, told = 0, time.monotonic()

        def tell() -> None:
            nonlocal done, told
            done += 1
            if self._is_stopping():
                raise _GivenUpError
            if time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                if not self._jobs.advance(job.id, self._owner, done):
                    raise _GivenUpError

        return tell

    def _check_room(self, written: int) -> None:
        if written > MOST_KEPT_BYTES:
            raise QueryError(f"the file is larger than {size(MOST_KEPT_BYTES)}: export fewer photos at once")
        if shortage := self._assembly.storage.disk_shortage():
            raise QueryError(f"the file cannot be written: {shortage}")
