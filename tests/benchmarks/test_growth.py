"""Parts of the training photos, and the measure of what was learned from them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from pycocotools import mask as coco

from benchmarks.growth import main as growth
from benchmarks.growth import measured
from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto
from retrieval.recipes.grid import GridRecipe
from training.fit_boundaries import main as fit_boundaries
from training.fit_objectness import main as fit_objectness
from training.photos import share_of


class TestShares:
    def test_a_part_keeps_the_order_and_is_always_the_same(self) -> None:
        items = [f"photo {number}" for number in range(50)]
        part = share_of(items, 0.3)
        assert len(part) == 15
        assert part == [item for item in items if item in set(part)] == share_of(items, 0.3)
        assert part != items[:15], "drawn from all of them"

    def test_a_smaller_part_is_within_every_larger_one(self) -> None:
        parts = [set(share_of(range(211), share)) for share in (0.01, 0.1, 0.3, 1.0)]
        assert [len(part) for part in parts] == [2, 21, 63, 211]
        assert parts[0] < parts[1] < parts[2] < parts[3]

    def test_there_is_always_something(self) -> None:
        assert len(share_of([1, 2, 3], 0.01)) == 1
        assert share_of([], 0.5) == []

    @pytest.mark.parametrize("command", [fit_boundaries, fit_objectness, growth])
    @pytest.mark.parametrize("share", ["0", "1.5", "a third"])
    def test_what_is_no_share_is_refused(self, command: Any, share: str, tmp_path: Path) -> None:
        found = CliRunner().invoke(command, ["--data", str(tmp_path), "--share", share])
        assert found.exit_code == 2
        assert "--share" in found.output


class Cells(GridRecipe):
    """The grid's quadrants and their cells, as a recipe with a side to decode at."""

    parameters = SimpleNamespace(large_side=768)


def test_best_overlaps_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    masks = np.zeros((3, 64, 64), np.uint8)
    masks[0, :32, :32] = 1  # two by two cells
    masks[1, :16, :12] = 1  # three quarters of a cell
    masks[2, :, :8] = 1  # half of a column of cells: best met by a cell of it, 8·16 of 16·16 + 8·48
    objects = tuple(AnnotatedObject("thing", dict(coco.encode(np.asfortranarray(each)))) for each in masks)
    photos = [AnnotatedPhoto(path, objects), AnnotatedPhoto(path, ())]
    recipe: Any = Cells()
    found = measured(recipe, photos)
    best = max(128 / (256 + 512 - 128), 256 / (1024 + 512 - 256))
    assert found["objects"] == 3
    assert found["ABO@100"] == found["ABO@50"] == pytest.approx((1 + 0.75 + best) / 3)
    assert found["recall@.5"] == pytest.approx(2 / 3)
    assert measured(recipe, photos[1:]) == {}
