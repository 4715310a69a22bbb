"""What the index of every shard promises; `ExactIndex` is the reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import random_units

from retrieval.catalog.records import VectorBatch
from retrieval.index.exact import ExactIndex
from retrieval.index.faiss_index import FaissIndex
from retrieval.index.inverted import Blocks, InvertedIndex, build
from retrieval.index.protocols import ShardIndex
from retrieval.index.replicas import Replica, flat_on_gpu
from retrieval.types import Ids, Vectors

DIM = 8
Make = Callable[[Ids, Vectors], ShardIndex]


def filled(kind: type[ExactIndex] | type[FaissIndex]) -> Make:
    """An index that is added to."""

    def make(ids: Ids, vectors: Vectors) -> ShardIndex:
        index = kind(DIM)
        index.add(ids, vectors)
        return index

    return make


def inverted(ids: Ids, vectors: Vectors) -> ShardIndex:
    """An inverted index, trained on the vectors that it holds."""
    order = np.argsort(ids)
    rising, rows = ids[order], vectors[order]

    def read(wanted: Ids) -> list[VectorBatch]:
        return [VectorBatch(wanted, wanted, rows[np.searchsorted(rising, wanted)])]

    if len(ids) >= 200:
        built = build(Blocks(rising, read), 0.5)
        assert built is not None
        return built[0]
    raw = faiss.index_factory(DIM, "IVF1,RaBitQ4", faiss.METRIC_INNER_PRODUCT)
    raw.train(random_units(np.random.default_rng(0), 100, DIM))
    raw.add_with_ids(vectors, ids)
    return InvertedIndex(raw, 1, 50)


def replica(flat: Callable[[], faiss.Index]) -> Make:
    """A replica of a shard, by rising ids."""

    def make(ids: Ids, vectors: Vectors) -> ShardIndex:
        order, index = np.argsort(ids), flat()
        index.add(vectors[order])
        return Replica(index, ids[order])

    return make


NO_GPU = pytest.mark.skipif(faiss.get_num_gpus() == 0, reason="FAISS sees no GPU: not tested")
EXACT = [
    pytest.param(filled(ExactIndex), id="ExactIndex"),
    pytest.param(filled(FaissIndex), id="FaissIndex"),
    pytest.param(replica(lambda: faiss.IndexFlatIP(DIM)), id="Replica, on the CPU"),
    pytest.param(replica(lambda: flat_on_gpu(DIM, 0)), id="Replica", marks=[pytest.mark.gpu, NO_GPU]),
]
every = pytest.mark.parametrize("make", [*EXACT, pytest.param(inverted, id="InvertedIndex")])
exact = pytest.mark.parametrize("make", EXACT)
growing = pytest.mark.parametrize("kind", [ExactIndex, FaissIndex])


def ids_of(*ids: int) -> Ids:
    return np.array(ids, np.int64)


def drawn(count: int = 30, seed: int = 0) -> tuple[Ids, Vectors]:
    """Random vectors under ids with gaps and in no order."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.arange(1, 10 * count, 10))[:count].astype(np.int64)
    return ids, random_units(rng, count, DIM)


NONE = ids_of(), np.zeros((0, DIM), np.float32)


