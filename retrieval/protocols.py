"""The seams: what SegSearch consumes and what an implementation has to give. Implementations inherit nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .size import ModelSize
from .types import Analysis, Hits, Ids, RgbImage, Segments, Vectors


class Recipe(Protocol):
    """A segmenter and an embedder that share the passes of a network.

    The three steps are apart so that an ingest can overlap them: `extract` fills the device with a batch, `segment` is
    work of one processor core, `embed` finishes. What `extract` returns for an image is the recipe's own value.
    """

    @property
    def fingerprint(self) -> str:
        """Algorithm, weights and parameters of the whole recipe."""
        ...

    @property
    def space(self) -> str:
        """Of what makes the vectors alone; vectors of two spaces are never compared."""
        ...

    @property
    def batch_size(self) -> int:
        """How many images `extract` is best given at once."""
        ...

    @property
    def lanes(self) -> int:
        """How many calls of `extract` are best run at once, each from a thread of its own."""
        ...

    @property
    def size(self) -> ModelSize:
        """Of all that it loads: networks and fitted files."""
        ...

    def extract(self, images: Sequence[RgbImage]) -> Sequence[Any]:
        """Run the network over a batch; one value an image, independent of the rest of the batch."""
        ...

    def segment(self, image: RgbImage, features: Any) -> Segments:
        """Segment one image; releases the interpreter's lock while it computes."""
        ...

    def embed(self, image: RgbImage, features: Any, segments: Segments) -> Analysis:
        """Give each segment and the whole photo a vector of unit length."""
        ...


@runtime_checkable
class PixelNamer(Protocol):
    """What a recipe may do besides: tell the class of every pixel."""

    @property
    def class_names(self) -> tuple[str | None, ...]:
        """Of the classes, None for what is nothing in particular; empty if pixels have no classes."""
        ...

    def class_map(self, image: RgbImage, features: Any) -> NDArray[np.uint16]:
        """Class of every pixel, (H, W), in a frame that covers the image."""
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """What a recipe may do besides: read any text."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts in the space of the segments, (N, D), of unit length."""
        ...


class Analyzer(Protocol):
    """Turns a picture file into segments with vectors: in this process, or in the one that serves all web workers."""

    def analyze(self, path: Path) -> AnalyzedPhoto:
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


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AnalyzedPhoto:
    """A picture file, analysed.

    Attributes
    ----------
    size_hw : tuple of int
        Height and width of the upright original.
    format : str
    taken_at : datetime or None
    analysis : Analysis
    """

    size_hw: tuple[int, int]
    format: str
    taken_at: datetime | None
    analysis: Analysis


class VectorIndex(Protocol):
    """Vectors by id, searched by inner product."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int:
        """Number of vectors."""
        ...

    def ids(self) -> Ids:
        """All ids, rising."""
        ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors of unit length under ids that are not in the index yet."""
        ...

    def remove(self, ids: Ids) -> int:
        """Remove those of the ids that are there; returns how many were."""
        ...

    def search(self, queries: Vectors, *, k: int) -> Hits:
        """The k nearest of each query, best first."""
        ...

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        ...
