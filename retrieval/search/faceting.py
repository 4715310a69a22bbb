"""Facets: counts of the likely results by condition, and how deep they look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..catalog import Catalog
from ..catalog.records import ConceptRecord
from ..index.protocols import SegmentIndex
from ..query.filters import FACETED, Facet, Facets
from ..query.request import SearchRequest
from ..recipes import RecipeSpec
from ..types import Vectors
from .answer import Match
from .matches import fallbacks_last
from .plan import QueryPlan
from .presence import may_be_followed


def found(
    request: SearchRequest, understood: QueryPlan, recipe: RecipeSpec, look: Callable[[int], tuple[Match, ...]]
) -> tuple[tuple[Match, ...], tuple[Match, ...] | None]:
    """The requested number of results, and the matches to count facets from; `look` takes the number to find.

    Facets count what is likely, so more than the results are looked for only if those that score less may be likely.
    """
    deep = max(request.limit, FACETED)
    matches = look(deep if request.facets and understood.has_one_depth else request.limit)
    counted = matches[:FACETED] if request.facets else None
    is_cut_off = len(matches) >= request.limit and not understood.has_one_depth
    if counted and is_cut_off and may_be_followed(recipe, matches[-1]):
        counted = look(deep)[:FACETED]
    return fallbacks_last(matches[: request.limit]), counted


def count(
    matches: Sequence[Match], catalog: Catalog, segments: SegmentIndex, concepts: Sequence[ConceptRecord]
) -> Facets:
    """Count the likely ones of some matches.

    Parameters
    ----------
    matches : sequence of Match
        Whole photos have no facets.
    catalog : Catalog
    segments : SegmentIndex
    concepts : sequence of ConceptRecord
        Concepts of the index's space; those that label no match are left out.
    """
    ids = [each.segment_id for each in matches if each.likely and each.segment_id is not None]
    vectors = segments.get(np.array(ids, np.int64)) if ids and concepts else None
    shown = [] if vectors is None else [_of_concept(each, vectors) for each in concepts]
    found = sorted((each for each in shown if each.count), key=lambda each: (-each.count, each.name))
    return {**catalog.segments.facets(ids), "concept": tuple(found)}


def _of_concept(concept: ConceptRecord, vectors: Vectors) -> Facet:
    scores = (vectors @ concept.model.directions.T).max(axis=1)
    return Facet(str(concept.id), concept.name, int((scores >= concept.model.threshold).sum()))
