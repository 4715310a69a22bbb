"""Which segment explains a tag: drawn bags whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.embed.projection import unit
from retrieval.learning import weak_labels
from retrieval.learning.weak_labels import WeakLearner, drawn
from retrieval.types import Bags

DIM = 32
NOISE = 0.12
KINDS, STUDIO = range(3), 3
SEGMENTS = 8

AXES = np.eye(DIM, dtype=np.float32)


def like(axis: int, rng: np.random.Generator) -> NDArray[np.float32]:
    return AXES[axis] + NOISE * rng.standard_normal(DIM).astype(np.float32)


def bags_of(kinds: Sequence[int | None], seed: int = 0, *, quality: float = 0.5) -> Bags:
    """Photos 1, 2, …: segment 0 shows the photo's kind, segment 1 the studio all have, others nothing in particular."""
    rng = np.random.default_rng(seed)
    photos = []
    for kind in kinds:
        rows = rng.standard_normal((SEGMENTS, DIM)).astype(np.float32)
        rows[1] = like(STUDIO, rng)
        if kind is not None:
            rows[0] = like(kind, rng)
        photos.append(rows)
    vectors = unit(np.concatenate(photos)) if photos else np.zeros((0, 0), np.float32)
    count = len(vectors)
    shares = np.tile(np.r_[0.2, 0.6, np.full(SEGMENTS - 2, 0.1)], len(kinds))
    return Bags(
        ids=100 + np.arange(count),
        photos=np.repeat(np.arange(1, len(kinds) + 1), SEGMENTS),
        vectors=vectors,
        quality=np.full(count, quality),
        share=shares,
        extent=np.minimum(1.5 * shares, 1),
    )


def photos_of(kinds: Sequence[int | None], kind: int) -> list[int]:
    return [number for number, each in enumerate(kinds, 1) if each == kind]


def places(bags: Bags, segments: NDArray[np.int64]) -> list[int]:
    """Which of its photo's segments each is."""
    return ((segments - bags.ids[0]) % SEGMENTS).tolist()


MIXED: list[int | None] = [*KINDS] * 8 + [None] * 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_segment_that_the_photos_of_a_tag_share_explains_it(kind: int) -> None:
    bags = bags_of(MIXED)
    found = WeakLearner(bags).explain(photos_of(MIXED, kind))
    assert found.reason is None
    assert found.agreement > 0.95
    assert places(bags, found.segments) == [0] * 8
    owners = bags.photos[found.segments - bags.ids[0]]
    assert sorted(owners.tolist()) == photos_of(MIXED, kind)


def test_a_background_that_other_photos_share_explains_nothing() -> None:
    bags = bags_of(MIXED)
    tagged = [number for number, kind in enumerate(MIXED, 1) if kind is None]
    found = WeakLearner(bags).explain(tagged)
    assert found.reason is not None
    assert "tell its photos from others" in found.reason
    assert not len(found.segments)
    assert found.agreement < weak_labels.EXPLAINED


def test_a_background_explains_where_only_the_tag_has_it() -> None:
    bags = bags_of(MIXED)
    rng = np.random.default_rng(1)
    vectors = bags.vectors.copy()
    others = ~np.isin(bags.photos, photos_of(MIXED, 0))
    studio = np.arange(len(bags)) % SEGMENTS == 1
    vectors[others & studio] = unit(rng.standard_normal((int((others & studio).sum()), DIM)).astype(np.float32))
    vectors[~others & (np.arange(len(bags)) % SEGMENTS == 0)] = unit(rng.standard_normal((8, DIM)).astype(np.float32))
    changed = replace(bags, vectors=vectors)
    found = WeakLearner(changed).explain(photos_of(MIXED, 0))
    assert places(bags, found.segments) == [1] * 8


@pytest.mark.parametrize("seed", range(5))
def test_tags_by_lot_are_not_learnt(seed: int) -> None:
    bags = bags_of(MIXED, seed)
    lot = np.random.default_rng(seed).permutation(np.arange(1, len(MIXED) + 1))[:9]
    assert WeakLearner(bags).explain(lot.tolist()).reason is not None


