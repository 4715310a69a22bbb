"""The truth that indexes on servers are measured by."""

from __future__ import annotations

import numpy as np
import pytest
from toys import random_units

from benchmarks import index_servers
from retrieval.catalog.records import VectorBatch


def test_the_nearest_photos_are_those_of_the_nearest_segments_without_the_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_servers, "PHOTOS", 3)
    vectors = random_units(np.random.default_rng(0), 40, 8)
    held = VectorBatch(np.arange(1, 41), np.repeat(np.arange(1, 11), 4), vectors)
    best = {
        photo: max(float(vectors[row] @ vectors[6]) for row in range(40) if held.image_ids[row] == photo)
        for photo in range(1, 11)
        if photo != held.image_ids[6]
    }
    wanted = sorted(best, key=lambda photo: -best[photo])[:3]
    assert index_servers._nearest_photos(held, 6) == set(wanted)
