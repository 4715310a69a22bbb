"""The analyzer process or, where it is not up, the recipe in this process: for commands and the Python API."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from ..images.decoder_pool import DecoderPool
from ..query.prompt import Prompt
from ..recipes.protocols import Recipe
from ..types import AnalyzedImage, Vectors
from .analyzer import Analyzer
from .local import Decoding, LocalAnalyzer
from .remote import RemoteAnalyzer


class NearestAnalyzer:
    """An `Analyzer`.

    Parameters
    ----------
    remote : RemoteAnalyzer
    recipe : callable
        Loads the recipe; called when it is first needed here.
    decoders : DecoderPool
        Decode what this process analyses.
    """

    def __init__(self, remote: RemoteAnalyzer, recipe: Callable[[], Recipe], decoders: DecoderPool) -> None:
        self._remote = remote
        self._recipe = recipe
        self._decoders = decoders

    def analyze(self, path: Path) -> AnalyzedImage:
        """As `Analyzer.analyze`; here the recipe is loaded while the photo is decoded."""
        if self._remote.is_up():
            return self._remote.analyze(path)
        decoding = Decoding.begin(path, self._decoders)
        return self._local.finish(decoding)

    def analyze_by(self, recipe: str, path: Path) -> AnalyzedImage:
        """As `Analyzer.analyze_by`."""
        return self._one().analyze_by(recipe, path)

    def segment_prompt(self, path: Path, prompt: Prompt, space: str) -> AnalyzedImage:
        """As `Analyzer.segment_prompt`."""
        return self._one().segment_prompt(path, prompt, space)

    def embed_text(self, text: str, space: str) -> Vectors:
        """As `Analyzer.embed_text`."""
        return self._one().embed_text(text, space)

    def _one(self) -> Analyzer:
        return self._remote if self._remote.is_up() else self._local

    @cached_property
    def _local(self) -> LocalAnalyzer:
        return LocalAnalyzer(self._recipe(), self._decoders)
