"""Fit the boundary decoder: ``python -m training.fit_boundaries --data FOLDER``.

Perceptual boundaries are learned from the annotators' boundaries in the training photos of ``bsds500``, outlines and
centres from the annotated objects of the training parts of ``coco-dev`` and ``voc-dev``. The backbone is frozen: its
maps are computed once and kept in memory, 6 MB per photo.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from torch.nn import functional

from retrieval.evaluation.datasets import load_photos
from retrieval.images.decode import decode
from retrieval.models.backbone import Backbone
from retrieval.types import RgbImage

from .photos import SHARE, share_of, training_photos
from .trainable_decoder import TrainableDecoder

logger = logging.getLogger(__name__)

LONG_SIDE = 768
STRIDES = (2, 4, 8, 16, 32)

DRAWN = 0.3
"""A pixel is a boundary if this share of the annotators drew one; if fewer did, it is ignored."""
CENTRE_WEIGHT = 20.0
LOSSES = ("perceptual", "outline", "objectness", "centre")
BACKGROUND_WEIGHT = 0.4
"""Weight of pixels outside all annotated objects, where there may be unannotated things."""


@dataclass(frozen=True, eq=False, slots=True)
class Example:
    """One photo: its maps as float16, (C, h, w), and targets; NaN where nothing is known.

    Attributes
    ----------
    edges : Tensor of shape (2, H/2, W/2), float16
    weights : Tensor of shape (2, H/2, W/2), float16
    objects : Tensor of shape (3, H/4, W/4), float16
    """

    maps: dict[int, Tensor]
    edges: Tensor
    weights: Tensor
    objects: Tensor


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("retrieval/data/boundaries.safetensors"))
@click.option("--epochs", default=8, show_default=True)
@SHARE
@click.option("--voc-every", default=4, show_default=True, help="Take every n-th photo of voc-dev.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, out: Path, epochs: int, share: float, voc_every: int, seed: int, device: str) -> None:
    """Write the decoder's weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    examples = collect(Backbone(device), data, share, voc_every)
    logger.info("%d examples", len(examples))
    decoder = fit(examples, epochs, seed, torch.device("cuda" if torch.cuda.is_available() else "cpu"), out)
    decoder.save(out)
    logger.info("wrote %s, %d weights", out, sum(each.numel() for each in decoder.parameters()))


def collect(backbone: Backbone, data: Path, share: float, voc_every: int) -> list[Example]:
    """Every training photo, and the mirror images of those of bsds500."""
    examples: list[Example] = []
    drawn = share_of(training_photos(data, {"bsds500": 1}), share)
    for path in track(drawn, description="bsds500"):
        examples += drawn_examples(backbone, path)
    for name, step in (("coco-dev", 1), ("voc-dev", voc_every)):
        photos = load_photos(data / name, splits=data / "splits.json", part="train", min_area=64)[::step]
        for photo in track(share_of(photos, share), description=name):
            if photo.objects:
                image = decode(photo.path, long_side=LONG_SIDE).rgb
                masks = [each.mask() for each in photo.objects]
                examples.append(_annotated(backbone, image, np.stack(masks)))
    return examples


def drawn_examples(backbone: Backbone, path: Path) -> list[Example]:
    """A photo of bsds500, and its mirror image."""
    image = decode(path, long_side=LONG_SIDE).rgb
    labels = np.load(path.with_suffix(".npz"))["segmentations"]
    mirrored = np.ascontiguousarray(image[:, ::-1])
    return [_drawn(backbone, image, labels), _drawn(backbone, mirrored, labels[:, :, ::-1])]


