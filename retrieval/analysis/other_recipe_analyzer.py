"""Analyses query photos of a collection whose recipe is not the one that the analyzer process has loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import QueryError
from ..query.prompt import Prompt
from ..types import AnalyzedImage, Vectors
from .analyzer import Analyzer


@dataclass(frozen=True, slots=True)
class OtherRecipeAnalyzer:
    """An `Analyzer` that has another one load the recipe for each photo, which takes some seconds.

    Attributes
    ----------
    analyzer : Analyzer
    recipe : str
        Name of the recipe.
    """

    analyzer: Analyzer
    recipe: str

    def analyze(self, path: Path) -> AnalyzedImage:
        """As `Analyzer.analyze`."""
        return self.analyzer.analyze_by(self.recipe, path)

    def analyze_by(self, recipe: str, path: Path) -> AnalyzedImage:
        """As `Analyzer.analyze_by`."""
        return self.analyzer.analyze_by(recipe, path)

    def segment_prompt(self, path: Path, prompt: Prompt, space: str) -> AnalyzedImage:  # noqa: ARG002  # as the protocol
        """Nothing but an error: segments of what is marked are made by the loaded recipe alone.

        Raises
        ------
        QueryError
        """
        raise QueryError(
            f"this collection is analysed by {self.recipe}, which the server has not loaded, so no segment can be made "
            "here: pick one of the photo's segments"
        )

    def embed_text(self, text: str, space: str) -> Vectors:
        """As `Analyzer.embed_text`."""
        return self.analyzer.embed_text(text, space)

    def is_up(self) -> bool:
        """Whether the other analyzer can be reached; one that cannot be checked always is."""
        check = getattr(self.analyzer, "is_up", None)
        return check is None or bool(check())
