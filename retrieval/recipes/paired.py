"""A segmenter and an embedder by their names, ``SEGMENTER+EMBEDDER``: ``lite+dinov2``, ``sam2+siglip2``.

What stands before the plus sign is a recipe whose segments and names are kept; its vectors are not. With a
vision-language model behind it, words are read by the model's text tower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..embed.masked_pooling import masked_means
from ..embed.projection import unit
from ..errors import ConfigurationError
from ..models.fingerprint import fingerprint
from ..models.size import ModelSize
from ..types import Analysis, RgbImage, Segments, Vectors
from . import RecipeSpec
from . import recipe_spec as spec_of
from .embedders import Embedder, embedder_spec
from .protocols import Recipe

if TYPE_CHECKING:
    from ..models.patches import PatchFeatures


@dataclass(frozen=True, eq=False, slots=True)
class PairedFeatures:
    """What the segmenter and the embedder made of one image."""

    own: Any
    patches: PatchFeatures


@dataclass(frozen=True, slots=True)
class PairedRecipe:
    """Segments and names of one recipe, vectors of an embedder.

    Attributes
    ----------
    fingerprint, space : str
    segmenter : Recipe
    embedder : Embedder
    """

    fingerprint: str
    space: str
    segmenter: Recipe
    embedder: Embedder

    @property
    def size(self) -> ModelSize:
        """Of both; what is not used of the segmenter is loaded with it."""
        return self.segmenter.size + ModelSize.of_network(self.embedder.patches.network)

    @property
    def concurrency(self) -> int:
        """How many passes are best run at once."""
        return self.segmenter.concurrency

    @property
    def batch_size(self) -> int:
        """How many images fill the device; the embedder goes over them in smaller parts."""
        return self.segmenter.batch_size

    def extract(self, images: Sequence[RgbImage]) -> Sequence[PairedFeatures]:
        """Passes of both over a batch."""
        own = self.segmenter.extract(images)
        return [PairedFeatures(*pair) for pair in zip(own, self.embedder.patches.extract(images), strict=True)]

    def segment(self, image: RgbImage, features: PairedFeatures) -> Segments:
        """The segmenter's segments."""
        return self.segmenter.segment(image, features.own)

    def embed(self, image: RgbImage, features: PairedFeatures, segments: Segments) -> Analysis:
        """The mean of the patches under each mask; the segmenter gives the names."""
        named = self.segmenter.embed(image, features.own, segments)
        cells = features.patches.cells
        return replace(
            named,
            vectors=unit(masked_means(named.segments, [cells])[0]),
            photo_vector=unit(features.patches.whole),
            fallback=None if len(segments) else unit(cells.mean(axis=(0, 1))),
        )


@dataclass(frozen=True, slots=True)
class ReadingPairedRecipe(PairedRecipe):
    """One whose embedder reads text."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts in the space of the segments, (N, D), of unit length.

        Parameters
        ----------
        texts : sequence of str
            What is behind the tower's context length is not read.
        """
        if self.embedder.text is None or not texts:
            return np.zeros((0, self.embedder.patches.dim), np.float32)
        return self.embedder.text.embed_texts(texts)


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec.

    Raises
    ------
    ConfigurationError
        One of the two is not there, or what is before the plus is no segmenter of its own.
    """
    first, _, second = name.partition("+")
    if first == "lite-crops":
        raise ConfigurationError(f"SEGSEARCH_RECIPE={name}: lite-crops is lite with other vectors; use lite+{second}")
    segmenter, embedder = spec_of(first), embedder_spec(second)
    print_ = fingerprint(f"{first.partition(':')[0]}+{embedder.family}-1", segmenter.fingerprint, embedder.space)

    def built(device: str, threads: int | None) -> PairedRecipe:
        loaded = embedder.build(device, threads)  # first, for it is the one that may be missing
        kind = ReadingPairedRecipe if embedder.reads_text else PairedRecipe
        return kind(print_, embedder.space, segmenter.build(device, threads), loaded)

    return RecipeSpec(
        name=name,
        fingerprint=print_,
        space=embedder.space,
        segment_dim=embedder.dim,
        photo_dim=embedder.dim,
        word_vectors=None,
        reads_text=embedder.reads_text,
        is_centred=False,
        build=built,
    )
