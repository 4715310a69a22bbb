"""What people said of a photo's segments, carried to those that take their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..masks import MaskRun, decode_mask, encode_mask, mask_iou
from .models import Concept, ConceptExample, Judgement, Segment

SAME = 0.5
"""A new segment is the old one from this IoU on."""


def carry(session: Session, image_id: int, new_ids: Sequence[int]) -> Counter[str]:
    """Move judgements and examples of a photo's old segments to the new ones that overlap them most.

    Call it while both are there; what stays with an old segment goes with it.

    Returns
    -------
    Counter
        How many were ``moved`` and ``lost``; a concept counts what it has lost.
    """
    said = select(Judgement.segment_id).union(select(ConceptExample.segment_id))
    here = Segment.image_id == image_id, Segment.id.in_(said), Segment.id.not_in(new_ids)
    old = session.scalars(select(Segment).where(*here)).all()
    counts: Counter[str] = Counter()
    if not old:
        return counts
    successors = _successors(old, session.scalars(select(Segment).where(Segment.id.in_(new_ids))).all())
    concerned = [segment.id for segment in old]
    for example in session.scalars(select(ConceptExample).where(ConceptExample.segment_id.in_(concerned))).all():
        successor = successors.get(example.segment_id)
        counts["moved" if successor else "lost"] += 1
        if successor is None:
            session.get_one(Concept, example.concept_id).lost += 1
        elif session.get(ConceptExample, (example.concept_id, successor)) is None:
            session.add(ConceptExample(concept_id=example.concept_id, segment_id=successor, positive=example.positive))
    for each in session.scalars(select(Judgement).where(Judgement.segment_id.in_(concerned))).all():
        successor = successors.get(each.segment_id)
        counts["moved" if successor else "lost"] += 1
        if successor is not None and session.get(Judgement, (each.feedback_id, each.round, successor)) is None:
            session.add(
                Judgement(feedback_id=each.feedback_id, round=each.round, segment_id=successor, relevant=each.relevant)
            )
    session.flush()
    return counts


def _successors(old: Sequence[Segment], new: Sequence[Segment]) -> dict[int, int]:
    """The new segment of each old one, where one overlaps it enough."""
    if not new:
        return {}
    size = new[0].mask_height, new[0].mask_width
    overlaps = mask_iou([_run(segment, size) for segment in old], [_run(segment, size) for segment in new])
    best = np.asarray(overlaps).argmax(axis=1)
    return {
        segment.id: new[column].id
        for row, (segment, column) in enumerate(zip(old, best.tolist(), strict=True))
        if overlaps[row, column] >= SAME
    }


def _run(segment: Segment, size_hw: tuple[int, int]) -> MaskRun:
    """A mask, brought to the size of the others."""
    own = segment.mask_height, segment.mask_width
    if own == size_hw:
        return own, segment.mask_counts
    rows, columns = ((np.arange(new) + 0.5) * length / new for new, length in zip(size_hw, own, strict=True))
    nearest = np.ix_(rows.astype(int), columns.astype(int))
    return size_hw, encode_mask(decode_mask(own, segment.mask_counts)[nearest])
