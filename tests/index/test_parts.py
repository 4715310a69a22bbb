"""Parts of an index: what is nearest any of many directions is found whole, in the right order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from toys import random_units

from retrieval.index.faiss_index import FaissIndex
from retrieval.index.protocols import IndexQuery
from retrieval.index.shards import Shard
from retrieval.types import Hits, Ids, Vectors

PHOTOS, EACH, DIM = 60, 40, 16


@dataclass(frozen=True)
class Listed:
    """An index that gives a list a query, as replicas on a GPU do."""

    index: FaissIndex
    is_exact: bool = True

    def search(self, queries: Vectors, *, k: int, without: Ids) -> Hits:
        """The k nearest of each query."""
        return self.index.search(queries, k=k, without=without)


@dataclass(frozen=True)
class Collection:
    """Photos whose segments resemble each other, so that one direction's list is full of few of them."""

    ids: Ids
    image_ids: Ids
    vectors: Vectors

    @classmethod
    def drawn(cls, seed: int) -> Collection:
        """Some, by a seed."""
        rng = np.random.default_rng(seed)
        themes = np.repeat(random_units(rng, PHOTOS, DIM), EACH, axis=0)
        vectors = 2 * themes + 0.5 * random_units(rng, PHOTOS * EACH, DIM)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = np.sort(rng.choice(10**6, PHOTOS * EACH, replace=False))
        return cls(ids, np.repeat(np.arange(PHOTOS), EACH), vectors.astype(np.float16).astype(np.float32))

    def best(self, queries: Vectors, k: int, exclude_images: set[int], *, group_by_image: bool) -> list[int]:
        """By looking at everything."""
        scores, seen, found = (self.vectors @ queries.T).max(axis=1), set(exclude_images), list[int]()
        for row in np.lexsort((self.ids, -scores)):
            owner = int(self.image_ids[row])
            if owner not in seen:
                found.append(int(self.ids[row]))
            if group_by_image:
                seen.add(owner)
        return found[:k]


@pytest.mark.parametrize("listed", [False, True], ids=["at once", "a list a query"])
@pytest.mark.parametrize("directions", [1, 2, 80])
@pytest.mark.parametrize("group_by_image", [False, True])
@pytest.mark.parametrize("exclude_images", [set(), {3, 4, 5}])
@pytest.mark.slow
def test_the_best_of_any_direction(
    listed: bool, directions: int, group_by_image: bool, exclude_images: set[int]
) -> None:
    for seed in range(3):
        drawn = Collection.drawn(seed)
        part = Shard.of(drawn.ids, drawn.image_ids, drawn.vectors)
        assert isinstance(part.index, FaissIndex)
        if listed:
            part = replace(part, index=Listed(part.index))
        weak = 0.4 * random_units(np.random.default_rng(seed), directions - 1, DIM)
        queries = np.concatenate([drawn.vectors[:1], weak])  # the list of the first is full of one photo
        for k in (1, 10, 50):
            asked = IndexQuery(directions=queries, k=k, exclude_images=exclude_images, group_by_image=group_by_image)
            (found,) = part.candidates([asked])
            assert found.ids[:k].tolist() == drawn.best(queries, k, exclude_images, group_by_image=group_by_image)
            assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("directions", [1, 80])
def test_deleted_ones_are_left_out(directions: int) -> None:
    drawn = Collection.drawn(0)
    queries = drawn.vectors[:directions]
    part = Shard.of(drawn.ids, drawn.image_ids, drawn.vectors)
    gone = part.candidates([IndexQuery(directions=queries, k=30)])[0].ids
    (left,) = part.with_tombstones(gone).candidates([IndexQuery(directions=queries, k=len(drawn.ids))])
    assert left.ids.tolist() == drawn.best(queries, len(drawn.ids), set(), group_by_image=False)[30:]


def test_scores_of_everything_come_by_rising_id() -> None:
    drawn = Collection.drawn(1)
    index, order = FaissIndex(DIM), np.random.default_rng(1).permutation(len(drawn.ids))
    index.add(drawn.ids[order], drawn.vectors[order])
    queries = random_units(np.random.default_rng(2), 7, DIM)
    groups = [queries[:1], queries[1:5], queries[5:]]
    for scores, group in zip(index.best_scores(groups), groups, strict=True):
        assert scores == pytest.approx((drawn.vectors @ group.T).max(axis=1), abs=1e-5)
