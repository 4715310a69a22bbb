"""Recipes measured on drawn photos, alone and side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from indexer.commands.evaluate import evaluate as command
from retrieval.errors import ConfigurationError
from retrieval.evaluation.collection import Evaluation, Truth
from retrieval.evaluation.comparison import common_queries, compared
from retrieval.evaluation.datasets import AnnotatedPhoto
from retrieval.evaluation.figures import side_by_side
from retrieval.evaluation.run import folder_name
from retrieval.evaluation.segmentation import milliseconds_a_photo, pixel_classes
from retrieval.recipes import RecipeSpec, recipe_spec
from retrieval.recipes.grid import GridRecipe
from retrieval.settings import Settings
from retrieval.types import RgbImage

SIZE = 128


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six photos with a square in a corner each, red or blue, which are objects of two classes."""
    return squares(tmp_path / "squares", 6)


def squares(where: Path, count: int) -> Path:
    """So many of them, the red ones first."""
    (where / "photos").mkdir(parents=True)
    (where / "masks").mkdir()
    labels = {}
    for number in range(count):
        is_red = number < count // 2
        pixels, mask = np.full((SIZE, SIZE, 3), 200, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
        rows, columns = (slice(64 * half, 64 * half + 64) for half in (number // 2 % 2, number % 2))
        pixels[rows, columns] = (250 - number, 20, 20) if is_red else (20, 20, 250 - number)
        mask[rows, columns] = 1
        Image.fromarray(pixels).save(where / "photos" / f"{number}.png")
        Image.fromarray(mask).save(where / "masks" / f"{number}.png")
        labels[str(number)] = {"1": "cup" if is_red else "ball"}
    (where / "labels.json").write_text(json.dumps(labels))
    return where


def run(settings: Settings, folder: Path, *options: str) -> Any:
    found = CliRunner().invoke(command, [str(folder), *options], obj=settings, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout.splitlines()[-1]) if "--json" in options else found.stdout


class TestOneRecipe:
    def test_figures(self, settings: Settings, folder: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        figures = run(settings, folder, "--json", "--out", str(out), "--home", str(tmp_path / "kept"))
        assert figures["recipe"] == recipe_spec("grid").fingerprint
        assert (figures["photos"], figures["objects"], figures["queries by click"]) == (6, 6, 6)
        assert figures["ABO@100"] == figures["recall@.5"] == 1, "a block of two by two cells is the square"
        assert figures["photo mAP by click"] == 1, "cells of the same colour"
        assert 0.25 <= figures["one click: IoU"] <= figures["one click: IoU, best of three levels"] <= 1
        assert (
            0
            <= figures["one click: share of IoU >= .5"]
            <= figures["one click: share of IoU >= .5, best of three levels"]
        )
        assert (figures["parameters"], figures["weights, MB"]) == (0, 0)
        assert figures["recipe alone, ms a photo"] > 0
        assert "VOC mIoU" not in figures
        assert not settings.data_dir.exists()
        assert (tmp_path / "kept" / "catalog.db").is_file()
        assert json.loads((out / "figures.json").read_text())["figures"] == figures
        html = (out / "report.html").read_text()
        assert html.count("<h1>") == 1
        assert "ABO@100" in html

    def test_a_table(self, settings: Settings, folder: Path) -> None:
        said = run(settings, folder, "--limit", "3")
        assert "value" in said
        assert "ABO@100" in said


class TestSeveralRecipes:
    @pytest.fixture(autouse=True)
    def finer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another recipe, by a name with what a folder's name cannot hold: two by two cells, as large as the squares."""
        coarse = GridRecipe(cells=2)

        def known(name: str) -> RecipeSpec:
            if name != "semantic:a/grid":
                return recipe_spec(name)
            facts = {"fingerprint": coarse.fingerprint, "space": coarse.space, "segment_dim": 6, "photo_dim": 6}
            return RecipeSpec(name=name, word_vectors=None, build=lambda *_: coarse, **facts)  # type: ignore[arg-type]

        for module in ("retrieval.assembly", "retrieval.recipes", "retrieval.evaluation.run"):
            monkeypatch.setattr(f"{module}.recipe_spec", known)

    def test_side_by_side(self, settings: Settings, folder: Path, tmp_path: Path) -> None:
        recipes = ("--recipe", "grid", "--recipe", "semantic:a/grid", "--recipe", "grid")
        places = ("--out", str(tmp_path / "out"), "--home", str(tmp_path / "kept"))
        figures = run(settings, folder, "--json", *recipes, *places)
        assert list(figures) == ["grid", "semantic:a/grid"]
        assert figures["grid"]["segments"] == 6 * 25
        assert figures["semantic:a/grid"]["segments"] == 6 * 5
        gain = figures["semantic:a/grid"]["photo mAP by click, gain over grid"]
        low, high = figures["semantic:a/grid"]["gain over grid, 95 % interval"]
        assert low <= gain <= high
        assert not any("over grid" in name for name in figures["grid"])
        assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["grid", "semantic-a-grid"]
        stored = json.loads((tmp_path / "out" / "figures.json").read_text())
        assert {name: each["figures"] for name, each in stored.items()} == figures
        html = (tmp_path / "out" / "report.html").read_text()
        assert html.index("<th>semantic:a/grid</th>") < html.index("<h1>grid</h1>") < html.index("<h2>Hits</h2>")
        assert html.count("<h2>Hits</h2>") == 2

    def test_a_misspelt_one_is_refused_before_anything_is_done(self, settings: Settings, folder: Path) -> None:
        home = folder.parent / "kept"
        with pytest.raises(ConfigurationError, match="'gridd' is none of"):
            run(settings, folder, "--recipe", "grid", "--recipe", "gridd", "--home", str(home))
        assert not home.exists()

    def test_rounds_of_feedback(self, settings: Settings, tmp_path: Path) -> None:
        """Colours tell the classes, so all is found at once; after two rounds too few photos are left to be ranked."""
        folder = squares(tmp_path / "many", 60)
        figures = run(settings, folder, "--feedback", "--json", "--out", str(tmp_path))
        assert figures == json.loads((tmp_path / "feedback.json").read_text())
        assert (figures["photos"], figures["classes"], figures["photo mAP of round 0"]) == (60, 2, 1)
        rounds = list(figures["rounds"].values())
        assert [each["queries"] > 0 for each in rounds] == [True, True, False, False, False]
        assert {each["residual photo mAP after"] for each in rounds[:2]} == {1}
        assert sum(rounds[0]["models"].values()) == figures["queries"] == rounds[0]["queries"]
        assert figures["concepts"]["up to 20 examples"]["photo mAP of 20"] == 1
        shown = run(settings, folder, "--feedback", "--home", str(tmp_path / "again"))
        assert "concepts of up to 20 examples: 2 classes" in shown

    def test_rounds_of_feedback_take_one_recipe(self, settings: Settings, folder: Path) -> None:
        found = CliRunner().invoke(
            command, [str(folder), "--feedback", "--recipe", "grid", "--recipe", "lite"], obj=settings
        )
        assert found.exit_code == 2
        assert "one recipe" in found.output


def evaluation(clicks: dict[str, list[tuple[str, float]]]) -> Evaluation:
    """Queries by photo, with their average precisions."""
    return Evaluation(
        recipe="r:1",
        photos=3,
        objects=3,
        failed=0,
        segments=3,
        clicked={kind: [(name, (1, 2)) for name, _ in each] for kind, each in clicks.items()},
        photo_by_click={kind: [value for _, value in each] for kind, each in clicks.items()},
        whole_photo={kind: [0.0 for _ in each] for kind, each in clicks.items()},
    )


class TestCoverage:
    def test_a_hundred_are_the_first_hundred(self) -> None:
        settled = Truth({}, {}, np.array([[0.4, 0.6], [0.2, 0.6], [0.7, 0.6]], np.float32), {})
        assert settled.coverage == pytest.approx({
            "ABO@100": 0.5, "recall@.5": 0.5, "ABO@50": 0.4, "recall@.5 of 50": 0.5,
            "ABO of all segments": 0.65, "recall@.5 of all segments": 1.0,
        })  # fmt: skip

    def test_without_objects_all_are_zero(self) -> None:
        assert set(Truth({}, {}, np.zeros((3, 0), np.float32), {}).coverage.values()) == {0}


class TestComparison:
    def test_queries_are_paired_whatever_their_order(self) -> None:
        one = evaluation({"cat": [("a", 0.1), ("b", 0.2), ("c", 0.3)], "dog": [("a", 0.4)]})
        other = evaluation({"cat": [("c", 0.6), ("a", 0.5)], "cow": [("a", 0.7)]})
        assert common_queries(one, other) == ({"cat": [0.1, 0.3]}, {"cat": [0.5, 0.6]})

    def test_gain_over_the_first(self) -> None:
        first = evaluation({"cat": [("a", 0.1), ("b", 0.2)]})
        better = evaluation({"cat": [("b", 0.4), ("a", 0.3)]})
        figures = compared({"x": first, "y": better, "z": evaluation({})})
        assert figures["y"]["photo mAP by click, gain over x"] == pytest.approx(0.2)
        assert figures["y"]["gain over x, 95 % interval"] == pytest.approx([0.2, 0.2]), "the gain is the same for both"
        assert not any("over x" in name for name in (*figures["x"], *figures["z"]))

    def test_measures_that_one_lacks_stay_empty(self) -> None:
        rows = side_by_side([{"a": 1, "b": 0.5}, {"a": 1234, "c": [0.0, 0.25]}])
        assert rows == [("a", ["1", "1,234"]), ("b", ["0.500", ""]), ("c", ["", "+0.000 to +0.250"])]

    @pytest.mark.parametrize(
        ("name", "folder"), [("lite-crops", "lite-crops"), ("semantic:nvidia/segformer-b0@abc", "semantic-nvidia-segformer-b0-abc")]
    )  # fmt: skip
    def test_names_of_homes(self, name: str, folder: str) -> None:
        assert folder_name(name) == folder


class Namer(GridRecipe):
    """Calls what is red a cat, what is blue something that VOC does not know, the rest nothing."""

    class_names = ("sky", "cat", None)

    def class_map(self, image: RgbImage, features: None) -> NDArray[np.uint16]:
        red, blue = image[..., 0] > image[..., 2] + 50, image[..., 2] > image[..., 0] + 50
        return np.where(red, 1, np.where(blue, 0, 2)).astype(np.uint16)[::2, ::2]


class TestPixelClasses:
    def photos(self, folder: Path, kinds: Sequence[int]) -> list[AnnotatedPhoto]:
        """The photos with maps in which the square is of a class, but for a line of void."""
        found = []
        for number, kind in enumerate(kinds):
            classes = np.asarray(Image.open(folder / "masks" / f"{number}.png")) * np.uint8(kind)
            classes[:, 63:65] = 255
            path = folder / f"classes{number}.png"
            Image.fromarray(classes).save(path)
            found.append(AnnotatedPhoto(folder / "photos" / f"{number}.png", (), path))
        return found

    def test_by_hand(self, folder: Path) -> None:
        photos = self.photos(folder, [8, 8, 8, 12])  # three red squares are cats, a blue one is a dog
        found = pixel_classes(Namer(), photos)
        assert found is not None
        side = 64 * 63
        background = (4 * 128 * 126 - 4 * side) / (4 * 128 * 126 - 3 * side)
        assert found.mean_iou == pytest.approx((background + 1 + 0) / 3)
        assert (found.known, found.photos) == (1, 4)

    def test_among_the_figures_of_a_voc_folder(
        self, settings: Settings, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        voc = tmp_path / "voc"
        for name in ("JPEGImages", "SegmentationClass"):
            (voc / name).mkdir(parents=True)
        for number, photo in enumerate(self.photos(folder, [8, 8, 8])):
            Image.open(photo.path).save(voc / "JPEGImages" / f"{number}.jpg", quality=95)
            assert photo.classes_path is not None
            photo.classes_path.rename(voc / "SegmentationClass" / f"{number}.png")
        namer = replace(recipe_spec("grid"), name="namer", build=lambda *_: Namer())
        for module in ("retrieval.assembly", "retrieval.recipes", "retrieval.evaluation.run"):
            monkeypatch.setattr(f"{module}.recipe_spec", lambda _: namer)
        figures = run(settings, voc, "--json", "--recipe", "namer")
        assert figures["VOC mIoU"] > 0.9, "but for what JPEG blurs at the edges"
        assert figures["VOC classes the recipe knows"] == 1

    def test_where_nothing_can_be_told(self, folder: Path) -> None:
        (folder / "photos" / "1.png").write_bytes(b"nothing")
        photos = self.photos(folder, [8, 8])
        assert pixel_classes(GridRecipe(), photos) is None
        assert pixel_classes(Namer(), [AnnotatedPhoto(photo.path, ()) for photo in photos]) is None
        found = pixel_classes(Namer(), photos)
        assert found is not None
        assert found.photos == 1, "what cannot be decoded is left out"

    def test_photos_that_cannot_be_decoded_are_not_timed(self, folder: Path) -> None:
        path = folder / "photos" / "1.png"
        assert milliseconds_a_photo(GridRecipe(), [path]) > 0
        path.write_bytes(b"nothing")
        assert milliseconds_a_photo(GridRecipe(), [path]) == milliseconds_a_photo(GridRecipe(), []) == 0


class TestTwoThings:
    @pytest.fixture
    def pairs(self, tmp_path: Path) -> Path:
        """Four photos with a red and a blue square, two with one of them only, two with what lies between them."""
        where = tmp_path / "pairs"
        (where / "photos").mkdir(parents=True)
        (where / "masks").mkdir()
        labels = {}
        for number in range(8):
            pixels, mask = np.full((SIZE, SIZE, 3), 200, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
            if number > 5:
                pixels[:64], mask[:64, :64] = (135, 20, 135), 3
            elif number != 5:
                pixels[:64, :64], mask[:64, :64] = (250 - number, 20, 20), 1
            if number < 4 or number == 5:
                pixels[64:, 64:], mask[64:, 64:] = (20, 20, 250 - number), 2
            Image.fromarray(pixels).save(where / "photos" / f"{number}.png")
            Image.fromarray(mask).save(where / "masks" / f"{number}.png")
            labels[str(number)] = {
                str(key): {1: "cup", 2: "ball", 3: "jug"}[key] for key in np.unique(mask).tolist() if key
            }
        (where / "labels.json").write_text(json.dumps(labels))
        return where

    def test_both_are_looked_for_in_one_photo(self, settings: Settings, pairs: Path) -> None:
        figures = run(settings, pairs, "--json")
        assert figures["two things: queries"] == 4
        assert figures["two things: photo mAP"] == 1
        assert 0 < figures["two things: photo mAP of a blend"] <= 1
        low, high = figures["two things: gain, 95 % interval"]
        assert 0 <= low <= high

    def test_photos_with_one_object_ask_nothing(self, settings: Settings, folder: Path) -> None:
        assert not any(name.startswith("two things") for name in run(settings, folder, "--json"))
