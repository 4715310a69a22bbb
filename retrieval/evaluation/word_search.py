"""Searches by words: how well photos are ranked, and which are marked likely, also where nothing shows the thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..index.ranking import average_precision
from ..query.request import SearchRequest
from ..search.engine import SearchEngine
from .absent_words import absent_words
from .datasets import AnnotatedPhoto

RANKED = 1000


@dataclass(frozen=True, slots=True)
class LikelyPhotos:
    """What is marked likely.

    Attributes
    ----------
    f1 : dict of str to float
        By class name that is understood: F1 of the likely photos among its first `RANKED`.
    is_none : dict of str to bool
        By word of which no photo shows a thing: whether no photo was likely.
    """

    f1: dict[str, float] = field(default_factory=dict)
    is_none: dict[str, bool] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Means in [0, 1]; nothing if no word was understood."""
        if not self.f1:
            return {}
        return {
            "words: F1 of the likely photos": float(np.mean(list(self.f1.values()))),
            "absent words: share without a likely photo": float(np.mean(list(self.is_none.values()))),
            "absent words": len(self.is_none),
        }


def by_word(
    engine: SearchEngine, holding: Mapping[int, AnnotatedPhoto], photos: Sequence[AnnotatedPhoto]
) -> tuple[dict[str, float], LikelyPhotos]:
    """Ask for every class by its name, and for what photos of everyday life hardly ever show.

    Parameters
    ----------
    engine : SearchEngine
    holding : dict of int to AnnotatedPhoto
        The photos that entered, by id.
    photos : sequence of AnnotatedPhoto
        All of them; one that did not enter counts as not found.

    Returns
    -------
    precisions : dict of str to float
        Average precision of photos by each class name that is understood.
    likely : LikelyPhotos
    """
    precisions: dict[str, float] = {}
    likely = LikelyPhotos()
    present = sorted({name for photo in photos for name in photo.categories})
    for category in present:
        answer = engine.search(SearchRequest(text=category, limit=RANKED))
        if answer.words is not None and answer.words.understood and not answer.words.unknown and answer.results:
            total = sum(category in photo.categories for photo in photos)
            right = np.array([category in holding[match.image_id].categories for match in answer.results], bool)
            marked = np.array([match.likely for match in answer.results], bool)
            precisions[category] = average_precision(right, total)
            likely.f1[category] = float(2 * (right & marked).sum() / (total + marked.sum()))
    for word in absent_words(present) if precisions else ():
        results = engine.search(SearchRequest(text=word, limit=RANKED)).results
        likely.is_none[word] = not any(match.likely for match in results)
    return precisions, likely
