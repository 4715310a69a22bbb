"""Fit the probability that a photo shows a word: ``python -m training.fit_word_presence --data FOLDER``.

Every class name of ``coco-dev`` and every word of `RARE`, which no photo of it shows, is asked of every photo. The
directions of learned words are learned anew without each fold of photos, as the shipped ones are from all training
photos, so that no photo is scored by a direction that has seen it. Five folds by photo times five folds by word are
measured, each by weights that have seen neither; then the weights are fitted to all.

The factor of substituted words is fitted to training photos of ``caltech-dev``, whose folders say what they show.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.embed.projection import unit
from retrieval.embed.word_directions import word_directions
from retrieval.embed.word_presence import FEATURES, WordPresence, features, rivals
from retrieval.evaluation.absent_words import RARE
from retrieval.evaluation.calibration import expected_calibration_error
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.index.ranking import likely_from
from retrieval.recipes.lite import LiteRecipe, presence_path, recipe_spec
from retrieval.search.answer import LIKELY_CHANCE, SURE_CHANCE
from retrieval.text.lexicon import read_learned_words
from retrieval.text.reading import Term
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import Vectors

from .described_photos import Described, kept
from .photos import FOLDS, fold_numbers, training_photos

logger = logging.getLogger(__name__)
ICONIC = "caltech-dev"
"""The set whose folders say what is on a photo."""
CANDIDATES = (*FEATURES, "share")
"""Features that are tried: those that are used, and the share of the best score of a search."""
SUBSETS = ([0], [0, 1], [0, 2], [0, 1, 2])
"""Columns of `CANDIDATES` that are fitted together."""
CLASSES = 1000
"""Rows of the classifier among the words' vectors."""
PENALTY = 1e-4
LEAST = 0.05
"""The calibration error is over the probabilities from here on: those of nearly all photos are lower."""

SHOWN = 50
"""Results of each word among which weak ones are counted."""

LEAST_BEST = 1e-6
"""Shares are of a best score of at least this."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """Words asked of photos, W words and P photos.

    Attributes
    ----------
    candidates : ndarray of shape (W, P, 3), float64
        `CANDIDATES`; NaN where nothing is known of a word without the photo's fold.
    shows : ndarray of shape (W, P), bool
    """

    candidates: Floats
    shows: Flags

    @property
    def features(self) -> Floats:
        """Those that are used, (W, P, 2)."""
        return self.candidates[..., : len(FEATURES)]

    @property
    def is_present(self) -> Flags:
        """Which words some photo shows, (W,)."""
        return np.asarray(self.shows.any(axis=1), bool)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option(
    "--examples",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the vectors of the photos: read if they are there, written otherwise.",
)
@click.option("--recipe", "recipe_name", type=click.Choice(["lite", "lite-crops"]), default="lite", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, examples: Path | None, recipe_name: str, seed: int, device: str) -> None:
    """Measure folds, and write ``retrieval/data/RECIPE-presence.safetensors``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = cast("LiteRecipe", recipe_spec(recipe_name).build(device, None))
    words = recipe_spec(recipe_name).word_vectors
    if words is None:
        raise click.ClickException(f"the recipe {recipe_name} has no words")
    everyday = kept(examples, f"{recipe_name}-coco-dev", recipe, load_photos(data / "coco-dev"))
    iconic_photos = [AnnotatedPhoto(path, ()) for path in training_photos(data, {ICONIC: 2})]
    iconic = kept(examples, f"{recipe_name}-{ICONIC}", recipe, iconic_photos)
    folds = fold_numbers(len(everyday.kinds), seed)
    terms = terms_of(sorted({name for kinds in everyday.kinds for name in kinds.split(",") if name}))
    terms |= terms_of(RARE)
    unseen = ask(everyday, terms, [words_without(everyday, words, folds == fold) for fold in range(FOLDS)], folds)
    shipped = ask(everyday, terms, [words], np.zeros_like(folds))
    measure_folds(unseen, shipped, folds, seed)
    presence = fit(unseen.features, unseen.shows)
    elsewhere = terms_of(sorted({name for kinds in iconic.kinds for name in kinds.split(",")}))
    presence = with_factor(presence, iconic, elsewhere, words)
    presence.save(presence_path(recipe_name))
    logger.info(
        "%s: %s, bias %.3f, factor of substituted words %.3f",
        recipe_name,
        _weights(presence),
        presence.bias,
        presence.substituted,
    )