def test_of_two_that_are_alike_the_better_and_larger_one_is_chosen() -> None:
    bags = bags_of(MIXED)
    rng = np.random.default_rng(2)
    vectors, quality = bags.vectors.copy(), bags.quality.copy()
    first = np.arange(0, len(bags), SEGMENTS)
    vectors[first + 2] = unit(vectors[first] + 0.02 * rng.standard_normal((len(first), DIM)).astype(np.float32))
    quality[first] = 0.02
    changed = replace(bags, vectors=vectors, quality=quality)
    assert places(bags, WeakLearner(changed).explain(photos_of(MIXED, 0)).segments) == [2] * 8
    share = bags.share.copy()
    share[first], share[first + 2] = 0.2, 0.99  # nearly the whole frame
    framed = replace(bags, vectors=vectors, share=share)
    assert places(bags, WeakLearner(framed).explain(photos_of(MIXED, 0)).segments) == [0] * 8
    share, extent = bags.share.copy(), bags.extent.copy()
    share[first] = share[first + 2] = 0.1
    extent[first], extent[first + 2] = 0.12, 0.4  # as much, with holes
    wide = replace(bags, vectors=vectors, share=share, extent=extent)
    assert places(bags, WeakLearner(wide).explain(photos_of(MIXED, 0)).segments) == [2] * 8


def test_what_is_likest_among_other_photos_speaks_against() -> None:
    bags = bags_of(MIXED)
    vectors = bags.vectors.copy()
    decoy = photos_of(MIXED, 1)[0]
    row = (decoy - 1) * SEGMENTS + 5
    vectors[row] = unit(AXES[0] + 0.8 * AXES[20])
    changed = replace(bags, vectors=vectors)
    found = WeakLearner(changed).explain(photos_of(MIXED, 0))
    assert found.against[0] == bags.ids[row]
    owners = bags.photos[found.against - bags.ids[0]]
    assert len(set(owners.tolist())) == len(owners)
    assert not set(owners.tolist()) & set(photos_of(MIXED, 0))


def test_the_same_every_time_and_in_any_order_of_photos() -> None:
    bags, photos = bags_of(MIXED), photos_of(MIXED, 2)
    first = WeakLearner(bags).explain(photos)
    again = WeakLearner(bags).explain(photos[::-1])
    assert first.segments.tolist() == again.segments.tolist()
    assert first.against.tolist() == again.against.tolist()
    assert first.agreement == again.agreement


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_photos_are_a_reason(count: int) -> None:
    found = WeakLearner(bags_of(MIXED)).explain(photos_of(MIXED, 0)[:count])
    assert found.reason == f"{count} photos with segments of this recipe: a tag needs 3"
    assert np.isnan(found.agreement)


def test_photos_without_a_bag_do_not_count() -> None:
    found = WeakLearner(bags_of(MIXED)).explain([*photos_of(MIXED, 0)[:2], 10_000, 10_001])
    assert found.reason is not None
    assert found.reason.startswith("2 photos")


def test_a_tag_of_every_photo_tells_nothing() -> None:
    found = WeakLearner(bags_of([0] * 6)).explain(range(1, 7))
    assert found.reason is not None
    assert "nothing to tell it from" in found.reason


def test_no_bags_and_one_bag() -> None:
    assert WeakLearner(bags_of([])).explain([1]).reason is not None
    assert WeakLearner(bags_of([0])).explain([1]).reason is not None


def test_equal_segments_everywhere_are_no_explanation() -> None:
    bags = bags_of(MIXED)
    same = np.broadcast_to(AXES[0], bags.vectors.shape).copy()
    found = WeakLearner(replace(bags, vectors=same)).explain(photos_of(MIXED, 0))
    assert found.agreement == 0.5
    assert found.reason is not None


def test_of_many_photos_some_are_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weak_labels, "MOST_PHOTOS", 5)
    bags = bags_of(MIXED)
    found = WeakLearner(bags).explain(photos_of(MIXED, 0))
    assert len(found.segments) == 5
    assert not set(bags.photos[found.against - bags.ids[0]].tolist()) & set(photos_of(MIXED, 0))


def test_photos_are_drawn_evenly() -> None:
    assert drawn([5, 3, 3, 9], 10).tolist() == [3, 5, 9]
    assert drawn(range(100), 5).tolist() == [0, 24, 49, 74, 99]
