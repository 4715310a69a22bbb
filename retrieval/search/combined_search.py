"""Searches for photos that contain several things: combines the index and the catalogue with `combination`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..catalog import SegmentHit
from ..images.masks import MaskRun, mask_areas, mask_containment, mask_gaps, same_sized
from ..index.ranking import Scored
from ..query.relations import Relation
from ..types import Ids, Vectors
from . import combination
from .combination import Layout
from .plan import QueryPlan
from .scope import Scope
from .unwanted import absence

FIRST_DEPTH = 300
"""How many segments are searched for each thing at first."""

FIRST_COMPARED = 64
"""How many photos are compared at first; then twice as many, and so on."""

MATCHED_AT_ONCE = 16
"""The segments of so many photos are read together."""

MAX_PHOTOS = 2000
"""At most this many photos are compared segment by segment. If more contain all things, but weakly, the end of a long
list may miss a better one."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CombinedHit:
    """A photo that contains all things.

    Attributes
    ----------
    score : float
        `combination.match`'s.
    segments : tuple of SegmentHit
        The segment chosen for each thing.
    scores : tuple of float
        Its score for each thing.
    labels : tuple of str or None
        For words, the nearest class.
    degrees : tuple of float
        Degrees of the requested relations.
    """

    score: float
    segments: tuple[SegmentHit, ...]
    scores: tuple[float, ...]
    labels: tuple[str | None, ...]
    degrees: tuple[float, ...]


def combined_search(scope: Scope, understood: QueryPlan, limit: int) -> list[CombinedHit]:
    """Photos that contain all things, best first, at most `limit`.

    Parameters
    ----------
    scope : Scope
        The segments that may be found.
    understood : QueryPlan
        Several things.
    limit : int

    Notes
    -----
    The threshold algorithm: each thing's nearest segments propose photos, whose segments are then all compared with all
    things, those photos first that can score most. A photo that a list does not have scores at most the list's last
    score there; the search ends once enough photos score more than all others can. One search of the index per thing
    and round, then O(photos · segments · D).
    """
    k, found, compared = FIRST_DEPTH + 4 * limit, list[CombinedHit](), np.zeros(0, np.int64)
    while True:
        lists = [scope.search(thing.directions, k, exclude_images=understood.hidden) for thing in understood.things]
        last = np.array([float(each.scores[-1]) if len(each) else 0.0 for each in lists])
        photos, bounds = _bounded(lists, last)
        new = ~np.isin(photos, compared)
        found = _compared(scope, understood, limit, found, photos[new], bounds[new])
        compared = photos
        enough = _beats(found, limit, float(combination.bound(last)))
        if enough or max(map(len, lists)) < k or len(photos) >= MAX_PHOTOS:
            return found
        k *= 4


def _bounded(lists: Sequence[Scored], last: combination.Floats) -> tuple[Ids, combination.Floats]:
    """The photos of some lists, and what each can score at most; those that can score most first."""
    photos = np.unique(np.concatenate([each.image_ids for each in lists]))
    best = np.repeat(last[:, None], len(photos), axis=1)
    for row, each in zip(best, lists, strict=True):
        np.maximum.at(row, np.searchsorted(photos, each.image_ids), each.scores)
    bounds = combination.bound(best.T)
    order = np.argsort(-bounds, kind="stable")[:MAX_PHOTOS]
    return photos[order], bounds[order]


def _beats(found: Sequence[CombinedHit], limit: int, bound: float) -> bool:
    """Whether as many are found as requested, none of which can be replaced by what scores at most `bound`."""
    return bound <= 0 or (len(found) >= limit and found[limit - 1].score >= bound)


def _compared(
    scope: Scope,
    understood: QueryPlan,
    limit: int,
    found: list[CombinedHit],
    photos: Ids,
    bounds: combination.Floats,
) -> list[CombinedHit]:
    """The best of what was found and of some photos, in descending order, at most as many as requested.

    The photos come with what each can score at most, in descending order, so that the last ones need not be read.
    """
    start, size = 0, FIRST_COMPARED
    while start < len(photos) and not _beats(found, limit, bounds[start]):
        found = _best_of(scope, understood, limit, found, photos[start : start + size])
        start, size = start + size, 2 * size
    return found


