"""Fit the ranking of the hierarchy's nodes: ``python -m training.fit_objectness --data FOLDER --recipe lite``.

It is fitted on the training parts of ``coco-dev`` and ``voc-dev``. The network has one hidden layer over the nodes'
measures and projected vectors; the projection, ``retrieval/data/lite-ranking.safetensors``, must exist. It learns which
of five overlaps a node reaches, because a close fit is better than one that just passes; the mean of the five
probabilities is then calibrated to the probability of the first (Platt scaling).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn

from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.images.decode import decode
from retrieval.recipes.lite import LiteRecipe, objectness_path, unfitted
from retrieval.segment.objectness import Objectness
from retrieval.types import Vectors

from .photos import SHARE, share_of

logger = logging.getLogger(__name__)

OVERLAPS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Overlaps of a node's mask with an object's."""
VECTOR_SCALE = 2.0
"""Vectors are scaled so that one weight decay suits both them and the standardised measures."""
HIDDEN, DROPOUT, PENALTY = 64, 0.5, 0.1


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--recipe", "name", type=click.Choice(["lite", "lite-unlearned"]), default="lite", show_default=True)
@click.option("--voc-every", default=1, show_default=True, help="Take every n-th photo of voc-dev.")
@SHARE
@click.option("--out", type=click.Path(path_type=Path), help="The recipe's own file in retrieval/data if absent.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, name: str, voc_every: int, share: float, out: Path | None, seed: int, device: str) -> None:
    """Write the ranking's weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    photos, path = annotated(data, share, voc_every), out or objectness_path(name)
    measures, vectors, overlaps = collect(unfitted(name, device), photos)
    model, right = fit(measures, vectors, overlaps, seed), overlaps >= OVERLAPS[0]
    model.save(path)
    auc = roc_auc_score(right, model(measures, vectors))
    logger.info(
        "%d nodes of %d photos, %.1f %% right; AUC on them %.3f", len(right), len(photos), 100 * right.mean(), auc
    )
    logger.info("wrote %s", path)


def annotated(data: Path, share: float, voc_every: int) -> list[AnnotatedPhoto]:
    """Photos of the training parts of ``coco-dev`` and ``voc-dev``."""
    photos: list[AnnotatedPhoto] = []
    for folder, step in (("coco-dev", 1), ("voc-dev", voc_every)):
        photos += share_of(load_photos(data / folder, splits=data / "splits.json", part="train")[::step], share)
    return photos


def collect(recipe: LiteRecipe, photos: list[AnnotatedPhoto]) -> tuple[Vectors, Vectors, Vectors]:
    """Measures, vectors and best overlap with an object of every candidate node of annotated photos."""
    parts: list[tuple[Vectors, Vectors, Vectors]] = []
    for photo in track(photos, description="hierarchies"):
        if not photo.objects:
            continue
        image = decode(photo.path, long_side=recipe.parameters.large_side).rgb
        features = recipe.extract([image])[0]
        found = recipe.segmenter.candidates(image, features.large)
        objects = np.stack([each.mask(found.segments.size_hw) for each in photo.objects])
        seen = recipe.ranked_by(features, found.segments)
        parts.append((found.measures, seen, found.segments.iou_with(objects).max(axis=1)))
    measures, vectors, overlaps = (np.concatenate(column) for column in zip(*parts, strict=True))
    return measures, vectors, overlaps


def fit(measures: Vectors, vectors: Vectors, overlaps: Vectors, seed: int, epochs: int = 12) -> Objectness:
    """Train by cross-entropy; the first layer standardises its input."""
    torch.manual_seed(seed)
    mean, deviation = measures.mean(axis=0), measures.std(axis=0) + 1e-6
    inputs = torch.from_numpy(np.concatenate([(measures - mean) / deviation, vectors * VECTOR_SCALE], axis=1)).float()
    target = torch.from_numpy(overlaps[:, None] >= OVERLAPS).float()
    network = nn.Sequential(
        nn.Linear(inputs.shape[1], HIDDEN), nn.Dropout(DROPOUT), nn.ReLU(), nn.Linear(HIDDEN, len(OVERLAPS))
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=PENALTY)
    batches = len(inputs) // 512 + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * batches)
    for _ in track(range(epochs), description="fitting"):
        for rows in torch.randperm(len(inputs)).chunk(batches):
            loss = nn.functional.binary_cross_entropy_with_logits(network(inputs[rows]), target[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    scale = np.concatenate([1 / deviation, np.full(vectors.shape[1], VECTOR_SCALE)])
    first, last = (_linear(network[n]) for n in (0, 3))
    weights = (first[0] * scale[:, None]).astype(np.float32)
    bias = (first[1] - mean @ weights[: len(mean)]).astype(np.float32)
    fitted = Objectness((weights, last[0]), (bias, last[1]))
    platt = LogisticRegression(C=np.inf).fit(fitted.log_odds(measures, vectors)[:, None], overlaps >= OVERLAPS[0])
    return replace(fitted, calibration=(platt.coef_.item(), platt.intercept_.item()))


def _linear(layer: Any) -> tuple[Vectors, Vectors]:
    """Weights, (I, O), and biases of a layer."""
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()


if __name__ == "__main__":
    main()