def terms_of(names: Sequence[str]) -> dict[str, Term]:
    """The names that are understood as one word each."""
    vocabulary = Vocabulary.load()
    readings = {name: vocabulary.read(name) for name in names}
    return {
        name: each.understood[0] for name, each in readings.items() if len(each.understood) == 1 and not each.unknown
    }


def words_without(photos: Described, words: Vectors, left_out: Flags) -> Vectors:
    """The directions of words, learned anew without some photos, (V, D); NaN for a word that only those show."""
    found = words.copy()
    kept = ~left_out[photos.region_owners]
    for row, synonyms in enumerate(read_learned_words(), CLASSES):
        is_named = photos.names == synonyms[0]
        if is_named.any():
            chosen = photos.regions[is_named & kept]
            found[row] = unit(chosen.mean(axis=0)) if len(chosen) else np.nan
    return found


def ask(photos: Described, terms: dict[str, Term], words: Sequence[Vectors], folds: NDArray[np.integer]) -> Asked:
    """Ask words of photos, each photo by the words' vectors of its fold."""
    scores = np.full((len(terms), len(photos.kinds)), np.nan)
    against = np.full_like(scores, np.nan)
    for fold, vectors in enumerate(words):
        rows = np.flatnonzero(folds[photos.owners] == fold)
        own, owners = photos.vectors[rows], photos.owners[rows]
        rival = rivals(own, vectors[np.isfinite(vectors).all(axis=1)])
        for number, term in enumerate(terms.values()):
            found = (own @ word_directions(vectors, term).T).max(axis=1)
            order = np.lexsort((-found, owners))
            shown, first = np.unique(owners[order], return_index=True)
            scores[number, shown] = found[order[first]]
            against[number, shown] = rival[order[first]]
    share = scores / np.maximum(np.nanmax(scores, axis=1, keepdims=True), LEAST_BEST)
    candidates = np.concatenate([features(scores, against), share[..., None]], axis=-1)
    return Asked(candidates, np.stack([photos.shows(name) for name in terms]))


