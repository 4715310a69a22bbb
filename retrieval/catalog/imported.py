"""Segments that were imported, beside those of their photo's recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ..errors import CatalogConflictError, UnknownImageError
from ..types import Analysis, ImportedMask
from .dialects import in_chunks
from .models import Image, Segment
from .rows import insert_segments, segment_columns
from .sessions import Repository


class ImportedSegments(Repository):
    """Adds segments whose masks and names come from elsewhere.

    They stay when their photo is analysed again: workers give them new vectors then (`IngestQueue`).
    """

    def of_image(self, image_id: int) -> dict[int, ImportedMask]:
        """The imported masks of a photo, by the ids of their segments."""
        with self._reading() as session:
            return {row.id: imported_mask(row) for row in session.execute(_MASKS.where(Segment.image_id == image_id))}

    def add(self, image_id: int, analysis: Analysis, size_hw: tuple[int, int], space: str) -> Sequence[int]:
        """Add segments to a photo that was analysed, in one transaction; returns their ids.

        Parameters
        ----------
        image_id : int
        analysis : Analysis
            The segments, with names, vectors and colours.
        size_hw : tuple of int
            Of the upright original.
        space : str
            Of the vectors.

        Raises
        ------
        UnknownImageError
            There is no such photo.
        CatalogConflictError
            It has vectors of another space, or is being analysed.
        """
        rows = [{**row, "is_imported": True} for row in segment_columns(analysis, size_hw)]
        with self._sessions.begin() as session:
            photo = session.scalar(select(Image).where(Image.id == image_id).with_for_update())
            if photo is None:
                raise UnknownImageError(f"there is no photo {image_id}: it never was, or it was deleted")
            if photo.state == "working" or photo.space != space:
                raise CatalogConflictError(f"photo {image_id} is being analysed: import again when that is done")
            stand_in = delete(Segment).where(Segment.image_id == image_id, Segment.is_fallback)
            replaced = session.execute(stand_in, execution_options={"synchronize_session": False})
            keys = insert_segments(session, image_id, rows)
            photo.segment_count += len(keys)
            photo.vector_count += len(keys) - int(replaced.rowcount)  # type: ignore[attr-defined]
            if photo.state == "empty":
                photo.state = "indexed"
            return keys


def imported_masks(session: Session, image_ids: Sequence[int]) -> dict[int, dict[int, ImportedMask]]:
    """The imported masks of those of the photos that have any, by the ids of photos and of segments."""
    found: dict[int, dict[int, ImportedMask]] = {}
    for chunk in in_chunks(image_ids):
        for row in session.execute(_MASKS.where(Segment.image_id.in_(chunk))):
            found.setdefault(row.image_id, {})[row.id] = imported_mask(row)
    return found


_MASKS = select(
    Segment.id,
    Segment.image_id,
    Segment.mask_height,
    Segment.mask_width,
    Segment.mask_counts,
    Segment.label,
    Segment.quality,
).where(Segment.is_imported)


def imported_mask(row: Any) -> ImportedMask:
    """An imported mask, from a row of its columns."""
    return ImportedMask((row.mask_height, row.mask_width), row.mask_counts, row.label, row.quality)
