"""Near-duplicates by the worker and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from toys import close

from indexer import upkeep
from indexer.commands.duplicates import duplicates
from indexer.report import Tally
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.duplicates.detection import DuplicateDetector
from retrieval.settings import Settings

pytestmark = pytest.mark.slow


def scene(path: Path, seed: int, box: tuple[int, int, int, int] | None = None) -> Path:
    """A picture with many corners, or a part of it."""
    blocks = np.random.default_rng(seed).integers(0, 256, (15, 20, 3)).astype(np.uint8)
    picture = Image.fromarray(np.kron(blocks, np.ones((16, 16, 1), np.uint8)))
    (picture.crop(box) if box else picture).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos, and a crop of the first."""
    folder = tmp_path / "photos"
    folder.mkdir()
    crop = scene(folder / "crop.png", 1, (20, 30, 300, 230))
    return [scene(folder / "one.png", 1), scene(folder / "two.png", 2), crop]


def entered(settings: Settings, photos: list[Path]) -> None:
    made = Assembly(settings)
    ingest(made, Worker(made), photos, Tally())
    close(made)


def run(settings: Settings, *options: str) -> str:
    done = CliRunner().invoke(duplicates, list(options), obj=settings, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def listed(settings: Settings, *options: str) -> Any:
    return json.loads(run(settings, "--json", *options))


def names(answer: Any) -> list[list[str]]:
    return [[Path(each["path"]).name for each in (group["best"], *group["others"])] for group in answer["groups"]]


def test_the_worker_has_compared_them(settings: Settings, photos: list[Path]) -> None:
    entered(settings, photos)
    made = Assembly(settings)
    assert made.duplicates.waiting(made.recipe_spec.space) == 0
    assert len(made.duplicates.pairs()) == 1
    assert "duplicates" in {each.name for each in made.duties.records()}
    close(made)
    assert names(listed(settings)) == [["one.png", "crop.png"]]
    assert listed(settings, "--min-likeness", "1") == {"total": 0, "groups": []}
    assert "one.png" in run(settings, "--limit", "1")


def test_an_existing_collection_is_compared_by_the_command(settings: Settings, photos: list[Path]) -> None:
    entered(settings, photos)
    made = Assembly(settings)
    made.trash.put([1, 2, 3])
    made.trash.restore([1, 2, 3])
    assert made.duplicates.waiting(made.recipe_spec.space) == 3
    for path in made.settings.renditions_dir.rglob("*.jpg"):
        path.unlink()
    close(made)
    assert names(listed(settings)) == [["one.png", "crop.png"]]


def test_without_renditions_and_originals_nothing_is_compared(settings: Settings, photos: list[Path]) -> None:
    entered(settings, photos[:1])
    for path in (*settings.renditions_dir.rglob("*.jpg"), photos[0]):
        path.unlink()
    entered(settings, photos[2:])
    assert run(settings).strip() == "no near-duplicates"


@pytest.mark.parametrize("options", [["--limit", "0"], ["--min-likeness", "2"], ["--min-likeness", "much"]])
def test_what_cannot_be_asked(settings: Settings, options: list[str]) -> None:
    assert CliRunner().invoke(duplicates, options, obj=settings).exit_code == 2


def test_an_ingest_does_not_wait_for_all_comparisons(
    settings: Settings, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "DUPLICATES_SECONDS", 0.0)
    monkeypatch.setattr(DuplicateDetector.update, "__defaults__", (1,))
    entered(settings, photos)
    made = Assembly(settings)
    assert made.duplicates.waiting(made.recipe_spec.space) == 2
    close(made)
    assert names(listed(settings)) == [["one.png", "crop.png"]]
