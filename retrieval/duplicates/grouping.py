"""Groups of near-duplicates, each with the best photo in front."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..catalog import NearDuplicates
from ..catalog.records import Copy, DuplicatePair

AS_DETAILED: Final = 0.9
"""A photo is as good as the most detailed one of its group from this share of its detail on."""


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """A photo and its near-duplicates.

    Attributes
    ----------
    best : int
    others : dict of int to float
        How alike each is to the best one, the likest first.
    """

    best: int
    others: dict[int, float]


def grouped(pairs: Iterable[DuplicatePair], copies: Mapping[int, Copy]) -> list[DuplicateGroup]:
    """Group photos around the best ones, by the id of the best; a photo is in one group at most.

    Every photo of a group was found to be a near-duplicate of its best photo, so that chains do not join photos that
    have nothing in common, as connected components would. The graph of pairs is covered by stars (Aslam, Pelekhov and
    Rus, "The star clustering algorithm", 2004), whose centres are the best photos of what is left instead of those
    with the most neighbours. O(P log P) for P pairs.

    Parameters
    ----------
    pairs : iterable of DuplicatePair
    copies : mapping of int to Copy
        All photos of the pairs; a pair with a photo that is missing here is left out.
    """
    near: dict[int, dict[int, float]] = defaultdict(dict)
    for pair in pairs:
        if pair.first in copies and pair.second in copies:
            near[pair.first][pair.second] = near[pair.second][pair.first] = pair.likeness
    found: list[DuplicateGroup] = []
    left = set(near)
    for key in sorted(near, key=lambda each: (-copies[each].detail, each)):
        if key not in left:
            continue
        best = _best([copies[key], *(copies[each] for each in near[key] if each in left)])
        members = {each: likeness for each, likeness in near[best].items() if each in left}
        left -= {best, *members}
        if members:
            found.append(DuplicateGroup(best, dict(sorted(members.items(), key=lambda each: (-each[1], each[0])))))
    return sorted(found, key=lambda group: group.best)


def _best(copies: list[Copy]) -> int:
    """Of the photos that show nearly the most, the one with the fewest pixels, for it was not enlarged or framed.

    Of equals the least compressed one.
    """
    most = max(each.detail for each in copies)
    good = [each for each in copies if each.detail >= AS_DETAILED * most]
    return min(good, key=lambda each: (each.pixels, -each.size, each.id)).id


def groups_of(duplicates: NearDuplicates, min_likeness: float = 0.0) -> list[DuplicateGroup]:
    """The groups of a library, as `grouped`; some ms for a thousand pairs.

    Parameters
    ----------
    duplicates : NearDuplicates
    min_likeness : float
        Only pairs that are at least so alike.
    """
    pairs = duplicates.pairs(min_likeness)
    return grouped(pairs, duplicates.copies({key for pair in pairs for key in (pair.first, pair.second)}))