@every
class TestEvery:
    def test_an_empty_one_finds_nothing(self, make: Make) -> None:
        index = make(*NONE)
        assert (len(index), index.dim) == (0, DIM)
        for without in (ids_of(), ids_of(1, 2)):
            hits = index.search(random_units(np.random.default_rng(0), 2, DIM), k=3, without=without)
            assert hits.ids.tolist() == [[-1] * 3] * 2
            assert np.isneginf(hits.scores).all()

    @pytest.mark.parametrize("k", [1, 7, 30, 40])
    def test_hits_fall_and_are_as_many_as_were_asked_for(self, make: Make, k: int) -> None:
        ids, vectors = drawn()
        hits = make(ids, vectors).search(random_units(np.random.default_rng(1), 4, DIM), k=k)
        assert hits.ids.shape == hits.scores.shape == (4, k)
        assert (hits.ids.dtype, hits.scores.dtype) == (np.int64, np.float32)
        for row, scores in zip(hits.ids, hits.scores, strict=True):
            there = row[row >= 0]
            assert len(there) == min(k, 30)
            assert len(set(there.tolist())) == len(there)
            assert set(there.tolist()) <= set(ids.tolist())
            assert (np.diff(scores[: len(there)]) <= 0).all()
            assert np.isneginf(scores[len(there) :]).all()

    def test_some_are_left_out_and_unknown_ids_passed_over(self, make: Make) -> None:
        ids, vectors = drawn()
        without = np.sort(np.append(ids[:7], [0, 9999, 2**62]))
        hits = make(ids, vectors).search(vectors[:3], k=30, without=without)
        assert sorted(hits.ids[0].tolist()) == [-1] * 7 + sorted(ids[7:].tolist())

    def test_all_can_be_left_out(self, make: Make) -> None:
        ids, vectors = drawn()
        hits = make(ids, vectors).search(vectors[:2], k=3, without=np.sort(ids))
        assert hits.ids.tolist() == [[-1] * 3] * 2
        assert np.isneginf(hits.scores).all()

    def test_ids_as_large_as_a_database_makes(self, make: Make) -> None:
        vectors = random_units(np.random.default_rng(0), 2, DIM)
        index = make(ids_of(2**62, 3), vectors)
        assert index.search(vectors[:1], k=1).ids.tolist() == [[2**62]]

    def test_no_query(self, make: Make) -> None:
        assert make(*drawn()).search(NONE[1], k=3).ids.shape == (0, 3)

    def test_queries_of_other_types_and_layouts(self, make: Make) -> None:
        ids, vectors = drawn()
        index, queries = make(ids, vectors), vectors[:4]
        expected = index.search(queries, k=3).ids.tolist()
        assert index.search(np.asfortranarray(queries), k=3).ids.tolist() == expected
        assert index.search(queries.astype(np.float64), k=3).ids.tolist() == expected

    @pytest.mark.parametrize("count", [0, 30])
    @pytest.mark.parametrize(
        ("queries", "k", "message"),
        [
            (np.ones((1, DIM + 1)), 1, rf"shape \(1, 9\), this index takes \(Q, {DIM}\)"),
            (np.ones(DIM), 1, r"shape \(8,\)"),
            (np.full((1, DIM), np.nan), 1, "NaN or infinity"),
            (np.full((1, DIM), np.inf), 1, "NaN or infinity"),
            (np.ones((1, DIM)), 0, "k is 0: ask for at least 1"),
            (np.ones((1, DIM)), -3, "k is -3"),
        ],
    )
    def test_bad_queries(self, make: Make, queries: Vectors, k: int, message: str, count: int) -> None:
        index = make(*drawn(count)) if count else make(*NONE)
        with pytest.raises(ValueError, match=message):
            index.search(queries.astype(np.float32), k=k)


