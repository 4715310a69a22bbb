"""Inverted lists: built to a recall, mapped, and always scored exactly in the end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from toys import random_units

from indexer.bench.synthetic import synthetic_vectors
from retrieval.catalog.records import VectorBatch
from retrieval.errors import IndexMismatchError
from retrieval.index.faiss_index import NO_IDS
from retrieval.index.inverted import TOP, Blocks, InvertedIndex, Tuning, best_of_any, build
from retrieval.index.protocols import IndexQuery
from retrieval.index.shards import Shard
from retrieval.types import Ids, Vectors

DIM, COUNT = 64, 4000


def clustered(count: int = COUNT, spread: float = 1.3) -> Vectors:
    """Unit vectors around forty centres."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((40, DIM))
    found = centres[rng.integers(0, 40, count)] + spread * rng.standard_normal((count, DIM))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def blocks_of(vectors: Vectors, ids: Ids) -> Blocks:
    def read(wanted: Ids) -> Iterator[VectorBatch]:
        for start in range(0, len(wanted), 999):
            part = wanted[start : start + 999]
            yield VectorBatch(part, part, vectors[np.searchsorted(ids, part)])

    return Blocks(ids, read)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return clustered()


@pytest.fixture(scope="module")
def ids() -> Ids:
    return np.arange(COUNT, dtype=np.int64) * 3 + 5


@pytest.fixture(scope="module")
def built(vectors: Vectors, ids: Ids) -> tuple[InvertedIndex, Tuning]:
    found = build(blocks_of(vectors, ids), 0.95)
    assert found is not None
    return found


def recall(built: tuple[InvertedIndex, Tuning], vectors: Vectors, ids: Ids, rows: NDArray[np.int64]) -> float:
    """Of the `TOP` nearest, the share among the candidates."""
    index, tuning = built
    queries = vectors[rows]
    truth = ids[np.argsort(-queries @ vectors.T, axis=1)[:, :TOP]]
    near = index.search(queries, k=TOP + tuning.spare, without=NO_IDS).ids
    return float(np.mean([np.isin(wanted, found).mean() for wanted, found in zip(truth, near, strict=True)]))


def test_it_reaches_the_recall_on_other_queries_too(
    built: tuple[InvertedIndex, Tuning], vectors: Vectors, ids: Ids
) -> None:
    index, tuning = built
    assert (len(index), index.dim, tuning.lists) == (COUNT, DIM, 128)
    assert tuning.recall >= 0.95
    others = np.random.default_rng(9).choice(COUNT, 300, replace=False)
    assert recall(built, vectors, ids, others) > 0.92


@pytest.mark.slow
def test_more_recall_looks_at_more(vectors: Vectors, ids: Ids, built: tuple[InvertedIndex, Tuning]) -> None:
    more = build(blocks_of(vectors, ids), 0.99)
    assert more is not None
    of = [(tuning.bits, tuning.spare, tuning.nprobe) for tuning in (more[1], built[1])]
    assert of[0] > of[1]
    assert more[1].recall >= 0.99 > built[1].recall


@pytest.mark.slow
def test_what_cannot_be_reached_is_told(caplog: pytest.LogCaptureFixture) -> None:
    noise = random_units(np.random.default_rng(0), 20_000, DIM)
    with caplog.at_level(logging.WARNING):
        assert build(blocks_of(noise, np.arange(20_000, dtype=np.int64)), 0.95) is None
    assert "these vectors are searched exactly" in caplog.text


