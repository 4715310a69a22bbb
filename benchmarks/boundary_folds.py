"""What the boundaries of photos that were kept back lose, and what more passes would give.

::

    python -m benchmarks.boundary_folds --data FOLDER [--epochs N] [--every N] [--folds N] [--out FILE]

The decoder is fitted by `training.fit_boundaries` to four folds of ``bsds500/train`` and their mirror images, without
the photos that only have objects. Its `perceptual` maps of photos of the fifth fold, from one pass or the mean of
several, are compared with the annotators' boundaries; beside them, photos that it learned from, twice the tolerance,
and the annotators among each other. Printed is the mean of the folds.
"""

from __future__ import annotations

import logging
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from indexer.bench.results import OUT, report
from retrieval.evaluation.boundaries import BoundaryCounts, boundary_agreement, count_boundaries, score_boundaries
from retrieval.evaluation.boundary_maps import drawn_boundaries
from retrieval.evaluation.boundary_matching import TOLERANCE
from retrieval.evaluation.bsds import ridges
from retrieval.evaluation.datasets import DrawnPhoto, load_drawn
from retrieval.images.decode import decode
from retrieval.models.backbone import Backbone
from retrieval.models.boundary_decoder import BoundaryDecoder
from retrieval.types import FeatureMap
from training.fit_boundaries import LONG_SIDE, Example, drawn_examples, fit
from training.photos import FOLDS, fold_numbers

PASSES = {
    "768": ("768",),
    "768 + mirrored": ("768", "mirrored"),
    "512": ("512",),
    "512 + 768": ("512", "768"),
    "768 + 1024": ("768", "1024"),
    "512 + 768 + 1024": ("512", "768", "1024"),
}
"""The maps of these passes are averaged."""
THRESHOLDS = np.linspace(0.3, 0.8, 9)

Counts = dict[str, list[BoundaryCounts]]


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--epochs", default=6, show_default=True)
@click.option("--every", default=1, show_default=True, help="Take every n-th photo.")
@click.option("--folds", type=click.IntRange(1, FOLDS), default=FOLDS, show_default=True, help="Measure so many.")
@click.option("--seed", default=0, show_default=True)
@OUT
def main(data: Path, epochs: int, every: int, folds: int, seed: int, out: Path | None) -> None:
    """Compare passes by photos that the decoder has not seen."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    photos = load_drawn(data / "bsds500" / "train")[::every]
    numbers, backbone = fold_numbers(len(photos), seed), Backbone("cpu")
    examples = [drawn_examples(backbone, photo.path) for photo in track(photos, "bsds500")]
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for fold in range(folds):
        known, held = np.flatnonzero(numbers != fold), np.flatnonzero(numbers == fold)
        decoder = fitted([each for row in known for each in examples[row]], epochs, seed)
        for name, rows in (("kept back", held), ("learned from", known[: len(held)])):
            for key, figures in compared(backbone, decoder, [photos[row] for row in rows], name == "kept back").items():
                found[f"{name}: {key}"].append(figures)
    means = {key: {name: _mean(each, name) for name in each[0]} for key, each in found.items()}
    report({"photos": len(photos), "epochs": epochs, "folds": folds, **means}, out)


def fitted(examples: list[Example], epochs: int, seed: int) -> BoundaryDecoder:
    """The decoder with weights that are rounded as in its file."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "boundaries.safetensors"
        fit(examples, epochs, seed, device, path)
        return BoundaryDecoder.load(path)


def compared(
    backbone: Backbone, decoder: BoundaryDecoder, photos: Sequence[DrawnPhoto], with_passes: bool
) -> dict[str, dict[str, float]]:
    """The figures of each entry of `PASSES`, or only of the first; of twice the tolerance; and of the annotators."""
    chosen = PASSES if with_passes else {"768": PASSES["768"]}
    counts: Counts = defaultdict(list)
    for photo in track(photos, "comparing"):
        maps = photo.maps()
        drawn = drawn_boundaries(maps)
        seen = perceptual_maps(backbone, decoder, photo, {each for names in chosen.values() for each in names})
        for name, passes in chosen.items():
            mean = np.mean([seen[each] for each in passes], axis=0, dtype=np.float32)
            counts[name].append(count_boundaries(ridges(mean), drawn, THRESHOLDS))
        counts["768, twice the tolerance"].append(
            count_boundaries(ridges(seen["768"]), drawn, THRESHOLDS, 2 * TOLERANCE)
        )
    figures = {name: scores(each) for name, each in counts.items()}
    people = boundary_agreement([list(photo.maps()) for photo in photos])
    return figures | {"annotators": {"F": people.f, "precision": people.precision, "recall": people.recall}}


def perceptual_maps(
    backbone: Backbone, decoder: BoundaryDecoder, photo: DrawnPhoto, passes: set[str]
) -> dict[str, FeatureMap]:
    """The map of each pass, (H, W), in the size of the annotators' maps."""
    image = decode(photo.path, long_side=LONG_SIDE).rgb
    height, width = photo.maps().shape[1:]
    found: dict[str, FeatureMap] = {}
    for name in passes:
        turned = name == "mirrored"
        picture = np.ascontiguousarray(image[:, ::-1]) if turned else image
        [features] = backbone.extract([picture], long_side=LONG_SIDE if turned else int(name), decoder=decoder)
        assert features.edges is not None
        edges: NDArray[np.float32] = features.edges[:, :: -1 if turned else 1, 0]
        found[name] = np.asarray(
            cv2.resize(np.ascontiguousarray(edges), (width, height), interpolation=cv2.INTER_LINEAR), np.float32
        )
    return found


def scores(counts: Sequence[BoundaryCounts]) -> dict[str, float]:
    """F at one threshold for all photos (ODS) and at each photo's best (OIS), precision and recall of the former."""
    told = score_boundaries(counts)
    return {"F": told.ods, "F OIS": told.ois, "precision": told.precision, "recall": told.recall}


def _mean(figures: Sequence[dict[str, float]], name: str) -> float:
    return round(float(np.mean([each[name] for each in figures])), 4)


if __name__ == "__main__":
    main()
