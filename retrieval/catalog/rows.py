"""From ORM rows to records and from analyses to rows: the only place where the two meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from ..images.masks import encode_segments, scale_box
from ..segment.assessment import Assessment
from ..types import Analysis, Segments
from .models import Image, Location, Segment
from .records import ImageRecord, LocationRecord, SegmentRecord, vector_bytes

T = TypeVar("T", int, str)


def image_record(row: Image) -> ImageRecord:
    """A photo with its locations."""
    return ImageRecord(
        id=row.id,
        sha256=row.sha256,
        state=row.state,  # type: ignore[arg-type]  # the check constraint holds it to State
        error=row.error,
        attempts=row.attempts,
        format=row.format,
        width=row.width,
        height=row.height,
        taken_at=row.taken_at,
        created_at=row.created_at,
        deleted_at=row.deleted_at,
        recipe=row.recipe,
        space=row.space,
        segment_count=row.segment_count,
        assessment=_assessment(row),
        locations=tuple(location_record(location) for location in row.locations),
        duration_s=row.duration_s,
        video_id=row.video_id,
        time_s=row.time_s,
    )


def _assessment(row: Image) -> Assessment | None:
    figures = row.quality, row.covered, row.largest_hole, row.fragmented
    known = [figure for figure in figures if figure is not None]
    return Assessment(*known) if len(known) == len(figures) else None


def location_record(row: Location) -> LocationRecord:
    """A location."""
    return LocationRecord(row.uri, row.size, row.mtime_ns, row.missing_since, row.uploaded_as, row.version)


def segment_record(row: Segment | Row[Any]) -> SegmentRecord:
    """A segment, from its object or from a row of its columns."""
    return SegmentRecord(
        id=row.id,
        image_id=row.image_id,
        box_xyxy=(row.x0, row.y0, row.x1, row.y1),
        area=row.area,
        quality=row.quality,
        label=row.label,
        label_score=row.label_score,
        parent_id=row.parent_id,
        mask_size_hw=(row.mask_height, row.mask_width),
        mask_counts=row.mask_counts,
        is_imported=row.is_imported,
    )


def segment_columns(analysis: Analysis, size_hw: tuple[int, int]) -> list[dict[str, Any]]:
    """Columns of every segment of an analysis, boxes and areas in pixels of the upright original.

    Parameters
    ----------
    analysis : Analysis
    size_hw : tuple of int
        Height and width of the upright original.

    Returns
    -------
    list of dict
        ``parent_id`` is the *row* of the parent, or None.
    """
    segments = analysis.segments
    mask_height, mask_width = segments.size_hw
    pixel = size_hw[0] * size_hw[1] / (mask_height * mask_width)
    rows: list[dict[str, Any]] = []
    parents = segments.parents().tolist()
    for row, counts in enumerate(encode_segments(segments)):
        box = scale_box(segments.boxes_xyxy[row].tolist(), segments.size_hw, size_hw)
        label = segments.labels[row] if segments.labels else None
        rows.append(
            {
                **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
                "area": max(1, round(float(segments.areas[row]) * pixel)),
                "quality": float(segments.quality[row]),
                "label": label,
                "label_score": float(segments.label_scores[row]) if label is not None else None,
                "parent_id": parents[row] if parents[row] >= 0 else None,
                "mask_height": mask_height,
                "mask_width": mask_width,
                "mask_counts": counts,
                "vector": vector_bytes(analysis.vectors[row]),
                "colors": None if analysis.colors is None else analysis.colors[row].tobytes(),
            }
        )
    return rows


def insert_segments(session: Session, image_id: int, rows: Sequence[dict[str, Any]]) -> Sequence[int]:
    """Insert segments in their order, then tell each its parent's key; returns their keys.

    Keys rise in the order of the rows. They are read afterwards, since with RETURNING SQLAlchemy inserts row by row.
    """
    ours = select(Segment.id).where(Segment.image_id == image_id).order_by(Segment.id)
    before = session.scalars(ours).all()
    session.execute(insert(Segment), [{**row, "image_id": image_id, "parent_id": None} for row in rows])
    keys = session.scalars(ours).all()[len(before) :]
    parts = [
        {"id": key, "parent_id": keys[row["parent_id"]]}
        for key, row in zip(keys, rows, strict=True)
        if row["parent_id"] is not None
    ]
    if parts:
        session.execute(update(Segment), parts)
    return keys


def fallback_columns(analysis: Analysis, size_hw: tuple[int, int]) -> list[dict[str, Any]]:
    """Columns of the segment that stands for a photo without any; none if the recipe gave it no vector."""
    if len(analysis.segments) or analysis.fallback is None:
        return []
    atoms = np.zeros(analysis.segments.size_hw, np.int32)
    whole = Segments(atoms, np.ones((1, 1), bool), np.zeros(1, np.float32))
    rows = segment_columns(Analysis(whole, analysis.fallback[None], analysis.photo_vector), size_hw)
    return [{**row, "is_fallback": True} for row in rows]


def segment_record_from(columns: dict[str, Any], row: int, image_id: int) -> SegmentRecord:
    """A segment that has no row of its own, such as one of a query photo; its id is `row`."""
    return SegmentRecord(
        id=row,
        image_id=image_id,
        box_xyxy=(columns["x0"], columns["y0"], columns["x1"], columns["y1"]),
        area=columns["area"],
        quality=columns["quality"],
        label=columns["label"],
        label_score=columns["label_score"],
        parent_id=columns.get("parent_id"),
        mask_size_hw=(columns["mask_height"], columns["mask_width"]),
        mask_counts=columns["mask_counts"],
    )
