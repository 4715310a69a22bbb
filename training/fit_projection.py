"""Fit a lite recipe's projection: ``python -m training.fit_projection --data FOLDER --recipe lite``.

The first principal components are those of the objects of ``coco-dev`` and ``voc-dev`` (their annotated masks, and the
recipe's own segments that overlap one by half or more) together with segments of the training photos of all sets,
ranked without the recipe's objectness. The variation within each class of objects is whitened, and then the directions
are kept in which objects differ most. Words come from the classifier; words with objects in the training photos are
learned from these.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from rich.progress import track

from retrieval.embed.projection import Descriptors, LinearMap, Projection, unit
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.images.decode import decode
from retrieval.recipes.lite import LiteRecipe, projection_path, unfitted
from retrieval.text.lexicon import read_learned_words
from retrieval.types import Segments, Vectors

from .photos import training_photos

logger = logging.getLogger(__name__)
EVERY = {"coco-dev": 1, "voc-dev": 2, "caltech-dev": 4, "bsds500": 4}
"""Every n-th training photo of each set is used."""
PHOTO_EVERY = {**EVERY, "voc-dev": 8}
"""Photos for fitting the whole-photo map: with more of one set it describes the others worse."""
BASE = 320
"""Components before whitening."""
SEGMENT_EVERY = 3
"""In addition to the objects, the components are fitted to every n-th segment."""
OWN = 2
"""How many of the recipe's own segments are used for each annotated mask."""


SPELLINGS = {"diningtable": "dining table", "pottedplant": "potted plant", "sofa": "couch", "tvmonitor": "tv"}
"""Classes of ``voc-dev`` with another name in ``coco-dev``."""


@dataclass(slots=True)
class Described:
    """Descriptors of segments, of photos, and of objects with the names of their classes."""

    segments: list[Descriptors] = field(default_factory=list)
    photos: dict[Path, Descriptors] = field(default_factory=dict)
    objects: list[Descriptors] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--recipe", "name", type=click.Choice(["lite", "lite-crops"]), default="lite")
@click.option("--dim", default=256, show_default=True, help="Length of a segment's vector.")
@click.option("--photo-dim", default=128, show_default=True, help="Length of a whole photo's vector.")
@click.option("--per-photo", default=30, show_default=True, help="Segments taken of a photo, the best ones.")
@click.option("--shrinkage", default=0.2, show_default=True, help="Of the covariance within classes.")
@click.option("--every", default=1, show_default=True, help="Take only every n-th photo.")
@click.option("--device", default="auto", show_default=True)
def main(  # noqa: PLR0913  # the options of a command
    data: Path, name: str, dim: int, photo_dim: int, per_photo: int, shrinkage: float, every: int, device: str
) -> None:
    """Write ``retrieval/data/RECIPE.safetensors``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = unfitted(name, device)
    found = describe_all(recipe, data, training_photos(data, EVERY)[::every], per_photo)
    photos = np.concatenate([found.photos[path] for path in training_photos(data, PHOTO_EVERY) if path in found.photos])
    directions = recipe.word_directions(found.segments[0].shape[1])
    chosen = Lengths(dim, photo_dim, shrinkage)
    projection = fitted(found.segments, found.objects, found.names, photos, directions, chosen)
    check_words(projection.word_vectors[len(directions) :])
    path = projection_path(name)
    projection.save(path)
    logger.info("wrote %s, %.1f MB", path, path.stat().st_size / 1e6)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of the vectors of segments and of whole photos, and how much the covariance within classes is shrunk."""

    segment: int = 256
    photo: int = 128
    shrinkage: float = 0.2


def fitted(  # what a projection is fitted to
    segments: list[Descriptors],
    objects: list[Descriptors],
    names: list[str],
    photos: Descriptors,
    directions: Descriptors,
    lengths: Lengths,
) -> Projection:
    """The projection of what is described; words without objects are zero.

    Parameters
    ----------
    segments, objects : list of ndarray of shape (N, C), float32
        Of each photo.
    names : list of str
        The class of each object of all photos.
    photos : ndarray of shape (P, C'), float32
        Of whole photos.
    directions : ndarray of shape (W, C), float32
        Of the classifier's words.
    lengths : Lengths

    Notes
    -----
    O(N·C² + C³): a minute for 20,000 descriptors of 2,888 numbers on one core.
    """
    every, shown = np.concatenate(segments), np.concatenate(objects)
    _, classes = np.unique(names, return_inverse=True)
    logger.info("fitting to %d segments, %d photos, %d masks of objects", len(every), len(photos), len(shown))
    base = LinearMap.fit(np.concatenate([shown, every[::SEGMENT_EVERY]]), max(BASE, lengths.segment))
    segment = base.whitened_within(shown, classes, lengths.shrinkage).shortened(shown, lengths.segment)
    words = np.concatenate([segment.apply_directions(directions), learned_words(segment.apply(shown), names)])
    return Projection(segment, LinearMap.fit(photos, min(lengths.photo, len(photos) - 1)), words)


def describe_all(recipe: LiteRecipe, data: Path, paths: list[Path], per_photo: int) -> Described:
    """The training data of all photos."""
    annotated: dict[Path, AnnotatedPhoto] = {}
    for folder in ("coco-dev", "voc-dev"):
        photos = load_photos(data / folder, splits=data / "splits.json", part="train")
        annotated.update({photo.path.resolve(): photo for photo in photos})
    every = Described()
    for path in track(paths, description="describing"):
        image = decode(path, long_side=recipe.parameters.large_side).rgb
        features = recipe.extract([image])[0]
        found = recipe.segment(image, features)
        every.segments.append(recipe.describe(image, features, found[:per_photo]))
        every.photos[path] = recipe.describe_photo(features)
        photo = annotated.get(path.resolve())
        if photo is not None and photo.objects:
            masks, names = objects_of(photo, found)
            every.objects.append(recipe.describe(image, features, masks))
            every.names += names
    return every


def learned_words(vectors: Vectors, names: list[str]) -> Vectors:
    """For each word of ``learned_words.json`` the mean of its objects, the discriminant direction in a whitened space.

    A word without objects is zero.
    """
    spelt = np.array([SPELLINGS.get(name, name) for name in names])
    found = np.zeros((len(read_learned_words()), vectors.shape[1]), np.float32)
    for row, words in enumerate(read_learned_words()):
        if (spelt == words[0]).any():
            found[row] = vectors[spelt == words[0]].mean(axis=0)
    return unit(found)


def check_words(vectors: Vectors) -> None:
    """Check that every word of ``learned_words.json`` was learned.

    Raises
    ------
    click.ClickException
        A word has no objects.
    """
    for words, vector in zip(read_learned_words(), vectors, strict=True):
        if not vector.any():
            raise click.ClickException(f"no training photo holds a {words[0]}: take it out of learned_words.json")


def objects_of(photo: AnnotatedPhoto, found: Segments) -> tuple[Segments, list[str]]:
    """The masks of a photo's objects, then the segments that overlap each most and by at least half, with classes."""
    masks = np.stack([each.mask(found.size_hw) for each in photo.objects])
    names = [each.category for each in photo.objects]
    overlaps = found.iou_with(masks)
    rows = [(row, column) for column in range(len(masks)) for row in np.argsort(-overlaps[:, column])[:OWN]]
    rows = [(row, column) for row, column in rows if overlaps[row, column] >= 0.5]
    own = [found.mask(row)[None] for row, _ in rows]
    stack = np.concatenate([masks, *own])
    return Segments.from_masks(stack, np.zeros(len(stack), np.float32)), names + [names[column] for _, column in rows]


if __name__ == "__main__":
    main()
