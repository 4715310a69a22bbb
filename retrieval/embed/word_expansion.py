"""Examples moved towards the words that they look like.

References
----------
Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014, section 3 (the convex
combination of classes); Carpineto and Romano, "A Survey of Automatic Query Expansion in Information Retrieval", ACM
Computing Surveys 2012, section 3.
"""

from __future__ import annotations

import numpy as np

from ..types import Vectors
from .projection import unit

SHARPNESS = 20.0
"""A word whose cosine with the example is greater by a twentieth counts e times as much."""


WORD_WEIGHT = 0.5
"""Weight of the words beside the example."""


def towards_words(examples: Vectors, words: Vectors) -> Vectors:
    """Each example plus half the mean of all words by a softmax of their cosines with it; (N, D), of unit length.

    An example that looks like one word, or like words that are alike, moves a third of the way towards it. The words
    of one that looks like nothing known point in many directions, so that their mean is short and moves it little.

    Parameters
    ----------
    examples : ndarray of shape (N, D), float32
    words : ndarray of shape (W, D), float32
        None of them, W = 0, leave the examples as they are.

    Notes
    -----
    O(N·W·D): .3 ms an example for 1,114 words of 256 dimensions, on one core.
    """
    if not len(words) or not len(examples):
        return examples
    logits = SHARPNESS * (examples @ words.T)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return unit(examples + WORD_WEIGHT * (chances @ words))
