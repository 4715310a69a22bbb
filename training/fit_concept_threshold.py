"""Fit the threshold of concepts: ``python -m training.fit_concept_threshold --data FOLDER``.

Concepts are taught of the classes of ``coco-dev``: by one to ten segments of different photos alone, beside a first
example that they were searched with, or beside the class's name; with and without the best wrong results marked as
such; and in collections of 40, 120 and all photos. Of each, the cut with the highest F1 of the photos that show the
class is known. Five folds by class are measured, each by weights that have not seen its classes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
import numpy as np
from numpy.typing import NDArray

from retrieval.embed.concept_threshold import FEATURES, ConceptThreshold, features
from retrieval.embed.word_directions import word_directions
from retrieval.evaluation.datasets import load_photos
from retrieval.recipes.lite import LiteRecipe, recipe_spec, threshold_path
from retrieval.search.feedback import BACKGROUND, LabelledExamples, fit, left_out_scores
from retrieval.types import Vectors

from .described_photos import Described, kept
from .fit_word_presence import terms_of
from .photos import FOLDS, fold_numbers

logger = logging.getLogger(__name__)

STARTS = ("examples", "a first example", "a word")
"""What is searched with before anything is marked."""

COUNTS = (1, 2, 3, 5, 10)
"""Positive examples, each of another photo."""

SIZES = (40, 120, None)
"""Photos of a collection; None for all."""

DRAWS = 4
"""Concepts of each class, count, start and size."""

LOOKED_AT = 10
"""Photos among which wrong results are marked, at most as many as there are positive examples, or two."""

CUTS = np.linspace(0, 0.98, 99)
"""Thresholds that are tried."""

SHIFTS = np.linspace(-0.1, 0.2, 31)
"""What is added to the regression of the best cuts: F1 falls more slowly above its best cut than below."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """A concept in a collection.

    Attributes
    ----------
    category, start : str
    count : int
        Of positive examples.
    has_wrong : bool
    features : ndarray of shape (8,), float64
    f_scores : ndarray of shape (99,), float64
        F1 of the labelled photos at each of `CUTS`; photos of examples do not count.
    before : float
        The threshold that separates the examples from others.
    """

    category: str
    start: str
    count: int
    has_wrong: bool
    features: Floats
    f_scores: Floats
    before: float


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option(
    "--examples",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the vectors of the photos: read if they are there, written otherwise.",
)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, examples: Path | None, seed: int, device: str) -> None:
    """Measure folds, and write ``retrieval/data/lite-concepts.safetensors``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    spec = recipe_spec("lite")
    recipe = cast("LiteRecipe", spec.build(device, None))
    if spec.word_vectors is None:
        raise click.ClickException("the recipe has no words")
    photos = kept(examples, "lite-coco-dev", recipe, load_photos(data / "coco-dev"))
    cases = [case for start in STARTS for case in taught(photos, spec.word_vectors, start, seed)]
    measure_folds(cases, seed)
    threshold = regress(cases)
    threshold.save(threshold_path("lite"))
    weights = ", ".join(f"{name} {weight:.3f}" for name, weight in zip(FEATURES, threshold.weights, strict=True))
    logger.info("%s, bias %.3f", weights, threshold.bias)


def taught(photos: Described, words: Vectors, start: str, seed: int) -> Iterator[Case]:
    """Teach every class that enough photos show."""
    rng = np.random.default_rng(seed)
    classes = sorted({name for kinds in photos.kinds for name in kinds.split(",") if name})
    terms = terms_of(classes)
    for name in classes:
        owners = np.unique(photos.region_owners[photos.names == name])
        for _ in range(DRAWS):
            order = rng.permutation(owners)
            for count in COUNTS:
                if len(owners) < count + 2 or (start == "a word" and name not in terms):
                    continue
                relevant = np.stack([_region(photos, name, owner, rng) for owner in order[:count]])
                query = np.zeros((1, words.shape[1]), np.float32)
                if start != "examples":
                    query = relevant[:1] if start == "a first example" else word_directions(words, terms[name])
                for size in SIZES:
                    shown = _collection(photos.shows(name), order[:count], size, rng)
                    for has_wrong in (False, True):
                        case = Concept(photos, words, name, start, query, relevant, shown)
                        yield case.measured(has_wrong=has_wrong, rng=rng)


def _region(photos: Described, name: str, owner: int, rng: np.random.Generator) -> Vectors:
    """One of the regions of a photo that show a class."""
    rows = np.flatnonzero((photos.names == name) & (photos.region_owners == owner))
    region: Vectors = photos.regions[rng.choice(rows)]
    return region


