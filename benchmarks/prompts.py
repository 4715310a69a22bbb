"""How well a box or lasso takes an annotated object: what is picked among the segments, and what is made.

::

    python -m training.fit_prompts --data DATA --folds FOLDS
    python -m benchmarks.prompts DATA FOLDS [EVERY [SLOW]]

Over the objects of ``coco-dev`` (every EVERY-th photo), mean IoU with the object in the photo's own pixels. Weights are
those of the fold that has not seen the photo. Each object is marked by its own box, a box 20 % looser, and a lasso.
Nodes, GrabCut, and what is made even where a segment is the same, are slow, and measured on every SLOW-th photo (6).
Clicks are measured by `benchmarks.clicks`.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from retrieval.analysis.batch import describe_segments
from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.catalog.records import SegmentRecord
from retrieval.catalog.rows import segment_columns, segment_record_from
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.evaluation.marks import box_around, lasso, loosened
from retrieval.images.decode import DecodedImage, decode
from retrieval.images.masks import box_iou, decode_mask, encode_mask
from retrieval.query.prompt import Prompt
from retrieval.recipes import load
from retrieval.search import picking
from retrieval.segment.prompt_measures import PromptRegions, region_of
from retrieval.segment.prompting import SuperpixelClassifier, segment_prompt
from retrieval.types import Segments
from training.fit_prompts import LOOSER
from training.photos import FOLDS, fold_numbers

Mask = NDArray[np.bool_]


class Photo:
    """A photo, analysed once."""

    def __init__(self, recipe: Any, photo: AnnotatedPhoto, classifier: SuperpixelClassifier) -> None:
        self.recipe, self.classifier = recipe, classifier
        self.image: DecodedImage = decode(photo.path, long_side=ANALYSIS_SIDE)
        self.features = recipe.extract([self.image.rgb])[0]
        self.regions: PromptRegions = recipe.prompt_regions(self.image.rgb, self.features)
        analysis = recipe.embed(self.image.rgb, self.features, recipe.segment(self.image.rgb, self.features))
        columns = segment_columns(analysis, self.size_hw)
        self.segments: list[SegmentRecord] = [segment_record_from(each, row, 0) for row, each in enumerate(columns)]
        self.masks = [decode_mask(each.mask_size_hw, each.mask_counts) for each in self.segments]

    @property
    def size_hw(self) -> tuple[int, int]:
        """Of the upright original."""
        return self.image.size_hw

    @property
    def frame(self) -> tuple[int, int]:
        """Of the masks."""
        return self.regions.leaves.shape[0], self.regions.leaves.shape[1]

    @cached_property
    def nodes(self) -> Segments:
        """All nodes of the trees."""
        nodes = np.concatenate(self.regions.nodes)
        return Segments(self.regions.leaves, nodes, np.zeros(len(nodes), np.float32))

    def make(self, prompt: Prompt) -> Mask:
        """What is made of a prompt."""
        return segment_prompt(self.regions, prompt.scaled(self.size_hw, self.frame), self.classifier)[0]

    def answer(self, prompt: Prompt) -> Mask:
        """What a search takes: a stored segment, or what is made."""
        made = self.make(prompt)
        same = picking.same(self.segments, (self.frame, encode_mask(made)))
        return made if same is None else self.masks[same]

    def node(self, prompt: Prompt) -> Mask:
        """The node of the trees whose box fits best."""
        box = prompt.scaled(self.size_hw, self.frame).bounds
        return self.nodes.mask(int(box_iou(box, self.nodes.boxes_xyxy.astype(float)).argmax()))

    def grabcut(self, prompt: Prompt) -> Mask:
        """OpenCV's GrabCut within the box."""
        small = cv2.resize(self.image.rgb, self.frame[::-1], interpolation=cv2.INTER_AREA)
        region = region_of(prompt.scaled(self.size_hw, self.frame), self.frame)
        if region.all():
            return region
        labels = np.where(region, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
        state = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), labels, None, *state, 5, cv2.GC_INIT_WITH_MASK)
        return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), bool)

    def latency(self, prompt: Prompt) -> float:
        """Seconds from a prompt to a segment with its vector, the photo's features kept."""
        started = time.perf_counter()
        mask = self.make(prompt)
        one = Segments(mask.astype(np.int32), np.array([[False, True]]), np.ones(1, np.float32))
        describe_segments(self.recipe, self.image, self.features, one)
        return time.perf_counter() - started


def overlap(mask: Mask, truth: Mask) -> float:
    """IoU in the photo's own pixels."""
    if mask.shape != truth.shape:
        mask = cv2.resize(mask.astype(np.uint8), truth.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    return float((mask & truth).sum() / max((mask | truth).sum(), 1))


def boxes(photo: Photo, truth: Mask, kind: str, share: float, slow: bool) -> Iterator[tuple[str, float]]:
    """IoU of every way with an object, by its box whose sides are longer by a share."""
    prompt = Prompt(box=loosened(box_around(truth), share, photo.size_hw))
    row = picking.in_box(photo.segments, prompt.bounds)
    yield f"{kind}: the box itself", overlap(region_of(prompt, photo.size_hw), truth)
    yield f"{kind}: segment of best box", overlap(photo.masks[row], truth)
    yield f"{kind}: picked or made", overlap(photo.answer(prompt), truth)
    if slow:
        yield f"{kind}: node of best box", overlap(photo.node(prompt), truth)
        yield f"{kind}: GrabCut", overlap(photo.grabcut(prompt), truth)
        yield f"{kind}: made", overlap(photo.make(prompt), truth)


def main(data: Path, folds: Path, every: int = 1, slow_every: int = 6) -> None:
    """Print the figures."""
    cv2.setNumThreads(1)
    photos = load_photos(data / "coco-dev")
    fold = fold_numbers(len(photos))
    held_out = [SuperpixelClassifier.load(folds / f"fold-{number}.safetensors") for number in range(FOLDS)]
    recipe, rng = load("lite", "cpu", threads=1), np.random.default_rng(0)
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    times: list[float] = []
    for number in track(range(0, len(photos), every), description="photos"):
        if not photos[number].objects:
            continue
        photo = Photo(recipe, photos[number], held_out[fold[number]])
        slow = number % slow_every == 0
        for each in photos[number].objects:
            truth = each.mask()
            told = [*boxes(photo, truth, "own box", 0.0, slow), *boxes(photo, truth, "looser box", LOOSER, slow)]
            drawn = lasso(truth, rng)
            told += [("lasso: the line itself", overlap(region_of(drawn, truth.shape), truth))]
            told += [("lasso: picked or made", overlap(photo.answer(drawn), truth))]
            for name, value in told:
                found[name].append((int(fold[number]), value))
            if slow:
                times.append(photo.latency(Prompt(box=box_around(truth))))
    for name, values in found.items():
        of, iou = np.array(values).T
        means = [iou[of == number].mean() for number in range(FOLDS) if (of == number).any()]
        spread, share = f"folds {min(means):.3f} to {max(means):.3f}", (iou >= 0.5).mean()
        print(f"{name:34s} mean IoU {iou.mean():.3f}, {spread}; {share:.3f} reach .5; {len(iou)} objects")
    middle, high = 1000 * np.percentile(times, [50, 95])
    print(f"from a box to a segment with its vector: median {middle:.0f} ms, 95th percentile {high:.0f} ms")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
