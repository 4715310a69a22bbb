"""Facets: counts of the likely results by condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..catalog import Catalog
from ..catalog.records import ConceptRecord
from ..index.protocols import SegmentIndex
from ..query.filters import Facet, Facets
from ..types import Vectors
from .answer import Match


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
