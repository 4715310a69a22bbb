"""Fit the ranking of the hierarchy's nodes: ``python -m training.fit_objectness --data FOLDER --recipe lite``.

It is fitted on the training parts of ``coco-dev`` and ``voc-dev``, or on all of ``coco-dev``, and on the small sets of
objects. The network has two hidden layers over the nodes' measures and projected vectors; the projection,
``retrieval/data/lite-ranking.safetensors``, must exist. It learns which of five overlaps a node reaches, because a
close fit is better than one that just passes; the mean of the five probabilities is then calibrated to the probability
of the first (Platt scaling). A second head learns how many objects a node fits better than all other nodes (Poisson
regression), by which the nodes are chosen that cover the objects (`retrieval.segment.covering`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn

from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.images.decode import decode
from retrieval.recipes.lite import LiteRecipe, objectness_path, unfitted
from retrieval.segment.covering import LEAST_GAIN, choose_covering
from retrieval.segment.objectness import Objectness
from retrieval.segment.parameters import HierarchyParameters
from retrieval.types import Vectors

from .photos import SHARE, share_of

logger = logging.getLogger(__name__)

OVERLAPS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Overlaps of a node's mask with an object's."""
VECTOR_SCALE = 2.0
"""Vectors are scaled so that one weight decay suits both them and the standardised measures."""
HIDDEN, DROPOUT, PENALTY = 64, (0.5, 0.2), 0.1
COUNT_WEIGHT = 5.0
"""Of the second head's loss."""
USUAL_COUNT = -5.0
"""Logarithm of the count from which the second head starts; nodes that fit an object best are rare."""
FITTING, SHARPNESS = 0.4, 20
"""An object is shared among the nodes of this IoU and more, by this power of it."""
SMALL_SETS = ("dogcat", "fruits", "dishes")
"""Learned from whole, if they are there."""


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--recipe", "name", type=click.Choice(["lite", "lite-unlearned"]), default="lite", show_default=True)
@click.option("--voc-every", default=4, show_default=True, help="Take every n-th photo of voc-dev.")
@click.option("--part", type=click.Choice(["train", "all"]), default="all", show_default=True, help="Of coco-dev.")
@SHARE
@click.option("--out", type=click.Path(path_type=Path), help="The recipe's own file in retrieval/data if absent.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, name: str, out: Path | None, seed: int, device: str, **taken: Any) -> None:
    """Write the ranking's weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    photos, path = annotated(data, **taken), out or objectness_path(name)
    recipe = unfitted(name, device)
    nodes = collect(recipe, photos)
    model = calibrated(fit(nodes, seed), nodes, recipe.parameters.hierarchy)
    model.save(path)
    right = np.concatenate([each.overlaps for each in nodes]) >= OVERLAPS[0]
    auc = roc_auc_score(right, np.concatenate([model(each.measures, each.vectors) for each in nodes]))
    logger.info(
        "%d nodes of %d photos, %.1f %% right; AUC on them %.3f", len(right), len(nodes), 100 * right.mean(), auc
    )
    logger.info("wrote %s", path)


def annotated(data: Path, *, share: float = 1.0, voc_every: int = 4, part: str = "train") -> list[AnnotatedPhoto]:
    """Photos of the training parts of ``coco-dev`` (or all of it) and ``voc-dev``, and of the small sets."""
    splits = data / "splits.json"
    photos = share_of(load_photos(data / "coco-dev", splits=None if part == "all" else splits, part=part), share)
    photos += share_of(load_photos(data / "voc-dev", splits=splits, part="train")[::voc_every], share)
    for name in SMALL_SETS:
        if (data / name).is_dir():
            photos += share_of(load_photos(data / name), share)
    return photos


@dataclass(frozen=True, eq=False, slots=True)
class Nodes:
    """Candidate nodes of an annotated photo.

    Attributes
    ----------
    measures : ndarray of shape (N, M), float32
    vectors : ndarray of shape (N, D), float32
    objects : ndarray of shape (N, M), float32
        IoU with each object.
    iou : ndarray of shape (N, N), float16
        Of every two of them.
    """

    measures: Vectors
    vectors: Vectors
    objects: NDArray[np.float32]
    iou: NDArray[np.float16]

    @property
    def overlaps(self) -> NDArray[np.float32]:
        """The best IoU of each with an object, (N,)."""
        return np.asarray(self.objects.max(axis=1), np.float32)

    @property
    def counts(self) -> NDArray[np.float32]:
        """How many objects each fits best, (N,): `fitting_best`."""
        return fitting_best(self.objects)

    def chosen(
        self, model: Objectness, parameters: HierarchyParameters, least_gain: float = LEAST_GAIN
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows that a network chooses, and what each adds."""
        expected = model.expected(self.measures, self.vectors)
        if expected is None:
            raise ValueError("the network has no second head: fit it anew")
        iou = self.iou.astype(np.float32)
        return choose_covering(iou, expected, parameters.max_overlap, parameters.limit, least_gain)


def collect(recipe: LiteRecipe, photos: list[AnnotatedPhoto]) -> list[Nodes]:
    """The candidate nodes of annotated photos; some 1.5 MB a photo."""
    found: list[Nodes] = []
    for photo in track(photos, description="hierarchies"):
        if not photo.objects:
            continue
        image = decode(photo.path, long_side=recipe.parameters.large_side).rgb
        features = recipe.extract([image])[0]
        nodes = recipe.segmenter.candidates(image, features.large)
        segments = nodes.segments.coarsened()
        iou = segments.iou_with(np.stack([each.mask(segments.size_hw) for each in photo.objects]))
        among = segments.iou().astype(np.float16)
        seen = recipe.ranked_by(features, segments)
        found.append(Nodes(nodes.measures, seen, iou, among))
    return found


def fitting_best(iou: NDArray[np.float32]) -> NDArray[np.float32]:
    """How many objects each node fits best, (N,), of the IoU of N nodes with M objects.

    An object is shared among the nodes that fit it nearly as well as the best one, and counts 1 in all; one that no
    node fits counts 0.
    """
    near = np.where(iou >= FITTING, iou, 0) ** SHARPNESS
    return np.asarray((near / np.maximum(near.sum(axis=0), 1e-12)).sum(axis=1), np.float32)


def fit(nodes: Sequence[Nodes], seed: int, epochs: int = 8) -> Objectness:
    """Train by cross-entropy and Poisson regression; the first layer standardises its input."""
    torch.manual_seed(seed)
    measures, vectors, overlaps, counts = (
        np.concatenate([getattr(each, name) for each in nodes])
        for name in ("measures", "vectors", "overlaps", "counts")
    )
    mean, deviation = measures.mean(axis=0), measures.std(axis=0) + 1e-6
    scale = np.concatenate([1 / deviation, np.full(vectors.shape[1], VECTOR_SCALE)])
    inputs = torch.from_numpy(np.concatenate([(measures - mean) / deviation, vectors * VECTOR_SCALE], axis=1)).float()
    reached, fitted_best = torch.from_numpy(overlaps[:, None] >= OVERLAPS).float(), torch.from_numpy(counts)
    last = nn.Linear(HIDDEN, len(OVERLAPS) + 1)
    with torch.no_grad():
        last.bias[-1] += USUAL_COUNT
    network = nn.Sequential(
        nn.Linear(inputs.shape[1], HIDDEN),
        nn.Dropout(DROPOUT[0]),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT[1]),
        last,
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=PENALTY)
    batches = len(inputs) // 1024 + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * batches)
    for _ in track(range(epochs), description="fitting"):
        for rows in torch.randperm(len(inputs)).chunk(batches):
            told = network(inputs[rows])
            loss = nn.functional.binary_cross_entropy_with_logits(told[:, :-1], reached[rows])
            loss = loss + COUNT_WEIGHT * nn.functional.poisson_nll_loss(told[:, -1].clamp(max=0), fitted_best[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    first, second, (weights, bias) = (_linear(layer) for layer in (network[0], network[3], last))
    scaled = (first[0] * scale[:, None]).astype(np.float32)
    shifted = (first[1] - mean @ scaled[: len(mean)]).astype(np.float32)
    fitted = Objectness(
        (scaled, second[0], weights[:, :-1]), (shifted, second[1], bias[:-1]), count=(weights[:, -1:], bias[-1:])
    )
    return replace(fitted, calibration=_platt(fitted.log_odds(measures, vectors), overlaps >= OVERLAPS[0]))


def calibrated(model: Objectness, nodes: Sequence[Nodes], parameters: HierarchyParameters) -> Objectness:
    """The network with the calibration of the nodes that it chooses."""
    standing, overlaps = [], []
    for each in nodes:
        rows, gains = each.chosen(model, parameters)
        standing.append(model.standing(each.measures[rows], each.vectors[rows], gains))
        overlaps.append(each.overlaps[rows])
    right = np.concatenate(overlaps) >= OVERLAPS[0]
    return replace(model, chosen_calibration=_platt(np.concatenate(standing), right))


def _platt(log_odds: NDArray[np.float32], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that make probabilities of log odds."""
    fitted = LogisticRegression(C=np.inf).fit(log_odds[:, None], right)
    return fitted.coef_.item(), fitted.intercept_.item()


def _linear(layer: Any) -> tuple[Vectors, Vectors]:
    """Weights, (I, O), and biases of a layer."""
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()


if __name__ == "__main__":
    main()
