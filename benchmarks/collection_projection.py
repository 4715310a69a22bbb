"""What a projection without labels does for plain maps: ``python -m benchmarks.collection_projection --data FOLDER``.

FOLDER is ``coco-dev``. Segments are those of ``lite``; vectors are means of the last map of its backbone under the
masks, as ``+timm:…`` takes them, without lite's own projection. In five folds by photo the map is fitted to the
segments of the other folds, every annotated object of a fold is searched for in all other photos, and a photo's score
is that of its best segment. Printed is the mean average precision of photos that show the object's class.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from retrieval.embed.collection_projection import fit_whitening
from retrieval.embed.projection import unit
from retrieval.evaluation.datasets import load_photos
from retrieval.images.decode import decode
from retrieval.recipes import load
from training.fit_projection import objects_of

FOLDS = 5


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--limit", type=click.IntRange(10), help="Use only the first N photos.")
def main(data: Path, limit: int | None) -> None:
    """Describe the photos and measure each map."""
    photos = load_photos(data)[:limit]
    recipe = load("lite", "cpu", threads=1)
    segments, objects, names = [], [], []
    for photo in track(photos, description="describing"):
        image = decode(photo.path, long_side=recipe.parameters.large_side).rgb  # type: ignore[attr-defined]
        (features,) = recipe.extract([image])
        found = recipe.segment(image, features)
        masks, own = objects_of(photo, found[:0]) if photo.objects else (found[:0], [])
        segments.append(unit(features.pooled.means(found)[1]))
        objects.append(unit(features.pooled.means(masks)[1]))
        names.append(own)
    folds = np.random.default_rng(0).permutation(len(photos)) % FOLDS
    for power in (None, 0.0, 0.25, 0.5, 1.0):
        figures = [measured(segments, objects, names, folds == fold, power) for fold in range(FOLDS)]
        told = "plain" if power is None else f"centred, whitened by {power:g}"
        spread = np.std(figures, ddof=1)
        click.echo(f"{told}: photo mAP {np.mean(figures):.3f} ± {spread:.3f}, {np.round(figures, 3)}")


def measured(
    segments: list[NDArray[np.float32]],
    objects: list[NDArray[np.float32]],
    names: list[list[str]],
    asked: NDArray[np.bool_],
    power: float | None,
) -> float:
    """Mean average precision of the objects in the photos that are asked, with a map that was fitted to the others."""
    fitted = None
    if power is not None:
        fitted = fit_whitening((segments[row] for row in np.flatnonzero(~asked)), power)
    known = [each if fitted is None else fitted.apply(each) for each in segments]
    starts = np.concatenate([[0], np.cumsum([len(each) for each in known])[:-1]])
    every, precisions = np.concatenate(known), []
    for photo in np.flatnonzero(asked):
        queries = objects[photo] if fitted is None else fitted.apply(objects[photo])
        best = np.maximum.reduceat(queries @ every.T, starts, axis=1)
        for scores, name in zip(best, names[photo], strict=True):
            shows = np.array([name in each for each in names])
            order = [row for row in np.argsort(-scores) if row != photo]
            hits = np.flatnonzero(shows[order])
            if len(hits):
                precisions.append(float((np.arange(1, len(hits) + 1) / (hits + 1)).mean()))
    return float(np.mean(precisions))


if __name__ == "__main__":
    main()
