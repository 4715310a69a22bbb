"""Searches for each thing of a photo by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..catalog.records import SegmentRecord
from ..errors import RetrievalError
from ..query.request import Ref, SearchRequest, ThingsRequest
from .answer import SearchAnswer, ThingFound, ThingsAnswer
from .resolver import QueryResolver
from .things import best_things


def search_things(
    lookup: QueryResolver,
    request: ThingsRequest,
    search_all: Callable[[Sequence[SearchRequest]], Sequence[SearchAnswer | RetrievalError]],
) -> ThingsAnswer:
    """Search for each thing of a photo or, where it has none, for photos that are alike as a whole.

    Parameters
    ----------
    lookup : QueryResolver
    request : ThingsRequest
    search_all : callable
        Answers several searches together.

    Raises
    ------
    UnknownImageError, UnknownQueryError, QueryError
        As `QueryResolver.segments_of`; or a condition names what is not there.
    """
    started = time.perf_counter()
    segments, size_hw = lookup.segments_of(request.photo)
    rows = best_things(segments, size_hw, most=request.most, within=request.within)
    found = _answered(search_all([request.search(_ref(request.photo, segments[row])) for row in rows]))
    whole, note = None, None
    if not rows:
        note = _why_none(request, len(segments))
        if request.within is None:
            (whole,) = _answered(search_all([request.search(request.photo, request.filters.of_photos)]))
    return ThingsAnswer(
        things=tuple(
            ThingFound(segment=segments[row], name=segments[row].name, answer=answer)
            for row, answer in zip(rows, found, strict=True)
        ),
        whole=whole,
        note=note,
        took_ms=(time.perf_counter() - started) * 1000,
    )


def _ref(photo: Ref, segment: SegmentRecord) -> Ref:
    return Ref(segment=segment.id) if photo.query is None else Ref(query=photo.query, segment=segment.id)


def _answered(answers: Sequence[SearchAnswer | RetrievalError]) -> list[SearchAnswer]:
    """The answers; the first error is raised, for what fails for one thing of a photo fails for all."""
    found = list[SearchAnswer]()
    for each in answers:
        if isinstance(each, RetrievalError):
            raise each
        found.append(each)
    return found


def _why_none(request: ThingsRequest, count: int) -> str:
    if request.within is not None:
        return "no thing of this photo lies inside the region"
    why = f"none of its {count} segments is likely to be a thing" if count else "no segment was found in it"
    left_out = ", ".join(request.filters.of_segments)
    ending = f"; conditions that whole photos cannot meet were left out: {left_out}" if left_out else ""
    return f"the photo is compared as a whole, because {why}{ending}"
