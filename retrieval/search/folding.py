"""Results without repetitions: of photos that are copies of one another, and of a thing in a video, only the best.

A video is one result of photos, with the moments at which it matches. A thing of a video is one result of segments,
with the moments at which it is seen. Near-duplicates are folded if a request asks for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..catalog import NearDuplicates, Tracks
from ..catalog.records import DuplicatePair, FramePlace, Sighting
from ..query.request import MAX_LIMIT, SearchRequest
from ..recipes import RecipeSpec
from .answer import Match
from .faceting import found
from .plan import QueryPlan

Places = Mapping[int, FramePlace]

Found = tuple[tuple[Match, ...], tuple[Match, ...] | None]

Look = Callable[..., tuple[Match, ...]]

MOST_MOMENTS = 100
"""So many moments of a result are listed: first those that matched."""

SPARE, LEAST_SPARE = 4, 8
"""A quarter and eight more results are searched for at first, so that a few near-duplicates take no second search."""


def folded_results(
    request: SearchRequest,
    understood: QueryPlan,
    recipe: RecipeSpec,
    look: Look,
    duplicates: NearDuplicates,
    tracks: Tracks,
) -> Found:
    """Results of a request, each thing of a video once, and the matches to count facets from.

    Near-duplicates are folded if the request asks for that.

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
    tracks : Tracks
    """

    def search(asked: SearchRequest) -> Found:
        return found(asked, understood, recipe, lambda depth: look(asked, understood, depth=depth))

    limit = request.limit
    if request.fold_duplicates:
        limit = min(limit + limit // SPARE + LEAST_SPARE, MAX_LIMIT)
    results, counted = search(replace(request, limit=limit))
    while True:
        left = of_videos(results, tracks, by_video=request.group_by == "image")
        if request.fold_duplicates:
            left = folded(left, duplicates.among({match.image_id for match in left}))
        if len(left) >= request.limit or len(results) < limit or limit == MAX_LIMIT:
            return left[: request.limit], counted
        limit = min(2 * limit, MAX_LIMIT)
        results, counted = search(replace(request, limit=limit))


def of_videos(matches: Sequence[Match], tracks: Tracks, *, by_video: bool) -> tuple[Match, ...]:
    """Keep the best match of each video, or of each thing in a video, with its moments.

    Parameters
    ----------
    matches : sequence of Match
        Best first.
    tracks : Tracks
    by_video : bool
        Whether a video is one result, rather than each of its tracks.

    Returns
    -------
    tuple of Match
        Moments are the frames of the tracks of the best match, and of those likely matches that were left out for it.
    """
    places = tracks.places({match.image_id for match in matches})
    if not places:
        return tuple(matches)
    segments = [match.segment_id for match in matches if match.image_id in places and match.segment_id is not None]
    track_of = tracks.of_segments(segments)
    kept: dict[tuple[str, int], list[Match]] = {}
    for number, match in enumerate(matches):
        kept.setdefault(_name(number, match, places, track_of, by_video=by_video), []).append(match)
    shown = [[best, *(each for each in rest if each.likely or not by_video)] for best, *rest in kept.values()]
    told = {match.segment_id for group in shown for match in group if match.image_id in places}
    seen = tracks.sightings({track_of[key] for key in told if key in track_of})
    return tuple(_with_moments(group, places, track_of, seen) for group in shown)


def _name(number: int, match: Match, places: Places, track_of: Mapping[int, int], *, by_video: bool) -> tuple[str, int]:
    """What matches that are one result have in common; a photo has a result to itself."""
    if match.image_id not in places:
        return "match", number
    if by_video or match.segment_id is None:
        return "video", places[match.image_id].video_id
    track = track_of.get(match.segment_id)
    return ("match", number) if track is None else ("track", track)


def _with_moments(
    group: Sequence[Match], places: Places, track_of: Mapping[int, int], seen: Mapping[int, Sequence[Sighting]]
) -> Match:
    """The best match of a video, with one sighting of each frame, by time: where it matched before the rest."""
    best = group[0]
    if best.image_id not in places:
        return best
    video_id, time_s = places[best.image_id]
    matched = [Sighting(places[each.image_id].time_s, each.image_id, each.segment_id) for each in group]
    named = [each.segment_id for each in group if each.segment_id is not None]
    tracks = dict.fromkeys(track_of[key] for key in named if key in track_of)
    by_frame: dict[int, Sighting] = {}
    for sighting in (*matched, *(each for track in tracks for each in seen.get(track, ()))):
        by_frame.setdefault(sighting.image_id, sighting)
    moments = sorted(list(by_frame.values())[:MOST_MOMENTS], key=lambda each: each.time_s)
    return best._replace(video_id=video_id, time_s=time_s, moments=tuple(moments))


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
