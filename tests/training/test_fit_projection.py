"""The projection and its words, on descriptors made by hand."""

import click
import numpy as np
import pytest

from retrieval.embed.projection import unit
from retrieval.text.lexicon import read_learned_words
from training.fit_projection import Lengths, check_words, fitted, learned_words


def test_a_word_is_the_mean_of_its_objects_under_either_spelling() -> None:
    vectors = np.eye(4, dtype=np.float32)
    found = learned_words(vectors, ["sofa", "couch", "dog", "no word"])
    row = [words[0] for words in read_learned_words()].index("couch")
    np.testing.assert_allclose(found[row], [0.5**0.5, 0.5**0.5, 0, 0], atol=1e-6)


def test_words_without_objects_are_zero_and_refused() -> None:
    found = learned_words(np.eye(1, 4, dtype=np.float32), ["couch"])
    assert found.any(axis=1).sum() == 1
    with pytest.raises(click.ClickException, match="no training photo holds a"):
        check_words(found)
    check_words(np.ones_like(found))


def test_classes_are_told_apart_by_what_varies_between_them() -> None:
    rng = np.random.default_rng(0)
    names = ["couch", "person"] * 20
    objects = rng.normal(0, [1, 1, 0.1], (40, 3)).astype(np.float32)
    objects[:, 2] += np.array([1.0, -1.0] * 20, np.float32)
    lengths = Lengths(segment=3, photo=2)
    found = fitted([objects], [objects], names, objects, np.ones((2, 3), np.float32), lengths)
    plain, vectors = unit(objects - objects.mean(axis=0)), found.segment.apply(objects)
    assert (vectors[::2] @ vectors[::2].T).mean() > (plain[::2] @ plain[::2].T).mean() + 0.2
    assert (vectors[::2] @ vectors[1::2].T).mean() < (plain[::2] @ plain[1::2].T).mean() - 0.2
    assert found.photo.components.shape == (3, 2)
    assert len(found.word_vectors) == 2 + len(read_learned_words())
