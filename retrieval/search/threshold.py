"""The score from which on a segment is called relevant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..embed.concept_threshold import features
from ..recipes import RecipeSpec
from ..types import Vectors

Floats = NDArray[np.float64]

ThresholdRule = Callable[[Vectors, Floats, Floats], float]
"""From the directions of a model, the scores of its relevant segments without each of them, and those of its irrelevant
segments."""


def threshold_rule(recipe: RecipeSpec) -> ThresholdRule | None:
    """The recipe's own; None if it has none, or no words to compare with."""
    threshold, words = recipe.concept_threshold, recipe.word_vectors
    if threshold is None or words is None:
        return None
    return lambda directions, left_out, wrong: float(threshold(features(directions, words, left_out, wrong)))


def boundary(scores: Floats, relevant: NDArray[np.bool_]) -> float:
    """The threshold that separates relevant from other segments with the highest F1, in the middle of its gap.

    The highest score if nothing is relevant.

    Parameters
    ----------
    scores : ndarray of shape (N,), float
    relevant : ndarray of shape (N,), bool
    """
    order = np.argsort(-scores, kind="stable")
    falling, found = scores[order], np.cumsum(relevant[order])
    if not len(found) or not found[-1]:
        return float(falling[0]) if len(found) else 0.0
    harmonic = 2 * found / (np.arange(1, len(found) + 1) + found[-1])
    last = int(harmonic.argmax())
    return float(falling[last : last + 2].mean())
