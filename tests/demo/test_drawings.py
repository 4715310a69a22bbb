"""The scenes that are drawn for the tutorial."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.drawings import SCENES, SIZE, THINGS, draw_scenes

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, tuple[int, int]]]:
    return draw_scenes(tmp_path_factory.mktemp("drawn"))


def test_every_thing_is_on_several_photos(scenes: dict[Path, dict[str, tuple[int, int]]]) -> None:
    assert len(scenes) == SCENES
    for thing in THINGS:
        assert sum(thing in things for things in scenes.values()) >= 8, thing


def test_points_are_on_their_things(scenes: dict[Path, dict[str, tuple[int, int]]]) -> None:
    """There the picture differs from the landscape beside it."""
    for path, things in scenes.items():
        with Image.open(path) as picture:
            assert picture.size == SIZE
            pixels = np.asarray(picture, float)
        for thing, (x, y) in things.items():
            row = pixels[y]
            beside = np.median(row[[2, 3, 4, -5, -4, -3]], axis=0)
            assert np.abs(row[x - 3 : x + 4].mean(axis=0) - beside).max() > 20, (path.name, thing)


def test_the_same_seed_draws_the_same(scenes: dict[Path, dict[str, tuple[int, int]]], tmp_path: Path) -> None:
    again = draw_scenes(tmp_path)
    assert list(again.values()) == list(scenes.values())
    for one, other in zip(again, scenes, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_without_a_folder_it_says_what_to_give() -> None:
    ended = subprocess.run([sys.executable, "-m", "demo.drawings"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "give the folder" in ended.stderr
