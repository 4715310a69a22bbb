"""Vectors as an index reads them, and how they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...types import Ids, Vectors


@dataclass(frozen=True, eq=False, slots=True)
class VectorBatch:
    """Ids with the photos they belong to and their vectors, as they go into an index."""

    ids: Ids
    image_ids: Ids
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Contents:
    """What of one recipe is in the catalogue; two equal values mean that nothing an index needs has changed.

    Attributes
    ----------
    photos, segments : int
        How many there are.
    newest_segment : int
        Greatest id of any segment.
    photo_ids : int
        Sum of the photos' ids, by which a photo without segments in the place of another is noticed.
    trash : int
        How often photos were moved to the trash or restored, in any recipe.
    """

    photos: int
    segments: int
    newest_segment: int
    photo_ids: int
    trash: int


def vector_bytes(vectors: Vectors) -> bytes:
    """Vectors as they are stored: float16, little endian."""
    return vectors.astype("<f2").tobytes()


def vectors_from(stored: Sequence[bytes]) -> Vectors:
    """Stored vectors, (N, D) float32; (0, 0) for none."""
    if not stored:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(stored), "<f2").reshape(len(stored), -1).astype(np.float32)
