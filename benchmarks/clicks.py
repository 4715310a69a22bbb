"""How well clicks take an annotated object: IoU after each click, and the number of clicks that reach an IoU.

::

    python -m training.fit_points --data DATA --folds FOLDS
    python -m benchmarks.clicks DATA FOLDS [EVERY [MOST]]

Over the objects of ``coco-dev`` (every EVERY-th photo), by the weights of the fold that has not seen the photo. The
first click is in an object's middle, each next one in the middle of the largest part that is still wrong, positive
where the object is missed and negative where something else is taken (the protocol of Xu et al., "Deep Interactive
Object Selection", CVPR 2016, with its number of clicks, NoC; MOST, 5, where it is not reached). What is measured is
what a search takes, stored or made, in the photo's own pixels.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from retrieval.evaluation.datasets import load_photos
from retrieval.evaluation.marks import Mask, correction
from retrieval.images.masks import decode_mask, encode_mask
from retrieval.query.prompt import Prompt
from retrieval.recipes import load
from retrieval.search.making import MadeSegment, MakerOnPhoto, pick_or_make
from retrieval.segment.point_measures import POINT_MEASURES
from retrieval.segment.pointing import segment_points
from retrieval.segment.prompting import SuperpixelClassifier
from training.fit_points import Photo, analyse, with_point
from training.photos import FOLDS, fold_numbers

REACHED = (0.8, 0.85)


@dataclass(frozen=True, eq=False, slots=True)
class Maker:
    """Makes segments on one photo, without vectors; stands for a `MakerOnPhoto`."""

    photo: Photo
    classifier: SuperpixelClassifier

    def can_make(self, prompt: Prompt) -> bool:
        """Whether it can."""
        return bool(prompt.points)

    def make(self, prompt: Prompt) -> MadeSegment:
        """Make one."""
        frame = self.photo.regions.leaves.shape[0], self.photo.regions.leaves.shape[1]
        mask, expected = segment_points(self.photo.regions, prompt.scaled(self.photo.size_hw, frame), self.classifier)
        return MadeSegment(
            box_xyxy=(0, 0, 1, 1),
            area=1,
            quality=expected,
            label=None,
            label_score=None,
            mask_size_hw=frame,
            mask_counts=encode_mask(mask),
            vector=np.zeros(1, np.float32),
        )


def overlaps(photo: Photo, truth: Mask, classifier: SuperpixelClassifier, most: int) -> Iterator[float]:
    """IoU with an object after each of so many clicks."""
    maker, prompt, guess = cast("MakerOnPhoto", Maker(photo, classifier)), None, np.zeros_like(truth)
    for _ in range(most):
        if (guess ^ truth).any():
            point, is_positive = correction(truth, guess)
            prompt = Prompt(points=(point,)) if prompt is None else with_point(prompt, point, is_positive)
            row, made = pick_or_make(prompt, photo.segments, photo.size_hw, maker)
            found = made or photo.segments[row]
            mask = decode_mask(found.mask_size_hw, found.mask_counts)
            guess = cv2.resize(mask.astype(np.uint8), truth.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        yield float((guess & truth).sum() / (guess | truth).sum())


def spread(values: NDArray[np.floating], fold: NDArray[np.integer]) -> str:
    """The mean over the folds' means, with their standard deviation."""
    means = [float(values[fold == number].mean()) for number in range(FOLDS) if (fold == number).any()]
    return f"{np.mean(means):.3f} ± {np.std(means, ddof=1):.3f}"


def main(data: Path, folds: Path, every: int = 1, most: int = 5) -> None:
    """Print the figures."""
    cv2.setNumThreads(1)
    annotated = load_photos(data / "coco-dev")
    fold = fold_numbers(len(annotated))
    held_out = [
        SuperpixelClassifier.load(folds / f"points-{number}.safetensors", POINT_MEASURES) for number in range(FOLDS)
    ]
    recipe: Any = load("lite", "cpu", threads=1)
    rows: list[list[float]] = []
    of: list[int] = []
    for number in track(range(0, len(annotated), every), description="photos"):
        for photo in analyse(recipe, [annotated[number]]).values():
            for each in photo.annotated.objects:
                rows.append(list(overlaps(photo, each.mask(), held_out[fold[number]], most)))
                of.append(int(fold[number]))
    iou, owner = np.array(rows), np.array(of)
    print(f"{len(iou)} objects; means over {FOLDS} folds, with their standard deviation")
    for click in range(most):
        print(
            f"{click + 1:2d} clicks: IoU {spread(iou[:, click], owner)}, "
            f"share >= .5 {spread(iou[:, click] >= 0.5, owner)}, worse than the first by .01 "
            f"{spread(iou[:, click] < iou[:, 0] - 0.01, owner)}"
        )
    for least in REACHED:
        is_there = iou >= least
        count = np.where(is_there.any(axis=1), is_there.argmax(axis=1) + 1, most)
        print(f"NoC@{100 * least:.0f}: {spread(count, owner)}, reached {spread(is_there.any(axis=1), owner)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
