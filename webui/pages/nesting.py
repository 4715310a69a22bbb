"""The segments of a photo as a tree: parts under the wholes that contain them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.catalog.records.segments import SegmentRecord


@dataclass(frozen=True, slots=True)
class Node:
    """A segment in the tree.

    Attributes
    ----------
    segment : SegmentRecord
    number : int
        From 1, by quality.
    is_shown : bool
        Whether it is among the best ones, which are listed at first.
    depth, depth_among_all : int
        How many of the segments listed at first contain it, and how many of all.
    """

    segment: SegmentRecord
    number: int
    is_shown: bool
    depth: int
    depth_among_all: int


def nested(segments: Sequence[SegmentRecord], shown: int) -> list[Node]:
    """Order segments so that each is followed by its parts; siblings stay in the order given.

    Parameters
    ----------
    segments : sequence of SegmentRecord
        Of one photo, the best first. A parent that is not among them counts as none.
    shown : int
        How many of them are listed at first.
    """
    number = {segment.id: place for place, segment in enumerate(segments, 1)}
    parts: dict[int | None, list[SegmentRecord]] = {}
    for segment in segments:
        parts.setdefault(segment.parent_id if segment.parent_id in number else None, []).append(segment)
    found = []
    waiting = [(segment, 0, 0) for segment in reversed(parts.get(None, []))]
    while waiting:
        segment, depth, depth_among_all = waiting.pop()
        is_shown = number[segment.id] <= shown
        found.append(Node(segment, number[segment.id], is_shown, depth, depth_among_all))
        inside = depth + is_shown, depth_among_all + 1
        waiting += [(part, *inside) for part in reversed(parts.get(segment.id, []))]
    return found
