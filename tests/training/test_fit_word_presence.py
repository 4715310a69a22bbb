"""Fitting the probability that a photo shows a word."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from retrieval.embed.projection import unit
from retrieval.embed.word_presence import WordPresence
from retrieval.recipes import recipe_spec
from retrieval.text.lexicon import read_learned_words
from training.fit_word_presence import (
    CLASSES,
    Asked,
    Described,
    ask,
    by_share,
    f_scores,
    fit,
    measure_folds,
    terms_of,
    with_factor,
    words_without,
)
from training.photos import fold_numbers

LEARNED = [words[0] for words in read_learned_words()]


def answers(words: int = 40, photos: int = 60) -> Asked:
    """A photo shows a word if half its score and half its lead, and some noise, are much; a third of words show nowhere."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, (words, photos, 3))
    shows = values[..., 0] + values[..., 1] + 0.2 * rng.standard_normal((words, photos)) > 1.4
    shows[::3] = False
    values[::3, :, :2] *= 0.6
    return Asked(values, shows)


def described(words: np.ndarray, photos: int = 30) -> Described:  # type: ignore[type-arg]
    """Every third photo shows a zebra, by a segment at its word; the others segments of no direction."""
    rng = np.random.default_rng(0)
    zebra = words[CLASSES + LEARNED.index("zebra")]
    vectors = unit(rng.standard_normal((photos, 4, words.shape[1])))
    is_zebra = np.arange(photos) % 3 == 0
    vectors[is_zebra, 0] = unit(zebra + 0.02 * rng.standard_normal((is_zebra.sum(), words.shape[1])))
    owners = np.repeat(np.arange(photos), 4)
    regions = np.flatnonzero(is_zebra)
    return Described(
        vectors.reshape(-1, words.shape[1]).astype(np.float32),
        owners,
        vectors[is_zebra, 0].astype(np.float32),
        regions,
        np.full(len(regions), "zebra"),
        np.where(is_zebra, "person,zebra", "person"),
    )


@pytest.fixture(scope="module")
def words() -> np.ndarray:  # type: ignore[type-arg]
    found = recipe_spec("lite").word_vectors
    assert found is not None
    return found


class TestFit:
    def test_it_learns_what_tells(self) -> None:
        asked = answers()
        presence = fit(asked.candidates, asked.shows)
        assert (presence.weights[:2] > 3 * abs(presence.weights[2])).all()

    def test_probabilities_are_as_often_right_as_they_say(self) -> None:
        asked = answers()
        chances = fit(asked.features, asked.shows)(asked.features)
        assert chances.mean() == pytest.approx(asked.shows.mean(), abs=1e-3)
        assert asked.shows[chances > 0.8].mean() > 0.7

    def test_what_is_not_known_is_left_out(self) -> None:
        asked = answers()
        with_gaps = asked.features.copy()
        with_gaps[:5] = np.nan
        np.testing.assert_allclose(
            fit(with_gaps, asked.shows).weights, fit(asked.features[5:], asked.shows[5:]).weights, rtol=1e-4
        )


def test_f1_and_the_share_of_the_best_score() -> None:
    shows = np.array([[True, True, False], [False, False, False]])
    assert f_scores(np.array([[True, False, True], [True, False, False]]), shows).tolist() == [0.5, 0]
    assert by_share(np.array([[0.9, 0.5, np.nan], [0.1, 0.1, 0.0]])).tolist() == [[True, False, False], [False] * 3]


def test_words_are_learned_without_the_photos_of_a_fold(words: np.ndarray) -> None:  # type: ignore[type-arg]
    photos = described(words)
    row = CLASSES + LEARNED.index("zebra")
    assert words_without(photos, words, np.zeros(30, bool))[row] @ words[row] > 0.9
    assert np.isnan(words_without(photos, words, np.arange(30) % 3 == 0)[row]).all()
    others = np.delete(np.arange(len(words)), row)
    np.testing.assert_array_equal(words_without(photos, words, np.zeros(30, bool))[others], words[others])


def test_photos_are_asked_by_the_words_of_their_folds(words: np.ndarray) -> None:  # type: ignore[type-arg]
    photos = described(words)
    terms = terms_of(["zebra", "accordion"])
    folds = fold_numbers(30)
    asked = ask(photos, terms, [words] * 5, folds)
    assert asked.candidates.shape == (2, 30, 3)
    assert asked.is_present.tolist() == [True, False]
    scores = asked.features[0, :, 0]
    assert scores[asked.shows[0]].min() > scores[~asked.shows[0]].max()
    blind = words.copy()
    blind[CLASSES + LEARNED.index("zebra")] = np.nan
    unknown = np.isnan(ask(photos, terms, [words] * 4 + [blind], folds).features[0]).all(axis=1)
    np.testing.assert_array_equal(unknown, folds == 4)


def test_names_of_several_things_are_not_asked() -> None:
    assert list(terms_of(["zebra", "car side", "zorblax"])) == ["zebra"]


def test_the_factor_is_how_often_substitutes_are_right(
    words: np.ndarray,  # type: ignore[type-arg]
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Okapis are searched by giraffes: of the photos that look like these, none shows one."""
    photos = described(words)
    presence = WordPresence(np.array([5, 5], np.float32), -4.0, 1.0)
    with caplog.at_level(logging.INFO):
        found = with_factor(presence, photos, terms_of(["okapi", "accordion"]), words)
    assert found.substituted == 0
    assert found.bias == presence.bias
    assert len(caplog.records) == 2


def test_folds_are_measured(caplog: pytest.LogCaptureFixture) -> None:
    asked = answers()
    with caplog.at_level(logging.INFO):
        measure_folds(asked, asked, fold_numbers(60), 0)
    lines = [record.getMessage() for record in caplog.records]
    assert sum("none for 14 absent words" in line for line in lines) == 2 * 5
    by_all = next(line for line in lines if "fitted to score, lead:" in line)
    assert float(by_all.split("F1 of 26 words ")[1][:5]) > 0.6
