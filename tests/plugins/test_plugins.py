"""Parts of other packages, installed as pip installs them, and used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Pictures

from retrieval.errors import ConfigurationError
from retrieval.recipes import recipe_spec

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

Install = Callable[..., None]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheels of the plug-ins are installed."""
    pytest.importorskip("hatchling", reason="hatchling is in the group dev: run `make setup`")
    folder = tmp_path_factory.mktemp("plugins")
    for name in ("stripes", "plain"):
        install_wheel(HERE / name, folder / name, folder / "site")
    return folder / "site"


def install_wheel(source: Path, folder: Path, site: Path) -> None:
    """Build a wheel of a package, and install it."""
    shutil.copytree(source, folder / "source")
    for command in (
        ["hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        ["pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site), "WHEEL"],
    ):
        command = [str(next(folder.glob("*.whl"))) if each == "WHEEL" else each for each in command]
        subprocess.run([sys.executable, "-m", *command], cwd=folder / "source", check=True, capture_output=True)


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Run:
    """Runs the program where the plug-in is installed."""

    def run(*arguments: str, recipe: str = "grid", **variables: str) -> subprocess.CompletedProcess[str]:
        place = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site)]), "SEGSEARCH_DATA_DIR": str(tmp_path / recipe)}
        setting = {"SEGSEARCH_RECIPE": recipe, "SEGSEARCH_DEVICE": "cpu", "SEGSEARCH_MIN_FREE": "0"}
        program = [sys.executable, "-m", "segsearch", *arguments]
        return subprocess.run(
            program, cwd=tmp_path, env={**os.environ, **place, **setting, **variables}, capture_output=True, text=True
        )

    return run


class TestInstalled:
    @pytest.mark.parametrize(
        ("recipe", "segments"),
        [
            ("stripes+tones", 4),
            ("stripes:6+tones", 6),
            ("grid+tones", 25),
        ],
    )
    def test_photos_are_ingested_and_searched(self, run: Run, pictures: Pictures, recipe: str, segments: int) -> None:
        photos = [pictures(seed=seed) for seed in range(3)]
        entered = run("ingest", str(pictures.folder), "--json", recipe=recipe)
        assert entered.returncode == 0, entered.stderr
        assert json.loads(entered.stdout.splitlines()[-1])["indexed"] == 3
        status = run("status", "--json", recipe=recipe)
        assert json.loads(status.stdout)["segments"] == 3 * segments
        shutil.copy(photos[1], pictures.folder.parent / "query.png")
        found = run("search", "--image", "query.png", "--at", "20,30", "--json", recipe=recipe)
        assert found.returncode == 0, found.stderr
        results = json.loads(found.stdout)["results"]
        assert Path(results[0]["path"]).name == photos[1].name
        assert 0.7 <= results[0]["score"] <= 1, "it is the same, of whatever quality"
        assert len({result["image_id"] for result in results}) == 3

    def test_vectors_are_held_by_an_index_of_another_package(self, run: Run, pictures: Pictures) -> None:
        photos, index = [pictures(seed=seed) for seed in range(3)], {"SEGSEARCH_INDEX": "plain"}
        entered = run("ingest", str(pictures.folder), "--json", **index)
        assert entered.returncode == 0, entered.stderr
        home = pictures.folder.parent / "grid"
        assert len(list(home.glob("index/*/*/plain.npz"))) == 2
        assert not list(home.glob("index/*/*/manifest.json"))
        assert json.loads(run("status", "--json", **index).stdout)["index"] == {
            "name": "plain",
            "segments": 75,
            "pending": 0,
        }
        shutil.copy(photos[1], pictures.folder.parent / "query.png")
        found = run("search", "--image", "query.png", "--at", "20,30", "--json", **index)
        assert Path(json.loads(found.stdout)["results"][0]["path"]).name == photos[1].name, found.stderr

    def test_they_are_listed_with_the_package_that_brings_them(self, run: Run) -> None:
        told = run("recipes", "--json")
        assert told.returncode == 0, told.stderr
        parts = json.loads(told.stdout)["parts"]
        assert {(each["kind"], each["name"], each["package"]) for each in parts} >= {
            ("recipe", "lite", "SegSearch"),
            ("segmenter", "stripes", "segsearch-stripes 0.1"),
            ("embedder", "tones", "segsearch-stripes 0.1"),
            ("index", "local", "SegSearch"),
            ("index", "plain", "segsearch-plain 0.1"),
        }
        assert {each["fault"] for each in parts} == {None}
        assert "segsearch-stripes 0.1" in run("recipes", COLUMNS="200").stdout

    def test_a_name_is_known_without_importing_anything(self, site: Path) -> None:
        program = (
            "import sys; from retrieval import plugins; from retrieval.recipes import PLUGGED, recipe_spec; "
            "assert plugins.plugin('stripes', *PLUGGED); recipe_spec('grid'); "
            "assert not {'segsearch_stripes', 'torch', 'timm'} & sys.modules.keys(); "
            "recipe_spec('stripes:3+tones'); assert 'torch' not in sys.modules"
        )
        path = os.pathsep.join([str(ROOT), str(site)])
        told = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
        )
        assert told.returncode == 0, told.stderr


