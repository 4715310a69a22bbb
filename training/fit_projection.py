"""Fit a lite recipe's projection: ``python -m training.fit_projection --data FOLDER --recipe lite``.

Segments are the recipe's own, ranked without its objectness, on the training photos of all sets; no label is read.
"""

from __future__ import annotations

import logging
from pathlib import Path

import click
import numpy as np
from rich.progress import track

from retrieval.embed.projection import Descriptors, Pca, Projection
from retrieval.images import decode
from retrieval.recipes.lite import LiteRecipe, projection_path, unfitted

from .photos import training_photos

logger = logging.getLogger(__name__)
EVERY = {"coco-dev": 1, "voc-dev": 8, "caltech-dev": 4, "bsds500": 4}


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--recipe", "name", type=click.Choice(["lite", "lite-crops"]), default="lite")
@click.option("--dim", default=256, show_default=True, help="Length of a segment's vector.")
@click.option("--photo-dim", default=128, show_default=True, help="Length of a whole photo's vector.")
@click.option("--per-photo", default=60, show_default=True, help="Segments taken of a photo, the best ones.")
@click.option("--every", default=1, show_default=True, help="Take only every n-th photo.")
@click.option("--device", default="auto", show_default=True)
def main(data: Path, name: str, dim: int, photo_dim: int, per_photo: int, every: int, device: str) -> None:
    """Write ``retrieval/data/RECIPE.safetensors``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = unfitted(name, device)
    segments, photos = describe_all(recipe, training_photos(data, EVERY)[::every], per_photo)
    logger.info("fitting to %d segments and %d photos", len(segments), len(photos))
    segment = Pca.fit(segments, dim)
    words = segment.apply_directions(recipe.word_directions(segments.shape[1]))
    path = projection_path(name)
    Projection(segment, Pca.fit(photos, min(photo_dim, len(photos) - 1)), words).save(path)
    logger.info("wrote %s, %.1f MB", path, path.stat().st_size / 1e6)


def describe_all(recipe: LiteRecipe, paths: list[Path], per_photo: int) -> tuple[Descriptors, Descriptors]:
    """Descriptors of the best segments of every photo, and of the photos."""
    segments: list[Descriptors] = []
    photos: list[Descriptors] = []
    for path in track(paths, description="describing"):
        image = decode(path, long_side=recipe.parameters.large_side).rgb
        features = recipe.extract([image])[0]
        found = recipe.segment(image, features)[:per_photo]
        segments.append(recipe.describe(image, features, found))
        photos.append(recipe.describe_photo(features))
    return np.concatenate(segments), np.concatenate(photos)


if __name__ == "__main__":
    main()
