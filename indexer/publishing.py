"""Keeping the index files in step with the catalogue; `verify` and `rebuild`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np

from retrieval.assembly import Assembly
from retrieval.errors import IndexFileError, IndexLockedError
from retrieval.index.files import IndexFiles
from retrieval.index.live import LiveIndex, Source, photos_of, segments_of

logger = logging.getLogger(__name__)

SAMPLE = 200
"""Vectors that `verify` compares one by one."""


class Publisher:
    """Writes both indexes whenever asked, if it can have the lock.

    Parameters
    ----------
    assembly : Assembly
    """

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._live: tuple[LiveIndex, LiveIndex] | None = None

    def publish(self) -> None:
        """Catch up with the catalogue and write what changed; does nothing while another process writes.

        Raises
        ------
        IndexFileError
            The files cannot be written, or the ones there are wrong.
        """
        if self._live is None:
            self._live = self._assembly.live_segments(), self._assembly.live_photos()
        for index in self._live:
            index.refresh()
            try:
                with index.files.writing():
                    index.publish()
            except IndexLockedError:
                logger.info("another process writes %s; it will take these segments in", index.files.folder)


def rebuild(assembly: Assembly) -> dict[str, int]:
    """Make both indexes anew from the catalogue; returns how many vectors each holds.

    Raises
    ------
    IndexLockedError
        Another process is writing them: stop the worker first.
    """
    sizes: dict[str, int] = {}
    with ExitStack() as locks:
        both = assembly.segment_files, assembly.photo_files
        for files in both:
            locks.enter_context(files.writing())
        for files in both:
            for path in (files.folder / "manifest.json", *files.folder.glob("part-*")):
                path.unlink(missing_ok=True)
        for name, index in (("segments", assembly.live_segments()), ("photos", assembly.live_photos())):
            index.refresh()
            index.publish()
            sizes[name] = len(index)
    return sizes


def verify(assembly: Assembly) -> list[str]:
    """Hold the index files against the catalogue; returns what is wrong, with its cure."""
    name = assembly.card.space
    pairs: tuple[tuple[str, IndexFiles, Source], ...] = (
        ("segments", assembly.segment_files, segments_of(assembly.catalog, name)),
        ("photos", assembly.photo_files, photos_of(assembly.catalog, name)),
    )
    return [f"{kind}: {fault}" for kind, files, source in pairs for fault in _faults(files, source, name)]


def _faults(files: IndexFiles, source: Source, fingerprint: str) -> Iterator[str]:
    try:
        _, index = files.load(fingerprint)
        damaged = files.check()
    except IndexFileError as error:
        yield str(error)
        return
    if damaged:
        yield damaged
        return
    held_ids, held = index.contents() if index is not None else (np.zeros(0, np.int64), np.zeros((0, 0), np.float32))
    wanted, _ = source.owners()
    missing, extra = np.setdiff1d(wanted, held_ids), np.setdiff1d(held_ids, wanted)
    if len(missing):
        yield f"{len(missing)} are not in the index files yet: run `python manage.py rebuild-index` or a worker"
    if len(extra):
        yield f"{len(extra)} were deleted and are still in the index files: run `python manage.py rebuild-index`"
    common = np.intersect1d(wanted, held_ids)
    sample = np.random.default_rng(0).choice(common, min(SAMPLE, len(common)), replace=False)
    batch = source.some(np.sort(sample))
    rows = np.searchsorted(np.sort(held_ids), batch.ids)
    if len(batch) and not np.allclose(held[np.argsort(held_ids)[rows]], batch.vectors, atol=1e-6):
        yield "vectors differ from the catalogue's: run `python manage.py rebuild-index`"
