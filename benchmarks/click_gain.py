"""What a search by one click gains over whole photos where nothing that is fitted has seen the photos.

::

    python -m benchmarks.click_gain --data DATA --keep DIR [--out FILE]

Five folds by photo over all of ``coco-dev``: the ranking of segments, the whitening, the words and the ranking of
clicks are fitted anew to the other four folds alone (`refitted`). Every object of the fold is clicked in its middle,
and searched for among the photos of the fold. Then the same for the selection part, by what is fitted to the training
part, and the other way round. The boundary decoder and what the ranking sees, a projection that knows no labels, are
not fitted anew; they have seen the training part only. Searches are exact, and rank as
`retrieval.search.example_ranking` does. DIR keeps what is described, 3 GB, and what was searched. Half an hour on one
core.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from indexer.bench.results import OUT, report
from retrieval.embed.projection import Descriptors
from retrieval.embed.word_expansion import towards_words
from retrieval.evaluation.metrics import by_class, mean_over_classes
from retrieval.recipes.lite import unfitted
from retrieval.search.example_ranking import PHOTO_WEIGHT, discounted
from retrieval.types import Vectors
from training.photos import FOLDS, fold_numbers

from .annotated_collection import AnnotatedCollection, Regions
from .click_losses import Asked, Searched
from .refitted import Refitted, picked, refit
from .unfitted_photos import described, read, wanted_photos

Flags = NDArray[np.bool_]
Searches = dict[str, list[Asked]]
"""What was asked, in the same order by every way."""

WHOLE, CLICK, SELECTED, TRAINED = "whole photos", "click", "select", "train"
WAYS = {
    WHOLE: (True, True),
    CLICK: (True, True),
    "click, by inner products alone": (True, False),
    "click, segments by quality without duplicates": (False, True),
}
"""Whether segments cover what is expected, and whether hits are weighted and examples moved (decision 54)."""
ROUNDS = 2000
"""Of the bootstrap."""


@dataclass(frozen=True, eq=False, slots=True)
class SearchedLibrary:
    """Photos as a fit has them.

    Attributes
    ----------
    searched : Searched
    collection : AnnotatedCollection
    vectors : ndarray of shape (N, D), float32
        Of the segments.
    photos : ndarray of shape (P, D'), float32
        Of whole photos.
    words : ndarray of shape (W, D), float32
    """

    searched: Searched
    collection: AnnotatedCollection
    vectors: Vectors
    photos: Vectors
    words: Vectors

    @classmethod
    def of(cls, paths: Sequence[Path], fitted: Refitted, *, covering: bool = True) -> SearchedLibrary:
        """Segment described photos, embed the segments, and click every object in its middle."""
        parts, vectors, names, clicks, whole, objects = [], list[Vectors](), list[str](), list[int](), [], [0]
        first, width = 0, 0
        for photo in read(paths):
            rows, quality = fitted.segments(photo.nodes, covering=covering)
            count = photo.fits.shape[1]
            clicks += [first + row for row in picked(photo, rows, quality, fitted.ranker).tolist()]
            parts.append((quality, photo.fits[rows], photo.overlaps[np.ix_(rows, rows)]))
            vectors.append(fitted.projection.segment.apply(photo.descriptors[rows].astype(np.float32)))
            names += photo.names[:count].tolist()
            whole.append(photo.photo)
            objects.append(count)
            first, width = first + len(rows), max(width, count, len(rows))
        segments = _regions([quality for quality, _, _ in parts], [each[1:] for each in parts], width)
        shown = [(np.ones(count, np.float32), np.zeros((count, 0)), np.zeros((count, 0))) for count in objects[1:]]
        collection = AnnotatedCollection(
            segments,
            _regions([quality for quality, _, _ in shown], [each[1:] for each in shown], width),
            np.array(names, np.str_),
            np.array(clicks, np.int64),
            np.concatenate(whole),
            np.array([path.stem for path in paths], np.str_),
        )
        photos = fitted.projection.photo.apply(collection.photo_descriptors)
        return cls(Searched(collection, segments), collection, np.concatenate(vectors), photos, fitted.words)

    def by_whole_photo(self, row: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Scores of the photos, and none of segments, for the photo of an object."""
        own = self.collection.objects.photos[row]
        return self.photos @ self.photos[own], np.zeros(0, np.float32)

    def by_click(self, row: int, *, weighted: bool = True) -> tuple[NDArray[Any], NDArray[Any]]:
        """Scores of the photos and of the segments for a click on an object.

        `weighted` as the program ranks, otherwise by inner products alone.
        """
        own, example = self.collection.objects.photos[row], self.vectors[self.collection.picked[row]]
        if not weighted:
            scores = self.vectors @ example
            return self.searched.best_of_photos(scores), scores
        moved = towards_words(example[None], self.words)[0]
        scores = discounted(self.vectors @ moved, self.collection.segments.quality)
        likeness = self.photos @ self.photos[own]
        return (1 - PHOTO_WEIGHT) * self.searched.best_of_photos(scores) + PHOTO_WEIGHT * likeness, scores


def _regions(
    qualities: Sequence[NDArray[np.float32]], tables: Sequence[tuple[NDArray[Any], NDArray[Any]]], width: int
) -> Regions:
    """Regions without descriptors, of each photo's qualities, and of its IoU with objects and with one another."""
    counts = [len(each) for each in qualities]
    fits, overlaps = (
        np.concatenate([np.pad(each[n], ((0, 0), (0, width - each[n].shape[1]))) for each in tables]) for n in (0, 1)
    )
    return Regions(
        photos=np.repeat(np.arange(len(counts)), counts),
        descriptors=np.zeros((sum(counts), 0), np.float16),
        quality=np.concatenate(qualities),
        areas=np.zeros(sum(counts), np.float32),
        fits=fits.astype(np.float16),
        overlaps=overlaps.astype(np.float16),
        inside=np.zeros((sum(counts), 0), np.float16),
    )


def searches(paths: Sequence[Path], fitted: Refitted) -> Searches:
    """Every way of `WAYS`, for every object of photos whose class enough others of them show."""
    libraries = {covering: SearchedLibrary.of(paths, fitted, covering=covering) for covering in (True, False)}
    found: Searches = {}
    for way, (covering, weighted) in WAYS.items():
        library = libraries[covering]
        ranked = library.by_whole_photo if way == WHOLE else partial(library.by_click, weighted=weighted)
        found[way] = list(library.searched.measure(ranked))
    return found


def gains(folds: Sequence[Searches], way: str, base: str, seed: int = 0) -> dict[str, Any]:
    """What a way gains in photo mAP: the mean over folds, each fold, and a 95 % interval by a paired bootstrap.

    The photos of each fold are drawn anew, with all clicks on them, because these are alike.
    """
    rng, each, drawn = np.random.default_rng(seed), list[float](), np.zeros(ROUNDS)
    for fold in folds:
        pairs = list(zip(fold[way], fold[base], strict=True))
        each.append(mean_over_classes(by_class((one.name, one.photos - other.photos) for one, other in pairs)))
        classes, rows = np.unique([one.name for one, _ in pairs], return_inverse=True)
        photos, places = np.unique([one.photo for one, _ in pairs], return_inverse=True)
        sums, counts = np.zeros((len(photos), len(classes))), np.zeros((len(photos), len(classes)))
        np.add.at(sums, (places, rows), [one.photos - other.photos for one, other in pairs])
        np.add.at(counts, (places, rows), 1)
        times = rng.multinomial(len(photos), np.full(len(photos), 1 / len(photos)), ROUNDS)
        with np.errstate(invalid="ignore"):  # a class of which no photo was drawn
            drawn += np.nanmean((times @ sums) / (times @ counts), axis=1) / len(folds)
    return {
        "gain": round(float(np.mean(each)), 4),
        "interval": [round(float(at), 4) for at in np.percentile(drawn, [2.5, 97.5])],
        "folds": [round(value, 4) for value in each],
    }


def summary(folds: Sequence[Searches]) -> dict[str, Any]:
    """Both measures of every way, means over folds with the spread, and the gain in photo mAP over whole photos."""
    found: dict[str, Any] = {"queries": sum(len(fold[CLICK]) for fold in folds)}
    for way in folds[0]:
        of_way: dict[str, Any] = {}
        for measure, name in (("photo mAP", "photos"), ("object mAP@.5", "objects")):
            tables = [by_class((each.name, getattr(each, name)) for each in fold[way]) for fold in folds]
            means = [mean_over_classes(table) for table in tables]
            of_way[measure] = [round(float(np.mean(means)), 4), *_spread(means)]
        if way == WHOLE:
            of_way.pop("object mAP@.5")
        else:
            of_way |= {"over whole photos": gains(folds, way, WHOLE)}
        if way not in (WHOLE, CLICK):
            of_way |= {"what the click gains over it": gains(folds, CLICK, way)}
        found[way] = of_way
    return found


def of_photos(found: Searches, chosen: Flags) -> Searches:
    """The searches for objects of some of the photos, (P,)."""
    return {way: [each for each in asked if chosen[each.photo]] for way, asked in found.items()}


def _spread(means: Sequence[float]) -> list[float]:
    return [round(float(np.std(means, ddof=1)), 4)] if len(means) > 1 else []


def kept(path: Path, search: Callable[[], Searches]) -> Searches:
    """What was searched, read from a file that is there, otherwise searched now and written."""
    if not path.is_file():
        told = {way: [asdict(each) for each in asked] for way, asked in search().items()}
        path.write_text(json.dumps(told), encoding="utf-8")
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {way: [Asked(**each) for each in asked] for way, asked in stored.items()}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Photos that are searched by what is fitted to others.

    Attributes
    ----------
    photos, learned : list of Path
        The photos, and the others.
    directions : ndarray of shape (1000, C), float32
        The classifier's words.
    """

    photos: list[Path]
    learned: list[Path]
    directions: Descriptors

    def __call__(self) -> Searches:
        """Fit, and search."""
        return searches(self.photos, refit(list(read(self.learned)), self.directions))


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--seed", default=0, show_default=True, help="Of the folds.")
@OUT
def main(data: Path, keep: Path, seed: int, out: Path | None) -> None:
    """Measure what a click gains over whole photos."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    photos, recipe = wanted_photos(data)["coco-dev"], unfitted("lite", "auto")
    own = described(recipe, {"coco-dev": photos}, keep)["coco-dev"]
    with np.load(own[0]) as first:
        directions = recipe.word_directions(first["descriptors"].shape[1])
    selected = json.loads((data / "splits.json").read_text(encoding="utf-8"))["coco-dev"]["select"]
    is_selected = np.isin([int(each.photo.path.stem) for each in photos], np.array(selected, int))
    numbers = fold_numbers(len(own), seed)
    found = {}
    halves = {SELECTED: is_selected, TRAINED: ~is_selected}
    for name, part in (halves | {str(number): numbers == number for number in range(FOLDS)}).items():
        apart, learned = ([own[row] for row in np.flatnonzero(which)] for which in (part, ~part))
        found[name] = kept(keep / f"{name}-seed-{seed}.json", HeldOut(apart, learned, directions))
    folds = [found[str(number)] for number in range(FOLDS)]
    unseen = [of_photos(each, is_selected[numbers == number]) for number, each in enumerate(folds)]
    figures = {
        "five folds": summary(folds),
        "five folds, clicks on photos that the boundary decoder has not seen": gains(unseen, CLICK, WHOLE),
        "selection part, by what is fitted to the training part": summary([found[SELECTED]]),
        "training part, by what is fitted to the selection part": summary([found[TRAINED]]),
    }
    report({"photos": len(own), **figures}, out)


if __name__ == "__main__":
    main()
