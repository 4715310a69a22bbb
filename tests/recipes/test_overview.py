"""Which recipes there are, and whether their weights are here. No network is loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.models.weights import VARIABLE, torchvision_place
from retrieval.recipes import NAMES, overview, recipe_spec
from retrieval.recipes.maskrcnn import WEIGHTS
from retrieval.recipes.overview import RecipeOverview

FILE = WEIGHTS["maskrcnn"]


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    """What was found of files that are made up here is not kept."""
    yield
    recipe_spec.cache_clear()


def found(name: str, current: str = "lite") -> RecipeOverview:
    return next(each for each in overview.overview(current) if each.name == name)


def test_each_once_with_a_spec_or_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    every = overview.overview("lite")
    assert [each.name for each in every][: len(NAMES)] == list(NAMES)
    for each in every:
        assert (each.spec is None) is (each.fault is not None), each.name
        assert each.segments
        assert each.licence
    assert [each.name for each in every if each.weights == "included"] == [
        "lite",
        "lite-crops",
        "lite-unlearned",
        "grid",
        "psp",
    ]


@pytest.mark.parametrize("name", ["maskrcnn", "lraspp-crf"])
def test_files_in_torchs_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert (found(name).weights, found(name).fault) == ("to download", None)
    for file in (FILE, "lraspp_mobilenet_v3_large-d234d4ea.pth"):
        place = torchvision_place(file)
        assert place == tmp_path / "hub" / "checkpoints" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    assert found(name).weights == "here"


def test_files_in_the_folder_of_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    before = found("maskrcnn")
    assert (before.weights, before.spec) == ("missing", None)
    assert str(tmp_path / FILE) in (before.fault or "")
    (tmp_path / FILE).touch()
    after = found("maskrcnn")
    assert (after.weights, after.fault) == ("here", None)
    assert after.spec is not None


def test_models_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    folder = tmp_path / "facebook" / "sam-vit-base"
    assert found("sam").weights == "missing"
    assert str(folder) in (found("sam").fault or "")
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert found("sam").weights == "missing", "half of it"
    (folder / "model.safetensors").touch()
    assert (found("sam").weights, found("sam").fault) == ("here", None)


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(overview, "find_spec", lambda name: None if name == "torchvision" else name)
    assert "pip install 'segsearch[families]'" in (found("maskrcnn").fault or "")
    assert found("lite").fault is None


def test_a_pair_is_listed_if_it_is_the_current_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert all("+" not in each.name for each in overview.overview("lite"))
    each = found("lite+clip", current="lite+clip")
    assert each.segments == "learned hierarchy of regions"
    assert "openai/clip-vit-base-patch32" in (each.fault or "")


@pytest.mark.slow
def test_torch_is_not_loaded() -> None:
    program = "import sys; from retrieval.recipes.overview import overview; overview('lite'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
