"""The directions that a word is searched by, from its place in the vocabulary."""

from __future__ import annotations

import numpy as np

from ..text.reading import Term
from ..types import Vectors
from .projection import unit


def word_directions(vectors: Vectors, term: Term) -> Vectors:
    """The directions of a word, (R, D), float32; (0, D) if none of its rows is there.

    The rows of the classifier's classes that it stands for, each moved half way towards the direction learned from
    annotated photos, if there is one; for a word with substitutes, the mean of theirs by weight.

    Parameters
    ----------
    vectors : ndarray of shape (V, D), float32
        The recipe's: the classifier's rows, then those of learned words, which may be missing.
    term : Term
        No concept.
    """
    if term.substitutes:
        return _substituted(vectors, term)
    if term.learned is None or term.learned >= len(vectors):
        return vectors[list(term.rows)]
    learned = vectors[term.learned]
    return unit(vectors[list(term.rows)] + learned) if term.rows else learned[None]


def _substituted(vectors: Vectors, term: Term) -> Vectors:
    """The convex combination of the directions of a word's substitutes, (1, D); (0, D) if none is known here."""
    found = [(word_directions(vectors, each.term), each.weight) for each in term.substitutes]
    means = [unit(directions.mean(axis=0)) * weight for directions, weight in found if len(directions)]
    if not means:
        return np.zeros((0, vectors.shape[1]), np.float32)
    return unit(np.stack(means).sum(axis=0, keepdims=True))
