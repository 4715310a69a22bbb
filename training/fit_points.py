"""Fit what is made of points: ``python -m training.fit_points --data FOLDER``.

Every annotated object of ``coco-dev`` is clicked in its middle, which picks a segment. It is corrected by up to four
further clicks, each in the middle of the largest part that is still wrong. The network tells of each superpixel which
share of it belongs to the object.

What the third click is depends on what the second one made. So a first network is fitted to second clicks alone. With
it, in five folds by photo, all clicks are simulated, and the network that is written is fitted to those (iterative
training, Mahadevan, Voigtlaender and Leibe, BMVC 2018). With ``--folds`` the networks of the five folds are written,
too, for `benchmarks.clicks`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.catalog.records import SegmentRecord
from retrieval.catalog.rows import segment_columns, segment_record_from
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.evaluation.marks import Mask, correction
from retrieval.images.decode import decode
from retrieval.images.masks import decode_mask
from retrieval.query.prompt import Point, Prompt
from retrieval.recipes import load
from retrieval.recipes.lite import POINTS
from retrieval.search.point_editing import begun_with
from retrieval.segment.point_measures import Correction, point_measures
from retrieval.segment.pointing import segment_points
from retrieval.segment.prompt_measures import PromptRegions
from retrieval.segment.prompting import SuperpixelClassifier

from .fit_prompts import Marked, fit
from .photos import FOLDS, fold_numbers

logger = logging.getLogger(__name__)

CLICKS = 5
NEAR, SPARED = 1.0, 4
"""Of superpixels off object and segment, and farther than so many sides from all points, a fourth is learned from."""


@dataclass(frozen=True, eq=False, slots=True)
class Photo:
    """An annotated photo with its segments, and the regions that points on it are compared with."""

    annotated: AnnotatedPhoto
    size_hw: tuple[int, int]
    regions: PromptRegions
    segments: list[SegmentRecord]


@dataclass(frozen=True, eq=False, slots=True)
class Simulated:
    """A correction, and the object in the same frame."""

    correction: Correction
    truth: Mask


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), default=POINTS, help="retrieval/data/lite-points.safetensors")
@click.option("--folds", type=click.Path(path_type=Path), help="A folder for the weights of each fold.")
@click.option("--epochs", default=4, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, out: Path, folds: Path | None, epochs: int, seed: int, device: str) -> None:
    """Write the weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    annotated = load_photos(data / "coco-dev")
    photos, fold = analyse(load("lite", device), annotated), fold_numbers(len(annotated))
    first = collect(photos, fold, None, seed)
    logger.info("%d superpixels by the second click", len(first.targets))
    guessing = [fit(first[fold[first.photos] != number], epochs, seed) for number in range(FOLDS)]
    every = collect(photos, fold, guessing, seed)
    logger.info("%d superpixels by all clicks", len(every.targets))
    if folds is not None:
        folds.mkdir(parents=True, exist_ok=True)
        for number in range(FOLDS):
            fit(every[fold[every.photos] != number], epochs, seed).save(folds / f"points-{number}.safetensors")
    fit(every, epochs, seed).save(out)
    logger.info("wrote %s", out)


def analyse(recipe: Any, annotated: list[AnnotatedPhoto]) -> dict[int, Photo]:
    """The photos that have objects and segments, by their numbers."""
    found: dict[int, Photo] = {}
    for number, photo in enumerate(track(annotated, description="photos")):
        if not photo.objects:
            continue
        image = decode(photo.path, long_side=ANALYSIS_SIDE)
        features = recipe.extract([image.rgb])[0]
        regions = recipe.prompt_regions(image.rgb, features)
        analysis = recipe.embed(image.rgb, features, recipe.segment(image.rgb, features))
        columns = segment_columns(analysis, image.size_hw)
        segments = [segment_record_from(each, row, 0) for row, each in enumerate(columns)]
        if segments and len(regions.quality):
            found[number] = Photo(photo, image.size_hw, regions, segments)
    return found


def collect(
    photos: dict[int, Photo], fold: NDArray[np.integer], guessing: list[SuperpixelClassifier] | None, seed: int
) -> Marked:
    """The superpixels of all corrections of annotated objects; of second clicks alone, if no networks guess."""
    rng = np.random.default_rng(seed)
    parts: list[tuple[Any, ...]] = []
    for number, photo in track(photos.items(), description="corrections"):
        fresh = replace(photo, regions=PromptRegions(photo.regions.hierarchies, photo.regions.quality))
        guess = None if guessing is None else guessing[fold[number]]
        for each in photo.annotated.objects:
            parts += [(*_told(simulated, rng), number) for simulated in corrections(fresh, each.mask(), guess)]
    *columns, numbers = zip(*parts, strict=True)
    measured, targets, weights = (np.concatenate(column) for column in columns)
    return Marked(measured, targets, weights, np.repeat(numbers, [len(part[1]) for part in parts]))


def corrections(photo: Photo, truth: Mask, guess: SuperpixelClassifier | None) -> Iterator[Simulated]:
    """Corrections of the segment of a click in the middle of an object, then of what is made of each correction."""
    frame = photo.regions.leaves.shape[0], photo.regions.leaves.shape[1]
    point, _ = correction(truth, np.zeros_like(truth))
    prompt = Prompt(points=(point,))
    row = begun_with(photo.segments, photo.size_hw, prompt)
    small = _resized(truth, frame)
    if row is None or not small.any():
        return
    segment = photo.segments[row]
    begun = decode_mask(segment.mask_size_hw, segment.mask_counts)
    mask: tuple[tuple[int, int], str] = (segment.mask_size_hw, segment.mask_counts.decode("ascii"))
    shown = begun
    for _ in range(1, CLICKS if guess is not None else 2):
        wrong = _resized(shown, (truth.shape[0], truth.shape[1]))
        if not (wrong ^ truth).any():
            return
        prompt = with_point(prompt, *correction(truth, wrong))
        scaled = prompt.scaled(photo.size_hw, frame)
        yield Simulated(Correction(photo.regions, begun, scaled.points, scaled.not_points), small)
        if guess is not None:
            shown, _ = segment_points(photo.regions, replace(scaled, mask=mask), guess)


def with_point(prompt: Prompt, point: Point, is_positive: bool) -> Prompt:
    """The same with another point."""
    if is_positive:
        return replace(prompt, points=(*prompt.points, point))
    return replace(prompt, not_points=(*prompt.not_points, point))


def _told(
    simulated: Simulated, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Measures, targets and weights of the superpixels of a correction; of those that are far away a fourth."""
    regions, truth = simulated.correction.regions, simulated.truth
    measured, targets = point_measures(simulated.correction), regions.inside(truth)
    away = np.minimum(measured[:, 2], measured[:, 3])
    is_near = (targets > 0) | (simulated.correction.inside > 0) | (away < NEAR)
    kept = is_near | (rng.integers(0, SPARED, len(targets)) == 0)
    weights = np.minimum(regions.areas / truth.sum(), 1) * np.where(is_near, 1, SPARED)
    return measured[kept], targets[kept].astype(np.float32), weights[kept].astype(np.float32)


def _resized(mask: Mask, size_hw: tuple[int, int]) -> Mask:
    if mask.shape == size_hw:
        return mask
    return np.asarray(cv2.resize(mask.astype(np.uint8), size_hw[::-1], interpolation=cv2.INTER_NEAREST) > 0, bool)


if __name__ == "__main__":
    main()