def _best_of(
    scope: Scope, understood: QueryPlan, limit: int, found: list[CombinedHit], photos: Ids
) -> list[CombinedHit]:
    """As `_compared`, of photos that are all read."""
    ids = scope.passing(scope.index.ids_of_images(photos))
    if not len(ids):
        return found
    things = understood.things
    image_ids, vectors = scope.index.image_ids_of(ids), scope.index.get(ids)
    scores = np.stack([(vectors @ thing.directions.T).max(axis=1) for thing in things]).astype(np.float64)
    order = np.argsort(image_ids, kind="stable")
    starts = np.flatnonzero(np.diff(image_ids[order], prepend=-1))
    bounds = combination.bound(np.maximum.reduceat(scores[:, order], starts, axis=1).T)
    factors = np.ones(len(starts), np.float32)
    if understood.unwanted:
        unwanted = [each.directions for each in understood.unwanted]
        factors = np.minimum.reduceat(absence(vectors[order], unwanted), starts)
    bounds = bounds * factors
    groups = np.split(order, starts[1:])
    best_first = np.argsort(-bounds, kind="stable")
    for start in range(0, len(best_first), MATCHED_AT_ONCE):
        numbers = best_first[start : start + MATCHED_AT_ONCE]
        if _beats(found, limit, bounds[numbers[0]]):
            break
        rows = [groups[number][combination.candidates(scores[:, groups[number]])] for number in numbers]
        tried = [Candidates(ids[each], vectors[each], scores[:, each]) for each in rows]
        for number, hit in zip(numbers, _matches(scope, understood, tried), strict=True):
            if hit is not None and not _beats(found, limit, bounds[number]):
                hit = replace(hit, score=hit.score * float(factors[number]))
                found = sorted([*found, hit], key=lambda each: (-each.score, each.segments[0].id))[:limit]
    return found


@dataclass(frozen=True, eq=False, slots=True)
class Candidates:
    """Segments of one photo: ids (N,), vectors (N, D), and the score of each for each thing (P, N)."""

    ids: Ids
    vectors: Vectors
    scores: combination.Floats

    def __getitem__(self, rows: list[int]) -> Candidates:
        return Candidates(self.ids[rows], self.vectors[rows], self.scores[:, rows])


def _matches(scope: Scope, understood: QueryPlan, photos: Sequence[Candidates]) -> Iterator[CombinedHit | None]:
    """How each of some photos matches the things; their segments are read together."""
    ids = np.concatenate([each.ids for each in photos])
    hits, masks = scope.catalog.segments.hits(ids.tolist()), scope.catalog.segments.masks(ids.tolist())
    factors = np.ones((len(understood.things), len(ids)))
    for part, thing in enumerate(understood.things):
        if thing.colors:
            factors[part] = scope.agreement(ids, thing.colors)
    ends = np.cumsum([len(each.ids) for each in photos])
    for photo, of_photo in zip(photos, np.split(factors, ends[:-1], axis=1), strict=True):
        colored = replace(photo, scores=photo.scores * of_photo)
        keys = colored.ids.tolist()
        usable = [row for row, key in enumerate(keys) if key in masks and key in hits and not hits[key].is_fallback]
        yield _match(understood, colored[usable], hits, masks) if usable else None


def _match(
    understood: QueryPlan, tried: Candidates, hits: Mapping[int, SegmentHit], masks: Mapping[int, MaskRun]
) -> CombinedHit | None:
    """How one photo matches the things; None if it does not."""
    chosen = [hits[key] for key in tried.ids.tolist()]
    layout = _layout(chosen, [masks[hit.id] for hit in chosen], understood.relations)
    matching = combination.match(tried.scores, layout, understood.relations)
    if matching is None:
        return None
    parts = list(zip(understood.things, matching.rows, strict=True))
    return CombinedHit(
        score=matching.score,
        segments=tuple(chosen[row] for row in matching.rows),
        scores=tuple(float(tried.scores[part, row]) for part, row in enumerate(matching.rows)),
        labels=tuple(thing.nearest(tried.vectors[row]) for thing, row in parts),
        degrees=matching.degrees,
    )


def _layout(hits: Sequence[SegmentHit], masks: Sequence[MaskRun], relations: Sequence[Relation]) -> Layout:
    masks = same_sized(masks)
    common = mask_containment(masks)
    wants_gaps = any(relation.name == "touching" for relation in relations)
    return Layout(
        boxes_xyxy=np.array([hit.box_xyxy for hit in hits], float),
        areas=mask_areas(masks).astype(float),
        common=common,
        gaps=mask_gaps(masks) if wants_gaps else np.zeros_like(common),
    )
