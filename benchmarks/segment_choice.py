"""Which of a photo's nodes are kept, in five folds by photo over all of ``coco-dev``.

::

    python -m benchmarks.segment_choice --data FOLDER [--voc-every N] [--limit N] [--out FILE]

The ranking is fitted by `training.fit_objectness` to four folds at a time, and to the other sets it learns from. On the
photos of the fifth fold it then chooses: by quality alone, leaving out duplicates, or the nodes that cover what is
expected, with different limits and least gains. Printed is the mean of the folds with their standard deviation, beside
how many segments a photo has. "First 100" are the best by quality. COCO's average recall is that of
`retrieval.evaluation.average_recall`, but for one segment that may fit two objects. Takes a quarter of an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from indexer.bench.results import OUT, report
from retrieval.evaluation.datasets import load_photos
from retrieval.recipes.lite import PARAMETERS, unfitted
from retrieval.segment.covering import LEAST_GAIN
from retrieval.segment.hierarchy import suppress_duplicates
from retrieval.segment.objectness import Objectness
from retrieval.segment.parameters import HierarchyParameters
from training.fit_objectness import Nodes, annotated, calibrated, collect, fit
from training.photos import FOLDS, fold_numbers

AVERAGED = np.arange(0.5, 1.0, 0.05)
"""Overlaps of COCO's average recall."""
CHOSEN = PARAMETERS["lite"].hierarchy
SUPPRESSED = replace(CHOSEN, max_overlap=0.7, limit=100)
LEAST_GAINS = (0.0003, 0.0007, 0.0015, 0.003, 0.006)


def suppressed(nodes: Nodes, model: Objectness, parameters: HierarchyParameters) -> NDArray[np.int64]:
    """The best by quality that do not repeat each other, best first."""
    order = np.argsort(-model(nodes.measures, nodes.vectors), kind="stable")
    iou = nodes.iou[np.ix_(order, order)].astype(np.float32)
    return np.asarray(order[suppress_duplicates(iou, parameters.max_overlap, parameters.limit)], np.int64)


def covering_nodes(
    nodes: Nodes, model: Objectness, parameters: HierarchyParameters, least_gain: float = LEAST_GAIN
) -> NDArray[np.int64]:
    """Those that cover what is expected, best first."""
    rows, gains = nodes.chosen(model, parameters, least_gain)
    quality = model.quality_of_chosen(nodes.measures[rows], nodes.vectors[rows], gains)
    return rows[np.argsort(-quality, kind="stable")]


def figures_of(nodes: Sequence[Nodes], kept: Sequence[NDArray[np.int64]]) -> dict[str, float]:
    """Of all segments that are kept, of the first hundred and of the first ten."""
    found = {"segments": float(np.mean([len(rows) for rows in kept]))}
    for name, count in (("", None), (" of the first 100", 100), (" of the first 50", 50), (" of the first 10", 10)):
        pairs = zip(nodes, kept, strict=True)
        best = np.concatenate([each.objects[rows[:count]].max(axis=0, initial=0) for each, rows in pairs])
        found |= {f"ABO{name}": float(best.mean()), f"recall{name}": float((best >= AVERAGED[0]).mean())}
        found[f"average recall{name}"] = float(np.mean([(best >= overlap).mean() for overlap in AVERAGED]))
    return found


def fold_figures(nodes: Sequence[Nodes], model: Objectness) -> dict[str, dict[str, float]]:
    """The figures of every choice on the photos of one fold."""
    with_hundred = replace(CHOSEN, limit=100)
    kept = {
        "all candidates": [np.arange(len(each.overlaps)) for each in nodes],
        "by quality, without duplicates": [suppressed(each, model, SUPPRESSED) for each in nodes],
        "covering, at most 100": [covering_nodes(each, model, with_hundred) for each in nodes],
    }
    for least in LEAST_GAINS:
        kept[f"covering, least gain {least:g}"] = [covering_nodes(each, model, CHOSEN, least) for each in nodes]
    return {name: figures_of(nodes, rows) for name, rows in kept.items()}


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--voc-every", default=4, show_default=True, help="Take every n-th training photo of voc-dev.")
@click.option("--limit", type=click.IntRange(FOLDS), help="Only the first photos of coco-dev.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
@OUT
def main(data: Path, voc_every: int, limit: int | None, seed: int, device: str, out: Path | None) -> None:
    """Compare choices of segments."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = unfitted("lite", device)
    own = {photo.path for photo in load_photos(data / "coco-dev")}
    photos = annotated(data, voc_every=voc_every, part="all")
    nodes = collect(recipe, [photo for photo in photos if photo.path in own][:limit])
    others = collect(recipe, [photo for photo in photos if photo.path not in own])
    numbers = fold_numbers(len(nodes), seed)
    found: list[dict[str, dict[str, float]]] = []
    for fold in track(range(FOLDS), description="folds"):
        learned = [nodes[row] for row in np.flatnonzero(numbers != fold)] + others
        model = calibrated(fit(learned, seed), learned, CHOSEN)
        found.append(fold_figures([nodes[row] for row in np.flatnonzero(numbers == fold)], model))
    report({"photos": len(nodes), "learned from besides": len(others)} | _summary(found), out)


def _summary(found: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, list[float]]]:
    """Mean and standard deviation over the folds."""
    told: dict[str, dict[str, list[float]]] = {}
    for name, figures in found[0].items():
        columns = {key: np.array([fold[name][key] for fold in found]) for key in figures}
        told[name] = {key: [round(float(each.mean()), 4), round(float(each.std()), 4)] for key, each in columns.items()}
    return told


if __name__ == "__main__":
    main()
