"""An embedder whose vectors pass a map that was fitted to a collection: ``dinov2+projection:FILE``.

``recipes fit-projection`` makes the file. Its contents are part of the space, so vectors of before are never compared
with those behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..embed.collection_projection import CollectionProjection
from ..errors import ConfigurationError
from ..models.fingerprint import digest_of_file, fingerprint
from ..models.size import ModelSize
from ..types import Analysis, RgbImage, Segments, Vectors
from . import embedders
from .protocols import Embedder, TextEmbedder
from .specs import EmbedderSpec

MARK = "+projection:"
"""Between an embedder and the file of its projection."""


@dataclass(frozen=True, slots=True)
class ProjectedEmbedder:
    """An embedder with a map behind it.

    Attributes
    ----------
    embedder : Embedder
    projection : CollectionProjection
    """

    embedder: Embedder
    projection: CollectionProjection

    @property
    def size(self) -> ModelSize:
        """The size of the embedder and of the map."""
        components = self.projection.segment.components
        return self.embedder.size + ModelSize(components.size, components.nbytes)

    def extract(self, images: Sequence[RgbImage]) -> Sequence[Any]:
        """Run the network over a batch."""
        return self.embedder.extract(images)

    def embed(self, image: RgbImage, features: Any, segments: Segments) -> Analysis:
        """The embedder's vectors behind the map."""
        found = self.embedder.embed(image, features, segments)
        fallback = None if found.fallback is None else self.projection.segments(found.fallback[None])[0]
        return replace(
            found,
            vectors=self.projection.segments(found.vectors),
            photo_vector=self.projection.photos(found.photo_vector[None])[0],
            fallback=fallback,
        )


@dataclass(frozen=True, slots=True)
class ReadingProjectedEmbedder(ProjectedEmbedder):
    """A projected embedder that also embeds text."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts in the space of the segments, (N, D), of unit length."""
        if not isinstance(self.embedder, TextEmbedder):
            raise TypeError("the embedder in front of the projection reads no text")
        return self.projection.texts(self.embedder.embed_texts(texts))


def embedder_spec(name: str) -> EmbedderSpec:
    """The spec of what stands behind the plus sign, with or without a projection; loads no network.

    Raises
    ------
    ConfigurationError
        There is no such embedder, or the projection was fitted to other vectors.
    PluginError, WeightsMissingError, WeightsCorruptError
        One of the two cannot be used.
    """
    plain, mark, file = name.partition(MARK)
    spec = embedders.embedder_spec(plain)
    if not mark:
        return spec
    path = Path(file).expanduser()
    if not path.is_absolute():
        raise ConfigurationError(f"SEGSEARCH_RECIPE=…+{name}: give the absolute path of the projection")
    projection = CollectionProjection.load(path)
    if projection.space != spec.space:
        raise ConfigurationError(
            f"SEGSEARCH_RECIPE=…+{name}: the projection was fitted to vectors of {projection.space}, not of "
            f"{spec.space}; fit one to these with `recipes fit-projection`"
        )
    kind = ReadingProjectedEmbedder if spec.reads_text else ProjectedEmbedder
    return replace(
        spec,
        space=fingerprint(f"{spec.family}-projected-1", spec.space, digest_of_file(path)),
        is_centred=True,
        build=lambda device, threads: kind(spec.build(device, threads), projection),
    )
