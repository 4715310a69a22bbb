"""Where a search by click loses: ``python -m benchmarks.click_losses --data DATA [--keep FILE]``.

The annotated masks of ``coco-dev`` take the place of the recipe's segments in the index, in the query, or in both, with
the recipe's vectors and with plain ones: the principal components of the same descriptors, fitted without labels to the
segments. Photos and segments are ranked by their inner products alone, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from indexer.bench.results import OUT, report
from retrieval.embed.projection import LinearMap
from retrieval.evaluation.collection import LEAST_OTHERS, RANKED
from retrieval.evaluation.datasets import load_photos
from retrieval.evaluation.metrics import by_class, match_greedily, mean_over_classes
from retrieval.index.ranking import average_precision
from retrieval.recipes.lite import LiteRecipe, recipe_spec
from retrieval.search.distinct import DUPLICATE_IOU
from retrieval.types import Vectors
from training.photos import FOLDS, fold_numbers

from .annotated_collection import AnnotatedCollection, Regions, kept

COMPONENTS = 256
FIT = 0.5
"""A segment finds an object from this IoU on."""
DEEP = 3
"""As many segments as are ranked, times this, are looked at, because overlapping ones are left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search that was measured.

    Attributes
    ----------
    name : str
        The class that was asked for.
    photo : int
        The photo of the example.
    photos, objects : float
        Average precision of photos, and of objects.
    """

    name: str
    photo: int
    photos: float
    objects: float


class Searched:
    """An index of regions of annotated photos.

    Parameters
    ----------
    collection : AnnotatedCollection
    regions : Regions
        Those of `collection` that are searched: its segments, or its objects.
    """

    def __init__(self, collection: AnnotatedCollection, regions: Regions) -> None:
        self.names, self.owners = collection.names, collection.objects.photos
        self.photos = regions.photos
        self.count = len(collection.files)
        self._fits = regions.fits
        near = np.packbits(regions.overlaps > DUPLICATE_IOU, axis=1, bitorder="little")
        self._near = [int.from_bytes(row.tobytes(), "little") for row in near]
        self._place = np.arange(len(regions)) - np.searchsorted(regions.photos, regions.photos)
        columns = np.arange(len(self.names)) - np.searchsorted(self.owners, self.owners)
        self._of_class: dict[str, NDArray[np.bool_]] = {}
        for name in np.unique(self.names).tolist():
            of_photo = np.zeros((self.count, self._fits.shape[1]), bool)
            chosen = self.names == name
            of_photo[self.owners[chosen], columns[chosen]] = True
            self._of_class[name] = of_photo

    def measure(self, score: Callable[[int], tuple[NDArray[Any], NDArray[Any]]]) -> Iterator[Asked]:
        """Ask for every object whose class enough other photos show.

        Parameters
        ----------
        score : callable
            Gives, for the row of an object, a score of each photo, (P,), and one of each region, (N,) or none.
        """
        shows = {name: np.unique(self.owners[self.names == name]) for name in self._of_class}
        for row, name in enumerate(track(self.names.tolist(), "searching", console=Console(stderr=True))):
            own, others = self.owners[row], len(shows[name]) - 1
            if others < LEAST_OTHERS:
                continue
            of_photos, of_regions = score(row)
            order = np.argsort(-of_photos, kind="stable")
            relevant = np.isin(order[order != own], shows[name])
            found = self.found(of_regions, name, int(own)) if len(of_regions) else np.zeros(0, bool)
            total = int(((self.names == name) & (self.owners != own)).sum())
            yield Asked(name, int(own), average_precision(relevant, others), average_precision(found, total))

    def best_of_photos(self, scores: NDArray[Any]) -> NDArray[Any]:
        """The highest score of each photo's regions, (P,)."""
        found = np.full(self.count, -np.inf, np.float32)
        np.maximum.at(found, self.photos, scores)
        return found

    def found(self, scores: NDArray[Any], name: str, own: int) -> NDArray[np.bool_]:
        """Which of the best regions outside a photo are the first to find an object of a class."""
        ranked = self.distinct(np.where(self.photos == own, -np.inf, scores))[:RANKED]
        fits = self._fits[ranked] * self._of_class[name][self.photos[ranked]]
        right, near = np.zeros(len(ranked), bool), np.flatnonzero(fits.max(axis=1) >= FIT)
        right[near] = match_greedily(list(zip(self.photos[ranked[near]].tolist(), fits[near], strict=True)), FIT)
        return right

    def distinct(self, scores: NDArray[Any]) -> NDArray[np.int64]:
        """Rows of the best regions, of those of a photo that overlap only the better one, as `search.distinct`."""
        depth = min(DEEP * RANKED, int((scores > -np.inf).sum()))
        best = np.argpartition(-scores, depth - 1)[:depth]
        order = best[np.argsort(-scores[best], kind="stable")]
        shown, chosen = dict[int, int](), list[int]()
        for row in order.tolist():
            photo, place = int(self.photos[row]), int(self._place[row])
            there = shown.get(photo, 0)
            if not self._near[row] & there:
                shown[photo] = there | 1 << place
                chosen.append(row)
        return np.array(chosen, np.int64)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of `coco-dev`.")
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An npz file of the described photos: read if it is there, written otherwise.",
)
@OUT
def main(data: Path, keep: Path | None, out: Path | None) -> None:
    """Compare annotated masks with the segments of `lite`, and its vectors with plain ones."""
    photos = load_photos(data / "coco-dev")
    recipe = cast("LiteRecipe", recipe_spec("lite").build("auto", None))
    collection = kept(keep, recipe, photos)
    figures = {
        f"{vectors}; index: {index}; query: {query}": summary(asked)
        for vectors, index, query, asked in compared(recipe, collection)
    }
    report({"photos": len(photos), "objects": len(collection.names), **figures}, out)


