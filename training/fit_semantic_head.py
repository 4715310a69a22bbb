"""Fit the semantic head: ``python -m training.fit_semantic_head --data FOLDER``.

Twenty classes of things are learned from the training parts of ``voc-dev`` and ``coco-dev``, stuff from
``coco-panoptic``. Where only things are labelled, a pixel outside them may be anything that is no thing: the
probabilities of all other classes are summed.

With ``--folds`` nothing is written: five heads are fitted to four fifths of the panoptic photos each, for figures of
stuff on photos that a head has not seen. With ``--fine-tune`` the backbone is trained as well, for comparison: what it
gains is printed, and the recipe does not use it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.evaluation.semantic import VOC_CLASS_COUNT, class_iou, confusion_matrix, voc_numbers
from retrieval.images.decode import decode
from retrieval.models.backbone import grid_size
from retrieval.models.scaling import resized
from retrieval.models.semantic_head import PRIOR
from retrieval.recipes.psp import CLASS_NAMES, PARAMETERS, STUFF

from .photos import FOLDS, fold_numbers
from .trainable_head import TrainableHead

logger = logging.getLogger(__name__)

ANY_STUFF, UNKNOWN = 254, 255
"""Labels of pixels: of none of the twenty things, and not labelled."""
SEED = 0
CROP, BATCH = 448, 32
MOST = 1024
"""Long side a photo is read at, at most."""
PANOPTIC_TIMES = 2
"""How much more often a photo with stuff comes than others of classes as rare."""
SCALES = 0.6, 1.7
"""Of the crops, against the photo at the long side of the recipe's pass."""


