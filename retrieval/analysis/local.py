"""Analyses query photos and texts in this process, with the network loaded. `remote` uses the analyzer process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import AnalyzerUnavailableError, QueryError
from ..images.decoder_pool import QUERY_SECONDS, DecoderPool
from ..processes.program import PROGRAM
from ..query.request import MAX_TEXT
from ..recipes.protocols import Recipe, TextEmbedder
from ..types import AnalyzedImage, Vectors
from .batch import analyze_batch

ANALYSIS_SIDE = 1024
"""Photos are analysed on a copy with at most this long side, in pixels."""


@dataclass(frozen=True, eq=False, slots=True)
class LocalAnalyzer:
    """Analyses in this process; images are decoded in child processes that may die.

    Attributes
    ----------
    recipe : Recipe
    decoders : DecoderPool
    """

    recipe: Recipe
    decoders: DecoderPool

    def analyze(self, path: Path) -> AnalyzedImage:
        """Decode, segment and embed one file.

        Raises
        ------
        ImageError
        """
        return analyze(path, self.decoders, lambda: self.recipe)

    def embed_text(self, text: str, space: str) -> Vectors:
        """The vector of a text, (1, D), by the recipe's text tower.

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            The recipe has no text tower in this space.
        """
        return text_vector(self.recipe, text, space)


def analyze(path: Path, decoders: DecoderPool, load: Callable[[], Recipe]) -> AnalyzedImage:
    """Decode, segment and embed one file; the recipe is loaded while the file is decoded.

    Raises
    ------
    ImageError
    """
    decoded = decoders.submit(path, long_side=ANALYSIS_SIDE, timeout_seconds=QUERY_SECONDS)
    return analyze_batch(load(), [decoded.result()])[0]


def text_vector(recipe: Recipe, text: str, space: str) -> Vectors:
    """The vector of a text, (1, D), by a recipe's text tower; raises as `LocalAnalyzer.embed_text`."""
    check_length(text)
    if not isinstance(recipe, TextEmbedder):
        raise AnalyzerUnavailableError(f"the analyzer runs {recipe.space}, which embeds no texts")
    if recipe.space != space:
        raise AnalyzerUnavailableError(
            f"the analyzer runs {recipe.space}, but searches use {space}: restart `{PROGRAM} serve`"
        )
    return recipe.embed_texts([text])


def check_length(text: str) -> None:
    """Refuse a text that is too long.

    Raises
    ------
    QueryError
    """
    if len(text) > MAX_TEXT:
        raise QueryError(f"the text has {len(text)} characters: shorten it to at most {MAX_TEXT}")
