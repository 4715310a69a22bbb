"""What vectors are worth where segmentation is perfect: ``python -m benchmarks.perfect_masks --data DATA``.

Every annotated object of the selection part of ``coco-dev`` is a segment and a query. Photo mAP ranks the other photos
by their best object, object mAP the objects of other photos; means over the queries of a class, then over classes. The
baseline is plain masked pooling of two scales by the same backbone, its principal components fitted, without labels, to
these objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from indexer.bench.results import OUT, report
from retrieval.embed.masked_pooling import join_descriptors, masked_means
from retrieval.embed.projection import LinearMap
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.evaluation.metrics import bootstrap_interval, by_class, mean_over_classes
from retrieval.images.decode import decode
from retrieval.index.ranking import average_precision
from retrieval.recipes import load
from retrieval.recipes.lite import LiteRecipe
from retrieval.types import Segments, Vectors

LONG_SIDE = 768
BASELINE = "two scales of masked pooling, 128 principal components"
COMPONENTS = 128
DEPTH = 1000
FEWEST = 2
"""So many other photos have to show a class for it to be asked for."""

Values = dict[str, list[float]]


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of `coco-dev`.")
@click.option("--recipe", "recipes", multiple=True, default=("lite", "lite-crops"), show_default=True)
@OUT
def main(data: Path, recipes: tuple[str, ...], out: Path | None) -> None:
    """Compare recipes on perfect masks."""
    photos = load_photos(data / "coco-dev", splits=data / "splits.json", part="select")
    photos = [photo for photo in photos if photo.objects]
    owners = np.repeat(np.arange(len(photos)), [len(photo.objects) for photo in photos])
    names = np.array([each.category for photo in photos for each in photo.objects])
    vectors: dict[str, Vectors] = {}
    for name in recipes:
        recipe = load(name, "auto")
        embedded = [_embedded(recipe, photo) for photo in track(photos, name, console=Console(stderr=True))]
        vectors[name] = np.concatenate([found for found, _ in embedded])
        if BASELINE not in vectors and embedded[0][1] is not None:
            plain = np.concatenate([pooled for _, pooled in embedded if pooled is not None])
            vectors = {BASELINE: LinearMap.fit(plain, COMPONENTS).apply(plain), **vectors}
    figures = compared(vectors, owners, names)
    report({"photos": len(photos), "objects": len(names), **figures}, out)


def _embedded(recipe: Any, photo: AnnotatedPhoto) -> tuple[Vectors, Vectors | None]:
    """Vectors of a photo's objects by a recipe, and plainly pooled ones, if the recipe pools."""
    image = decode(photo.path, long_side=LONG_SIDE).rgb
    masks = np.stack([each.mask(image.shape[:2]) for each in photo.objects])
    segments = Segments.from_masks(masks, np.zeros(len(masks), np.float32))
    features = recipe.extract([image])[0]
    vectors = recipe.embed(image, features, segments).vectors
    if not isinstance(recipe, LiteRecipe):
        return vectors, None
    means = masked_means(segments, features.maps[:3])
    return vectors, join_descriptors(means, (1.0, 1.0, recipe.parameters.mid_weight))


def compared(vectors: Mapping[str, Vectors], owners: np.ndarray, names: np.ndarray) -> dict[str, Any]:
    """Both measures of each kind of vectors, and what each gains over the first kind.

    Parameters
    ----------
    vectors : mapping of name to ndarray of shape (N, D), float32
    owners : ndarray of shape (N,), int
        The photo of each object, rising from 0.
    names : ndarray of shape (N,), str
        Classes.
    """
    values = {name: measured(each, owners, names) for name, each in vectors.items()}
    first = next(iter(values.values()))
    return {
        name: {
            measure: {
                "mAP": round(mean_over_classes(found), 4),
                "gain": round(mean_over_classes(found) - mean_over_classes(base), 4),
                "interval": [round(each, 4) for each in bootstrap_interval(found, base)],
            }
            for measure, found, base in zip(("photos", "objects"), pair, first, strict=True)
        }
        for name, pair in values.items()
    }


def measured(vectors: Vectors, owners: np.ndarray, names: np.ndarray) -> tuple[Values, Values]:
    """Average precision of every query, of photos and of objects, under its class."""
    scores = vectors @ vectors.T
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    shows = {name: np.unique(owners[names == name]) for name in np.unique(names)}
    of_photos, of_objects = list[tuple[str, float]](), list[tuple[str, float]]()
    for row, name in enumerate(names.tolist()):
        if len(shows[name]) - 1 < FEWEST:
            continue
        photos = np.maximum.reduceat(scores[row], starts)
        photos[owners[row]] = -np.inf
        relevant = np.isin(np.argsort(-photos, kind="stable")[:-1], shows[name])
        of_photos.append((name, average_precision(relevant, len(shows[name]) - 1)))
        others = np.flatnonzero(owners != owners[row])
        relevant = names[others] == name
        order = np.argsort(-scores[row, others], kind="stable")[:DEPTH]
        of_objects.append((name, average_precision(relevant[order], int(relevant.sum()))))
    return by_class(of_photos), by_class(of_objects)


if __name__ == "__main__":
    main()
