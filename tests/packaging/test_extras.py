"""What of an extra is missing is told with the extra's name."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from demo.scenes import compose
from retrieval.errors import ConfigurationError
from retrieval.processes.extras import EXTRAS, missing, required
from retrieval.recipes import load, recipe_spec

ROOT = Path(__file__).parents[2]


@pytest.fixture
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a library that cannot be imported."""
    monkeypatch.delitem(sys.modules, request.param, raising=False)

    class Absent:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == request.param:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Absent, *sys.meta_path])
    return request.param


@pytest.mark.parametrize("without", ["transformers"], indirect=True)
def test_a_model_of_the_hub(without: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "owner" / "model"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    (place / "model.safetensors").write_bytes(b"")
    monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))
    for name in ("sam2:owner/model", "semantic:owner/model"):
        with pytest.raises(ConfigurationError, match=r"pip install 'segsearch\[hub\]'"):
            recipe_spec(name).build("cpu", 1)


@pytest.mark.parametrize("without", ["skimage"], indirect=True)
def test_the_demo(without: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"skimage is not installed: run `pip install 'segsearch\[demo\]'`"):
        compose(tmp_path)


def test_a_library_that_is_broken_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("import not_there_either")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_either"):
        required("broken_library")


def test_extras_that_are_named_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(extras)


@pytest.mark.parametrize("without", ["torch"], indirect=True)
def test_a_recipe_on_torch(without: str) -> None:
    with pytest.raises(ConfigurationError, match=r"recipe maskrcnn: torch is .*'segsearch\[families\]'"):
        load("maskrcnn", "cpu")


def test_an_import_that_no_extra_mends() -> None:
    assert missing(ModuleNotFoundError("No module named 'numpy'", name="numpy")) is None
    told = str(missing(ModuleNotFoundError("No module named 'faiss'", name="faiss")))
    assert "segsearch[cpu]" in told
    assert "segsearch[gpu]" in told