@pytest.mark.slow
def test_what_lies_farther_away_is_found_as_well() -> None:
    """Filters and one segment a photo ask for far more than `TOP`, which the index was tuned for."""
    vectors = synthetic_vectors(30_000, DIM)
    ids = np.arange(30_000, dtype=np.int64)
    found = build(blocks_of(vectors, ids), 0.95)
    assert found is not None
    index, tuning = found
    queries = vectors[np.random.default_rng(5).choice(30_000, 60, replace=False)]
    truth = np.argsort(-queries @ vectors.T, axis=1)

    def recall_of(k: int, searched: InvertedIndex) -> float:
        part = Shard("part", searched, ids, ids // 100, NO_IDS, tuning.spare)
        near = part.search(queries, k=k).ids
        return float(np.mean([np.isin(wanted, got).mean() for wanted, got in zip(truth[:, :k], near, strict=True)]))

    untouched = InvertedIndex(index._index, tuning.nprobe, 1 << 40)
    assert recall_of(TOP, index) == recall_of(TOP, untouched) > 0.92
    for k in (200, 800):
        assert recall_of(k, index) > max(0.85, recall_of(k, untouched) + 0.02)


def test_some_can_be_left_out(built: tuple[InvertedIndex, Tuning], vectors: Vectors, ids: Ids) -> None:
    index, _ = built
    before = index.search(vectors[:3], k=20, without=NO_IDS).ids
    after = index.search(vectors[:3], k=20, without=np.unique(before[:, :10])).ids
    assert not np.isin(after, before[:, :10]).any()
    assert (after >= 0).all()


class TestNearestToAny:
    """One answer for many queries, as many directions of one word."""

    def near(self, count: int) -> Vectors:
        found = clustered(1)[0] + 0.5 * np.random.default_rng(3).standard_normal((count, DIM)) / DIM**0.5
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)

    @pytest.mark.parametrize("count", [2, 30])
    @pytest.mark.parametrize("k", [20, 300])
    def test_it_finds_what_lists_for_each_query_find(
        self, built: tuple[InvertedIndex, Tuning], vectors: Vectors, ids: Ids, count: int, k: int
    ) -> None:
        index, queries = built[0], self.near(count)
        truth = ids[np.argsort(-(vectors @ queries.T).max(axis=1))[:k]]
        together = index.search_any(queries, k=k + 100).ids
        assert together.shape[0] == 1
        apart = np.unique(index.search(queries, k=k + 100).ids)
        assert np.isin(truth, together).mean() > 0.9 * np.isin(truth, apart).mean()
        assert len(np.unique(together)) == together.shape[1] >= k + 100

    def test_lists_are_chosen_for_all_queries_together(
        self, built: tuple[InvertedIndex, Tuning], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index, queries, looked_at = built[0], self.near(100), list[int]()
        choose = InvertedIndex._nearest_lists

        def noting(self: InvertedIndex, queries: Vectors, pairs: int) -> tuple[Ids, Vectors]:
            lists, near = choose(self, queries, pairs)
            looked_at.append(int((lists >= 0).sum()))
            return lists, near

        monkeypatch.setattr(InvertedIndex, "_nearest_lists", noting)
        index.search_any(queries, k=TOP)
        assert looked_at[0] == pytest.approx(20 * index._lists_for(TOP), abs=20)

    def test_some_can_be_left_out(self, built: tuple[InvertedIndex, Tuning]) -> None:
        queries = self.near(5)
        before = built[0].search_any(queries, k=20).ids
        after = built[0].search_any(queries, k=20, without=np.sort(before[0, :10])).ids
        assert not np.isin(after, before[:, :10]).any()

    def test_all_can_be_asked_for(self, built: tuple[InvertedIndex, Tuning], ids: Ids) -> None:
        hits = built[0].search_any(self.near(3), k=COUNT + 7)
        assert sorted(hits.ids[0, :COUNT].tolist()) == ids.tolist()
        assert (hits.ids[0, COUNT:] == -1).all()

    @pytest.mark.parametrize(("queries", "k"), [(np.ones((2, DIM + 1)), 5), (np.full((2, DIM), np.nan), 5), (None, 0)])
    def test_bad_input(self, built: tuple[InvertedIndex, Tuning], queries: Vectors | None, k: int) -> None:
        with pytest.raises(ValueError, match=r"queries|k is 0"):
            built[0].search_any(self.near(2) if queries is None else queries, k=k)


def test_what_is_nearest_to_any_is_cut_where_a_list_ends() -> None:
    """Below the higher end, the list that ends there may hold more; equals by id, each once with its best score."""
    ids = np.array([[1, 2, 3], [4, 2, 5], [6, -1, -1]])
    scores = np.array([[0.9, 0.7, 0.6], [0.8, 0.75, 0.1], [0.6, -np.inf, -np.inf]], np.float32)
    found = best_of_any(scores, ids)
    assert found.ids.tolist() == [[1, 4, 2, 3, 6]]
    np.testing.assert_allclose(found.scores, [[0.9, 0.8, 0.75, 0.6, 0.6]])
    assert best_of_any(scores[2:], ids[2:]).ids.tolist() == [[6]]


def test_all_can_be_asked_for(built: tuple[InvertedIndex, Tuning], vectors: Vectors, ids: Ids) -> None:
    hits = built[0].search(vectors[:1], k=COUNT + 7, without=NO_IDS)
    assert sorted(hits.ids[0, :COUNT].tolist()) == ids.tolist()
    assert (hits.ids[0, COUNT:] == -1).all()
    assert np.isneginf(hits.scores[0, COUNT:]).all()


def test_it_is_the_same_from_a_file(built: tuple[InvertedIndex, Tuning], vectors: Vectors, tmp_path: Path) -> None:
    index, tuning = built
    index.save(tmp_path / "part")
    opened = InvertedIndex.load(tmp_path / "part", tuning)
    hits, expected = (each.search(vectors[:20], k=30, without=NO_IDS) for each in (opened, index))
    np.testing.assert_array_equal(hits.ids, expected.ids)
    np.testing.assert_array_equal(hits.scores, expected.scores)
    (tmp_path / "part").write_bytes(b"no index")
    with pytest.raises(IndexMismatchError, match="rebuild-index"):
        InvertedIndex.load(tmp_path / "part", tuning)


def test_building_is_repeatable(built: tuple[InvertedIndex, Tuning], vectors: Vectors, ids: Ids) -> None:
    built_again = build(blocks_of(vectors, ids), 0.95)
    assert built_again is not None
    again, tuning = built_again
    assert tuning == built[1]
    found, expected = (each.search(vectors[:9], k=9, without=NO_IDS).ids for each in (again, built[0]))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_the_last_photos_are_found_as_well_as_the_nearest_segments() -> None:
    vectors = synthetic_vectors(30_000, DIM)
    ids, photos = np.arange(30_000), np.arange(30_000) // 30
    built = build(Blocks(ids, lambda wanted: [VectorBatch(wanted, photos[wanted], vectors[wanted])]), 0.95)
    assert built is not None
    shard = Shard("lists", built[0], ids, photos, NO_IDS, built[1].spare)
    found = []
    for row in range(7, 30_000, 1500):
        query = IndexQuery(directions=vectors[row][None], k=100, exclude_images=[photos[row]], group_by_image=True)
        (candidates,) = shard.candidates([query])
        scores = vectors @ vectors[row]
        scores[photos == photos[row]] = -1
        truth = np.argsort(-np.maximum.reduceat(scores, range(0, 30_000, 30)))[:100]
        ranked = candidates.ids[np.argsort(-scores[candidates.ids])]
        found.append(np.isin(truth, list(dict.fromkeys(photos[ranked].tolist()))[:100]).mean())
    assert np.mean(found) > 0.94
