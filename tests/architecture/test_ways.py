"""The ways of a click and of a photo are as ARCHITECTURE.md lists them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skimage
from ways import Way, documented

from indexer.duplicates import DuplicateSearch
from indexer.exports import Exporter
from indexer.report import Tally
from indexer.upkeep import Discovery
from indexer.worker import Worker, ingest
from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import Settings
from retrieval.tracks.tracker import Tracker
from webui import create_app

pytestmark = pytest.mark.slow

PHOTOS = tuple(Path(skimage.__file__).parent / "data" / name for name in ("astronaut.png", "coffee.png"))
MOST_RETURNS = 3


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """An installation on the recipe `lite` with one photo, everything loaded that is loaded once."""
    folder = tmp_path_factory.mktemp("ways")
    made = Assembly(Settings.in_data_dir(folder / "home", device="cpu", recipe="lite"))
    ingest(made, Worker(made), [_copied(PHOTOS[0], folder)], Tally())
    return made


def _copied(photo: Path, folder: Path) -> Path:
    return Path(shutil.copy(photo, folder / photo.name))


def check(way: Way, heading: str) -> None:
    """Compare what was traced with the list under a heading."""
    listed = documented(heading)
    assert set(way.stations()) == set(listed), "ARCHITECTURE.md lists other files"
    returns = way.returns(listed)
    assert len(returns) <= MOST_RETURNS, returns


def test_a_click(assembly: Assembly) -> None:
    with DecoderPool(1) as decoders:
        app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
    photo = assembly.catalog.images.page()[0]
    body = {"positive": [{"image": photo.id, "point": [200, 150]}], "masks": "rle"}
    way, (name, view) = Way(), next(each for each in app.view_functions.items() if each[0].endswith("search.find"))

    def traced(*arguments: Any, **named: Any) -> Any:
        with way:
            return view(*arguments, **named)

    client = app.test_client()
    assert client.post("/api/v1/search", json=body).status_code == 200
    app.view_functions[name] = traced
    assert client.post("/api/v1/search", json=body).status_code == 200
    check(way, "The way of a click")


def test_a_photo(assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: Callable[[object], bool] = lambda _: False  # noqa: E731  # duplicates and clusters are no part of the way
    monkeypatch.setattr(DuplicateSearch, "update", looks)
    monkeypatch.setattr(Discovery, "update", looks)
    monkeypatch.setattr(Tracker, "update", looks)  # nor are tracks of videos
    monkeypatch.setattr(Exporter, "write_next", lambda _: None)  # nor are exports that were ordered
    worker = Worker(assembly)
    worker.work(lambda: True)
    with Way() as way:
        report = ingest(assembly, worker, [_copied(PHOTOS[1], tmp_path)], Tally())
    assert report.counts["indexed"] == 1
    check(way, "The way of a photo")


def test_a_call_back_would_be_seen(tmp_path: Path) -> None:
    way = Way()
    way.calls.update({("webui/a.py", "webui/b.py"): {"f"}, ("webui/b.py", "webui/a.py"): {"g"}})
    assert way.returns(["webui/a.py", "webui/b.py"]) == {("webui/b.py", "webui/a.py"): {"g"}}
