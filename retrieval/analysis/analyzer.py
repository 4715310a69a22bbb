"""The interface of an analyzer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..query.prompt import Prompt
from ..types import AnalyzedImage, Vectors


class Analyzer(Protocol):
    """Turns an image file into segments with vectors, in this process or in the analyzer process."""

    def analyze(self, path: Path) -> AnalyzedImage:
        """Decode, segment and embed one file.

        Raises
        ------
        ImageError
            The file is not a usable image.
        AnalyzerUnavailableError
            The analyzer process is not running.
        """
        ...

    def analyze_by(self, recipe: str, path: Path) -> AnalyzedImage:
        """Decode, segment and embed one file with another recipe than the one that is loaded.

        Parameters
        ----------
        recipe : str
            Its name.
        path : Path

        Raises
        ------
        ImageError
            The file is not a usable image.
        QueryError
            The recipe cannot be used on this machine.
        AnalyzerUnavailableError
            The analyzer process is not running, or is doing so for another photo.

        Notes
        -----
        The recipe is loaded for this photo alone (`other_recipes`), which takes seconds.
        """
        ...

    def segment_prompt(self, path: Path, prompt: Prompt, space: str) -> AnalyzedImage:
        """Make a segment of what was marked on a photo.

        Parameters
        ----------
        path : Path
        prompt : Prompt
            In pixels of the upright original. A mask without points is taken as it is.
        space : str
            The space that the segment's vector must be in.

        Returns
        -------
        AnalyzedImage
            With exactly one segment.

        Raises
        ------
        ImageError
            The file is not a usable image.
        QueryError
            The prompt does not lie on the photo, or the recipe makes no segments of boxes, lassos and points.
        AnalyzerUnavailableError
            The analyzer process is not running, or runs a recipe of another space.

        Notes
        -----
        The first one on a photo takes as long as `analyze`; further ones some 50 ms, while its features are kept.
        """
        ...

    def embed_text(self, text: str, space: str) -> Vectors:
        """A text in the space of the segments, (1, D), of unit length.

        Parameters
        ----------
        text : str
            At most `query.MAX_TEXT` characters.
        space : str
            The space that the vector must be in.

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            The analyzer process is not running, or its recipe has no text tower in this space.
        """
        ...
