"""Searches over several collections, each with an engine of its own.

What a request means is found out in the collection that it was sent to: its references are of that one, and an example
is looked for in the others by its vectors. Words are read in each collection by themselves, because each has concepts
of its own, so none tells of the names that another one knows. Each engine answers from its own catalogue and index
alone; only results are put together.

References
----------
Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
SIGIR 2009: the order where scores of different recipes cannot be compared.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import merge
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from ..errors import QueryError, RetrievalError
from ..index.ranking import likely_from
from ..query.request import SearchRequest
from .answer import Match, SearchAnswer
from .engine import SearchEngine
from .plan import QueryPlan, understand

logger = logging.getLogger(__name__)

MOST_COLLECTIONS = 50
"""So many are searched at once."""

UNSEARCHABLE = "it cannot be searched for this now"
OTHER_RECIPE = "it is analysed by another recipe, so nothing in it can be compared with the example"


class Found(NamedTuple):
    """A result, and the collection that it is in."""

    collection: int
    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOfSeveral:
    """Results of several collections.

    Attributes
    ----------
    results : tuple of Found
        Best first.
    answer : SearchAnswer
        That of the collection that was asked, with how the request was understood. Segments that were searched and
        that could not be yet are those of all, and there are no facets.
    left_out : dict of int to str
        Collections that could not be searched, with the reason.
    """

    results: tuple[Found, ...]
    answer: SearchAnswer
    left_out: Mapping[int, str]


def search_several(own: SearchEngine, engines: Mapping[int, SearchEngine], request: SearchRequest) -> AnswerOfSeveral:
    """Answer a search over several collections.

    Parameters
    ----------
    own : SearchEngine
        Of the collection that the request's references are of. It need not be one of those that are searched.
    engines : mapping of int to SearchEngine
        Those that are searched by collection, in the order in which equal results are listed; at most
        `MOST_COLLECTIONS`.
    request : SearchRequest

    Raises
    ------
    UnknownImageError, UnknownSegmentError, UnknownQueryError
        A reference points at nothing.
    QueryError
        The request cannot be answered, or by one collection only.

    Notes
    -----
    Takes as long as a search in each of them, one after the other.
    """
    _check(engines, request)
    started = time.perf_counter()
    request = replace(request, facets=False)
    with own.catalog.one_connection():
        understood = understand(own.lookup, request)
    first = own.search(request, understood)
    elsewhere = _elsewhere(understood)
    found: dict[int, SearchAnswer] = {}
    left_out: dict[int, str] = {}
    for number, engine in engines.items():
        if engine is own:
            found[number] = first
        elif elsewhere is not None and engine.recipe.space != own.recipe.space:
            left_out[number] = OTHER_RECIPE
        else:
            try:
                found[number] = engine.search(request, elsewhere)
            except RetrievalError as error:
                logger.warning("a collection could not be searched: %s", error)
                left_out[number] = UNSEARCHABLE
    is_one_space = len({engines[number].recipe.space for number in found}) <= 1
    merged = _by_score(found) if is_one_space else _by_rank(found)
    results = _likely_among_all(tuple(islice(merged, request.limit)), own)
    return AnswerOfSeveral(
        results=results,
        answer=replace(
            first,
            results=tuple(each.match for each in results),
            indexed=sum(each.indexed for each in found.values()),
            lag=sum(each.lag for each in found.values()),
            took_ms=(time.perf_counter() - started) * 1000,
        ),
        left_out=left_out,
    )


def _check(engines: Mapping[int, SearchEngine], request: SearchRequest) -> None:
    if len(engines) > MOST_COLLECTIONS:
        raise QueryError(f"{len(engines)} collections are too many at once: choose at most {MOST_COLLECTIONS}")
    if request.match == "same":
        raise QueryError("the very object is looked for in one collection: leave the other collections out")
    if request.compare == "things":
        raise QueryError("photos are compared by their things in one collection: leave the other collections out")
    if request.filters.concept is not None:
        raise QueryError("a concept is of one collection: leave that filter out, or the other collections")


def _elsewhere(understood: QueryPlan) -> QueryPlan | None:
    """What to look for in the other collections, where photos of the same numbers are others; None for words alone."""
    if not understood.examples:
        return None
    return replace(understood, examples=tuple(replace(each, image_id=None) for each in understood.examples))


def _by_score(found: Mapping[int, SearchAnswer]) -> Iterator[Found]:
    """All results by their scores; whole photos that stand for their segments come last."""
    lists = [[Found(number, match) for match in answer.results] for number, answer in found.items()]
    return merge(*lists, key=lambda each: (each.match.fallback, -each.match.score))


def _by_rank(found: Mapping[int, SearchAnswer]) -> Iterator[Found]:
    """The first results of all, then the second ones, and so on: reciprocal rank fusion of disjoint lists."""
    lists = [[Found(number, match) for match in answer.results] for number, answer in found.items()]
    longest = max(map(len, lists), default=0)
    return chain.from_iterable((each[rank] for each in lists if rank < len(each)) for rank in range(longest))


def _likely_among_all(results: tuple[Found, ...], engine: SearchEngine) -> tuple[Found, ...]:
    """Results without a probability are likely if they stand out from those of all collections."""
    scores = np.array([each.match.score for each in results if not each.match.fallback], np.float32)
    cut = likely_from(scores, engine.likely_floor)
    return tuple(
        each
        if each.match.probability is not None
        else each._replace(match=each.match._replace(likely=each.match.likely and each.match.score >= cut))
        for each in results
    )
