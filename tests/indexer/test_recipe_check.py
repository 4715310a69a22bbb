"""``recipes check``: what a good recipe shows, and what shows of a spoilt one."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from indexer import recipe_check
from indexer.recipe_check import Check, check_memory, examine
from retrieval.errors import ConfigurationError
from retrieval.recipes import load, recipe_spec
from retrieval.recipes.lite import LiteRecipe
from retrieval.types import Analysis, RgbImage, Segments
from segsearch.cli import cli

pytest.importorskip("skimage")


class Spoilt:
    """A recipe with something wrong."""

    def __init__(self, recipe: Any, wrong: str) -> None:
        self.recipe, self.wrong = recipe, wrong

    def extract(self, images: list[RgbImage]) -> Any:
        return self.recipe.extract(images)

    def segment(self, image: RgbImage, features: Any) -> Segments:
        found: Segments = self.recipe.segment(image, features)
        if self.wrong == "none":
            return found[:0]
        if self.wrong == "masks":  # turned upside down
            return replace(found, atoms=np.ascontiguousarray(found.atoms[::-1, ::-1]))
        return found

    def embed(self, image: RgbImage, features: Any, segments: Segments) -> Analysis:
        found: Analysis = self.recipe.embed(image, features, segments)
        if self.wrong == "vectors":
            return replace(found, vectors=np.full_like(found.vectors, np.nan))
        if self.wrong == "likeness":  # the same vector for everything
            return replace(found, vectors=np.full_like(found.vectors, found.vectors.shape[1] ** -0.5))
        return found


def checks(recipe: Any, name: str = "lite") -> dict[str, Check]:
    return {each.name: each for each in examine(recipe_spec(name), recipe)}


@pytest.mark.slow
class TestLite:
    def test_all_is_as_it_was_measured(self, lite: LiteRecipe) -> None:
        found = checks(lite)
        assert {name: each.state for name, each in found.items()} == dict.fromkeys(
            ("segments", "masks", "photo vectors", "likeness", "words"), "ok"
        ), found

    @pytest.mark.parametrize(
        ("wrong", "shown"),
        [
            ("none", {"segments", "masks"}),
            ("masks", {"masks"}),
            ("vectors", {"vectors"}),
            ("likeness", {"likeness"}),
        ],
    )
    def test_what_is_wrong_shows(self, lite: LiteRecipe, wrong: str, shown: set[str]) -> None:
        faults = {name for name, each in checks(Spoilt(lite, wrong)).items() if each.state == "fault"}
        assert shown <= faults, faults

    def test_a_recipe_that_is_not_known_is_held_to_the_least(self, lite: LiteRecipe) -> None:
        spec = replace(recipe_spec("lite"), name="another")
        assert {each.state for each in examine(spec, lite)} == {"ok", "figure"}
        spoilt = {each.name: each.state for each in examine(spec, Spoilt(lite, "masks"))}
        assert spoilt["masks"] == "fault"


def test_of_one_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checks(load("grid", "cpu"), "grid")
    assert found["words"].state == found["likeness"].state == "figure"
    assert found["segments"].state == found["masks"].state == "ok"


def test_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1e9))
    check_memory("lite")
    check_memory("sam:owner/model")  # whose size is not known
    for name in ("sam3", "lite+siglip2"):
        with pytest.raises(ConfigurationError, match=f"{name.replace('+', '.')} needs about .* GB .* 1.0 GB are free"):
            check_memory(name)


class TestCommand:
    def test_as_json(self) -> None:
        found = CliRunner().invoke(cli, ["recipes", "check", "grid", "--json"], env={"SEGSEARCH_DEVICE": "cpu"})
        assert found.exit_code == 0, found.output
        told = json.loads(found.stdout)
        assert told["recipe"] == "grid"
        assert {"name": "words", "state": "figure", "told": "not tried: the vectors know no words"} in told["checks"]

    def test_a_fault_is_an_exit_status(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(recipe_check.EXPECTED, "grid", recipe_check.Expected(100, 0.9, 0.35))
        found = CliRunner().invoke(cli, ["recipes", "check", "grid"], env={"COLUMNS": "200"})
        assert found.exit_code == 1
        assert "0.90 and 0.35 were expected" in found.stdout

    @pytest.mark.parametrize(
        ("name", "told"),
        [("lyte", "is none of lite"), ("instance", "OWNER/MODEL"), ("lite+x", "none of timm")],
    )
    def test_a_wrong_name(self, name: str, told: str) -> None:
        found = CliRunner().invoke(cli, ["recipes", "check", name])
        assert found.exit_code != 0
        assert told in found.output + str(found.exception)

    def test_the_list_has_licences_sizes_and_figures(self) -> None:
        found = CliRunner().invoke(cli, ["recipes", "--json"])
        parts = {(each["kind"], each["name"]): each for each in json.loads(found.stdout)["parts"]}
        assert parts["recipe", "sam3"]["facts"]["is_gated"]
        assert parts["recipe", "sam3"]["self_test"] == "not measured"
        assert parts["recipe", "lite"]["self_test"] == "IoU 0.55 cup, 0.91 cat"
        assert parts["embedder", "tipsv2"]["facts"]["licence"].startswith("Apache-2.0")
        assert parts["index", "local"]["facts"] is None
        shown = CliRunner().invoke(cli, ["recipes"], env={"COLUMNS": "300"}).stdout
        assert "SAM License (on request)" in shown
        assert "docs/benchmarks.md" in shown
