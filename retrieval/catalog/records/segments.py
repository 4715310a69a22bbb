"""Segments of stored photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRecord:
    """A segment of a stored photo.

    Attributes
    ----------
    box_xyxy : tuple of int
        In pixels of the upright original, half open.
    area : int
        Pixels of the upright original.
    parent_id : int or None
        The segment it is part of; of a query photo's segment its row.
    mask_size_hw, mask_counts
        COCO compressed RLE at the size the photo was analysed at; the mask covers the whole photo. Masks of imported
        segments may have another size than the others of their photo.
    is_imported : bool
        Whether it came from a file of annotations, and not from the photo's recipe.
    """

    id: int
    image_id: int
    box_xyxy: tuple[int, int, int, int]
    area: int
    quality: float
    label: str | None
    label_score: float | None
    parent_id: int | None
    mask_size_hw: tuple[int, int]
    mask_counts: bytes
    is_imported: bool = False

    @property
    def name(self) -> str:
        """Its label; without one, "segment" and its id."""
        return self.label or f"segment {self.id}"


class SegmentHit(NamedTuple):
    """What a result list needs to know of a segment: no mask."""

    id: int
    image_id: int
    box_xyxy: tuple[int, int, int, int]
    quality: float
    label: str | None
    is_fallback: bool