@dataclass(frozen=True, eq=False, slots=True)
class Labelled:
    """One photo.

    Attributes
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        Its long side is that of the recipe's pass.
    classes : ndarray of shape (H, W), uint8
        A class, `ANY_STUFF` or `UNKNOWN`.
    is_panoptic : bool
    """

    rgb: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    is_panoptic: bool = False


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("retrieval/data/psp.safetensors"))
@click.option("--epochs", default=40, show_default=True)
@click.option("--device", default="cuda" if torch.cuda.is_available() else "cpu", show_default=True)
@click.option("--every", default=1, show_default=True, help="Take every n-th photo.")
@click.option("--folds", is_flag=True, help="Measure stuff by five folds, and write nothing.")
@click.option("--fine-tune", "tuned", is_flag=True, help="Train the backbone as well, and write nothing.")
def main(data: Path, out: Path, epochs: int, device: str, every: int, folds: bool, tuned: bool) -> None:
    """Write the head's weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    where = torch.device(device)
    photos, panoptic = collect(data, every)
    logger.info("%d photos of things, %d of things and stuff", len(photos), len(panoptic))
    if folds:
        number = fold_numbers(len(panoptic), SEED)
        confusion = np.zeros((len(CLASS_NAMES), len(CLASS_NAMES)), np.int64)
        for fold in range(FOLDS):
            known = [panoptic[row] for row in np.flatnonzero(number != fold)]
            model = fit(TrainableHead(SEED), photos + known, epochs, where, tuned=tuned)
            confusion += measured(model, [panoptic[row] for row in np.flatnonzero(number == fold)], where)
        _tell_stuff(confusion)
        return
    model = fit(TrainableHead(SEED), photos + panoptic, epochs, where, tuned=tuned)
    for side in (PARAMETERS.long_side, PARAMETERS.long_side * 5 // 4):
        logger.info(
            "mIoU on the selection part of voc-dev, %d px: %.4f", side, voc_miou(model, data, where, side, every)
        )
    if not tuned:
        model.save(out)
        logger.info("wrote %s, %d weights", out, sum(each.numel() for each in model.head.parameters()))


def collect(data: Path, every: int) -> tuple[list[Labelled], list[Labelled]]:
    """Photos on which things are labelled, and those on which everything is."""
    stored = json.loads((data / "coco-panoptic" / "labels.json").read_text())["segments"]
    things = [
        photo
        for name in ("voc-dev", "coco-dev")
        for photo in load_photos(data / name, splits=data / "splits.json", part="train", min_area=0)[::every]
        if name == "voc-dev" or photo.path.stem not in stored
    ]

    def of_everything(stem: str) -> Labelled:
        with Image.open(data / "coco-panoptic" / "masks" / f"{stem}.png") as opened:
            mask = np.asarray(opened)
        rgb = decode(data / "coco-dev" / "images" / f"{stem}.jpg", long_side=MOST).rgb
        return _labelled(rgb, _panoptic(mask, stored[stem]), is_panoptic=True)

    with ThreadPoolExecutor() as cores:
        photos, panoptic = list(cores.map(_of_things, things)), list(cores.map(of_everything, list(stored)[::every]))
    return photos, panoptic


def _of_things(photo: AnnotatedPhoto) -> Labelled:
    rgb = decode(photo.path, long_side=MOST).rgb
    return _labelled(rgb, _things(photo, rgb.shape[:2]) if photo.classes_path is None else _voc(photo))


def _labelled(rgb: NDArray[np.uint8], classes: NDArray[np.uint8], *, is_panoptic: bool = False) -> Labelled:
    """At the long side of the recipe's pass, also where the photo is smaller."""
    sized = resized(rgb, grid_size(rgb.shape[:2], PARAMETERS.long_side))
    nearest = cv2.resize(classes, sized.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return Labelled(sized, np.asarray(nearest), is_panoptic)


def _voc(photo: AnnotatedPhoto) -> NDArray[np.uint8]:
    """VOC's classes."""
    found = photo.class_map()
    if found is None:
        raise click.ClickException(f"{photo.path} has no class map")
    return np.where(found == 0, ANY_STUFF, found).astype(np.uint8)


def _things(photo: AnnotatedPhoto, size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The twenty things among COCO's, the smaller ones in front."""
    found = np.full(size_hw, ANY_STUFF, np.uint8)
    for each in sorted(photo.objects, key=lambda each: -each.area):
        number = int(voc_numbers([each.category])[0])
        found[each.mask(size_hw)] = number or ANY_STUFF
    return found


def _panoptic(mask: NDArray[np.integer], segments: Sequence[dict[str, object]]) -> NDArray[np.uint8]:
    """Classes of a panoptic mask; what is neither of the things nor of the stuff is class 0."""
    found = np.full(mask.shape, UNKNOWN, np.uint8)
    for each in segments:
        name = str(each["category"])
        number = int(voc_numbers([name])[0]) if each["isthing"] else 0
        stuff = [row for row, names in enumerate(STUFF.values()) if name in names]
        found[mask == each["value"]] = number or (VOC_CLASS_COUNT + stuff[0] if stuff else 0)
    return found


def fit(
    model: TrainableHead, photos: list[Labelled], epochs: int, device: torch.device, *, tuned: bool
) -> TrainableHead:
    """Train with AdamW on random crops, along a one-cycle schedule."""
    model = model.to(device).train()
    images, classes, sizes = _on_device(photos, device)
    often = _how_often(photos)
    prior = [each for name, each in model.head.items() if name.startswith(PRIOR)]
    rest = [each for name, each in model.head.items() if not name.startswith(PRIOR)]
    groups: list[dict[str, Any]] = [{"params": rest, "lr": 2e-3}, {"params": prior, "lr": 1e-4, "weight_decay": 0.0}]
    if tuned:
        groups.append({"params": list(model.backbone.parameters()), "lr": 1.5e-4})
    optimizer = torch.optim.AdamW(groups, weight_decay=3e-2)
    steps = max(1, len(photos) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [each["lr"] for each in groups], total_steps=steps * epochs + 1, pct_start=0.1
    )
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    started = time.perf_counter()
    for epoch in range(epochs):
        total = torch.zeros((), device=device)
        order = torch.multinomial(often, steps * BATCH, replacement=True).to(device)
        for rows in order.reshape(steps, BATCH):
            pixels, wanted = _crops(images[rows], classes[rows], sizes[rows])
            with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
                scores = model(pixels, tuned=tuned)
            loss = _loss(functional.interpolate(scores.float(), scale_factor=2, mode="bilinear"), wanted)
            torch.autograd.backward(scaler.scale(loss))
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            schedule.step()
            total += loss.detach()
        if epoch % 5 == 4 or epoch + 1 == epochs:
            logger.info("epoch %d: loss %.4f, %.0f s", epoch + 1, float(total) / steps, time.perf_counter() - started)
    return model.eval()


def _how_often(photos: list[Labelled]) -> Tensor:
    """How often each photo comes, (N,): more often with a rare class, by the root of how rare it is, or with stuff."""
    shown = [np.unique(each.classes) for each in photos]
    counts = np.bincount(np.concatenate(shown), minlength=256)
    rarest = [counts[kinds[kinds < ANY_STUFF]].min(initial=len(photos)) for kinds in shown]
    times = np.array([PANOPTIC_TIMES if each.is_panoptic else 1 for each in photos])
    return torch.from_numpy((times / np.sqrt(rarest)).astype(np.float32))


def _on_device(photos: list[Labelled], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Photos in the corner of squares, (N, 3, S, S) and (N, S, S) uint8, and their sizes, (N, 2)."""
    side = max(max(each.classes.shape) for each in photos)
    images = torch.zeros((len(photos), 3, side, side), dtype=torch.uint8)
    classes = torch.full((len(photos), side, side), UNKNOWN, dtype=torch.uint8)
    for row, each in enumerate(photos):
        height, width = each.classes.shape
        images[row, :, :height, :width] = torch.from_numpy(each.rgb).permute(2, 0, 1)
        classes[row, :height, :width] = torch.from_numpy(each.classes)
    sizes = torch.tensor([each.classes.shape for each in photos])
    return images.to(device), classes.to(device), sizes.to(device)


def _crops(images: Tensor, classes: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Random crops, scaled, mirrored, brighter or darker: pixels in [-1, 1], and classes at stride 4."""
    count, side, device = len(images), images.shape[-1], images.device
    scale = torch.empty(count, device=device).uniform_(*np.log(SCALES)).exp()
    reach = CROP / scale  # pixels of the photo that a crop shows
    height, width = sizes.unbind(1)
    top = torch.rand(count, device=device) * (height - reach) + reach / 2  # of the centre, also beyond small photos
    left = torch.rand(count, device=device) * (width - reach) + reach / 2
    mirrored = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    moves = torch.zeros(count, 2, 3, device=device)
    moves[:, 0, 0], moves[:, 1, 1] = mirrored * reach / side, reach / side
    moves[:, 0, 2], moves[:, 1, 2] = 2 * left / side - 1, 2 * top / side - 1
    grid = functional.affine_grid(moves, [count, 3, CROP, CROP], align_corners=False)
    pixels = functional.grid_sample(images.float(), grid, padding_mode="zeros", align_corners=False)
    coarse = functional.affine_grid(moves, [count, 1, CROP // 4, CROP // 4], align_corners=False)
    shifted = functional.grid_sample(
        classes[:, None].float() - UNKNOWN, coarse, mode="nearest", padding_mode="zeros", align_corners=False
    )
    gain = torch.empty(count, 3, 1, 1, device=device).uniform_(0.85, 1.15) * torch.empty(
        count, 1, 1, 1, device=device
    ).uniform_(0.75, 1.25)
    pixels = (pixels * gain).clamp(0, 255) / 127.5 - 1
    return pixels.contiguous(memory_format=torch.channels_last), (shifted[:, 0] + UNKNOWN).round().long()


def _loss(scores: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy; where any stuff will do, of the sum of its probabilities."""
    logs = scores.log_softmax(1)
    exact = wanted < ANY_STUFF
    sums = torch.cat([logs[:, :1], logs[:, VOC_CLASS_COUNT:]], 1).logsumexp(1)
    picked = logs.gather(1, wanted.where(exact, torch.zeros_like(wanted))[:, None])[:, 0]
    losses = -torch.where(exact, picked, sums)
    known = wanted != UNKNOWN
    return (losses * known).sum() / known.sum().clamp(min=1)


@torch.inference_mode()
def _classes(
    model: TrainableHead, rgb: NDArray[np.uint8], size_hw: tuple[int, int], device: torch.device
) -> NDArray[np.uint8]:
    """The likeliest class of every pixel in a frame."""
    pixels = torch.from_numpy(rgb).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
        scores = model(pixels.contiguous(memory_format=torch.channels_last))
    return np.asarray(functional.interpolate(scores.float(), size=size_hw, mode="bilinear").argmax(1)[0].byte().cpu())


def voc_miou(model: TrainableHead, data: Path, device: torch.device, side: int, every: int) -> float:
    """Mean IoU of the classes, background among them, that the selection part of ``voc-dev`` shows, in its pixels."""
    confusion = np.zeros((VOC_CLASS_COUNT, VOC_CLASS_COUNT), np.int64)
    for photo in load_photos(data / "voc-dev", splits=data / "splits.json", part="select", min_area=0)[::every]:
        rgb, truth = decode(photo.path, long_side=MOST).rgb, _voc(photo)
        found = _classes(model, resized(rgb, grid_size(rgb.shape[:2], side)), truth.shape, device)
        confusion += confusion_matrix(
            np.where(found < VOC_CLASS_COUNT, found, 0), np.where(truth == ANY_STUFF, 0, truth)
        )
    found_iou, present = class_iou(confusion), np.flatnonzero(confusion.sum(axis=1))
    logger.info("IoU: %s", ", ".join(f"{CLASS_NAMES[row] or 'background'} {found_iou[row]:.2f}" for row in present))
    return float(found_iou[present].mean())


def measured(model: TrainableHead, photos: list[Labelled], device: torch.device) -> NDArray[np.int64]:
    """Pixels by their true and their found class."""
    count = len(CLASS_NAMES)
    return sum(
        (
            confusion_matrix(_classes(model, each.rgb, each.classes.shape, device), each.classes, count, UNKNOWN)
            for each in photos
        ),
        np.zeros((count, count), np.int64),
    )


def _tell_stuff(confusion: NDArray[np.int64]) -> None:
    found = class_iou(confusion)
    present = [row for row in range(VOC_CLASS_COUNT, len(CLASS_NAMES)) if confusion[row].sum()]
    for row in present:
        logger.info("%s: %.3f", CLASS_NAMES[row], found[row])
    pixels = confusion[present].sum()
    logger.info("mIoU over %d kinds of stuff: %.4f", len(present), float(np.mean(found[present])))
    logger.info("pixels of stuff right: %.4f", float(np.diag(confusion)[present].sum() / pixels))


if __name__ == "__main__":
    main()
