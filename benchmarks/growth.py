"""How segmentation grows with the training photos: boundaries and ranking fitted anew on a part of them.

::

    python -m benchmarks.growth --data FOLDER [--share 0.1 --share 0.3 --share 1.0] [--out DIR]

Each share is fitted as `training.fit_boundaries` and `training.fit_objectness` fit the whole, and measured on the
selection parts of ``coco-dev`` and ``voc-dev``: what is printed are selection figures. A smaller share is part of
every larger one. Backbone, projection and what ranks beside the measures stay those of recipe ``lite``.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.evaluation.figures import print_figures
from retrieval.images.decode import decode
from retrieval.models.boundary_decoder import BoundaryDecoder
from retrieval.recipes.lite import LiteRecipe, unfitted
from training import fit_boundaries, fit_objectness

SETS = ("coco-dev", "voc-dev")


def fitted(recipe: LiteRecipe, data: Path, share: float, out: Path, fitting: dict[str, int]) -> LiteRecipe:
    """The recipe with boundaries and ranking learned from a share of the training photos, which are left in `out`."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    path, seed, every = out / f"boundaries-{share}.safetensors", fitting["seed"], fitting["ranking_voc_every"]
    examples = fit_boundaries.collect(recipe.backbone, data, share, fitting["voc_every"])
    fit_boundaries.fit(examples, fitting["epochs"], seed, device, path).save(path)
    del examples  # 6 MB a photo
    learned = replace(recipe, decoder=BoundaryDecoder.load(path))
    nodes = fit_objectness.collect(learned, fit_objectness.annotated(data, share=share, voc_every=every))
    objectness = fit_objectness.calibrated(fit_objectness.fit(nodes, seed), nodes, learned.parameters.hierarchy)
    objectness.save(out / f"objectness-{share}.safetensors")
    return replace(learned, segmenter=replace(learned.segmenter, objectness=objectness))


def measured(recipe: LiteRecipe, photos: Sequence[AnnotatedPhoto]) -> dict[str, float]:
    """ABO@100 and recall@.5 of the recipe's segments, and of the 50 best of each photo."""
    best: list[np.ndarray[Any, Any]] = []
    for photo in track(photos, "comparing masks", console=Console(stderr=True)):
        if photo.objects:
            image = decode(photo.path, long_side=recipe.parameters.large_side).rgb
            segments = recipe.segment(image, recipe.extract([image])[0])
            overlaps = segments.iou_with(np.stack([each.mask(segments.size_hw) for each in photo.objects]))
            best.append(np.stack([overlaps[:count].max(axis=0, initial=0) for count in (100, 50)]))
    if not best:
        return {}
    of_100, of_50 = np.concatenate(best, axis=1)
    return {
        "objects": len(of_100),
        "ABO@100": float(of_100.mean()),
        "recall@.5": float((of_100 >= 0.5).mean()),
        "ABO@50": float(of_50.mean()),
        "recall@.5 of 50": float((of_50 >= 0.5).mean()),
    }


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option(
    "--share", "shares", multiple=True, default=(0.1, 0.3, 1.0), show_default=True,
    type=click.FloatRange(0, 1, min_open=True), help="Of the training photos; several times.",
)  # fmt: skip
@click.option("--epochs", default=10, show_default=True, help="Of the boundaries.")
@click.option("--voc-every", default=4, show_default=True, help="Boundaries: every n-th photo of voc-dev.")
@click.option("--ranking-voc-every", default=4, show_default=True, help="Ranking: every n-th photo of voc-dev.")
@click.option("--limit", type=click.IntRange(1), help="Only the first selection photos of each set.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Keep figures.json and what was fitted.")
@click.option("--json", "as_json", is_flag=True)
def main(
    data: Path,
    shares: tuple[float, ...],
    limit: int | None,
    device: str,
    out: Path | None,
    as_json: bool,
    **fitting: int,
) -> None:
    """Print the figures by share."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    bare = unfitted("lite", device)
    chosen = {name: load_photos(data / name, splits=data / "splits.json")[:limit] for name in SETS}
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="segsearch-growth-") as temporary:
        place = out or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        for share in shares:
            recipe = fitted(bare, data, share, place, fitting)
            figures = {name: measured(recipe, photos) for name, photos in chosen.items()}
            found[f"{share:g}"] = {f"{name} {key}": value for name in SETS for key, value in figures[name].items()}
            (place / "figures.json").write_text(json.dumps(found, indent=1))
    print_figures(found, title="share of the training photos", as_json=as_json)


if __name__ == "__main__":
    main()
