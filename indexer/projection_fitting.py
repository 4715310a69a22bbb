"""Fit a projection to the vectors of a collection, and keep it in the data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.assembly import Assembly
from retrieval.embed.collection_projection import LEAST_SEGMENTS, POWER, CollectionProjection, fit_whitening
from retrieval.errors import ConfigurationError
from retrieval.models.fingerprint import digest_of_file
from retrieval.recipes.projected import MARK, embedder_spec
from retrieval.recipes.protocols import TextEmbedder
from retrieval.text.lexicon import class_labels

FOLDER = "projections"
"""Below the data directory."""


@dataclass(frozen=True, slots=True)
class FittedProjection:
    """What was fitted.

    Attributes
    ----------
    path : Path
    recipe : str
        The name of the recipe with it.
    segments, photos : int
        What it was fitted to.
    """

    path: Path
    recipe: str
    segments: int
    photos: int


def fit_projection(assembly: Assembly, power: float = POWER) -> FittedProjection:
    """Fit a projection for the recipe of the installation, to the segments that it found.

    The network is loaded if it reads texts, for the mean of a thousand names of things.

    Parameters
    ----------
    assembly : Assembly
    power : float
        Of the whitening, from 0 for none to 1.

    Raises
    ------
    ConfigurationError
        The recipe has no embedder behind a plus sign, or one with a projection, or the collection is too small.
    """
    name = assembly.settings.recipe
    _, plus, second = name.partition("+")
    if not plus or MARK in name:
        raise ConfigurationError(
            f"SEGSEARCH_RECIPE={name} has no embedder whose vectors can be projected: choose one behind a plus sign, "
            "such as lite+dinov2; lite has a projection of its own"
        )
    space = embedder_spec(second).space
    vectors = assembly.catalog.vectors
    segments = vectors.contents(space).segments
    if segments < LEAST_SEGMENTS:
        raise ConfigurationError(
            f"{segments:,} segments were analysed with {name}, and {LEAST_SEGMENTS:,} are needed: ingest more photos "
            "with this recipe first"
        )
    segment = fit_whitening((batch.vectors for batch in vectors.segment_vectors(space)), power)
    photos = vectors.of_images(vectors.photo_image_ids(space)[0].tolist()).vectors
    projection = CollectionProjection(space, segment, photos.mean(axis=0), _text_mean(assembly, len(segment.mean)))
    path = _save(projection, assembly.settings.data_dir / FOLDER, second.partition(":")[0])
    return FittedProjection(path, f"{name}{MARK}{path}", segments, len(photos))


def _text_mean(assembly: Assembly, dim: int) -> NDArray[np.float32]:
    """The mean of the names of ImageNet's classes; zero where no texts are read."""
    recipe = assembly.recipe if assembly.recipe_spec.reads_text else None
    if not isinstance(recipe, TextEmbedder):
        return np.zeros(dim, np.float32)
    return np.asarray(recipe.embed_texts(class_labels()).mean(axis=0), np.float32)


def _save(projection: CollectionProjection, folder: Path, family: str) -> Path:
    """Write the file under a name that says what is in it, so that an earlier one stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    unnamed = folder / f"{family}.part"
    projection.save(unnamed)
    return unnamed.replace(folder / f"{family}-{digest_of_file(unnamed)[:12]}.safetensors")
