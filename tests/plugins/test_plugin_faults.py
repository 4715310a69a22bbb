"""Plug-ins that cannot be used are told of, with the package that brings them; all others go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from retrieval import plugins
from retrieval.errors import ConfigurationError, PluginError
from retrieval.recipes import NAMES, recipe_spec
from retrieval.recipes.embedders import FAMILIES, embedder_spec
from segsearch.cli import cli

Install = Callable[..., None]


def built(name: str) -> Any:
    return recipe_spec(name).build("cpu", 1)


SPOILT = [
    ("import nothing_of_this_name", r"cannot be imported \(ModuleNotFoundError: No module named"),
    ("raise SystemError('broken')", r"cannot be imported \(SystemError: broken"),
    ("KIND = 3", "has to be a function"),
    ("def KIND(name): return None", "gives NoneType, not a"),
    ("def KIND(name): raise KeyError(name)", r"fails for the name 'spoilt' \(KeyError"),
    ("Part.fingerprint = Part.space = 'part'", "has (fingerprint|space) 'part', which .*fingerprint has to make"),
    ("Part.fingerprint = Part.space = '../part:0123456789ab'", "has (fingerprint|space) '../part:"),
    ("del Part.extract, Part.size", "lacks size, extract"),
    ("Part.extract = lambda self, images: []", "extract gives 0 values for 1 image"),
    ("Part.extract = lambda self, images: 1 / 0", r"fails when it is tried \(ZeroDivisionError"),
]
SPOILT_SEGMENTS = [
    ("Part.segment = lambda self, image, features: []", "segment gives list, not retrieval.types.Segments"),
    ("del Part.batch_size", "lacks batch_size"),
]
SPOILT_VECTORS = [
    ("Part.embed = lambda self, image, features, segments: None", "embed gives NoneType"),
    (
        "embed = Part.embed; Part.embed = lambda *a: Analysis(a[-1], np.zeros((len(a[-1]), 3)), np.eye(3)[0])",
        "unit length",
    ),
    ("Part.embed = lambda *a: Analysis(a[-1], np.full((len(a[-1]), 3), np.nan), np.eye(3)[0])", "unit length"),
    ("Part.embed = lambda *a: Analysis(a[-1], np.eye(len(a[-1]), 4), np.eye(3)[0])", r"shape \(2, 4\) where \(2, 3\)"),
    ("Part.embed = lambda *a: Analysis(a[-1], np.eye(len(a[-1]), 3), np.eye(4)[0])", r"photo_vector of shape \(4,\)"),
    ("Part.embed = lambda *a: Analysis(a[-1], np.eye(len(a[-1]), 3), np.eye(3)[0])", "fallback, for a photo without"),
    ("TEXT = True; del Part.embed_texts", "lacks embed_texts"),
    ("TEXT = True; Part.embed_texts = lambda self, texts: np.eye(1, 2)", r"embed_texts of shape \(1, 2\)"),
]
KINDS = {
    "recipe": ("recipes", "spoilt", [*SPOILT, *SPOILT_SEGMENTS, *SPOILT_VECTORS]),
    "segmenter": ("segmenters", "spoilt", [*SPOILT, *SPOILT_SEGMENTS]),
    "embedder": ("embedders", "grid+spoilt", [*SPOILT, *SPOILT_VECTORS]),
}


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "code", "message"),
        [(kind, code, message) for kind, (_, _, faults) in KINDS.items() for code, message in faults],
    )
    def test_what_cannot_be_used_is_told_with_its_package(
        self, install: Install, kind: str, code: str, message: str
    ) -> None:
        group, name, _ = KINDS[kind]
        install("spoilt-part", code.replace("KIND", kind), **{group: {"spoilt": kind}})
        with pytest.raises(PluginError, match=rf"the {kind} 'spoilt' of spoilt-part 2.0 .*{message}") as told:
            built(name)
        assert "docs/plugins.md" in str(told.value)
        assert built("grid").fingerprint == recipe_spec("grid").fingerprint, "others go on"
        listed = CliRunner().invoke(cli, ["recipes", "--check", "--json"], env={"SEGSEARCH_DEVICE": "cpu"})
        assert listed.exit_code == 1
        faults = {each["name"]: each["fault"] for each in json.loads(listed.stdout)["parts"] if each["fault"]}
        assert faults == {"spoilt": str(told.value)}

    def test_what_is_built_otherwise_than_it_is_specified(self, install: Install) -> None:
        install("other", "Part.fingerprint = 'part-2:0123456789ab'", recipes={"other": "recipe"})
        recipe_spec("other")
        code = "class Other(Part): space = 'part-3:0123456789ab'\nold = recipe\n"
        install(
            "another",
            code + "def recipe(name):\n    from dataclasses import replace\n"
            "    return replace(old(name), build=lambda *_: Other())",
            recipes={"another": "recipe"},
        )
        with pytest.raises(PluginError, match="it is built as part-1:.* of part-3:"):
            built("another")

    @pytest.mark.parametrize("dim", ["0", "-3", "2.5", "None"])
    def test_no_length_of_vectors(self, install: Install, dim: str) -> None:
        code = f"old = embedder\ndef embedder(name):\n    from dataclasses import replace\n    return replace(old(name), dim={dim})"
        install("dims", code, embedders={"dims": "embedder"})
        with pytest.raises(PluginError, match="has to be a positive number"):
            embedder_spec("dims")

    @pytest.mark.parametrize(
        ("groups", "name", "others"),
        [
            ({"recipes": {"twice": "recipe"}}, "twice", {"recipes": {"twice": "recipe"}}),
            ({"recipes": {"twice": "recipe"}}, "twice", {"segmenters": {"twice": "segmenter"}}),
            ({"embedders": {"twice": "embedder"}}, "grid+twice", {"embedders": {"twice": "embedder"}}),
        ],
    )
    def test_two_packages_with_one_name(self, install: Install, groups: Any, name: str, others: Any) -> None:
        install("first", **groups)
        install("second", **others)
        with pytest.raises(PluginError, match=r"'twice' is brought by first 2.0 .* and second 2.0 .*uninstall all but"):
            recipe_spec(name)
        assert "grid" in recipe_spec("grid").fingerprint
        listed = CliRunner().invoke(cli, ["recipes"], env={"COLUMNS": "300"})
        assert listed.exit_code == 1
        assert listed.stdout.count("uninstall all but one") == 2

    def test_names_of_its_own_stay_its_own(self, install: Install) -> None:
        before = recipe_spec("grid").fingerprint
        install("taker", recipes={"grid": "recipe"}, segmenters={"lite": "segmenter"}, embedders={"timm": "embedder"})
        assert recipe_spec("grid").fingerprint == before
        listed = CliRunner().invoke(cli, ["recipes", "--json"])
        assert listed.exit_code == 1
        faults = [each["fault"] for each in json.loads(listed.stdout)["parts"] if each["package"] == "taker 2.0"]
        assert len(faults) == 3
        assert all("has its own" in fault and "taker 2.0 has to give it another name" in fault for fault in faults)

    @pytest.mark.parametrize("name", ["a+b", "a:b", "Upper", "x" * 25, "-a"])
    def test_names_that_cannot_be_asked_for(self, install: Install, name: str) -> None:
        install("odd", recipes={name: "recipe"})
        with pytest.raises(ConfigurationError):
            recipe_spec(name)
        assert name not in plugins.names(plugins.RECIPES)
        listed = CliRunner().invoke(cli, ["recipes", "--json"])
        assert "cannot be asked for: odd 2.0 has to name it" in listed.stdout


def test_without_plugins_the_list_is_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda **_: [])
    recipe_spec.cache_clear()
    plugins.plugins.cache_clear()
    listed = CliRunner().invoke(cli, ["recipes", "--check", "--json"])
    recipe_spec.cache_clear()
    plugins.plugins.cache_clear()
    assert listed.exit_code == 0
    own = [each["name"] for each in json.loads(listed.stdout)["parts"] if each["kind"] in ("recipe", "embedder")]
    assert own == [*NAMES, *FAMILIES]
