"""Photos that show two things, found by a click on each: a search for both beside a search for a blend."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.progress import track

from ..errors import QueryError
from ..index.ranking import average_precision
from ..processes.tables import Console
from ..query.request import Clause, Ref, SearchRequest
from ..search.engine import SearchEngine
from .datasets import AnnotatedPhoto
from .metrics import bootstrap_interval, mean_over_classes

RANKED = 1000
LEAST_OTHERS = 2
"""A pair of classes is asked for if at least this many other photos hold both."""


@dataclass(frozen=True, slots=True)
class Combination:
    """Average precision of each query, by pair of classes.

    Attributes
    ----------
    together : dict of str to list of float
        Photos ranked as holding both.
    blend : dict of str to list of float
        The same queries with both examples taken for one thing.
    """

    together: dict[str, list[float]] = field(default_factory=dict)
    blend: dict[str, list[float]] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Precisions in [0, 1]; nothing if there was nothing to ask."""
        if not self.together:
            return {}
        return {
            "two things: queries": sum(map(len, self.together.values())),
            "two things: photo mAP": mean_over_classes(self.together),
            "two things: photo mAP of a blend": mean_over_classes(self.blend),
            "two things: gain, 95 % interval": list(bootstrap_interval(self.together, self.blend)),
        }


def by_combination(
    engine: SearchEngine, holding: Mapping[int, AnnotatedPhoto], photos: Sequence[AnnotatedPhoto]
) -> Combination:
    """Search for every two classes that a photo shows, by the largest object of each.

    Parameters
    ----------
    engine : SearchEngine
    holding : dict of int to AnnotatedPhoto
        The photos that entered, by id.
    photos : sequence of AnnotatedPhoto
        All of them; one that did not enter counts as not found.
    """
    found = Combination()
    asked = list(_pairs(holding, photos))
    for image_id, name, points, others in track(asked, "two things", console=Console(stderr=True)):
        refs = [Ref(image=image_id, point=point) for point in points]
        right = {key for key, photo in holding.items() if set(name) <= photo.categories} - {image_id}
        requests = {
            "together": SearchRequest(positive=(refs[0],), also=(Clause(positive=(refs[1],)),), limit=RANKED),
            "blend": SearchRequest(positive=tuple(refs), limit=RANKED),
        }
        for kind, request in requests.items():
            try:
                results = engine.search(request).results
            except QueryError:
                results = ()
            hits = np.array([match.image_id in right for match in results], bool)
            getattr(found, kind).setdefault(" + ".join(name), []).append(average_precision(hits, others))
    return found


def _pairs(
    holding: Mapping[int, AnnotatedPhoto], photos: Sequence[AnnotatedPhoto]
) -> Iterator[tuple[int, tuple[str, str], list[tuple[int, int]], int]]:
    """Photo, classes, a point on the largest object of each, and how many other photos hold both."""
    for image_id, photo in holding.items():
        largest = {each.category: each for each in sorted(photo.objects, key=lambda each: each.area)}
        for one, other in itertools.combinations(sorted(largest), 2):
            others = sum({one, other} <= each.categories for each in photos) - 1
            if others >= LEAST_OTHERS:
                yield image_id, (one, other), [largest[one].pole(), largest[other].pole()], others
