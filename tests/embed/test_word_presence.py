"""The probability that a photo shows a word: its features, its file, and what the fitted one says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from retrieval.embed.projection import unit
from retrieval.embed.word_presence import FEATURES, RIVAL, WordPresence, features, rivals
from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.recipes import recipe_spec
from retrieval.recipes.lite import presence_path
from retrieval.text.vocabulary import Vocabulary

SOUND = {"weights": [1.0, 2.0], "bias": [-3.0], "substituted": [0.5]}


class TestFeatures:
    def test_the_rival_is_the_fifth_nearest_word(self) -> None:
        vocabulary = np.eye(8, dtype=np.float32)
        vectors = np.arange(16, dtype=np.float32).reshape(2, 8)
        assert rivals(vectors, vocabulary).tolist() == [8 - RIVAL, 16 - RIVAL]

    def test_of_few_words_it_is_the_last(self) -> None:
        assert rivals(np.array([[0.1, 0.7]], np.float32), np.eye(2, dtype=np.float32)).tolist() == [np.float32(0.1)]

    def test_nothing_has_none(self) -> None:
        assert rivals(np.zeros((0, 2), np.float32), np.eye(2, dtype=np.float32)).shape == (0,)

    def test_score_and_lead(self) -> None:
        found = features(np.array([0.5, 0.25]), np.array([0.25, 0.5]))
        assert found.tolist() == [[0.5, 0.25], [0.25, -0.25]]


class TestFittedPresence:
    @pytest.fixture
    def presence(self) -> WordPresence:
        return WordPresence.load(presence_path("lite"))

    def test_lite_has_it_and_recipes_without_words_do_not(self) -> None:
        assert recipe_spec("lite").word_presence is not None
        assert recipe_spec("grid").word_presence is None

    def test_it_is_sound(self, presence: WordPresence) -> None:
        assert (presence.weights > 0).all()
        assert 0 < presence.substituted < 1

    def test_it_rises_with_the_score(self, presence: WordPresence) -> None:
        scores = np.linspace(-1, 1, 201)
        chances = presence(features(scores, np.full(201, 0.3)))
        assert (np.diff(chances) > 0).all()
        assert 0 <= chances[0] < 0.01
        assert 0.99 < chances[-1] <= 1

    def test_below_the_least_score_nothing_is_likely(self, presence: WordPresence) -> None:
        least = presence.least_score
        assert 0 < least < 0.5
        scores, rival = np.meshgrid(np.linspace(-1, least - 1e-6, 50), np.linspace(0, 1, 20))
        assert presence(features(scores, rival)).max() < 0.5
        assert presence(features(np.array([least + 1e-6]), np.zeros(1)))[0] > 0.5

    def test_it_falls_the_more_other_words_fit(self, presence: WordPresence) -> None:
        chances = presence(features(np.full(50, 0.4), np.linspace(0, 0.8, 50)))
        assert (np.diff(chances) < 0).all()

    def test_substituted_words_are_less_sure(self, presence: WordPresence) -> None:
        values = features(np.array([0.9]), np.array([0.2]))
        assert presence(values, is_substituted=True) == pytest.approx(presence.substituted * presence(values))

    def test_a_direction_unrelated_to_everything_is_likely_nowhere(self, presence: WordPresence) -> None:
        """Segments that look like known words, and a direction drawn at random."""
        words = recipe_spec("lite").word_vectors
        assert words is not None
        rng = np.random.default_rng(0)
        segments = unit(words + 0.1 * rng.standard_normal(words.shape))
        for direction in unit(rng.standard_normal((20, words.shape[1]))):
            scores = segments @ direction
            assert presence(features(scores, rivals(segments, words))).max() < 0.5

    def test_segments_that_look_like_a_word_are_likely(self, presence: WordPresence) -> None:
        words = recipe_spec("lite").word_vectors
        assert words is not None
        (term,) = Vocabulary.load().read("accordion").understood
        segment = words[list(term.rows)]
        values = features(np.ones(1), rivals(segment, words))
        assert presence(values)[0] > 0.9


class TestFile:
    def test_what_is_saved_is_read(self, tmp_path: Path) -> None:
        WordPresence(np.array([1, 2], np.float32), -0.5, 0.75).save(tmp_path / "presence")
        found = WordPresence.load(tmp_path / "presence")
        assert (found.weights.tolist(), found.bias, found.substituted) == ([1, 2], -0.5, 0.75)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsMissingError, match="presence is missing: restore it"):
            WordPresence.load(tmp_path / "presence")

    def test_any_other_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "presence").write_text("no")
        with pytest.raises(WeightsCorruptError, match="restore it"):
            WordPresence.load(tmp_path / "presence")

    @pytest.mark.parametrize(
        "changed",
        [
            {"weights": [1.0]},
            {"weights": [1.0, np.nan]},
            {"weights": [1.0, -1.0]},
            {"bias": [np.inf]},
            {"bias": [0.0, 0.0]},
            {"substituted": [1.5]},
            {"substituted": [-0.1]},
            {"substituted": None},
        ],
        ids=str,
    )
    def test_wrong_numbers_are_refused(self, tmp_path: Path, changed: dict[str, list[float] | None]) -> None:
        numbers = {name: value for name, value in (SOUND | changed).items() if value is not None}
        save_file({name: np.array(value, np.float32) for name, value in numbers.items()}, tmp_path / "presence")
        with pytest.raises(WeightsCorruptError, match="restore it"):
            WordPresence.load(tmp_path / "presence")


def test_there_is_a_weight_for_each_feature() -> None:
    assert len(FEATURES) == len(WordPresence.load(presence_path("lite")).weights)
