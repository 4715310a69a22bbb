"""Copies of large parts on a GPU. Where there is none, FAISS's exact index on the CPU stands in for it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import faiss
import numpy as np
import pytest
from toys import ToyLibrary, analysis, held_ids, random_units

from retrieval.index import merging, replicas
from retrieval.index.following import CatalogFollower
from retrieval.index.replicas import MOST, BeyondReplicaError, Replica, flat_on_gpu, gpu_of

DIM = 32
NO_IDS = np.zeros(0, np.int64)


@pytest.fixture
def many(more_toys: Callable[[str], ToyLibrary], monkeypatch: pytest.MonkeyPatch) -> ToyLibrary:
    """Twenty photos of ten segments, published as one part that is not searched exactly."""
    monkeypatch.setattr(merging, "EXACT_UP_TO", 100)
    toys = more_toys("many")
    toys.dim = DIM
    rng = np.random.default_rng(0)
    for _ in range(20):
        toys.add(analysis(random_units(rng, 10, DIM)))
    live = opened(toys, None)
    live.refresh()
    live.index.flush()
    return toys


def opened(toys: ToyLibrary, gpu: int | None) -> CatalogFollower:
    return toys.followed_segments(gpu=gpu)


def stand_in(dim: int, _number: int) -> faiss.Index:
    return faiss.IndexFlatIP(dim)


def failing(_dim: int, number: int) -> faiss.Index:
    raise RuntimeError(f"GPU {number} is out of memory\nat somewhere")


def answers(live: CatalogFollower, *, k: int = 20) -> tuple[list[int], list[float]]:
    query = random_units(np.random.default_rng(5), 1, DIM)
    found = live.index.search(query, k)
    return found.ids.tolist(), found.scores.tolist()


def test_a_part_is_searched_by_its_replica_and_exactly(many: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "flat_on_gpu", stand_in)
    live = opened(many, 0)
    live.refresh()
    live.index._replicas.wait()
    asked: list[int] = []
    search = Replica.search
    monkeypatch.setattr(Replica, "search", lambda *args, **kwargs: asked.append(1) or search(*args, **kwargs))
    monkeypatch.setattr("retrieval.index.inverted.InvertedIndex.search", None)  # not asked for
    ids, scores = answers(live)
    assert asked
    vectors = live.index.get(held_ids(live.index))
    exact = vectors @ random_units(np.random.default_rng(5), 1, DIM)[0]
    assert ids == held_ids(live.index)[np.argsort(-exact)[:20]].tolist()
    np.testing.assert_allclose(scores, np.sort(exact)[::-1][:20], atol=2e-3)


def test_what_is_deleted_or_new_holds_at_once(many: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "flat_on_gpu", stand_in)
    live = opened(many, 0)
    live.refresh()
    live.index._replicas.wait()
    best = answers(live)[0][0]
    photo = int(live.index.image_ids_of(np.array([best]))[0])
    many.catalog.images.delete(photo)
    query = random_units(np.random.default_rng(5), 1, DIM)[0]
    new = many.segment_ids(many.add(analysis([query])))
    live.refresh()
    ids, _ = answers(live)
    assert ids[0] == new[0]
    assert best not in ids


def test_a_replica_goes_with_its_part(many: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "flat_on_gpu", stand_in)
    live = opened(many, 0)
    live.refresh()
    live.index._replicas.wait()
    (first,) = live.index._replicas._made
    for _ in range(12):
        many.add(analysis(random_units(np.random.default_rng(9), 10, DIM)))
    live.refresh()
    live.index.flush()
    live.refresh()
    live.index._replicas.wait()
    assert first not in live.index._replicas._made
    assert set(live.index._replicas._made) == {part.name for part in live.index.shards}
    assert answers(live)[0][:5] == answers(opened(many, None))[0][:5]


def test_without_memory_on_the_gpu_the_cpu_answers_and_says_so_once(
    many: ToyLibrary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(replicas, "flat_on_gpu", failing)
    live = opened(many, 0)
    for _ in range(3):
        live.refresh()
        live.index._replicas.wait()
    assert answers(live) == answers(opened(many, None))
    assert [record.getMessage().partition("take it: ")[2] for record in caplog.records] == ["GPU 0 is out of memory"]


def test_a_gpu_that_fails_in_a_search_is_stood_in_for(
    many: ToyLibrary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(replicas, "flat_on_gpu", stand_in)
    live = opened(many, 0)
    live.refresh()
    live.index._replicas.wait()

    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error 719")

    (replica,) = live.index._replicas._made.values()
    monkeypatch.setattr(replica, "_index", type("Broken", (), {"search": broken, "d": DIM})())
    with caplog.at_level(logging.INFO):
        assert answers(live) == answers(opened(many, None))
    assert "CUDA error 719" in caplog.text


def test_more_than_a_gpu_can_find_is_found_by_the_cpu(many: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "flat_on_gpu", stand_in)
    monkeypatch.setattr(replicas, "MOST", 30)
    live = opened(many, 0)
    live.refresh()
    live.index._replicas.wait()
    assert len(answers(live, k=150)[0]) == 150
    index = faiss.IndexFlatIP(2)
    index.add(np.zeros((MOST * 2, 2), np.float32))
    with pytest.raises(BeyondReplicaError, match="more than 30"):
        Replica(index, np.arange(MOST * 2)).search(np.zeros((1, 2), np.float32), k=20, without=np.arange(20))


def test_a_search_of_a_replica_that_leaves_all_out() -> None:
    index = faiss.IndexFlatIP(2)
    index.add(np.eye(2, dtype=np.float32))
    hits = Replica(index, np.array([5, 9])).search(np.eye(2, dtype=np.float32), k=2, without=np.array([5, 9]))
    assert hits.ids.tolist() == [[-1, -1], [-1, -1]]
    hits = Replica(index, np.array([5, 9])).search(np.eye(2, dtype=np.float32), k=2, without=NO_IDS)
    assert hits.ids.tolist() == [[5, 9], [9, 5]]


@pytest.mark.parametrize(
    ("device", "gpus", "expected", "said"),
    [
        ("cpu", 2, None, None),
        ("auto", 0, None, "INFO"),
        ("auto", 1, 0, None),
        ("cuda", 0, None, "WARNING"),
        ("cuda:1", 2, 1, None),
        ("cuda:3", 2, None, "WARNING"),
    ],
)
def test_which_gpu_is_meant(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    device: str,
    gpus: int,
    expected: int | None,
    said: str | None,
) -> None:
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: gpus)
    with caplog.at_level(logging.INFO):
        assert gpu_of(device) == expected
    assert [record.levelname for record in caplog.records] == ([said] if said else [])


@pytest.mark.skipif(faiss.get_num_gpus() > 0, reason="there is a GPU")
def test_faiss_says_where_there_is_no_gpu() -> None:
    """What `Replicas` takes for a reason is what FAISS raises."""
    with pytest.raises(RuntimeError):
        flat_on_gpu(8, 0)


@pytest.mark.gpu
@pytest.mark.skipif(faiss.get_num_gpus() == 0, reason="FAISS sees no GPU: not tested")
def test_on_a_gpu() -> None:
    rng = np.random.default_rng(0)
    vectors = random_units(rng, 5000, 64)
    index = flat_on_gpu(64, 0)
    index.add(vectors)
    ids = np.arange(5000) * 3
    hits = Replica(index, ids).search(vectors[:10], k=50, without=ids[:5])
    exact = vectors[:10] @ vectors.T
    exact[:, :5] = -np.inf
    assert np.mean([np.isin(ids[np.argsort(-row)[:50]], got).mean() for row, got in zip(exact, hits.ids)]) > 0.98