def _collection(
    shows: NDArray[np.bool_], taken: NDArray[np.int64], size: int | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Photos beside those of the examples: at least two that show the class, at most a quarter; all for None."""
    rest = np.setdiff1d(np.arange(len(shows)), taken)
    if size is None:
        return rest
    right, others = rng.permutation(rest[shows[rest]]), rng.permutation(rest[~shows[rest]])
    chosen = right[: rng.integers(2, max(3, size // 4))]
    return np.sort(np.concatenate([chosen, others[: size - len(chosen)]]))


@dataclass(frozen=True, eq=False, slots=True)
class Concept:
    """A class that is taught by examples, in a collection of photos that none of them is from.

    Attributes
    ----------
    photos : Described
    words : ndarray of shape (V, D), float32
    name, start : str
    query : ndarray of shape (Q, D), float32
    relevant : ndarray of shape (P, D), float32
    shown : ndarray of shape (M,), int64
        The photos of the collection.
    """

    photos: Described
    words: Vectors
    name: str
    start: str
    query: Vectors
    relevant: Vectors
    shown: NDArray[np.int64]

    def measured(self, *, has_wrong: bool, rng: np.random.Generator) -> Case:
        """Teach it, with wrong results marked or not, and label the photos at every cut."""
        none = self.relevant[:0]
        wrong, hidden = self._wrong() if has_wrong else (none, self.shown[:0])
        here = np.isin(self.photos.owners, np.setdiff1d(self.shown, hidden))
        background = self.photos.vectors[rng.choice(np.flatnonzero(here), BACKGROUND)]
        judged = LabelledExamples(query=self.query, relevant=self.relevant, irrelevant=wrong, background=background)
        model = fit(judged)
        best = self._best_of_photos(model.directions, np.setdiff1d(self.shown, hidden))
        shows = self.photos.shows(self.name)[np.setdiff1d(self.shown, hidden)]
        labelled = best[None] >= CUTS[:, None]
        f_scores = 2 * (labelled & shows).sum(axis=1) / np.maximum(labelled.sum(axis=1) + shows.sum(), 1)
        scores = (wrong @ model.directions.T).max(axis=1, initial=-1)
        values = features(model.directions, self.words, left_out_scores(judged), scores)
        return Case(self.name, self.start, len(self.relevant), len(wrong) > 0, values, f_scores, model.threshold)

    def _wrong(self) -> tuple[Vectors, NDArray[np.int64]]:
        """The best segments of the first photos that do not show the class, and those photos."""
        judged = LabelledExamples(
            query=self.query, relevant=self.relevant, irrelevant=self.relevant[:0], background=self.relevant[:0]
        )
        directions = fit(judged).directions
        ranked = self.shown[np.argsort(-self._best_of_photos(directions, self.shown), kind="stable")][:LOOKED_AT]
        wrong = ranked[~self.photos.shows(self.name)[ranked]][: max(2, len(self.relevant))]
        found = []
        for owner in wrong:
            own = self.photos.vectors[self.photos.owners == owner]
            found.append(own[(own @ directions.T).max(axis=1).argmax()])
        return np.reshape(found, (-1, self.words.shape[1])).astype(np.float32), wrong

    def _best_of_photos(self, directions: Vectors, shown: NDArray[np.int64]) -> Floats:
        """The best score of each photo's segments, (M,)."""
        best = np.full(len(self.photos.kinds), -1.0)
        np.maximum.at(best, self.photos.owners, (self.photos.vectors @ directions.T).max(axis=1))
        return np.asarray(best[shown], np.float64)


def regress(cases: list[Case]) -> ConceptThreshold:
    """Least squares to the best cuts, shifted by what gives the highest mean F1."""
    values, f_scores = (np.stack([getattr(case, name) for case in cases]) for name in ("features", "f_scores"))
    is_best = f_scores >= f_scores.max(axis=1, keepdims=True) - 1e-9
    best = (is_best * CUTS).sum(axis=1) / is_best.sum(axis=1)
    solution = np.linalg.lstsq(np.column_stack([values, np.ones(len(values))]), best, rcond=None)[0]
    plain = values @ solution[:-1] + solution[-1]
    shift = max(SHIFTS, key=lambda shift: float(reached(f_scores, plain + shift).mean()))
    return ConceptThreshold(solution[:-1].astype(np.float32), float(solution[-1] + shift))


def reached(f_scores: Floats, thresholds: Floats) -> Floats:
    """F1 of each case at its threshold, (N,)."""
    columns = np.clip(np.searchsorted(CUTS, thresholds), 0, len(CUTS) - 1)
    return np.asarray(f_scores[np.arange(len(columns)), columns], np.float64)


def measure_folds(cases: list[Case], seed: int) -> None:
    """Log mean F1 over classes by kind of concept: separating the examples, fitted to other classes, and the best."""
    classes = sorted({case.category for case in cases})
    fold_of = dict(zip(classes, fold_numbers(len(classes), seed).tolist(), strict=True))
    folds = np.array([fold_of[case.category] for case in cases])
    thresholds = np.zeros(len(cases))
    for fold in range(FOLDS):
        threshold = regress([case for case, own in zip(cases, folds, strict=True) if own != fold])
        rows = np.flatnonzero(folds == fold)
        thresholds[rows] = threshold(np.stack([cases[row].features for row in rows]))
    f_scores = np.stack([case.f_scores for case in cases])
    rules = {
        "separating the examples": reached(f_scores, np.array([case.before for case in cases])),
        "fitted to other classes": reached(f_scores, thresholds),
        "the best cut": f_scores.max(axis=1),
    }
    for start in STARTS:
        for has_wrong in (False, True):
            for count in COUNTS:
                kind = np.array(
                    [(case.start, case.has_wrong, case.count) == (start, has_wrong, count) for case in cases]
                )
                if kind.any():
                    shown = ", ".join(f"{name} {values[kind].mean():.3f}" for name, values in rules.items())
                    marked = "wrong ones marked" if has_wrong else "none wrong"
                    logger.info("%s, %s, %d right: %d concepts, %s", start, marked, count, kind.sum(), shown)
    for name, values in rules.items():
        by_fold = [values[folds == fold].mean() for fold in range(FOLDS)]
        logger.info("all, %s: %.3f ± %.3f", name, np.mean(by_fold), np.std(by_fold, ddof=1))


if __name__ == "__main__":
    main()
