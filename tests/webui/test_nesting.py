"""The tree of a photo's segments."""

from __future__ import annotations

from retrieval.catalog.records.segments import SegmentRecord
from webui.pages.nesting import nested


def segment(key: int, parent: int | None) -> SegmentRecord:
    return SegmentRecord(
        id=key, image_id=1, box_xyxy=(0, 0, 1, 1), area=1, quality=0.5, label=None, label_score=None, parent_id=parent,
        mask_size_hw=(1, 1), mask_counts=b"01",
    )  # fmt: skip


def test_parts_follow_their_wholes() -> None:
    """Siblings stay in their order, and what is not listed at first does not count for the depth of what is."""
    found = nested([segment(7, 9), segment(8, None), segment(6, 7), segment(9, None), segment(5, 7)], shown=3)
    told = [(node.segment.id, node.number, node.is_shown, node.depth, node.depth_among_all) for node in found]
    assert told == [
        (8, 2, True, 0, 0),
        (9, 4, False, 0, 0),
        (7, 1, True, 0, 1),
        (6, 3, True, 1, 2),
        (5, 5, False, 1, 2),
    ]


def test_a_parent_that_is_not_there_is_none() -> None:
    assert [node.depth_among_all for node in nested([segment(1, 99)], shown=1)] == [0]
    assert nested([], shown=12) == []
