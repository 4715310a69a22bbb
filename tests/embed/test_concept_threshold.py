"""The threshold of concepts: its features, its file, and what the fitted one says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from retrieval.embed.concept_threshold import FEATURES, ConceptThreshold, features
from retrieval.embed.projection import unit
from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.recipes import recipe_spec
from retrieval.recipes.lite import threshold_path

SOUND = {"weights": np.arange(8.0), "bias": [0.25]}
NONE = np.zeros(0)


class TestFeatures:
    def test_they_are_in_the_order_of_their_names(self) -> None:
        words = np.diag(np.arange(1, 31) / 100).astype(np.float32)
        direction = np.ones((1, 30), np.float32)
        found = features(direction, words, np.array([0.5, 0.25]), np.array([0.125, 0.75]))
        assert found == pytest.approx([np.log(2), 0, 0.375, 0.30, 0.26, 0.11, 0.75, 1], abs=1e-6)

    def test_a_single_example_has_nothing_left_out(self) -> None:
        found = features(np.eye(1, 4, dtype=np.float32), np.eye(4, dtype=np.float32), np.array([0.9]), NONE)
        assert found.tolist() == [0, 1, 0, 1, 0, 0, 0, 0]

    def test_of_few_words_the_last_counts(self) -> None:
        found = features(np.eye(1, 2, dtype=np.float32), np.eye(2, dtype=np.float32), np.array([0.9]), NONE)
        assert found[3:6].tolist() == [1, 0, 0]

    def test_the_nearest_of_several_directions_counts(self) -> None:
        found = features(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), np.array([0.9]), NONE)
        assert found[3:6].tolist() == [1, 1, 1]


class TestFittedThreshold:
    @pytest.fixture
    def threshold(self) -> ConceptThreshold:
        return ConceptThreshold.load(threshold_path("lite"))

    def test_lite_has_it_and_recipes_without_words_do_not(self) -> None:
        assert recipe_spec("lite").concept_threshold is not None
        assert recipe_spec("grid").concept_threshold is None

    @pytest.mark.parametrize("count", [1, 2, 5, 10])
    def test_a_concept_near_a_word_is_cut_between_its_examples_and_everything_else(
        self, threshold: ConceptThreshold, count: int
    ) -> None:
        words = recipe_spec("lite").word_vectors
        assert words is not None
        rng = np.random.default_rng(0)
        examples = unit(words[281] + 0.05 * rng.normal(size=(count, words.shape[1])).astype(np.float32))
        direction = unit(examples.sum(axis=0, keepdims=True))
        cut = float(threshold(features(direction, words, (examples @ direction.T).ravel(), NONE)))
        assert float((examples @ direction.T).min()) > cut
        others = unit(rng.normal(size=(1000, words.shape[1])).astype(np.float32))
        assert float((others @ direction.T).max()) < cut

    def test_alike_examples_are_cut_higher(self, threshold: ConceptThreshold) -> None:
        words = recipe_spec("lite").word_vectors
        assert words is not None
        cuts = [float(threshold(features(words[:1], words, np.full(5, alike), NONE))) for alike in (0.2, 0.5, 0.8)]
        assert cuts == sorted(set(cuts))

    def test_the_higher_a_wrong_result_the_higher_the_cut(self, threshold: ConceptThreshold) -> None:
        words = recipe_spec("lite").word_vectors
        assert words is not None
        cuts = [
            float(threshold(features(words[:1], words, np.full(5, 0.5), np.array([wrong]))))
            for wrong in (0.3, 0.5, 0.7)
        ]
        assert cuts == sorted(set(cuts))


class TestFile:
    def test_it_reads_what_it_wrote(self, tmp_path: Path) -> None:
        ConceptThreshold(np.arange(8, dtype=np.float32), -0.5).save(tmp_path / "threshold")
        found = ConceptThreshold.load(tmp_path / "threshold")
        assert (found.weights.tolist(), found.bias) == (list(range(8)), -0.5)

    def test_it_stays_between_the_least_and_the_highest_cosine(self) -> None:
        threshold = ConceptThreshold(np.full(8, 3, np.float32), 0.0)
        assert threshold(np.stack([np.full(8, 1.0), np.full(8, -1.0)])).tolist() == [1, -1]

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsMissingError):
            ConceptThreshold.load(tmp_path / "none")

    @pytest.mark.parametrize(
        "change", [{"weights": np.zeros(7)}, {"bias": [np.nan]}, {"bias": [0.0, 1.0]}, {"weights": [np.inf] * 8}]
    )
    def test_unsound_numbers(self, tmp_path: Path, change: dict[str, object]) -> None:
        self._write(tmp_path / "threshold", {**SOUND, **change})
        with pytest.raises(WeightsCorruptError, match=f"must hold {len(FEATURES)} weights and a bias"):
            ConceptThreshold.load(tmp_path / "threshold")

    def test_another_file(self, tmp_path: Path) -> None:
        self._write(tmp_path / "threshold", {"weights": np.zeros(8)})
        with pytest.raises(WeightsCorruptError, match="holds no concept threshold"):
            ConceptThreshold.load(tmp_path / "threshold")

    def _write(self, path: Path, numbers: dict[str, object]) -> None:
        save_file({name: np.asarray(each, np.float32) for name, each in numbers.items()}, path)
