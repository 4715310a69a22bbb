"""Whether the index holds what the catalogue does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retrieval.assembly import Assembly
from retrieval.errors import IndexFileError, IndexMissingError
from retrieval.index.files import CURE, IndexFiles
from retrieval.index.shards import Shard
from retrieval.index.sources import Source, photos_of, segments_of
from retrieval.types import Ids

SAMPLE = 200
"""Vectors that are compared one by one."""


def verify(assembly: Assembly) -> list[str]:
    """Check the index against the catalogue; returns what is wrong, with its cure."""
    if not assembly.indexes.is_local:
        followed = (("segments", assembly.indexes.segments()), ("photos", assembly.indexes.photos()))
        return [f"{kind}: {fault}: {CURE}" for kind, follower in followed for fault in follower.faults()]
    name = assembly.recipe_spec.space
    pairs: tuple[tuple[str, IndexFiles, Source], ...] = (
        ("segments", assembly.indexes.segment_files, segments_of(assembly.catalog, name)),
        ("photos", assembly.indexes.photo_files, photos_of(assembly.catalog, name)),
    )
    return [f"{kind}: {fault}" for kind, files, source in pairs for fault in _faults(files, source, name)]


def _faults(files: IndexFiles, source: Source, fingerprint: str) -> Iterator[str]:
    try:
        _, shards = files.load(fingerprint)
        damaged = files.check()
    except IndexMissingError as error:
        if len(source.image_ids()[0]):
            yield str(error)
        return
    except IndexFileError as error:
        yield str(error)
        return
    if damaged:
        yield damaged
        return
    held = np.concatenate([np.zeros(0, np.int64), *(shard.ids[shard.alive()] for shard in shards)])
    wanted, image_ids = source.image_ids()
    missing, extra = np.setdiff1d(wanted, held), np.setdiff1d(held, wanted)
    if len(missing):
        yield f"{len(missing)} are not in the index files yet: {CURE}, or start a worker"
    if len(extra):
        yield f"{len(extra)} were deleted but are still in the index files: {CURE}"
    if len(held) != len(np.unique(held)):
        yield f"some are in the index files twice: {CURE}"
    for shard in shards:
        yield from _faults_of(shard, source, wanted, image_ids)


def _faults_of(shard: Shard, source: Source, wanted: Ids, image_ids: Ids) -> Iterator[str]:
    """Owners of all, and a sample of vectors."""
    common = np.intersect1d(wanted, shard.ids[shard.alive()])
    if (shard.image_ids_of(common) != image_ids[np.searchsorted(wanted, common)]).any():
        yield f"{shard.name} disagrees with the catalogue about image ids: {CURE}"
    sample = np.random.default_rng(0).choice(common, min(SAMPLE, len(common)), replace=False)
    if len(sample) and not shard.fits(source.some(np.sort(sample))):
        yield f"{shard.name} disagrees with the catalogue about vectors: {CURE}"