def fit(examples: list[Example], epochs: int, seed: int, device: torch.device, out: Path) -> TrainableDecoder:
    """Train on one photo at a time, with the gradients of four accumulated and a cosine schedule."""
    torch.manual_seed(seed)
    decoder = TrainableDecoder()
    _standardise(decoder, examples[:: max(1, len(examples) // 64)])
    decoder = decoder.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=3e-3, weight_decay=1e-4)
    total = epochs * len(examples) // 4
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=total + 1, pct_start=0.1)
    for epoch in range(epochs):
        sums = np.zeros(4)
        order = torch.randperm(len(examples)).tolist()
        for step, row in enumerate(track(order, description=f"epoch {epoch + 1}")):
            losses = _losses(decoder, examples[row], device)
            (sum(losses) / 4).backward()  # type: ignore[union-attr]
            sums += [loss.item() for loss in losses]
            if step % 4 == 3:
                torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()
        means = ", ".join(f"{name} {each:.4f}" for name, each in zip(LOSSES, sums / len(order), strict=True))
        logger.info("epoch %d: %s", epoch + 1, means)
        decoder.save(out)
    return decoder


@torch.no_grad()
def _standardise(decoder: TrainableDecoder, examples: list[Example]) -> None:
    """Standardise the channels at the start of every level."""
    for stride in STRIDES:
        values = torch.cat([each.maps[stride].float().flatten(1)[:, ::7] for each in examples], dim=1)
        layer: Any = decoder.lateral[str(stride)]
        layer.weight /= values.std(dim=1).clamp(min=1e-3)[None, :, None, None]
        layer.bias -= layer.weight[:, :, 0, 0] @ values.mean(dim=1)


def _losses(decoder: TrainableDecoder, example: Example, device: torch.device) -> list[Tensor]:
    maps = {
        stride: value[None].to(device, torch.float32, memory_format=torch.channels_last)
        for stride, value in example.maps.items()
    }
    edges, objects = (found[0] for found in decoder(maps))
    target, weight = example.edges.to(device).float(), example.weights.to(device).float()
    losses = []
    for channel in range(2):
        known = weight[channel] > 0
        losses.append(_balanced(edges[channel][known], target[channel][known], weight[channel][known]))
    wanted = example.objects.to(device).float()
    known = ~wanted[0].isnan()
    losses.append(
        _mean(functional.binary_cross_entropy_with_logits(objects[0][known], wanted[0][known], reduction="none"))
    )
    inside = ~wanted[1].isnan()
    losses.append(CENTRE_WEIGHT * _mean((objects[1:, inside] - wanted[1:, inside]).abs()))
    return losses


def _balanced(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy with equal total weights of boundaries and other pixels if both are present, as in HED."""
    if not len(logits):
        return logits.sum()
    loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none") * weight
    positive = target > 0.5
    if not positive.any():
        return 0.1 * loss.mean()
    return (2 * loss[positive].sum() + loss[~positive].sum() * positive.sum() * 3 / (~positive).sum().clamp(min=1)) / (
        5 * positive.sum()
    )


def _mean(values: Tensor) -> Tensor:
    return values.mean() if values.numel() else values.sum()


def _drawn(backbone: Backbone, image: RgbImage, labels: NDArray[np.integer]) -> Example:
    maps = _maps(backbone, image)
    size_hw = maps[2].shape[1:]
    share = np.mean([_borders(_sized(each, size_hw)) for each in labels], axis=0)
    edges, weights = np.zeros((2, *size_hw)), np.zeros((2, *size_hw))
    edges[0] = share >= DRAWN
    near = cv2.dilate(share, np.ones((3, 3)))
    weights[0] = np.where(share >= DRAWN, 0.5 + share, near == 0)
    objects = np.full((3, *maps[4].shape[1:]), np.nan)
    return Example(maps, *(torch.from_numpy(each).half() for each in (edges, weights, objects)))


def _annotated(backbone: Backbone, image: RgbImage, masks: NDArray[np.bool_]) -> Example:
    maps = _maps(backbone, image)
    size_hw, small_hw = maps[2].shape[1:], maps[4].shape[1:]
    border = np.zeros(size_hw, bool)
    covered = np.zeros(size_hw, bool)
    for mask in masks:
        sized = _sized(mask.astype(np.uint8), size_hw)
        border |= _borders(sized).astype(bool)
        covered |= sized > 0
    near = cv2.dilate(border.astype(np.uint8), np.ones((3, 3))) > 0
    edges, weights = np.stack([border, border]).astype(float), np.zeros((2, *size_hw))
    weights[0] = 0.5 * border
    weights[1] = np.where(border, 1.0, np.where(near, 0.0, np.where(covered, 1.0, BACKGROUND_WEIGHT)))
    objects = np.full((3, *small_hw), np.nan)
    objects[0] = 0
    rows, columns = np.mgrid[: small_hw[0], : small_hw[1]].astype(float)
    for mask in sorted(masks, key=lambda each: -int(each.sum())):  # smaller ones lie before larger ones
        inside = _sized(mask.astype(np.uint8), small_hw) > 0
        if inside.any():
            objects[0][inside] = 1
            objects[1][inside] = (columns[inside].mean() - columns[inside]) / max(small_hw)
            objects[2][inside] = (rows[inside].mean() - rows[inside]) / max(small_hw)
    return Example(maps, *(torch.from_numpy(each).half() for each in (edges, weights, objects)))


def _maps(backbone: Backbone, image: RgbImage) -> dict[int, Tensor]:
    features = backbone.extract([image], long_side=LONG_SIDE, strides=STRIDES)[0]
    return {
        stride: torch.from_numpy(features.strides[stride]).permute(2, 0, 1).half().contiguous() for stride in STRIDES
    }


def _sized(labels: NDArray[np.integer], size_hw: tuple[int, ...]) -> NDArray[np.integer]:
    return np.asarray(cv2.resize(labels.astype(np.int16), size_hw[::-1], interpolation=cv2.INTER_NEAREST))


def _borders(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Pixels whose right or lower neighbour has another label."""
    found = np.zeros(labels.shape)
    found[:, :-1] = labels[:, :-1] != labels[:, 1:]
    found[:-1] = np.maximum(found[:-1], labels[:-1] != labels[1:])
    return found


if __name__ == "__main__":
    main()