def compared(recipe: LiteRecipe, collection: AnnotatedCollection) -> Iterator[tuple[str, str, str, list[Asked]]]:
    """The searches of every combination of vectors, what is in the index, and what is asked with."""
    segments, objects = collection.segments, collection.objects
    plain = LinearMap.fit(segments.descriptors.astype(np.float32), COMPONENTS)
    for vectors, projection in (("lite", recipe.projection.segment), ("plain", plain)):
        ours = projection.apply(segments.descriptors.astype(np.float32))
        drawn = projection.apply(objects.descriptors.astype(np.float32))
        asking = {
            "annotated mask": drawn,
            "best segment": ours[collection.best],
            "picked segment": ours[collection.picked],
        }
        for index, regions, held in (("annotated masks", objects, drawn), ("segments", segments, ours)):
            searched = Searched(collection, regions)
            for query, examples in asking.items():
                yield vectors, index, query, list(searched.measure(_nearest(searched, held, examples)))


def _nearest(searched: Searched, held: Vectors, examples: Vectors) -> Callable[[int], tuple[Vectors, Vectors]]:
    def score(row: int) -> tuple[Vectors, Vectors]:
        scores = held @ examples[row]
        return searched.best_of_photos(scores), scores

    return score


def summary(asked: Sequence[Asked], seed: int = 0) -> dict[str, float]:
    """Both measures, means over the queries of a class, then over classes; with the spread over five folds by photo."""
    folds = fold_numbers(max(each.photo for each in asked) + 1, seed)
    parts = [[each for each in asked if folds[each.photo] == fold] for fold in range(FOLDS)]
    found = {"queries": float(len(asked))}
    for measure, row in (("photo mAP", 0), ("object mAP@.5", 1)):
        found[measure] = round(_means(asked)[row], 4)
        spread = np.std([_means(part)[row] for part in parts if part], ddof=1)
        found[f"{measure}, spread over folds"] = round(float(spread), 4)
    return found


def _means(asked: Sequence[Asked]) -> tuple[float, float]:
    photos = by_class((each.name, each.photos) for each in asked)
    return mean_over_classes(photos), mean_over_classes(by_class((each.name, each.objects) for each in asked))


if __name__ == "__main__":
    main()
