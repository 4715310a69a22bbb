"""The probability that a photo shows the words that a search is for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..embed.word_presence import features, rivals
from ..index.protocols import SegmentIndex
from ..recipes import RecipeSpec
from ..types import Ids
from .answer import Match
from .combined_search import CombinedHit
from .plan import QueryTerm

SMALLEST = 1e-6
"""Scores that are not positive count as this."""


def chances(
    recipe: RecipeSpec,
    words: Sequence[QueryTerm],
    ids: Sequence[Ids] | NDArray[np.int64],
    scores: NDArray[np.float32],
    index: SegmentIndex,
) -> NDArray[np.float64] | None:
    """The probability of each hit, (N,); None without words, or if the recipe has no `WordPresence`.

    Of several words it is the geometric mean of theirs, as the score is of theirs: what is asked for together is often
    on the same photos, so that their product would be too small. What lowers a hit's score below that of its segments
    (colours, unwanted words, relations) lowers its probability by the same factor.

    Parameters
    ----------
    recipe : RecipeSpec
    words : sequence of QueryTerm
        All that the search is for.
    ids : sequence of ndarray of shape (N,), int64
        For each word, the segment that each hit has for it.
    scores : ndarray of shape (N,), float32
        Of the hits.
    index : SegmentIndex

    Notes
    -----
    O(N·V·D) for each word and V known words: some 6 µs a hit, a third of a millisecond for 50.
    """
    if recipe.word_presence is None or recipe.word_vectors is None or not words:
        return None
    found, plain = np.ones(len(scores)), np.ones(len(scores))
    for word, segments in zip(words, ids, strict=True):
        vectors = index.get(segments)
        own = (vectors @ word.directions.T).max(axis=1, initial=-1)
        values = features(own, rivals(vectors, recipe.word_vectors))
        found *= recipe.word_presence(values, is_substituted=word.is_substituted) ** (1 / len(words))
        plain *= np.maximum(own, SMALLEST) ** (1 / len(words))
    return np.asarray(found * np.clip(scores / plain, 0, 1), np.float64)


def combined_chances(
    recipe: RecipeSpec, words: Sequence[QueryTerm], hits: Sequence[CombinedHit], index: SegmentIndex
) -> NDArray[np.float64] | None:
    """The same of photos that contain several things."""
    if not hits:
        return None
    ids = np.array([[each.id for each in hit.segments] for hit in hits], np.int64)
    return chances(recipe, words, ids.T, np.array([hit.score for hit in hits], np.float32), index)


def may_be_followed(recipe: RecipeSpec, last: Match) -> bool:
    """Whether results that score less than this one of a single thing may be likely."""
    if last.probability is not None and recipe.word_presence is not None:
        return last.score >= recipe.word_presence.least_score
    return last.likely or last.fallback
