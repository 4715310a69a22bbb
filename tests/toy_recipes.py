"""A second recipe in the space of `grid`: four cells instead of sixteen, with the same mean colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from retrieval.analysis import resegmenting
from retrieval.analysis.batch import analyze_batch
from retrieval.analysis.kept import Version
from retrieval.images.decode import DecodedImage
from retrieval.recipes import recipe_spec
from retrieval.recipes.grid import GridRecipe
from retrieval.recipes.overview import RecipeOverview, overview
from retrieval.types import AnalyzedImage

COARSE = "coarse:1"
"""Its fingerprint."""


@dataclass
class CoarseRecipe:
    """In the place of `OtherRecipes`: analyses here, and notes which recipes it was asked for."""

    asked: list[str] = field(default_factory=list)
    fault: Exception | None = None

    def analyze(self, recipe: str, version: Version, decode: Callable[[], DecodedImage]) -> AnalyzedImage:
        del version
        self.asked.append(recipe)
        image = decode()
        if self.fault is not None:
            raise self.fault
        return analyze_batch(GridRecipe(cells=2), [image])[0]


def offer_coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an installation on `grid` know the recipe `coarse`, and `heavy`, whose weights are not here."""
    spec = replace(recipe_spec("grid"), name="coarse", fingerprint=COARSE)
    heavy = replace(spec, name="heavy", fingerprint="heavy:1")

    def with_coarse(current: str) -> list[RecipeOverview]:
        return [
            *overview(current),
            RecipeOverview(name="coarse", segments="four cells", weights="included", spec=spec),
            RecipeOverview(name="heavy", segments="four cells", weights="to download", spec=heavy),
            RecipeOverview(name="torn", segments="none", fault="its plug-in is broken: install it again"),
        ]

    monkeypatch.setattr(resegmenting, "overview", with_coarse)
