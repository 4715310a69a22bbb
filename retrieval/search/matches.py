"""From hits to results. Pure: no index, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..catalog.records import ImageRecord, SegmentHit
from ..index import ranking as rank
from ..index.ranking import Scored
from .answer import LIKELY_CHANCE, Match, PartMatch
from .combined_search import CombinedHit


def combined(
    found: Sequence[CombinedHit], floor: float, chances: NDArray[np.float64] | None = None
) -> tuple[Match, ...]:
    """Results of several segments per photo, as `described`; the first part's segment represents them."""
    cut = rank.likely_from(np.array([hit.score for hit in found], np.float32), floor)
    matches = tuple(
        Match(
            image_id=first.image_id,
            segment_id=first.id,
            score=hit.score,
            box_xyxy=first.box_xyxy,
            label=first.label,
            likely=hit.score >= cut,
            fallback=False,
            quality=first.quality,
            parts=tuple(
                PartMatch(number, each.id, score, each.box_xyxy, each.label, label)
                for number, (each, score, label) in enumerate(zip(hit.segments, hit.scores, hit.labels, strict=True))
            ),
            relations=hit.degrees,
        )
        for hit, first in ((hit, hit.segments[0]) for hit in found)
    )
    return matches if chances is None else _with_chances(matches, chances)


def described(
    chosen: Scored,
    known: dict[int, SegmentHit],
    limit: int,
    floor: float,
    chances: NDArray[np.float64] | None = None,
) -> tuple[Match, ...]:
    """The first `limit` chosen hits, by descending score; likely by their `chances` or, without any, by their scores.

    Whole photos that stand for their missing segments have no probability, and are never likely.
    """
    cut = rank.likely_from(chosen.scores, floor)
    matches = tuple(
        Match(
            image_id=known[key].image_id,
            segment_id=key,
            score=score,
            box_xyxy=known[key].box_xyxy,
            label=known[key].label,
            likely=score >= cut and not known[key].is_fallback,
            fallback=known[key].is_fallback,
            quality=known[key].quality,
        )
        for key, score in chosen[:limit].pairs()
    )
    return matches if chances is None else _with_chances(matches, chances)


def _with_chances(matches: Sequence[Match], chances: NDArray[np.float64]) -> tuple[Match, ...]:
    """The matches, likely by their chances; whole photos that stand for their segments stay as they are."""
    return tuple(
        match if match.fallback else match._replace(probability=chance, likely=chance >= LIKELY_CHANCE)
        for match, chance in zip(matches, chances.tolist(), strict=True)
    )


def fallbacks_last(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Results with photos without segments last, because the similarity of a whole photo says less."""
    return tuple(sorted(matches, key=lambda match: match.fallback))


def of_photos(scored: Scored, images: Mapping[int, ImageRecord], floor: float) -> tuple[Match, ...]:
    """Results for whole photos."""
    cut = rank.likely_from(scored.scores, floor)
    return tuple(
        Match(
            image_id=key,
            segment_id=None,
            score=score,
            box_xyxy=(0, 0, images[key].width or 0, images[key].height or 0),
            label=None,
            likely=score >= cut,
            fallback=False,
            quality=None,
        )
        for key, score in scored.pairs()
    )
