"""What an analyzer takes and gives."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..types import AnalyzedImage, Vectors


class Analyzer(Protocol):
    """Turns a picture file into segments with vectors: in this process, or in the one that serves all web workers."""

    def analyze(self, path: Path) -> AnalyzedImage:
        """Decode, segment and embed one file.

        Raises
        ------
        ImageError
            The file cannot be used as a picture.
        AnalyzerUnavailableError
            The process that does it is not up.
        """
        ...

    def embed_text(self, text: str, space: str) -> Vectors:
        """A text in the space of the segments, (1, D), of unit length.

        Parameters
        ----------
        text : str
            At most `query.MAX_TEXT` characters.
        space : str
            The space that is meant.

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            The process that does it is not up, or its recipe has no text tower of this space.
        """
        ...
