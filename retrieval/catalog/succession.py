"""What people said of a photo's segments, carried to those that take their places.

Masks are compared before the transaction that writes (`succession`), for it takes a while; the transaction moves rows
(`carry`), and is begun anew if somebody judged another segment meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..images.masks import MaskRun, decode_mask, encode_mask, mask_iou
from .models import Concept, ConceptExample, Judgement, Segment

SUCCESSOR_IOU = 0.5
"""A new segment is the old one from this IoU on."""

Succession = Mapping[int, int | None]
"""The row of the new segment that takes an old one's place, for each old one that was looked at; None for none."""


class JudgedMeanwhileError(Exception):
    """A segment was judged whose successor was not looked for; it never leaves this package."""


def succession(session: Session, image_id: int, new: Sequence[Mapping[str, Any]], *, judged_only: bool) -> Succession:
    """The successors of a photo's segments, or of those that somebody judged, among new rows; nothing is written.

    Imported segments need none: they stay.
    """
    columns = Segment.id, Segment.mask_height, Segment.mask_width, Segment.mask_counts
    statement = select(*columns).where(Segment.image_id == image_id, ~Segment.is_imported)
    if judged_only:
        statement = statement.where(Segment.id.in_(_said()))
    old = session.execute(statement).all()
    if not old or not new:
        return {row.id: None for row in old}
    size = new[0]["mask_height"], new[0]["mask_width"]
    masks = [((row["mask_height"], row["mask_width"]), row["mask_counts"]) for row in new]
    overlaps = np.asarray(
        mask_iou([_run(((row[1], row[2]), row[3]), size) for row in old], [_run(mask, size) for mask in masks])
    )
    best = overlaps.argmax(axis=1)
    return {
        row.id: int(column) if overlaps[at, column] >= SUCCESSOR_IOU else None
        for at, (row, column) in enumerate(zip(old, best, strict=True))
    }


def carry(session: Session, image_id: int, new_ids: Sequence[int], successors: Succession) -> Counter[str]:
    """Move judgements and examples of a photo's old segments to the new ones that take their places.

    Call it while both are there; what stays with an old segment goes with it.

    Returns
    -------
    Counter
        How many were ``moved`` and ``lost``; a concept counts what it has lost.

    Raises
    ------
    JudgedMeanwhileError
        A segment was judged that `successors` says nothing of.
    """
    here = Segment.image_id == image_id, Segment.id.in_(_said()), Segment.id.not_in(new_ids)
    concerned = session.scalars(select(Segment.id).where(*here, ~Segment.is_imported)).all()
    if not successors.keys() >= set(concerned):
        raise JudgedMeanwhileError
    places = {key: None if row is None else new_ids[row] for key, row in successors.items()}
    counts: Counter[str] = Counter()
    for example in session.scalars(select(ConceptExample).where(ConceptExample.segment_id.in_(concerned))).all():
        successor = places[example.segment_id]
        counts["moved" if successor else "lost"] += 1
        if successor is None:
            session.get_one(Concept, example.concept_id).lost += 1
        elif session.get(ConceptExample, (example.concept_id, successor)) is None:
            session.add(ConceptExample(concept_id=example.concept_id, segment_id=successor, positive=example.positive))
    for each in session.scalars(select(Judgement).where(Judgement.segment_id.in_(concerned))).all():
        successor = places[each.segment_id]
        counts["moved" if successor else "lost"] += 1
        if successor is not None and session.get(Judgement, (each.feedback_id, each.round, successor)) is None:
            session.add(
                Judgement(feedback_id=each.feedback_id, round=each.round, segment_id=successor, relevant=each.relevant)
            )
    session.flush()
    return counts


def _said() -> Any:
    """Segments that somebody judged, or that are examples of a concept."""
    return select(Judgement.segment_id).union(select(ConceptExample.segment_id))


def _run(mask: MaskRun, size_hw: tuple[int, int]) -> MaskRun:
    """A mask, brought to the size of the others."""
    own, counts = mask
    if own == size_hw:
        return mask
    rows, columns = ((np.arange(new) + 0.5) * length / new for new, length in zip(size_hw, own, strict=True))
    nearest = np.ix_(rows.astype(int), columns.astype(int))
    return size_hw, encode_mask(decode_mask(own, counts)[nearest])
