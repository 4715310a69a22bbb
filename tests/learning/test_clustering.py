"""Groups of vectors drawn around directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.catalog.records import Shape
from retrieval.embed.projection import unit
from retrieval.learning import clustering
from retrieval.types import Ids, Vectors

DIM = 64


def around(rng: np.random.Generator, directions: Vectors, count: int, spread: float = 0.4) -> Vectors:
    """`count` vectors near each direction, one direction after another."""
    centres = np.repeat(directions, count, axis=0)
    return unit(centres + spread * unit(rng.standard_normal(centres.shape)))


def things(seed: int = 0, kinds: int = 4, photos: int = 6, noise: int = 30) -> tuple[Vectors, Ids]:
    """Some kinds of things, each once on photos of its own, and noise on photos of its own."""
    rng = np.random.default_rng(seed)
    directions = unit(rng.standard_normal((kinds, DIM)))
    vectors = np.concatenate([around(rng, directions, photos), unit(rng.standard_normal((noise, DIM)))])
    return vectors, np.arange(len(vectors), dtype=np.int64)


def test_each_kind_is_a_group_and_noise_is_none() -> None:
    vectors, image_ids = things()
    found = clustering.groups(vectors, image_ids)
    assert sum(map(len, found)) >= 0.8 * 24
    for rows in found:
        assert len({int(row) // 6 for row in rows}) == 1
        assert rows.max() < 24


def test_segments_of_one_photo_make_no_group() -> None:
    """Twenty nested segments, all but equal, on one photo and again on another: two photos are too few."""
    rng = np.random.default_rng(1)
    vectors = around(rng, unit(rng.standard_normal((1, DIM))), 40, 0.05)
    assert clustering.groups(vectors, np.repeat([7, 8], 20)) == []
    found = clustering.groups(vectors, np.arange(40, dtype=np.int64))
    assert found
    assert all(len(rows) >= clustering.LEAST_PHOTOS for rows in found)


def test_neighbours_are_on_different_other_photos() -> None:
    vectors, image_ids = things(photos=8)
    image_ids = image_ids // 2
    rows, cosines = clustering.near_photos(vectors, image_ids)
    for row in range(len(vectors)):
        near = [int(image_ids[other]) for other in rows[row]]
        assert len({*near, int(image_ids[row])}) == 1 + clustering.NEIGHBOURS
    assert (np.diff(cosines, axis=1) <= 0).all()
    best = np.where(image_ids[:, None] == image_ids[None], -2, vectors @ vectors.T)
    assert (rows[:, 0] == best.argmax(axis=1)).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, image_ids = things(noise=100)
    whole = clustering.near_photos(vectors, image_ids)[0]
    monkeypatch.setattr(clustering, "BLOCK", 7)
    assert (clustering.near_photos(vectors, image_ids)[0] == whole).all()


@given(count=st.integers(0, 12), photos=st.integers(1, 12), seed=st.integers(0, 50))
def test_groups_are_disjoint_and_wide(count: int, photos: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.standard_normal((count, 4)))
    image_ids = rng.integers(0, photos, count)
    found = clustering.groups(vectors, image_ids)
    every = [row for rows in found for row in rows.tolist()]
    assert len(every) == len(set(every))
    assert all(len(np.unique(image_ids[rows])) >= clustering.LEAST_PHOTOS for rows in found)


def test_many_photos_of_one_thing_are_one_group() -> None:
    """Three nearest neighbours alone would leave many small groups."""
    rng = np.random.default_rng(3)
    vectors = around(rng, unit(rng.standard_normal((1, DIM))), 60, 0.3)
    found = clustering.groups(vectors, np.arange(60, dtype=np.int64))
    assert len(found) == 1
    assert len(found[0]) > 40


def test_coherence_is_nothing_by_chance_and_does_not_count_a_photo_for_itself() -> None:
    rng = np.random.default_rng(4)
    chance = unit(rng.standard_normal((400, DIM)))
    assert abs(clustering.shape_of(chance, np.arange(400)).coherence) < 0.1
    alike = around(rng, unit(rng.standard_normal((1, DIM))), 10, 0.05)
    assert clustering.shape_of(alike, np.arange(10)).coherence > 0.95
    two = np.concatenate([alike, unit(rng.standard_normal((10, DIM)))])
    by_photo = clustering.shape_of(two, np.repeat([0, 1], 10))
    assert by_photo.coherence < 0.5, "nested segments of one photo do not vouch for each other"


def test_the_radius_follows_the_least_typical_founder() -> None:
    rng = np.random.default_rng(5)
    vectors = around(rng, unit(rng.standard_normal((1, DIM))), 5, 0.6)
    shape = clustering.shape_of(vectors, np.arange(5))
    others = [vectors[row] @ unit(np.delete(vectors, row, 0).sum(axis=0)) for row in range(5)]
    assert shape.radius == pytest.approx(clustering.SLACK * min(others), abs=1e-5)
    assert isinstance(shape, Shape)
    far = clustering.shape_of(unit(rng.standard_normal((5, DIM))), np.arange(5))
    assert far.radius == clustering.LEAST_COSINE


def test_halves_part_what_differs_and_leave_what_does_not() -> None:
    rng = np.random.default_rng(6)
    vectors = around(rng, unit(rng.standard_normal((2, DIM))), 9)
    second = clustering.halves(vectors)
    assert second.sum() == 9
    assert len(set(second[:9].tolist())) == 1
    assert not clustering.halves(np.repeat(vectors[:1], 5, axis=0)).any()
    assert not clustering.halves(vectors[:1]).any()


def test_the_same_comes_of_the_same() -> None:
    vectors, image_ids = things(seed=9)
    one, other = (clustering.groups(vectors, image_ids) for _ in range(2))
    assert [rows.tolist() for rows in one] == [rows.tolist() for rows in other]