def fit(values: Floats, shows: Flags) -> WordPresence:
    """Logistic regression; convex, and no step is random.

    Parameters
    ----------
    values : ndarray of shape (..., F), float64
        Features; rows with NaN are left out.
    shows : ndarray of shape (...), bool
    """
    is_known = np.isfinite(values).all(axis=-1)
    chosen, target = values[is_known], shows[is_known].astype(np.float64)
    mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
    design = torch.from_numpy(np.column_stack([(chosen - mean) / spread, np.ones(len(chosen))]))
    outcome = torch.from_numpy(target)
    solution = torch.zeros(design.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([solution], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(design @ solution, outcome)
        value = value + PENALTY * solution[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    scaled, bias = solution.detach().numpy()[:-1] / spread, float(solution.detach()[-1])
    return WordPresence(scaled.astype(np.float32), bias - float(scaled @ mean), 1.0)


def with_factor(presence: WordPresence, photos: Described, terms: dict[str, Term], words: Vectors) -> WordPresence:
    """The same with the factor of substituted words, and a log of how it does on photos of another set."""
    asked = ask(photos, terms, [words], np.zeros(len(photos.kinds), np.int64))
    chances = presence(asked.features)
    is_substituted = np.array([bool(term.substitutes) for term in terms.values()])
    is_learned = np.array([term.learned is not None for term in terms.values()])
    factor = float(min(1.0, asked.shows[is_substituted].sum() / chances[is_substituted].sum()))
    for kind, chosen in (("classes", ~is_learned & ~is_substituted), ("substituted words", is_substituted)):
        now = chances[chosen] * (factor if kind != "classes" else 1.0)
        logger.info(
            "%s, %d %s: F1 %.3f, by the share of the best score %.3f; mean probability %.3f, observed %.3f",
            *(ICONIC, chosen.sum(), kind, f_scores(now >= 0.5, asked.shows[chosen]).mean()),
            *(f_scores(by_share(asked.candidates[chosen, :, 0]), asked.shows[chosen]).mean(), now.mean()),
            asked.shows[chosen].mean(),
        )
    return WordPresence(presence.weights, presence.bias, factor)


def f_scores(marked: Flags, shows: Flags) -> Floats:
    """F1 of each word, (W,); 0 for one that no photo shows."""
    return np.asarray(2 * (marked & shows).sum(axis=1) / np.maximum(marked.sum(axis=1) + shows.sum(axis=1), 1))


def by_share(scores: Floats) -> Flags:
    """The photos that are likely by their share of the best score, (W, P)."""
    return np.stack([np.nan_to_num(each) >= likely_from(np.nan_to_num(each).astype(np.float32)) for each in scores])


def word_folds(asked: Asked, seed: int) -> NDArray[np.int64]:
    """The fold of each word, (W,); present and absent ones are divided alike."""
    found = np.zeros(len(asked.shows), np.int64)
    for kind in (asked.is_present, ~asked.is_present):
        found[kind] = fold_numbers(int(kind.sum()), seed)
    return found


def measure_folds(unseen: Asked, shipped: Asked, folds: NDArray[np.integer], seed: int) -> None:
    """Log means over folds of words, with their standard deviations; no fold's words or photos were fitted to.

    Substituted words are judged without their factor.
    """
    by_word = word_folds(unseen, seed)
    for title, asked in (("words that have not seen the photos", unseen), ("shipped words", shipped)):
        _log_rule(f"{title}, share of the best score", asked, by_share(asked.candidates[..., 0]), by_word)
        for columns in SUBSETS:
            chances = np.zeros(asked.shows.shape)
            for word_fold, photo_fold in np.ndindex(FOLDS, FOLDS):
                taught = np.ix_(by_word != word_fold, folds != photo_fold)
                judged = np.ix_(by_word == word_fold, folds == photo_fold)
                presence = fit(unseen.candidates[taught][..., columns], unseen.shows[taught])
                chances[judged] = presence(np.nan_to_num(asked.candidates[judged][..., columns]))
            name = ", ".join(CANDIDATES[column] for column in columns)
            _log_rule(f"{title}, fitted to {name}", asked, chances >= LIKELY_CHANCE, by_word)
            counted = chances[asked.is_present].ravel()
            is_some = counted >= LEAST
            error = expected_calibration_error(counted[is_some], asked.shows[asked.is_present].ravel()[is_some])
            logger.info("    expected calibration error of probabilities from %.2f on: %.3f", LEAST, error)
            if columns == list(range(len(FEATURES))):
                _log_certainty(asked, chances, by_word)


def _log_certainty(asked: Asked, chances: Floats, by_word: NDArray[np.integer]) -> None:
    """Log how many of the results are right that are called sure, likely, and, among the first ones, weak."""
    is_first = (-chances).argsort(axis=1).argsort(axis=1) < SHOWN
    bands = {
        "sure": chances >= SURE_CHANCE,
        "likely": (chances >= LIKELY_CHANCE) & (chances < SURE_CHANCE),
        f"weak, of the first {SHOWN}": is_first & (chances < LIKELY_CHANCE),
    }
    for name, chosen in bands.items():
        by_fold = [asked.shows[chosen & (by_word == fold)[:, None]].mean() for fold in range(FOLDS)]
        right, spread = asked.shows[chosen].mean(), np.std(by_fold, ddof=1)
        logger.info("    %s: %d results, right %.3f ± %.3f", name, chosen.sum(), right, spread)


def _log_rule(name: str, asked: Asked, marked: Flags, by_word: NDArray[np.integer]) -> None:
    """Log F1 over the words that are present, and the share of the others that mark no photo."""
    scores = f_scores(marked, asked.shows)
    is_none = np.asarray(~marked.any(axis=1), np.float64)
    parts = [
        [float(each[kind & (by_word == fold)].mean()) for fold in range(FOLDS)]
        for each, kind in ((scores, asked.is_present), (is_none, ~asked.is_present))
    ]
    shown = [f"{np.mean(part):.3f} ± {np.std(part, ddof=1):.3f}" for part in parts]
    logger.info(
        "%s: F1 of %d words %s, none for %d absent words %s",
        name,
        asked.is_present.sum(),
        shown[0],
        (~asked.is_present).sum(),
        shown[1],
    )


def _weights(presence: WordPresence) -> str:
    return ", ".join(f"{name} {weight:.3f}" for name, weight in zip(FEATURES, presence.weights, strict=True))


if __name__ == "__main__":
    main()
