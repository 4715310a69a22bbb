"""How well photos are ranked by a word, with words learned without the photo's fold, and what else was tried.

::

    python -m benchmarks.word_ranking --data FOLDER [--examples DIR] [--seed S] [--out FILE]

FOLDER holds ``coco-dev``. Its 80 class names are asked of all 393 photos; the directions of learned words are learned
anew for each of five folds without its photos, so a class that only one fold shows is not found there by what it looks
like. Photo mAP, over the known names and over all, is given twice: over all photos together, each by its fold's words,
and as the mean over the folds by themselves, with the standard deviation. DIR is that of `training.fit_word_presence`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import click
import numpy as np
from numpy.typing import NDArray

from indexer.bench.results import OUT, report
from retrieval.embed.projection import unit
from retrieval.embed.word_directions import word_directions
from retrieval.embed.word_presence import rivals
from retrieval.evaluation.collection import KNOWN_NAMES
from retrieval.evaluation.datasets import load_photos
from retrieval.index.ranking import average_precision
from retrieval.recipes.lite import LiteRecipe, recipe_spec
from retrieval.text.reading import Term
from retrieval.types import Vectors
from training.described_photos import Described, kept
from training.fit_word_presence import terms_of, words_without
from training.photos import FOLDS, fold_numbers

Floats = NDArray[np.float64]
WORST = 20
"""So many classes of the lowest precision are listed."""

POOLED: dict[str, Callable[[Floats, Floats, float], float]] = {
    "best segment": lambda scores, _lead, _whole: scores.max(),
    "best segment, score + lead": lambda scores, lead, _whole: (scores + lead).max(),
    "mean of the best two": lambda scores, _lead, _whole: np.sort(scores)[-2:].mean(),
    "mean of the best five": lambda scores, _lead, _whole: np.sort(scores)[-5:].mean(),
    "log-sum-exp, temperature .05": lambda scores, _lead, _whole: np.logaddexp.reduce(scores / 0.05),
    "best segment + .2 of the mean of all": lambda scores, _lead, whole: scores.max() + 0.2 * whole,
    "best segment, score + lead, + .2 of the mean of all": lambda scores, lead, whole: (
        (scores + lead).max() + 0.2 * whole
    ),
}
"""A photo's score from those of its segments, their leads over the fifth best word, and that of their mean."""


def ranked(
    photos: Described, terms: Mapping[str, Term], words: Vectors, fold: NDArray[np.integer]
) -> dict[str, Floats]:
    """Scores of all photos for each word by each way of `POOLED`, (W, P); minus infinity where nothing is known."""
    found = {way: np.full((len(terms), len(photos.kinds)), -np.inf) for way in POOLED}
    for number in range(FOLDS):
        directions = words_without(photos, words, fold == number)
        known = directions[np.isfinite(directions).all(axis=1)]
        rows = {photo: np.flatnonzero(photos.owners == photo) for photo in np.flatnonzero(fold == number)}
        for photo, own in rows.items():
            if not len(own):
                continue
            vectors = photos.vectors[own]
            mean, rival = unit(vectors.mean(axis=0, keepdims=True)), rivals(vectors, known)
            for word, term in enumerate(terms.values()):
                asked = word_directions(directions, term)
                if not len(asked) or not np.isfinite(asked).all():
                    continue
                scores = (vectors @ asked.T).max(axis=1).astype(np.float64)
                whole = float((mean @ asked.T).max())
                for way, pool in POOLED.items():
                    found[way][word, photo] = pool(scores, scores - rival, whole)
    return found


def precisions(scores: Floats, shows: NDArray[np.bool_]) -> Floats:
    """Average precision by word, (W,), of scores and of what is shown, (W, P); NaN where no photo shows it."""
    order = np.argsort(-scores, axis=1, kind="stable")
    right = np.take_along_axis(shows, order, axis=1)
    return np.array([average_precision(each, int(each.sum())) if each.any() else np.nan for each in right])


def figures_of(scores: Floats, shows: NDArray[np.bool_], is_known: NDArray[np.bool_], fold: NDArray[np.integer]) -> Any:
    """Photo mAP over the known names and over all."""
    together = precisions(scores, shows)
    by_fold = np.array([precisions(scores[:, fold == each], shows[:, fold == each]) for each in range(FOLDS)])
    found: dict[str, Any] = {}
    for name, chosen in (("known names", is_known), ("all names", np.ones_like(is_known))):
        means = np.nanmean(by_fold[:, chosen], axis=1)
        found[name] = {
            "all photos": round(float(together[chosen].mean()), 3),
            "folds": f"{means.mean():.3f} ± {means.std(ddof=1):.3f}",
        }
    return found


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--examples", type=click.Path(file_okay=False, path_type=Path), help="A folder for the photos' vectors.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
@OUT
def main(data: Path, examples: Path | None, seed: int, device: str, out: Path | None) -> None:
    """Measure the ranking of photos by words."""
    spec = recipe_spec("lite")
    if spec.word_vectors is None:
        raise click.ClickException("the recipe lite has no words")
    recipe = cast("LiteRecipe", spec.build(device, None))
    photos = kept(examples, "lite-coco-dev", recipe, load_photos(data / "coco-dev"))
    terms = terms_of(sorted({name for kinds in photos.kinds for name in kinds.split(",") if name}))
    shows = np.stack([photos.shows(name) for name in terms])
    fold, is_known = fold_numbers(len(photos.kinds), seed), np.array([name in KNOWN_NAMES for name in terms])
    scores = ranked(photos, terms, spec.word_vectors, fold)
    unlearned = {
        "shipped words, which have seen half of the photos": scores_of_shipped(photos, terms, spec.word_vectors)
    }
    ways = {way: figures_of(each, shows, is_known, fold) for way, each in (scores | unlearned).items()}
    own = dict(zip(terms, precisions(scores["best segment"], shows).round(2).tolist(), strict=True))
    worst = dict(sorted(own.items(), key=lambda each: each[1])[:WORST])
    report({"words": len(terms), "known": int(is_known.sum()), "photo mAP": ways, "lowest": worst}, out)


def scores_of_shipped(photos: Described, terms: Mapping[str, Term], words: Vectors) -> Floats:
    """The best segment's score of each photo by the shipped words, (W, P)."""
    found = np.full((len(terms), len(photos.kinds)), -np.inf)
    for word, term in enumerate(terms.values()):
        np.maximum.at(found[word], photos.owners, (photos.vectors @ word_directions(words, term).T).max(axis=1))
    return found


if __name__ == "__main__":
    main()
