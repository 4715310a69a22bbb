"""Fit what is made of boxes and lassos: ``python -m training.fit_prompts --data FOLDER``.

Every annotated object of ``coco-dev`` is marked by its own box, a box 20 % looser, one whose sides are moved at random,
and a lasso. The network tells of each superpixel that a mark touches which share of it belongs to the object; each mark
weighs the same. With ``--folds`` five folds by photo are fitted, too, for `benchmarks.prompts`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import nn

from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.evaluation.marks import Mask, box_around, lasso, loosened, shaken
from retrieval.images.decode import decode
from retrieval.query.prompt import Prompt
from retrieval.recipes import load
from retrieval.recipes.lite import PROMPTS
from retrieval.segment.prompt_measures import PromptRegions, measures, region_of
from retrieval.segment.prompting import SuperpixelClassifier

from .photos import FOLDS, fold_numbers

logger = logging.getLogger(__name__)

LOOSER = 0.2
HIDDEN, DROPOUT, PENALTY, RATE, BATCH = 48, 0.1, 1e-3, 4e-3, 4096


@dataclass(frozen=True, eq=False, slots=True)
class Marked:
    """Superpixels that marks touch: their measures, (N, M), targets and weights, (N,), and photos, (N,)."""

    measures: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    photos: NDArray[np.int64]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Marked:
        return Marked(self.measures[chosen], self.targets[chosen], self.weights[chosen], self.photos[chosen])


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), default=PROMPTS, show_default=True)
@click.option("--folds", type=click.Path(path_type=Path), help="A folder for the weights of each fold.")
@click.option("--epochs", default=5, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, out: Path, folds: Path | None, epochs: int, seed: int, device: str) -> None:
    """Write the weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    photos = load_photos(data / "coco-dev")
    marked = collect(load("lite", device), photos, seed)
    logger.info("%d superpixels of %d photos", len(marked.targets), len(np.unique(marked.photos)))
    if folds is not None:
        folds.mkdir(parents=True, exist_ok=True)
        fold = fold_numbers(len(photos))[marked.photos]
        for number in range(FOLDS):
            fit(marked[fold != number], epochs, seed).save(folds / f"fold-{number}.safetensors")
    fit(marked, epochs, seed).save(out)
    logger.info("wrote %s", out)


def collect(recipe: Any, photos: list[AnnotatedPhoto], seed: int) -> Marked:
    """The superpixels of all marks on annotated objects."""
    rng = np.random.default_rng(seed)
    parts: list[tuple[Any, ...]] = []
    for number, photo in enumerate(track(photos, description="marks")):
        if not photo.objects:
            continue
        image = decode(photo.path, long_side=ANALYSIS_SIDE).rgb
        found: PromptRegions = recipe.prompt_regions(image, recipe.extract([image])[0])
        if not len(found.quality):
            continue
        for each in photo.objects:
            mask = each.mask((found.leaves.shape[0], found.leaves.shape[1]))
            if mask.any():
                parts += [(*told, number) for prompt in marks(mask, rng) for told in [_told(found, mask, prompt)]]
    *columns, numbers = zip(*parts, strict=True)
    measured, targets, weights = (np.concatenate(column) for column in columns)
    return Marked(measured, targets, weights, np.repeat(numbers, [len(part[1]) for part in parts]))


def marks(mask: Mask, rng: np.random.Generator) -> list[Prompt]:
    """Four marks on an object."""
    size_hw = mask.shape[0], mask.shape[1]
    own = box_around(mask)
    boxes = own, loosened(own, LOOSER, size_hw), shaken(own, size_hw, rng)
    return [*(Prompt(box=(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))) for x0, y0, x1, y1 in boxes), lasso(mask, rng)]


def _told(
    found: PromptRegions, mask: Mask, prompt: Prompt
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Measures, targets and weights of the superpixels that a mark touches."""
    rows, measured = measures(found, prompt)
    region = region_of(prompt, (mask.shape[0], mask.shape[1]))
    pixels = np.bincount(found.leaves[region], minlength=len(found.areas))[rows]
    right = np.bincount(found.leaves[region & mask], minlength=len(found.areas))[rows]
    weights = np.minimum(pixels / mask.sum(), 1)
    return measured, (right / np.maximum(pixels, 1)).astype(np.float32), weights.astype(np.float32)


def fit(marked: Marked, epochs: int, seed: int) -> SuperpixelClassifier:
    """Train by cross-entropy; the first layer standardises its input."""
    torch.manual_seed(seed)
    mean, deviation = marked.measures.mean(axis=0), marked.measures.std(axis=0) + 1e-3
    inputs = torch.from_numpy((marked.measures - mean) / deviation)
    targets, weights = torch.from_numpy(marked.targets)[:, None], torch.from_numpy(marked.weights)[:, None]
    layers = nn.Linear(inputs.shape[1], HIDDEN), nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 1)
    network = nn.Sequential(layers[0], nn.ReLU(), nn.Dropout(DROPOUT), layers[1], nn.ReLU(), layers[2])
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=PENALTY)
    batches = len(inputs) // BATCH + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * batches)
    for _ in track(range(epochs), description="fitting"):
        for rows in torch.randperm(len(inputs)).chunk(batches):
            logits = network(inputs[rows])
            loss = nn.functional.binary_cross_entropy_with_logits(logits, targets[rows], weight=weights[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    matrices = [layer.weight.detach().numpy().T for layer in layers]
    biases = [layer.bias.detach().numpy() for layer in layers]
    first = matrices[0] / deviation[:, None]
    return SuperpixelClassifier(
        (first.astype(np.float32), *matrices[1:]), ((biases[0] - mean @ first).astype(np.float32), *biases[1:])
    )


if __name__ == "__main__":
    main()
