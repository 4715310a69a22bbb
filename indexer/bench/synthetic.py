"""Synthetic collections of any size, with vectors distributed like those of real segments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retrieval.assembly import Assembly
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.types import Analysis, AnalyzedImage, Segments, Vectors

PER_PHOTO = 100
BLOCK = 65_536
AT_ONCE = 200
"""Photos per transaction."""

LATENT, HIDDEN = 48, 1024
"""Number of latent factors of synthetic things, in descending variance, and of random cosine features."""

NESTED = ((24, 0.5), (8, 0.4), (2, 0.25), (1, 0.15))
"""Nested groups of segments: members per group, and the group's distance from its parent."""


def synthetic_vectors(count: int, dim: int, *, seed: int = 0) -> Vectors:
    """The vectors of `synthetic_blocks` as one array, (N, D), float32."""
    return np.concatenate(list(synthetic_blocks(count, dim, seed=seed)))


def synthetic_blocks(count: int, dim: int, *, seed: int = 0) -> Iterator[Vectors]:
    """Unit vectors distributed like those of real segments, `BLOCK` at a time.

    Things vary in a few factors, so they lie on a curved surface of few dimensions (random cosine features of normal
    variates). Around each thing, ever closer, lie its regions, their parts, and nearly identical segments. Distances
    and numbers were chosen so that nearest neighbours and the recall of inverted lists match those of real segments;
    ``python -m benchmarks.likeness`` compares them.

    References
    ----------
    Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", NIPS 2007, section 3.
    """
    rng = np.random.default_rng(seed)
    weights = (0.9 * np.arange(1, LATENT + 1) ** -0.7).astype(np.float32)
    ways = weights[:, None] * rng.standard_normal((LATENT, HIDDEN), np.float32)
    phases = 2 * np.pi * rng.random(HIDDEN, np.float32)
    mixing = rng.standard_normal((HIDDEN, dim), np.float32)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        things = rng.standard_normal((-(-size // NESTED[0][0]), LATENT), np.float32)
        near = _unit(np.cos(things @ ways + phases) @ mixing)
        for group, distance in NESTED:
            groups = -(-size // group)
            near = np.repeat(near, -(-groups // len(near)), axis=0)[:groups]
            near = near + np.float32(distance / dim**0.5) * rng.standard_normal(near.shape, np.float32)
        yield _unit(near)


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def fill(assembly: Assembly, size: int) -> None:
    """Ingest synthetic photos of `PER_PHOTO` segments each, like a worker; ids are the vectors' rows from 1."""
    atoms = np.arange(PER_PHOTO, dtype=np.int32).reshape(10, 10)
    segments = Segments(atoms, np.eye(PER_PHOTO, dtype=bool), np.linspace(1, 0, PER_PHOTO, dtype=np.float32))
    photo = np.ones(assembly.recipe_spec.photo_dim, np.float32) / assembly.recipe_spec.photo_dim**0.5
    entered, waiting = 0, np.zeros((0, assembly.recipe_spec.segment_dim), np.float32)
    for block in synthetic_blocks(size, assembly.recipe_spec.segment_dim):
        waiting = np.concatenate([waiting, block])
        whole = len(waiting) if entered * PER_PHOTO + len(waiting) == size else len(waiting) // PER_PHOTO * PER_PHOTO
        photos = [
            Analysis(segments[: len(each)], each, photo)
            for each in np.split(waiting[:whole], range(PER_PHOTO, whole, PER_PHOTO))
        ]
        for first in range(0, len(photos), AT_ONCE):
            enter(assembly, entered + first, photos[first : first + AT_ONCE])
        entered, waiting = entered + len(photos), waiting[whole:]


def enter(assembly: Assembly, number: int, photos: list[Analysis]) -> None:
    """Register photos that do not exist, named by numbers from `number` on."""
    names = range(number, number + len(photos))
    assembly.catalog.locations.register(
        [SeenFile(uri_of(Path(f"/synthetic/{name}")), f"{name:064x}", 1, 1) for name in names]
    )
    jobs = assembly.ingest_queue.claim("bench", len(photos))
    entries = {
        job.image_id: AnalyzedImage(format="JPEG", size_hw=(480, 640), taken_at=None, analysis=analysis)
        for job, analysis in zip(jobs, photos, strict=True)
    }
    assembly.ingest_queue.finish("bench", entries, assembly.recipe_spec.fingerprint, assembly.recipe_spec.space)
