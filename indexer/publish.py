"""Keeping the index files in step with the catalogue; `verify` and `rebuild`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np

from retrieval.assembly import Assembly
from retrieval.errors import IndexFileError, IndexLockedError
from retrieval.index.files import CURE, RECALL, IndexFiles
from retrieval.index.following import CatalogFollower
from retrieval.index.shards import Shard
from retrieval.index.sources import Source, photos_of, segments_of
from retrieval.types import Ids

logger = logging.getLogger(__name__)

PUBLISH = "publish"

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
        self._followers: tuple[CatalogFollower, ...] = ()

    def publish(self) -> bool:
        """Catch up with the catalogue and write what changed; returns False where another process writes.

        Raises
        ------
        IndexFileError
            The files cannot be written, or the ones there are wrong.
        """
        if not self._followers:
            self._followers = (
                self._assembly.followed_segments(is_worker=True),
                self._assembly.followed_photos(is_worker=True),
            )
        own = True
        for follower in self._followers:
            follower.refresh()
            try:
                follower.index.flush()
            except IndexLockedError as error:
                logger.info("%s and will add these segments", error)
                own = False
        return own


def rebuild(assembly: Assembly, recall: float | None = None) -> dict[str, int]:
    """Make both indexes anew from the catalogue; returns how many vectors each holds.

    What was there serves until the new one is there, and stays if that fails.

    Parameters
    ----------
    assembly : Assembly
    recall : float, optional
        What large shards are built to reach from now on, of the 50 nearest.

    Raises
    ------
    IndexLockedError
        Another process is writing them: stop the worker first.
    """
    published = assembly.published()
    with ExitStack() as locks:
        for each in published.values():
            locks.enter_context(each.files.writing())
        sizes = {name: each.rebuild(recall or _recall_of(each.files)) for name, each in published.items()}
    assembly.duties.succeeded(PUBLISH)
    return sizes


def _recall_of(files: IndexFiles) -> float:
    try:
        return files.manifest().recall
    except IndexFileError:
        return RECALL


def verify(assembly: Assembly) -> list[str]:
    """Hold the index files against the catalogue; returns what is wrong, with its cure."""
    name = assembly.recipe_spec.space
    pairs: tuple[tuple[str, IndexFiles, Source], ...] = (
        ("segments", assembly.segment_files, segments_of(assembly.catalog, name)),
        ("photos", assembly.photo_files, photos_of(assembly.catalog, name)),
    )
    return [f"{kind}: {fault}" for kind, files, source in pairs for fault in _faults(files, source, name)]


def _faults(files: IndexFiles, source: Source, fingerprint: str) -> Iterator[str]:
    try:
        _, parts = files.load(fingerprint)
        damaged = files.check()
    except IndexFileError as error:
        yield str(error)
        return
    if damaged:
        yield damaged
        return
    held = np.concatenate([np.zeros(0, np.int64), *(part.ids[part.alive()] for part in parts)])
    wanted, image_ids = source.image_ids()
    missing, extra = np.setdiff1d(wanted, held), np.setdiff1d(held, wanted)
    if len(missing):
        yield f"{len(missing)} are not in the index files yet: {CURE}, or start a worker"
    if len(extra):
        yield f"{len(extra)} were deleted but are still in the index files: {CURE}"
    if len(held) != len(np.unique(held)):
        yield f"some are in the index files twice: {CURE}"
    for part in parts:
        yield from _faults_of(part, source, wanted, image_ids)


def _faults_of(part: Shard, source: Source, wanted: Ids, image_ids: Ids) -> Iterator[str]:
    """Owners of all, and a sample of vectors."""
    common = np.intersect1d(wanted, part.ids[part.alive()])
    if (part.image_ids_of(common) != image_ids[np.searchsorted(wanted, common)]).any():
        yield f"{part.name} disagrees with the catalogue about image ids: {CURE}"
    sample = np.random.default_rng(0).choice(common, min(SAMPLE, len(common)), replace=False)
    if len(sample) and not part.fits(source.some(np.sort(sample))):
        yield f"{part.name} disagrees with the catalogue about vectors: {CURE}"
