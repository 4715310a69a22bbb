"""Where a model says that segments are relevant: by the recipe's rule, or between the examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.embed.concept_threshold import FEATURES, ConceptThreshold
from retrieval.recipes import recipe_spec
from retrieval.search import feedback
from retrieval.search.feedback import LabelledExamples
from retrieval.search.threshold import boundary, threshold_rule

DIM = 8
EYE = np.eye(DIM, dtype=np.float32)
NOTHING = np.zeros((0, DIM), np.float32)


def by(feature: str) -> ConceptThreshold:
    """A threshold that is one of its features."""
    return ConceptThreshold(np.array([name == feature for name in FEATURES], np.float32), 0.0)


@pytest.fixture
def judged() -> LabelledExamples:
    """A query between two relevant segments, and one wrong segment."""
    return LabelledExamples(query=EYE[:1], relevant=EYE[:2], irrelevant=EYE[2:3], background=EYE[4:])


class TestThresholdRule:
    def test_a_recipe_without_one_separates_the_examples(self, judged: LabelledExamples) -> None:
        spec = recipe_spec("grid")
        assert threshold_rule(spec) is None
        assert threshold_rule(replace(spec, concept_threshold=by("wrong"))) is None  # it has no words
        assert threshold_rule(replace(spec, word_vectors=EYE)) is None

    @pytest.mark.parametrize("feature", ["word 1", "left out", "wrong"])
    def test_it_sees_the_model_that_ranks(self, judged: LabelledExamples, feature: str) -> None:
        rule = threshold_rule(replace(recipe_spec("grid"), concept_threshold=by(feature), word_vectors=EYE))
        model = feedback.fit(judged, rule)
        expected = {
            "word 1": (EYE @ model.directions.T).max(),
            "left out": feedback.left_out_scores(judged).mean(),
            "wrong": (judged.irrelevant @ model.directions.T).max(),
        }
        assert model.threshold == pytest.approx(expected[feature], abs=1e-6)
        assert model.directions.tolist() == feedback.fit(judged).directions.tolist()

    def test_without_a_relevant_segment_the_judgements_are_separated(self, judged: LabelledExamples) -> None:
        rule = threshold_rule(replace(recipe_spec("grid"), concept_threshold=by("word 1"), word_vectors=EYE))
        refused = replace(judged, relevant=NOTHING)
        assert feedback.fit(refused, rule).threshold == feedback.fit(refused).threshold

    def test_one_example_labels_others_like_it(self) -> None:
        """Separating it from everything else would leave only itself."""
        words = recipe_spec("lite").word_vectors
        assert words is not None
        rng = np.random.default_rng(0)
        near = words[281] + 0.06 * rng.standard_normal((20, words.shape[1])).astype(np.float32)
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        examples = LabelledExamples(
            query=np.zeros_like(near[:1]), relevant=near[:1], irrelevant=near[:0], background=words[900:1000]
        )
        plain, ruled = feedback.fit(examples), feedback.fit(examples, threshold_rule(recipe_spec("lite")))
        scores = near[1:] @ ruled.directions[0]
        assert (scores >= plain.threshold).sum() < (scores >= ruled.threshold).sum()
        assert (words[900:1000] @ ruled.directions[0] >= ruled.threshold).mean() < 0.05


@pytest.mark.parametrize(
    ("scores", "relevant", "expected"),
    [
        ([0.9, 0.8, 0.2, 0.1], [True, True, False, False], 0.5),
        ([0.1, 0.9, 0.5, 0.7], [False, True, False, False], 0.8),
        ([0.9, 0.8], [True, True], 0.8),
        ([0.4, 0.6], [False, False], 0.6),
        ([], [], 0.0),
    ],
)
def test_boundaries(scores: list[float], relevant: list[bool], expected: float) -> None:
    assert boundary(np.array(scores), np.array(relevant, bool)) == pytest.approx(expected)
