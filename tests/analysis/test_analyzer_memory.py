"""The analyzer process is small: it loads no more than it needs, and gives memory back when nothing is asked."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toys import Pictures

from retrieval.analysis import server as analyzer_server
from retrieval.analysis.doors import PrivateDoor
from retrieval.analysis.local import LocalAnalyzer
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.analysis.server import AnalyzerServer
from retrieval.images.decoder_pool import DecoderPool
from retrieval.recipes import load
from retrieval.recipes.grid import GridRecipe

ROOT = Path(__file__).parents[2]


@contextmanager
def served(folder: Path, analyzer: LocalAnalyzer, on_rest: Callable[[], None]) -> Iterator[RemoteAnalyzer]:
    """A client of a server that rests."""
    server = AnalyzerServer(analyzer, PrivateDoor(folder), on_rest=on_rest)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield RemoteAnalyzer(folder)
    server.close()
    thread.join(10)


@pytest.fixture
def local() -> Iterator[LocalAnalyzer]:
    with DecoderPool(1) as decoders:
        yield LocalAnalyzer(load("grid", "cpu"), decoders)


class Rests:
    """Counts rests; the first may fail."""

    def __init__(self, *, first_fails: bool = False) -> None:
        self._first_fails = first_fails
        self.count = 0
        self.changed = threading.Condition()

    def __call__(self) -> None:
        with self.changed:
            self.count += 1
            self.changed.notify_all()
        if self._first_fails and self.count == 1:
            raise RuntimeError("busy")

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.count >= count, 30)


def test_it_rests_once_after_each_answer(
    tmp_path: Path, local: LocalAnalyzer, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer_server, "REST_SECONDS", 0.0)
    rests = Rests()
    with served(tmp_path / "analyzers", local, rests) as remote:
        rests.wait_for(1)  # what loading took
        remote.analyze(pictures("a.png"))
        rests.wait_for(2)
        for _ in range(10):
            assert remote.is_up()  # asking whether it is up does not wake it
            time.sleep(0.1)
        assert rests.count == 2


def test_it_goes_on_if_memory_cannot_be_given_back(
    tmp_path: Path, local: LocalAnalyzer, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer_server, "REST_SECONDS", 0.0)
    rests = Rests(first_fails=True)
    with served(tmp_path / "analyzers", local, rests) as remote:
        rests.wait_for(1)
        assert len(remote.analyze(pictures("a.png")).analysis.segments) > 0
        rests.wait_for(2)


def test_the_recipe_gives_its_memory_back_and_features_stay(pictures: Pictures) -> None:
    released = []

    class Releasing(GridRecipe):
        def release_memory(self) -> None:
            released.append(self)

    recipe = Releasing()
    with DecoderPool(1) as decoders:
        local = LocalAnalyzer(recipe, decoders)
        local.analyze(pictures("a.png"))
        local.release_memory()
    assert released == [recipe]
    assert len(local.kept) == 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_it_loads_neither_an_index_nor_torch(tmp_path: Path, pictures: Pictures) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "analyzer"],
        cwd=ROOT,
        env={**os.environ, "SEGSEARCH_DATA_DIR": str(tmp_path), "SEGSEARCH_DEVICE": "cpu", "SEGSEARCH_RECIPE": "lite"},
    )
    try:
        remote = RemoteAnalyzer(tmp_path / "analyzers")
        while not remote.is_up():
            assert process.poll() is None
            time.sleep(0.05)
        remote.analyze(pictures("a.png"))
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
    finally:
        process.terminate()
        process.wait(30)
    assert "openvino" in loaded
    for library in ("faiss", "torch", "sqlalchemy"):
        assert library not in loaded
