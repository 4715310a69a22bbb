"""Whether the results that are called likely are right, where an example is clicked.

::

    python -m benchmarks.likely_examples DATA_DIR ANNOTATED [--every N] [--out FILE]

DATA_DIR is a library that holds the photos of ANNOTATED, a folder that `load_photos` reads, by their file names. Every
N-th object is clicked in its middle, and a photo that is found is right if it shows the object's class. Nothing is
fitted; figures are means over classes, and over five folds of the photos that are clicked, with their standard
deviation. Beside them are the same for other shares of the best score.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from indexer.bench.results import OUT, report
from retrieval.assembly import Assembly
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.query.request import Ref, SearchRequest
from retrieval.settings import Settings
from training.photos import FOLDS, fold_numbers

RANKED, PAGE = 1000, 500
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
BANDS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
"""Bounds of the share of the best score, by which results are counted."""


@dataclass(frozen=True, eq=False, slots=True)
class Clicked:
    """The results of a clicked object.

    Attributes
    ----------
    category : str
    fold : int
    shares : ndarray of shape (N,), float64
        Scores of the photos, divided by the best.
    likely, right : ndarray of shape (N,), bool
    total : int
        How many other photos show the class.
    """

    category: str
    fold: int
    shares: NDArray[np.float64]
    likely: NDArray[np.bool_]
    right: NDArray[np.bool_]
    total: int


def clicked(assembly: Assembly, there: dict[int, AnnotatedPhoto], every: int) -> Iterator[Clicked]:
    """Click objects, and search for what is picked."""
    fold = fold_numbers(len(there))
    objects = [
        (number, image_id, each) for number, (image_id, photo) in enumerate(there.items()) for each in photo.objects
    ]
    engine = assembly.engine()
    for number, image_id, each in track(objects[::every], description="clicks"):
        total = sum(each.category in photo.categories for other, photo in there.items() if other != image_id)
        request = SearchRequest(positive=(Ref(image=image_id, point=each.pole()),), limit=RANKED)
        found = [match for match in engine.search(request).results if match.image_id in there]
        if not total or not found:
            continue
        scores = np.array([match.score for match in found])
        yield Clicked(
            each.category,
            int(fold[number]),
            scores / scores.max(),
            np.array([match.likely for match in found]),
            np.array([each.category in there[match.image_id].categories for match in found]),
            total,
        )


def figures(every: list[Clicked], marked: list[NDArray[np.bool_]]) -> dict[str, str]:
    """The share of the marked photos that is right, and F1, over classes and folds."""
    found: dict[str, list[float]] = defaultdict(list)
    for fold in range(FOLDS):
        own = [(each, is_marked) for each, is_marked in zip(every, marked, strict=True) if each.fold == fold]
        by_class: dict[str, list[tuple[Clicked, NDArray[np.bool_]]]] = defaultdict(list)
        for each, is_marked in own:
            by_class[each.category].append((each, is_marked))
        right = {name: sum(int((c.right & m).sum()) for c, m in of) for name, of in by_class.items()}
        count = {name: sum(int(m.sum()) for _, m in of) for name, of in by_class.items()}
        found["right, mean over classes"].append(float(np.mean([right[n] / count[n] for n in by_class if count[n]])))
        found["right, of all"].append(sum(right.values()) / max(sum(count.values()), 1))
        found["marked a click"].append(sum(count.values()) / max(len(own), 1))
        f1 = [[2 * int((c.right & m).sum()) / (int(m.sum()) + c.total) for c, m in of] for of in by_class.values()]
        found["F1, mean over classes"].append(float(np.mean([np.mean(each) for each in f1])))
    return {name: f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" for name, values in found.items()}


@click.command()
@click.argument("data_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("annotated", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--every", default=1, show_default=True, type=click.IntRange(1), help="Every N-th object.")
@OUT
def main(data_dir: Path, annotated: Path, every: int, out: Path | None) -> None:
    """Measure likely results of examples."""
    assembly = Assembly(Settings.from_env({**os.environ, "SEGSEARCH_DATA_DIR": str(data_dir)}))
    by_name = {photo.path.name: photo for photo in load_photos(annotated)}
    there: dict[int, AnnotatedPhoto] = {}
    last = 0
    while page := assembly.catalog.images.page(after=last, limit=PAGE):
        last = page[-1].id
        named = {each.id: each.path.name for each in page if each.path is not None}
        there |= {image_id: by_name[name] for image_id, name in named.items() if name in by_name}
    if not there:
        raise click.ClickException(f"{data_dir} holds none of the photos of {annotated}: ingest them first")
    found = list(clicked(assembly, there, every))
    ways = {"likely": [each.likely for each in found]}
    ways |= {f"from {share} of the best score": [each.shares >= share for each in found] for share in SHARES}
    told: dict[str, Any] = {name: figures(found, marked) for name, marked in ways.items()}
    shares, right = (np.concatenate([getattr(each, name) for each in found]) for name in ("shares", "right"))
    bands = {
        f"{low} to {min(high, 1):g}": [int(within.sum()), round(float(right[within].mean()), 3)]
        for low, high in pairwise(BANDS)
        if (within := (shares >= low) & (shares < high)).any()
    }
    report({"clicks": len(found), "ways": told, "results and share right, by share of the best score": bands}, out)


if __name__ == "__main__":
    main()
