"""On a processor recipe `lite` enters and finds photos without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from retrieval.analysis.remote import RemoteAnalyzer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

PROGRAM = """
import atexit, sys
atexit.register(lambda: print("loaded", *{name.partition(".")[0] for name in tuple(sys.modules)}, file=sys.stderr))
from segsearch.cli import main
main()
"""


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "SEGSEARCH_DATA_DIR": str(home), "SEGSEARCH_DEVICE": "cpu", "SEGSEARCH_RECIPE": "lite"}


def command(home: Path, *arguments: str) -> tuple[str, set[str]]:
    """What a command of the program prints, and the top-level modules it had at its end."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, set(done.stderr.rpartition("loaded ")[2].split())


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cat and a cup."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("chelsea", "coffee"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def ingest(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A home that the photos were entered into, and what the ingest loaded."""
    home = tmp_path_factory.mktemp("home")
    told, loaded = command(home, "ingest", "--json", str(photos))
    assert json.loads(told)["indexed"] == 2
    return home, loaded


def test_an_ingest(ingest: tuple[Path, set[str]]) -> None:
    assert "openvino" in ingest[1]
    assert not ingest[1] & {"torch", "torchvision", "timm", "transformers", "openvino_telemetry"}


def test_a_search_by_a_photo(ingest: tuple[Path, set[str]], photos: Path) -> None:
    told, loaded = command(ingest[0], "search", "--json", "--image", str(photos / "chelsea.png"), "--at", "220,150")
    assert "chelsea" in json.dumps(json.loads(told)["results"][0])
    assert "openvino" in loaded
    assert not loaded & {"torch", "torchvision", "timm", "transformers", "openvino_telemetry"}


@pytest.fixture
def analyzer(ingest: tuple[Path, set[str]]) -> Iterator[int]:
    """The number of an analyzer process that answers."""
    process = subprocess.Popen([sys.executable, "-m", "segsearch", "analyzer"], cwd=ROOT, env=environment(ingest[0]))
    remote = RemoteAnalyzer(ingest[0] / "analyzers")
    for _ in range(600):
        if remote.is_up() or process.poll() is not None:
            break
        time.sleep(0.1)
    yield process.pid
    process.terminate()
    process.wait(30)


def test_the_analyzer(ingest: tuple[Path, set[str]], photos: Path, analyzer: int) -> None:
    found = RemoteAnalyzer(ingest[0] / "analyzers").analyze(photos / "coffee.png")
    assert len(found.analysis.segments) > 3
    mapped = Path(f"/proc/{analyzer}/maps").read_text()
    assert "libopenvino" in mapped
    assert "libtorch" not in mapped