def built(name: str) -> Any:
    return recipe_spec(name).build("cpu", 1)


class TestUse:
    def test_a_whole_recipe(self, install: Install) -> None:
        install("blank", "TEXT = True", recipes={"blank": "recipe"})
        spec = recipe_spec("blank:some-model")
        assert (spec.name, spec.segment_dim, spec.reads_text) == ("blank:some-model", 3, True)
        assert spec.build("cpu", 1).embed_texts(["red"]).shape == (1, 3)

    def test_an_embedder_that_reads_text_makes_a_recipe_that_does(self, install: Install) -> None:
        install("reads", "TEXT = True", embedders={"reads": "embedder"})
        assert recipe_spec("grid+reads").reads_text
        assert built("grid+reads").embed_texts(["red", "blue"]).tolist() == np.eye(2, 3).tolist()

    @pytest.mark.slow
    def test_a_segmenter_alone_has_the_vectors_and_words_of_lite(self, install: Install) -> None:
        install("alone", segmenters={"alone": "segmenter"})
        spec, lite = recipe_spec("alone"), recipe_spec("lite")
        assert (spec.space, spec.segment_dim, spec.photo_dim) == (lite.space, lite.segment_dim, lite.photo_dim)
        assert spec.fingerprint not in (lite.fingerprint, recipe_spec("lite-unlearned").fingerprint)
        recipe, image = built("alone"), np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
        (features,) = recipe.extract([image])
        found = recipe.embed(image, features, recipe.segment(image, features))
        assert (recipe.fingerprint, recipe.space) == (spec.fingerprint, spec.space)
        assert found.vectors.shape == (1, lite.segment_dim)
        assert len(found.segments.labels) == 1, "lite names what the segmenter does not"
        assert recipe.size.parameters > 1e6

    def test_unknown_names_are_answered_with_those_that_are_installed(self, install: Install) -> None:
        install("more", segmenters={"blobs": "segmenter"}, embedders={"hues": "embedder"})
        for name, known in (("spots", "blobs"), ("grid+spots", "hues"), ("spots+hues", "blobs")):
            with pytest.raises(ConfigurationError, match=f"spots.* is none of .*{known}"):
                recipe_spec(name)

    def test_fingerprints_tell_segmenters_and_embedders_apart(self, install: Install) -> None:
        install("parts", segmenters={"one": "segmenter", "two": "segmenter"}, embedders={"vec": "embedder"})
        specs = [recipe_spec(name) for name in ("one", "two", "one+vec", "two+vec", "grid+vec", "grid")]
        assert len({spec.fingerprint for spec in specs}) == 6
        assert len({spec.space for spec in specs}) == 3, "lite's, the embedder's and the grid's"
        assert max(len(spec.fingerprint) for spec in specs) <= 64
