"""Photos that share most things with a photo: the things of one are matched with the segments of the other.

A photo scores the mean of the cosines of each thing with its best segment there, weighted by the things' quality. This
is soft: a thing that is missing, or badly cut out, lowers the score by its weight; several things may be found in one
segment; and a segment that is a part of another, of which the trees of a photo have many, adds nothing. Decision 53 has
what else was measured.

References
----------
Wang, Li and Wiederhold, "SIMPLIcity: Semantics-Sensitive Integrated Matching for Picture Libraries", PAMI 2001, section
4 (integrated region matching); Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized
Late Interaction over BERT", SIGIR 2020, section 3.3 (sums of maxima); Wallraven, Caputo and Graf, "Recognition with
Local Features: the Kernel Recipe", ICCV 2003 (kernels of sets by best matches).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog
from ..index import ranking as rank
from ..index.protocols import BatchIndex, IndexQuery, SegmentIndex
from ..index.ranking import Scored
from ..query.request import SearchRequest
from ..types import Ids, Vectors
from .answer import Match, PartMatch
from .plan import QueryPlan

CANDIDATES = 50
"""So many photos, or twice as many as are wanted, are compared with all things; each thing proposes twice that."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class SetMatches:
    """How well photos match the things of a photo, best first.

    Attributes
    ----------
    image_ids : ndarray of shape (N,), int64
    cosines : ndarray of shape (N, T), float64
        Of each thing with its best segment.
    segment_ids : ndarray of shape (N, T), int64
        The best segments.
    scores : ndarray of shape (N,), float64
    """

    image_ids: Ids
    cosines: Floats
    segment_ids: Ids
    scores: Floats


def photos_sharing_things(
    index: SegmentIndex, catalog: Catalog, request: SearchRequest, understood: QueryPlan, floor: float
) -> tuple[Match, ...]:
    """The photos that share most things with a photo, among those that meet the conditions.

    Parameters
    ----------
    index : SegmentIndex
    catalog : Catalog
    request : SearchRequest
    understood : QueryPlan
        By a whole photo, with its things and their weights.
    floor : float
        The lowest score of a segment that is likely a thing.

    Returns
    -------
    tuple of Match
        Each names, in its parts, the things that it likely shares: those whose cosine is what a search for the thing by
        itself would call likely. A photo is likely if its score is what it would be with every thing just likely.

    Notes
    -----
    One pass over the index for all things, each of which proposes its nearest photos. Those that can score most are
    then compared segment by segment, O(photos · segments · T · D).
    """
    directions = np.concatenate([thing.directions for thing in understood.things])
    weights = np.array(understood.weights, np.float64)
    most = max(CANDIDATES, 2 * request.limit)
    k = 2 * most
    while True:
        lists = _proposed(index, directions, k, understood.hidden)
        photos = _most_promising(lists, weights)
        photos = photos[:most] if request.filters.is_empty else photos
        passing = catalog.images.passing_of(photos.tolist(), request.filters)
        photos = photos[np.isin(photos, list(passing))]
        if len(photos) >= request.limit or max(map(len, lists)) < k:
            break
        k *= 4
    found = matched(index, photos[:most], directions, weights)
    cuts = np.array([rank.likely_from(each.scores, floor) for each in lists])
    return _described(found, cuts, weights, catalog, request.limit)


def matched(index: SegmentIndex, image_ids: Ids, directions: Vectors, weights: Floats) -> SetMatches:
    """Match the things of a photo with the segments of others.

    Parameters
    ----------
    index : SegmentIndex
    image_ids : ndarray of shape (N,), int64
        Photos; those without segments are left out.
    directions : ndarray of shape (T, D), float32
        Of unit length.
    weights : ndarray of shape (T,), float64
        Not negative, of sum 1.
    """
    ids = index.ids_of_images(image_ids)
    if not len(ids):
        none = np.zeros((0, len(weights)))
        return SetMatches(np.zeros(0, np.int64), none, none.astype(np.int64), none.sum(axis=1))
    owners = index.image_ids_of(ids)
    order = np.argsort(owners, kind="stable")
    ids, owners = ids[order], owners[order]
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    cosines = (index.get(ids) @ directions.T).astype(np.float64)
    rows = [start + each.argmax(axis=0) for start, each in zip(starts, np.split(cosines, starts[1:]), strict=True)]
    best = np.take_along_axis(cosines, np.array(rows), axis=0)
    scores = best @ weights
    falling = np.lexsort((owners[starts], -scores))
    return SetMatches(owners[starts][falling], best[falling], ids[np.array(rows)][falling], scores[falling])


def _proposed(index: SegmentIndex, directions: Vectors, k: int, hidden: frozenset[int]) -> list[Scored]:
    """The k nearest photos of each thing, by their best segments."""
    queries = [
        IndexQuery(directions=each[None], k=k, exclude_images=hidden, group_by_image=True) for each in directions
    ]
    if isinstance(index, BatchIndex):
        return index.search_batch(queries)
    return [index.search(each.directions, k, exclude_images=hidden, group_by_image=True) for each in queries]


def _most_promising(lists: Sequence[Scored], weights: Floats) -> Ids:
    """The photos of some lists, those that can score most first; what a list lacks scores at most as its last."""
    photos = np.unique(np.concatenate([each.image_ids for each in lists]))
    bounds = np.zeros(len(photos))
    for each, weight in zip(lists, weights, strict=True):
        scores = np.full(len(photos), float(each.scores[-1]) if len(each) else 0.0)
        scores[np.searchsorted(photos, each.image_ids)] = each.scores
        bounds += weight * scores
    return photos[np.argsort(-bounds, kind="stable")]


def _described(found: SetMatches, cuts: Floats, weights: Floats, catalog: Catalog, limit: int) -> tuple[Match, ...]:
    """The first results; photos that were deleted meanwhile are left out."""
    images = catalog.images.find(found.image_ids.tolist())
    rows = [row for row, key in enumerate(found.image_ids.tolist()) if key in images][:limit]
    shared = found.cosines >= cuts
    hits = catalog.segments.hits(np.unique(found.segment_ids[rows][shared[rows]]).tolist())
    matches = []
    for row in rows:
        image = images[int(found.image_ids[row])]
        parts = [
            PartMatch(part, key, float(found.cosines[row, part]), hits[key].box_xyxy, hits[key].label, None)
            for part, key in enumerate(found.segment_ids[row].tolist())
            if shared[row, part] and key in hits
        ]
        matches.append(
            Match(
                image_id=image.id,
                segment_id=None,
                score=float(found.scores[row]),
                box_xyxy=(0, 0, image.width or 0, image.height or 0),
                label=None,
                likely=bool(found.scores[row] >= cuts @ weights),
                fallback=False,
                quality=None,
                parts=tuple(parts),
            )
        )
    return tuple(matches)
