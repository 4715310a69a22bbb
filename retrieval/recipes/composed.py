"""A recipe that combines a segmenter with an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError
from ..models.size import ModelSize
from ..query.prompt import Prompt
from ..types import Analysis, RgbImage, Segments, Vectors
from .network import with_own_names
from .protocols import NO_PROMPTS, Embedder, PromptSegmenter, Segmenter, TextEmbedder


@dataclass(frozen=True, eq=False, slots=True)
class PairedFeatures:
    """Features of one image from the segmenter and the embedder."""

    segmenter: Any
    embedder: Any


@dataclass(frozen=True, slots=True)
class PairedRecipe:
    """Segments and names of a segmenter, vectors of an embedder.

    Attributes
    ----------
    fingerprint, space : str
    segmenter : Segmenter
    embedder : Embedder
    namer : Embedder or None
        The segmenter where it is a recipe, which names its segments while it embeds them.
    """

    fingerprint: str
    space: str
    segmenter: Segmenter
    embedder: Embedder
    namer: Embedder | None = None

    @property
    def size(self) -> ModelSize:
        """The size of both; unused parts of the segmenter are loaded with it."""
        return self.segmenter.size + self.embedder.size

    @property
    def concurrency(self) -> int:
        """Best number of passes at once."""
        return self.segmenter.concurrency

    @property
    def batch_size(self) -> int:
        """Number of images that fill the device; the embedder takes them in smaller parts."""
        return self.segmenter.batch_size

    def extract(self, images: Sequence[RgbImage]) -> Sequence[PairedFeatures]:
        """Run both networks over a batch."""
        pairs = zip(self.segmenter.extract(images), self.embedder.extract(images), strict=True)
        return [PairedFeatures(*pair) for pair in pairs]

    def segment(self, image: RgbImage, features: PairedFeatures) -> Segments:
        """The segmenter's segments."""
        return self.segmenter.segment(image, features.segmenter)

    def embed(self, image: RgbImage, features: PairedFeatures, segments: Segments) -> Analysis:
        """The embedder's vectors; names are the segmenter's, and the embedder's where the segmenter has none."""
        if self.namer is not None:
            segments = self.namer.embed(image, features.segmenter, segments).segments
        found = self.embedder.embed(image, features.embedder, segments)
        return replace(found, segments=with_own_names(found.segments, segments)) if segments.labels else found

    def prompt_regions(self, image: RgbImage, features: PairedFeatures) -> Any:
        """The segmenter's."""
        return self._prompted.prompt_regions(image, features.segmenter)

    def segment_prompt(self, regions: Any, prompt: Prompt, size_hw: tuple[int, int]) -> tuple[NDArray[np.bool_], float]:
        """The segmenter's."""
        return self._prompted.segment_prompt(regions, prompt, size_hw)

    @property
    def _prompted(self) -> PromptSegmenter:
        """The segmenter, if it takes prompts."""
        if not isinstance(self.segmenter, PromptSegmenter):
            raise QueryError(NO_PROMPTS)
        return self.segmenter


@dataclass(frozen=True, slots=True)
class ReadingPairedRecipe(PairedRecipe):
    """A paired recipe whose embedder also embeds text."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts in the space of the segments, (N, D), of unit length."""
        if not isinstance(self.embedder, TextEmbedder):
            raise TypeError(f"the embedder of {self.fingerprint} reads no text")
        return self.embedder.embed_texts(texts)
