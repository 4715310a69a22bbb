"""Examples moved towards the words that they look like."""

import numpy as np
import pytest

from retrieval.embed.projection import unit
from retrieval.embed.word_expansion import WORD_WEIGHT, towards_words

WORDS = np.eye(4, dtype=np.float32)[:3]


def test_an_example_moves_towards_the_word_it_looks_like() -> None:
    example = unit(np.array([[0.9, 0.1, 0, 0.4]]))
    (moved,) = towards_words(example, WORDS)
    np.testing.assert_allclose(moved, unit(example[0] + WORD_WEIGHT * WORDS[0]), atol=1e-4)
    assert np.linalg.norm(moved) == pytest.approx(1)


def test_one_that_looks_like_nothing_known_moves_less_than_one_that_does() -> None:
    unclear, clear = unit(np.array([[0.1, 0.1, 0.1, 1], [1, 0, 0, 0.5]]))
    first, second = towards_words(np.stack([unclear, clear]), WORDS)
    assert unclear @ first > 0.95
    assert second @ WORDS[0] > clear @ WORDS[0]


def test_each_example_by_itself() -> None:
    examples = unit(np.random.default_rng(0).normal(size=(5, 4)))
    each = np.concatenate([towards_words(row[None], WORDS) for row in examples])
    np.testing.assert_allclose(towards_words(examples, WORDS), each, atol=1e-6)


@pytest.mark.parametrize("words", [np.zeros((0, 4), np.float32)])
def test_without_words_examples_stay(words: np.ndarray) -> None:
    examples = unit(np.array([[1.0, 2, 3, 4]]))
    assert towards_words(examples, words) is examples
    assert len(towards_words(examples[:0], WORDS)) == 0
