"""What every vector index promises; `ExactIndex` is the reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import random_units

from retrieval.index.exact import ExactIndex
from retrieval.index.faiss_index import FaissIndex
from retrieval.types import Ids, Vectors

INDEXES = [ExactIndex, FaissIndex]
DIM = 8

VectorIndex = ExactIndex | FaissIndex
Make = Callable[[int], VectorIndex]


@pytest.fixture(params=INDEXES, ids=lambda each: each.__name__)
def kind(request: pytest.FixtureRequest) -> Any:
    """Every implementation in turn."""
    return request.param


def ids_of(*ids: int) -> Ids:
    return np.array(ids, np.int64)


def filled(kind: Make, count: int = 30, seed: int = 0) -> tuple[VectorIndex, Ids, Vectors]:
    """An index of random vectors, ids with gaps and in no order."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.arange(1, 10 * count, 10))[:count].astype(np.int64)
    vectors = random_units(rng, count, DIM)
    index = kind(DIM)
    index.add(ids, vectors)
    return index, ids, vectors


class TestEmpty:
    def test_it_holds_nothing(self, kind: Make) -> None:
        index = kind(DIM)
        assert len(index) == 0
        assert index.dim == DIM
        assert index.ids().tolist() == []
        assert index.remove(ids_of(1, 2)) == 0

    def test_a_search_finds_nothing(self, kind: Make) -> None:
        hits = kind(DIM).search(random_units(np.random.default_rng(0), 2, DIM), k=3)
        assert hits.ids.tolist() == [[-1] * 3] * 2
        assert np.isneginf(hits.scores).all()

    def test_nothing_can_be_added(self, kind: Make) -> None:
        index = kind(DIM)
        index.add(ids_of(), np.zeros((0, DIM), np.float32))
        assert len(index) == 0


class TestSearching:
    def test_every_vector_finds_itself(self, kind: Make) -> None:
        index, ids, vectors = filled(kind)
        hits = index.search(vectors, k=1)
        assert hits.ids[:, 0].tolist() == ids.tolist()
        np.testing.assert_allclose(hits.scores[:, 0], 1, atol=2e-3)

    @pytest.mark.parametrize("k", [1, 7, 30])
    def test_hits_are_the_nearest_best_first(self, kind: Make, k: int) -> None:
        index, ids, vectors = filled(kind)
        queries = random_units(np.random.default_rng(1), 4, DIM)
        hits = index.search(queries, k=k)
        assert hits.ids.shape == hits.scores.shape == (4, k)
        assert hits.ids.dtype == np.int64
        assert hits.scores.dtype == np.float32
        assert (np.diff(hits.scores, axis=1) <= 0).all()
        for row, query in enumerate(queries):
            expected = ids[np.argsort(-(vectors @ query), kind="stable")[:k]]
            assert hits.ids[row].tolist() == expected.tolist()

    def test_more_wanted_than_there_are(self, kind: Make) -> None:
        index, ids, _ = filled(kind, 5)
        hits = index.search(random_units(np.random.default_rng(1), 2, DIM), k=9)
        assert hits.ids.shape == hits.scores.shape == (2, 9)
        for row in range(2):
            assert sorted(hits.ids[row, :5].tolist()) == sorted(ids.tolist())
            assert hits.ids[row, 5:].tolist() == [-1] * 4
            assert np.isneginf(hits.scores[row, 5:]).all()

    def test_equal_scores_are_ordered_by_id(self, kind: Make) -> None:
        index = kind(DIM)
        vector = random_units(np.random.default_rng(0), 1, DIM)
        index.add(ids_of(9, 3, 7), np.repeat(vector, 3, axis=0))
        index.add(ids_of(5), -vector)
        assert index.search(vector, k=4).ids.tolist() == [[3, 7, 9, 5]]

    def test_negative_scores_are_scores(self, kind: Make) -> None:
        index = kind(DIM)
        vector = random_units(np.random.default_rng(0), 1, DIM)
        index.add(ids_of(4), -vector)
        hits = index.search(vector, k=1)
        assert hits.ids.tolist() == [[4]]
        assert hits.scores[0, 0] == pytest.approx(-1, abs=2e-3)

    def test_no_query(self, kind: Make) -> None:
        hits = filled(kind)[0].search(np.zeros((0, DIM), np.float32), k=3)
        assert hits.ids.shape == (0, 3)


