"""Several searches that are answered together: those that only look for the nearest of all segments share one pass."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from ..errors import RetrievalError
from ..index.protocols import BatchIndex, IndexQuery, SegmentIndex
from ..index.ranking import Scored
from ..query.request import SearchRequest
from .answer import SearchAnswer
from .plan import QueryPlan, understand
from .resolver import QueryResolver

LEAST_WEIGHTED = 300
"""At least so many of the nearest segments are weighted by their quality."""


class Answering(Protocol):
    """Answers a search that is understood.

    `started` is when it began, and `first` what its `first_look` found, if it was looked for already.
    """

    def __call__(
        self, request: SearchRequest, understood: QueryPlan, started: float, first: Scored | None = None
    ) -> SearchAnswer:
        """Answer it."""
        ...


def first_look(request: SearchRequest, understood: QueryPlan, depth: int) -> tuple[int, int, bool]:
    """How a search for a single thing begins.

    Parameters
    ----------
    request : SearchRequest
    understood : QueryPlan
    depth : int
        How many matches are looked for.

    Returns
    -------
    enough : int
        With fewer results the search goes on, deeper.
    k : int
        How many segments the index is asked for.
    grouped : bool
        Whether only the best of each photo.
    """
    has_colors, has_unwanted = bool(understood.things[0].colors), bool(understood.unwanted)
    is_weighted = bool(understood.examples)
    grouped = request.group_by == "image" and not (has_colors or is_weighted)
    enough = request.limit if has_colors or has_unwanted or is_weighted else depth
    least = LEAST_WEIGHTED if is_weighted else 0
    times = 12 if has_colors else 6 if is_weighted else 4 if has_unwanted else 1 if grouped else 3
    return enough, max(least, times * enough), grouped


def search_batch(
    lookup: QueryResolver, index: SegmentIndex, requests: Sequence[SearchRequest], answer: Answering
) -> list[SearchAnswer | RetrievalError]:
    """The answer to each search, or the error of one that cannot be answered.

    Parameters
    ----------
    lookup : QueryResolver
    index : SegmentIndex
    requests : sequence of SearchRequest
    answer : Answering

    Notes
    -----
    An index that is a `BatchIndex` is asked once for all searches for a single thing without filters and facets; the
    others, and those that need to look deeper, ask it by themselves. `SearchAnswer.took_ms` counts what a search took
    alone, and its share of the pass over the index.
    """
    started, plans = time.perf_counter(), dict[int, QueryPlan]()
    answers: list[SearchAnswer | RetrievalError | None] = [None] * len(requests)
    for row, request in enumerate(requests):
        try:
            plans[row] = understand(lookup, request)
        except RetrievalError as error:
            answers[row] = error
    together = [row for row in plans if _is_plain(requests[row], plans[row])]
    queries = [_query(requests[row], plans[row]) for row in together]
    found = dict[int, Scored]()
    if len(queries) > 1 and isinstance(index, BatchIndex):
        found = dict(zip(together, index.search_batch(queries), strict=True))
    share = (time.perf_counter() - started) / max(1, len(requests))
    for row, understood in plans.items():
        try:
            began = time.perf_counter() - share
            answers[row] = answer(requests[row], understood, began, found.get(row))
        except RetrievalError as error:
            answers[row] = error
    return [each for each in answers if each is not None]


def _is_plain(request: SearchRequest, understood: QueryPlan) -> bool:
    """Whether the search begins with the nearest of all segments, and looks no deeper for facets."""
    is_single = not (understood.by_photo or understood.is_combination or understood.means_nothing)
    is_simple = not (request.facets or request.fold_duplicates) and request.conditions.is_empty
    return is_single and is_simple


def _query(request: SearchRequest, understood: QueryPlan) -> IndexQuery:
    _, k, grouped = first_look(request, understood, request.limit)
    directions, hidden = understood.things[0].directions, understood.hidden
    return IndexQuery(directions=directions, k=k, exclude_images=hidden, group_by_image=grouped)
