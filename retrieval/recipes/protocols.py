"""Interfaces of segmenters, embedders and recipes. Implementations need not inherit from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..models.size import ModelSize
from ..query.prompt import Prompt
from ..types import Analysis, RgbImage, Segments, Vectors

NO_PROMPTS = "this recipe makes no segments: pick one of those that it found, or give a mask"
"""What is said where something is marked that no segment fits."""


class Segmenter(Protocol):
    """Cuts images into segments, in two steps: `extract` fills the device with a batch, `segment` is work of one core.

    What `extract` returns for an image is the segmenter's own value.
    """

    @property
    def size(self) -> ModelSize:
        """The size of all that it loads: networks and fitted files."""
        ...

    @property
    def batch_size(self) -> int:
        """Best number of images for one call of `extract`."""
        ...

    @property
    def concurrency(self) -> int:
        """Best number of calls of `extract` at once, each from its own thread."""
        ...

    def extract(self, images: Sequence[RgbImage]) -> Sequence[Any]:
        """Run the network over a batch; one value an image, independent of the rest of the batch."""
        ...

    def segment(self, image: RgbImage, features: Any) -> Segments:
        """Segment one image, an image of one colour into nothing; releases the interpreter's lock while it computes."""
        ...


class Embedder(Protocol):
    """Gives segments vectors, in two steps as `Segmenter` has them."""

    @property
    def size(self) -> ModelSize:
        """The size of all that it loads: networks and fitted files."""
        ...

    def extract(self, images: Sequence[RgbImage]) -> Sequence[Any]:
        """Run the network over a batch; one value an image, independent of the rest of the batch."""
        ...

    def embed(self, image: RgbImage, features: Any, segments: Segments) -> Analysis:
        """Give each segment and the whole photo a vector of unit length; without segments also a `fallback`."""
        ...


class Recipe(Segmenter, Embedder, Protocol):
    """A segmenter and an embedder that share the passes of a network.

    The three steps are apart so that an ingest can overlap them: `extract` runs once for both, `embed` finishes.
    """

    @property
    def fingerprint(self) -> str:
        """Algorithm, weights and parameters of the whole recipe."""
        ...

    @property
    def space(self) -> str:
        """Of what makes the vectors alone; vectors of two spaces are never compared."""
        ...


@runtime_checkable
class SemanticSegmenter(Protocol):
    """A recipe that also gives every pixel a class."""

    @property
    def class_names(self) -> tuple[str | None, ...]:
        """Of the classes, None for what is nothing in particular; empty if pixels have no classes."""
        ...

    def class_map(self, image: RgbImage, features: Any) -> NDArray[np.uint16]:
        """Class of every pixel, (H, W), in a frame that covers the image."""
        ...


@runtime_checkable
class PromptSegmenter(Protocol):
    """What a segmenter may do besides: make a segment of what a person marked."""

    def prompt_regions(self, image: RgbImage, features: Any) -> Any:
        """What all prompts on an image share, its own value."""
        ...

    def segment_prompt(self, regions: Any, prompt: Prompt, size_hw: tuple[int, int]) -> tuple[NDArray[np.bool_], float]:
        """A mask, (h, w), in a frame that covers the image, and how good it is, 0 to 1.

        Parameters
        ----------
        regions
            What `prompt_regions` returned.
        prompt : Prompt
            A box, a polygon or points, in pixels of an image of `size_hw`, on which it lies. Points may come with the
            mask of a segment that they correct.
        size_hw : tuple of int
        """
        ...


@runtime_checkable
class MemoryReleaser(Protocol):
    """What a recipe may do besides: give back memory that only its passes need."""

    def release_memory(self) -> None:
        """Give back the buffers of passes; the next pass makes them again."""
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """What a recipe may do besides: read any text."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts in the space of the segments, (N, D), of unit length."""
        ...
