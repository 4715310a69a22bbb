"""The fit of the threshold of concepts, on photos whose segments are drawn around words."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from retrieval.embed.concept_threshold import FEATURES
from retrieval.embed.projection import unit
from retrieval.recipes import recipe_spec
from training.described_photos import Described
from training.fit_concept_threshold import CUTS, STARTS, Case, measure_folds, reached, regress, taught

PHOTOS, CLASSES = 60, ("zebra", "giraffe", "banana")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def words() -> np.ndarray:  # type: ignore[type-arg]
    found = recipe_spec("lite").word_vectors
    assert found is not None
    return found


@pytest.fixture(scope="module")
def photos(words: np.ndarray) -> Described:  # type: ignore[type-arg]
    """Every photo shows one of three classes, by a segment near its direction."""
    rng = np.random.default_rng(0)
    dim = words.shape[1]
    vectors = unit(rng.standard_normal((PHOTOS, 4, dim)))
    kinds = np.array([CLASSES[number % 3] for number in range(PHOTOS)])
    centres = unit(rng.standard_normal((3, dim)))
    vectors[:, 0] = unit(centres[np.arange(PHOTOS) % 3] + 0.04 * rng.standard_normal((PHOTOS, dim)))
    flat = vectors.reshape(-1, dim).astype(np.float32)
    return Described(flat, np.repeat(np.arange(PHOTOS), 4), flat[::4], np.arange(PHOTOS), kinds, kinds)


@pytest.fixture(scope="module")
def cases(photos: Described, words: np.ndarray) -> list[Case]:  # type: ignore[type-arg]
    return [case for start in STARTS for case in taught(photos, words, start, 0)]


def test_classes_that_are_apart_can_be_cut_apart(cases: list[Case]) -> None:
    alone = [case for case in cases if case.start == "examples"]
    assert {case.category for case in alone} == set(CLASSES)
    assert np.mean([case.f_scores.max() for case in alone]) > 0.95


def test_wrong_results_are_of_other_classes_and_count_no_more(cases: list[Case]) -> None:
    marked = [case for case in cases if case.has_wrong]
    assert {case.features[-1] for case in marked} == {1.0}
    assert {case.features[-1] for case in cases if not case.has_wrong} == {0.0}
    assert len(marked) > len(cases) / 6


def test_the_regression_finds_cuts_that_classes_it_has_not_seen_can_use(cases: list[Case]) -> None:
    alone = [case for case in cases if case.start == "examples"]
    threshold = regress([case for case in alone if case.category != "zebra"])
    zebras = [case for case in alone if case.category == "zebra"]
    found = reached(
        np.stack([each.f_scores for each in zebras]), threshold(np.stack([each.features for each in zebras]))
    )
    assert found.mean() > 0.9


def test_a_threshold_between_two_cuts_is_read_at_the_higher() -> None:
    f_scores = np.arange(2 * len(CUTS), dtype=np.float64).reshape(2, -1)
    assert reached(f_scores, np.array([0.005, 2.0])).tolist() == [1, 2 * len(CUTS) - 1]


def test_the_same_seed_teaches_the_same(photos: Described, words: np.ndarray, cases: list[Case]) -> None:  # type: ignore[type-arg]
    again = next(taught(photos, words, STARTS[0], 0))
    assert again.f_scores.tolist() == cases[0].f_scores.tolist()
    assert again.features.tolist() == cases[0].features.tolist()


def test_folds_are_told(cases: list[Case], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    few = [replace(case, features=case.features[: len(FEATURES)]) for case in cases]
    names = [f"{case.category} {number % 4}" for number, case in enumerate(few)]
    measure_folds([replace(case, category=name) for case, name in zip(few, names, strict=True)], 0)
    assert caplog.messages[-1].startswith("all, the best cut: ")
    assert any(each.startswith("a word, wrong ones marked, 5 right: ") for each in caplog.messages)
