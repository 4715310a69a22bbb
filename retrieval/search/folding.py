"""Results without near-duplicates: of photos that are copies of one another, only the best result is listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..catalog import NearDuplicates
from ..catalog.records import DuplicatePair
from ..query.request import MAX_LIMIT, SearchRequest
from ..recipes import RecipeSpec
from .answer import Match
from .faceting import found
from .plan import QueryPlan

Found = tuple[tuple[Match, ...], tuple[Match, ...] | None]

SPARE, LEAST_SPARE = 4, 8
"""A quarter and eight more results are searched for at first, so that a few near-duplicates take no second search."""


def folded_results(
    request: SearchRequest,
    understood: QueryPlan,
    recipe: RecipeSpec,
    look: Callable[..., tuple[Match, ...]],
    duplicates: NearDuplicates,
) -> Found:
    """Results of a request, near-duplicates folded if it asks for that, and the matches to count facets from.

    More results are searched for, until there are as many as requested, or no more. Facets count photos that are
    folded, too.

    Parameters
    ----------
    request : SearchRequest
    understood : QueryPlan
    recipe : RecipeSpec
    look : callable
        Finds the best matches of a request and plan, as many as its keyword `depth`, without folding.
    duplicates : NearDuplicates
    """

    def search(asked: SearchRequest) -> Found:
        return found(asked, understood, recipe, lambda depth: look(asked, understood, depth=depth))

    limit = request.limit
    if request.fold_duplicates:
        limit = min(limit + limit // SPARE + LEAST_SPARE, MAX_LIMIT)
    results, counted = search(replace(request, limit=limit))
    while request.fold_duplicates:
        pairs = duplicates.among({match.image_id for match in results})
        left = folded(results, pairs)
        if len(left) >= request.limit or len(results) < limit or limit == MAX_LIMIT:
            return left[: request.limit], counted
        limit = min(2 * limit, MAX_LIMIT)
        results, counted = search(replace(request, limit=limit))
    return results, counted


def folded(matches: Sequence[Match], pairs: Sequence[DuplicatePair]) -> tuple[Match, ...]:
    """Leave out matches whose photos are near-duplicates of a better match's that is not left out itself.

    Parameters
    ----------
    matches : sequence of Match
        Best first, one of each photo.
    pairs : sequence of DuplicatePair

    Returns
    -------
    tuple of Match
        With the photos that were left out for each in `Match.alike`.
    """
    near: dict[int, set[int]] = defaultdict(set)
    for pair in pairs:
        near[pair.first].add(pair.second)
        near[pair.second].add(pair.first)
    alike: dict[int, list[int]] = {}
    for match in matches:
        key = match.image_id
        better = next((each for each in alike if each in near[key]), None) if key in near else None
        if better is None:
            alike[key] = []
        else:
            alike[better].append(key)
    return tuple(match._replace(alike=tuple(alike[match.image_id])) for match in matches if match.image_id in alike)
