"""The comparison with other stores: what it asks, counts and leaves out; how fast anything is, is not tested."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from benchmarks import peer_client, peers
from benchmarks.peer_client import PeerError, interpreter
from benchmarks.peer_stores import STORES, TOP
from benchmarks.peers import TUNING, Comparison, Terms, chosen, nearest, nearest_photos, tuned

pytestmark = pytest.mark.slow

SIZE = 1000
FLAT = "faiss flat"
PHOTOS = "faiss flat photos"
SCIKIT = ["scikit-learn cosine", "scikit-learn euclidean"]


@pytest.mark.parametrize("name", STORES)
def test_every_store_can_be_made(name: str, tmp_path: Path) -> None:
    assert STORES[name](tmp_path).folder == tmp_path


@pytest.mark.parametrize("count", [30, 500])
def test_the_truth_is_found_blockwise(count: int) -> None:
    rng = np.random.default_rng(0)
    vectors, queries = (rng.standard_normal((n, 8)).astype(np.float32) for n in (count, 5))
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :TOP] + 1
    np.testing.assert_array_equal(nearest(vectors, queries, at_once=64), expected)


def test_the_nearest_photos_are_those_of_the_nearest_segments() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((1000, 8)).astype(np.float32)
    own = np.array([3, 10])
    found = nearest_photos(vectors, vectors[own * 100 - 1], own, at_once=150)
    for photos, photo in zip(found, own, strict=True):
        ranked = np.argsort(-(vectors @ vectors[photo * 100 - 1]))
        expected = list(dict.fromkeys((ranked // 100 + 1).tolist()))
        assert photos.tolist() == [each for each in expected if each != photo]


def test_stores_are_chosen_by_how_their_names_begin() -> None:
    assert chosen([]) == list(STORES)
    assert chosen(["lancedb IVF", "segs"]) == ["segsearch", "lancedb IVF_PQ", "lancedb IVF_RQ", "lancedb IVF_HNSW_SQ"]
    with pytest.raises(click.BadParameter, match=r"annoy is none of segsearch, faiss flat"):
        chosen(["faiss", "annoy"])


class TestSettings:
    truth = np.arange(TUNING * TOP).reshape(TUNING, TOP)
    efforts = tuple({"ef": ef} for ef in (10, 40, 45, 50))

    def ask(self, what: str, row: int, way: str, effort: dict[str, int]) -> dict[str, Any]:
        """So many of the true ids as the effort says, and the greatest but one the fastest."""
        return {"ids": self.truth[row, : effort["ef"]].tolist(), "seconds": 1.0 if effort["ef"] == 45 else 2.0}

    @pytest.mark.parametrize(("wanted", "ef"), [(0.5, 45), (0.95, 50), (0.1, 45)])
    def test_the_fastest_that_reach_the_recall_are_taken(self, wanted: float, ef: int) -> None:
        process: Any = SimpleNamespace(ask=self.ask)
        assert tuned(process, "", self.efforts, self.truth, wanted) == {"ef": ef}

    def test_else_those_with_the_greatest_recall(self) -> None:
        process: Any = SimpleNamespace(ask=self.ask)
        assert tuned(process, "", self.efforts[:2], self.truth, 0.95) == {"ef": 40}


def test_stores_are_compared(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    arguments = ["--size", str(SIZE), "--peer", "segsearch", "--peer", "faiss", "--peer", "scikit"]
    arguments += ["--queries", "4", "--rounds", "2", "--out", str(out)]
    ran = CliRunner().invoke(peers.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    told = json.loads(out.read_text())
    found = told["sizes"][str(SIZE)]
    assert found["faults"] == {}
    ways = ["by vector", "engine, segments", "engine, photos"]
    assert list(found["stores"]) == [*(f"segsearch {way}" for way in (*ways, "photos")), FLAT, PHOTOS, *SCIKIT]
    for name, figures in found["stores"].items():
        assert f"| {name} " in ran.output
        assert figures["recall@50"] == 1
        assert figures["hits"] == {"segsearch engine, photos": 9, "segsearch photos": 10, PHOTOS: 10}.get(name, TOP), (
            "its own is hidden"
        )
        assert 0 < figures["p50, ms"] <= figures["p95, ms"] <= figures["p99, ms"]
        assert figures["bytes a segment"] > (512 if name.startswith("segsearch") else 1024)
        assert figures["memory, MB"] > 10
        assert figures["process until open, s"] > 0
    assert found["versions"]["scikit-learn"].keys() == {"scikit-learn", "numpy"}
    assert told["machine"]["cores"]
    assert (told["queries"], told["rounds"], told["k"]) == (4, 2, TOP)
    assert not _processes()


def _processes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "benchmarks.peer_process" in each.cmdline()]


def compared(place: Path, *names: str, limit_s: float = 100.0) -> tuple[dict[str, Any], dict[str, str]]:
    comparison = Comparison(place, SIZE, Terms(queries=2, rounds=1, limit_s=limit_s))
    figures = comparison.run(names or [FLAT])
    assert not _processes()
    return figures, comparison.faults


def test_what_was_filled_with_the_same_vectors_is_not_filled_again(tmp_path: Path) -> None:
    written, store = tmp_path / str(SIZE) / "faiss-flat.json", tmp_path / str(SIZE) / "faiss-flat" / "vectors.faiss"
    times = []
    for stamp in (None, None, 0):
        if stamp is not None:
            written.write_text(json.dumps({**json.loads(written.read_text()), "stamp": stamp}))
        figures, faults = compared(tmp_path)
        assert faults == {}
        assert figures[FLAT]["recall@50"] == 1
        times.append(store.stat().st_mtime_ns)
    assert times[0] == times[1] != times[2]


def test_a_store_that_takes_too_long_is_left_out(tmp_path: Path) -> None:
    figures, faults = compared(tmp_path, limit_s=0.01)
    assert figures == {}
    assert faults == {FLAT: "reached its limit of 0.01 s when it was to fill"}


def test_a_store_that_ends_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    compared(tmp_path)
    (tmp_path / str(SIZE) / "faiss-flat" / "photos.npy").unlink()
    figures, faults = compared(tmp_path, FLAT, "scikit-learn")
    assert list(figures) == SCIKIT
    assert list(faults) == [FLAT]
    assert re.match(r"ended while it was to open: FileNotFoundError: .*photos\.npy", faults[FLAT]), faults


@pytest.mark.parametrize(
    ("photos", "fault"),
    [
        (np.zeros(SIZE, np.int64), "answered query 0 with photos that are not those of the segments"),
        (np.zeros(3, np.int64), "ended while it was to search: IndexError: "),
    ],
    ids=["wrong", "short"],
)
def test_answers_without_the_right_photos_do_not_count(tmp_path: Path, photos: Any, fault: str) -> None:
    compared(tmp_path)
    np.save(tmp_path / str(SIZE) / "faiss-flat" / "photos.npy", photos)
    figures, faults = compared(tmp_path)
    assert figures == {}
    assert faults[FLAT].startswith(fault), faults


def test_what_was_measured_before_a_store_ended_counts(tmp_path: Path) -> None:
    def kill(line: str) -> None:
        if line.startswith("round 1"):
            (process,) = _processes()
            process.kill()

    comparison = Comparison(tmp_path, SIZE, Terms(queries=2, rounds=2), kill)
    figures = comparison.run([FLAT])[FLAT]
    assert figures["p50, ms"] > 0
    assert figures["hits"] == TOP
    assert "memory, MB" not in figures
    assert comparison.faults[FLAT].startswith("ended ")


class TestEnvironments:
    @pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv")
    def test_one_that_cannot_be_made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UV_OFFLINE", "1")
        monkeypatch.setitem(peer_client.PACKAGES, "faiss", ("no-such-package==0.0.1",))
        figures, faults = compared(tmp_path, FLAT)
        assert figures == {}
        assert faults[FLAT].startswith("its environment could not be made: ")

    def test_without_uv(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(PeerError, match="needs uv, which is not installed"):
            interpreter("lancedb flat", tmp_path)
        assert interpreter("scikit-learn", tmp_path).is_file()