@exact
class TestExact:
    def test_hits_are_the_nearest_with_their_scores(self, make: Make) -> None:
        ids, vectors = drawn()
        index, queries = make(ids, vectors), random_units(np.random.default_rng(1), 4, DIM)
        assert index.is_exact
        hits = index.search(queries, k=7)
        for row, query in enumerate(queries):
            order = np.argsort(-(vectors @ query), kind="stable")[:7]
            assert hits.ids[row].tolist() == ids[order].tolist()
            np.testing.assert_allclose(hits.scores[row], (vectors @ query)[order], atol=2e-3)

    def test_equal_scores_are_ordered_by_id(self, make: Make) -> None:
        vector = random_units(np.random.default_rng(0), 1, DIM)
        index = make(ids_of(9, 3, 7, 5), np.concatenate([np.repeat(vector, 3, axis=0), -vector]))
        hits = index.search(vector, k=4)
        assert hits.ids.tolist() == [[3, 7, 9, 5]]
        assert hits.scores[0, -1] == pytest.approx(-1, abs=2e-3), "negative scores are scores"

    @pytest.mark.slow
    def test_it_agrees_with_the_reference(self, make: Make) -> None:
        @given(st.integers(0, 40), st.sets(st.integers(0, 39)), st.integers(1, 50), st.integers(0, 99))
        def agree(count: int, dropped: set[int], k: int, seed: int) -> None:
            ids, vectors = drawn(count, seed) if count else NONE
            without = np.sort(ids[[row for row in dropped if row < count]]) if count else ids
            queries = random_units(np.random.default_rng(seed + 1), 3, DIM)
            found = make(ids, vectors).search(queries, k=k, without=without)
            expected = filled(ExactIndex)(ids, vectors).search(queries, k=k, without=without)
            np.testing.assert_array_equal(found.ids, expected.ids)
            np.testing.assert_allclose(found.scores, expected.scores, atol=2e-3)

        agree()


def test_candidates_of_an_inverted_index_hold_most_of_the_nearest() -> None:
    ids, vectors = drawn(600)
    index = inverted(ids, vectors)
    assert not index.is_exact
    queries = random_units(np.random.default_rng(1), 20, DIM)
    nearest = filled(ExactIndex)(ids, vectors).search(queries, k=50).ids
    found = index.search(queries, k=200).ids
    assert np.mean([np.isin(want, got).mean() for want, got in zip(nearest, found, strict=True)]) >= 0.5


@growing
class TestGrowing:
    def test_nothing_can_be_added(self, kind: type[ExactIndex] | type[FaissIndex]) -> None:
        index = kind(DIM)
        index.add(*NONE)
        assert len(index) == 0

    def test_what_is_added_in_two_lots_is_found(self, kind: type[ExactIndex] | type[FaissIndex]) -> None:
        index, (ids, vectors) = kind(DIM), drawn()
        index.add(ids[:9], vectors[:9])
        index.add(ids[9:].astype(np.int32), np.asfortranarray(vectors[9:].astype(np.float64)))
        assert index.search(vectors, k=1).ids[:, 0].tolist() == ids.tolist()

    @pytest.mark.parametrize(
        ("ids", "vectors", "message"),
        [
            ([1, 2], np.ones((2, DIM + 1)), rf"shape \(2, 9\), this index takes \(2, {DIM}\)"),
            ([1], np.ones((2, DIM)), "for 1 ids"),
            ([1, 7], np.array([[1.0] * DIM, [np.nan] * DIM]), r"of ids \[7\] hold NaN"),
            ([1, -1], np.ones((2, DIM)), "id -1 is negative"),
            ([4, 4], np.ones((2, DIM)), "twice"),
        ],
    )
    def test_bad_entries(
        self, kind: type[ExactIndex] | type[FaissIndex], ids: list[int], vectors: Vectors, message: str
    ) -> None:
        index = kind(DIM)
        with pytest.raises(ValueError, match=message):
            index.add(np.array(ids), vectors.astype(np.float32))
        assert len(index) == 0, "nothing was taken"


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_saved_index_comes_back(tmp_path: Path, count: int) -> None:
    ids, vectors = drawn(count) if count else NONE
    index = FaissIndex(DIM)
    index.add(ids, vectors)
    index.save(tmp_path / "index")
    found = FaissIndex.load(tmp_path / "index")
    assert (len(found), found.dim) == (count, DIM)
    assert found.ids().tolist() == sorted(ids.tolist())
    queries = random_units(np.random.default_rng(1), 3, DIM)
    before, after = index.search(queries, k=5), found.search(queries, k=5)
    np.testing.assert_array_equal(after.ids, before.ids)
    np.testing.assert_allclose(after.scores, before.scores, rtol=1e-6)