class TestChanging:
    def test_ids_rise(self, kind: Make) -> None:
        index, ids, _ = filled(kind)
        assert index.ids().tolist() == sorted(ids.tolist())
        assert index.ids().dtype == np.int64

    def test_ids_as_large_as_a_database_makes(self, kind: Make) -> None:
        index = kind(DIM)
        vectors = random_units(np.random.default_rng(0), 2, DIM)
        index.add(ids_of(2**62, 3), vectors)
        assert index.ids().tolist() == [3, 2**62]
        assert index.search(vectors[:1], k=1).ids.tolist() == [[2**62]]

    def test_what_is_removed_is_not_found(self, kind: Make) -> None:
        index, ids, vectors = filled(kind)
        gone = ids[:7]
        assert index.remove(np.append(gone, [9999])) == 7
        assert len(index) == 23
        assert index.ids().tolist() == sorted(ids[7:].tolist())
        hits = index.search(vectors, k=30)
        assert not np.isin(hits.ids, gone).any()
        assert index.search(vectors[7:], k=1).ids[:, 0].tolist() == ids[7:].tolist()
        assert index.remove(gone) == 0

    def test_what_was_removed_can_come_back_as_another(self, kind: Make) -> None:
        index, ids, vectors = filled(kind)
        index.remove(ids[:1])
        index.add(ids[:1], -vectors[:1])
        assert index.search(-vectors[:1], k=1).ids.tolist() == [[ids[0]]]
        assert len(index) == 30

    def test_everything_can_be_removed(self, kind: Make) -> None:
        index, ids, vectors = filled(kind)
        assert index.remove(ids) == 30
        assert len(index) == 0
        assert (index.search(vectors[:1], k=2).ids == -1).all()

    def test_vectors_of_other_types_and_layouts(self, kind: Make) -> None:
        index, ids, vectors = kind(DIM), ids_of(4, 2), random_units(np.random.default_rng(3), 2, DIM)
        index.add(ids.astype(np.int32), np.asfortranarray(vectors.astype(np.float64)))
        assert index.search(np.asfortranarray(vectors), k=1).ids[:, 0].tolist() == [4, 2]


class TestSaving:
    @pytest.mark.parametrize("count", [0, 1, 30])
    def test_an_index_comes_back(self, kind: Any, tmp_path: Path, count: int) -> None:
        index, ids, _ = filled(kind, count)
        queries = random_units(np.random.default_rng(1), 3, DIM)
        before = index.search(queries, k=5)
        index.save(tmp_path / "index")
        found = kind.load(tmp_path / "index")
        assert (len(found), found.dim) == (count, DIM)
        assert found.ids().tolist() == sorted(ids.tolist())
        after = found.search(queries, k=5)
        np.testing.assert_array_equal(after.ids, before.ids)
        np.testing.assert_allclose(after.scores, before.scores, rtol=1e-6)


changes = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sets(st.integers(1, 40), min_size=1, max_size=8)),
        st.tuples(st.just("remove"), st.sets(st.integers(1, 40), min_size=1, max_size=8)),
    ),
    max_size=8,
)


@pytest.mark.parametrize("kind", [each for each in INDEXES if each is not ExactIndex])
@given(changes, st.integers(1, 50), st.integers(0, 99))
def test_it_agrees_with_the_reference(kind: Make, steps: list[tuple[str, set[int]]], k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index, reference = kind(DIM), ExactIndex(DIM)
    for what, keys in steps:
        if what == "add":
            new = np.setdiff1d(sorted(keys), reference.ids()).astype(np.int64)
            vectors = random_units(rng, len(new), DIM)
            for each in (index, reference):
                each.add(new, vectors)
        else:
            gone = np.array(sorted(keys), np.int64)
            assert index.remove(gone) == reference.remove(gone)
    assert index.ids().tolist() == reference.ids().tolist()
    queries = random_units(rng, 3, DIM)
    found, expected = index.search(queries, k=k), reference.search(queries, k=k)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_allclose(found.scores, expected.scores, atol=2e-3)
