"""Results by segment: of the segments of a photo that overlap, only the best is listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from ..catalog import SegmentRepository
from ..catalog.records import SegmentHit
from ..images.masks import mask_iou, same_sized
from ..index.ranking import Scored

DUPLICATE_IOU = 0.7
"""Of two segments of a photo that overlap more, only the better one is a result."""


def distinct(scored: Scored, known: Mapping[int, SegmentHit], segments: SegmentRepository) -> Scored:
    """Leave out segments that overlap a better one of their photo by more than `DUPLICATE_IOU`.

    Parameters
    ----------
    scored : Scored
        Best first.
    known : mapping of int to SegmentHit
        The segment of each id.
    segments : SegmentRepository
        Where masks are read.
    """
    of_photo: dict[int, list[int]] = defaultdict(list)
    for key in scored.ids.tolist():
        of_photo[known[key].image_id].append(key)
    masks = segments.masks([key for keys in of_photo.values() if len(keys) > 1 for key in keys])
    dropped: set[int] = set()
    for keys in of_photo.values():
        runs = same_sized([masks[key] for key in keys if key in masks])
        overlaps = mask_iou(runs, runs) if len(runs) == len(keys) > 1 else np.zeros((len(keys), len(keys)))
        for row, key in enumerate(keys):
            better = [other for other in range(row) if keys[other] not in dropped]
            if better and overlaps[row, better].max() > DUPLICATE_IOU:
                dropped.add(key)
    return scored[~np.isin(scored.ids, list(dropped))]
