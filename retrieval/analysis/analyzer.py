"""The interface of an analyzer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

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
