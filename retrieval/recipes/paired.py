"""A segmenter and an embedder by their names, ``SEGMENTER+EMBEDDER``: ``lite+dinov2``, ``sam2+siglip2``.

What stands before the plus sign is a segmenter, or a recipe whose segments and names are kept; its vectors are not.
With a vision-language model behind it, words are read by the model's text tower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConfigurationError
from ..models.fingerprint import fingerprint
from ..models.size import ModelSize
from ..types import Analysis, RgbImage, Segments, Vectors
from .embedders import embedder_spec
from .network import with_own_names
from .plugged import segmenter_spec
from .protocols import Embedder, Segmenter, TextEmbedder
from .specs import RecipeSpec


@dataclass(frozen=True, eq=False, slots=True)
class PairedFeatures:
    """What the segmenter and the embedder made of one image."""

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
        """Of both; what is not used of the segmenter is loaded with it."""
        return self.segmenter.size + self.embedder.size

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


@dataclass(frozen=True, slots=True)
class ReadingPairedRecipe(PairedRecipe):
    """One whose embedder reads text."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts in the space of the segments, (N, D), of unit length."""
        if not isinstance(self.embedder, TextEmbedder):
            raise TypeError(f"the embedder of {self.fingerprint} reads no text")
        return self.embedder.embed_texts(texts)


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec.

    Raises
    ------
    ConfigurationError
        One of the two is not there, or what is before the plus is no segmenter of its own.
    PluginError
        A plug-in cannot be used.
    """
    first, _, second = name.partition("+")
    if first == "lite-crops":
        raise ConfigurationError(f"SEGSEARCH_RECIPE={name}: lite-crops is lite with other vectors; use lite+{second}")
    segmenter, embedder = segmenter_spec(first), embedder_spec(second)
    print_ = fingerprint(f"{first.partition(':')[0]}+{embedder.family}-1", segmenter.fingerprint, embedder.space)

    def built(device: str, threads: int | None) -> PairedRecipe:
        loaded = embedder.build(device, threads)  # first, for it is the one that may be missing
        kind = ReadingPairedRecipe if embedder.reads_text else PairedRecipe
        if isinstance(segmenter, RecipeSpec):
            recipe = segmenter.build(device, threads)
            return kind(print_, embedder.space, recipe, loaded, recipe)
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
