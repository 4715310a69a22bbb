"""Segments of stored photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, select
from sqlalchemy.orm import defer
from sqlalchemy.orm.strategy_options import _AbstractLoad

from ..errors import UnknownSegmentError
from ..images.masks import MaskRun
from ..query.filters import Facets, Filters
from ..types import Ids, Vectors
from .dialects import in_chunks
from .filtering import facets_of, passing
from .models import IN_LIBRARY, Image, Segment
from .records import SegmentHit, SegmentRecord, vectors_from
from .rows import segment_record, segment_record_from
from .segment_qualities import SegmentQualities
from .segment_select import SegmentSelect
from .sessions import Repository, Sessions


class SegmentRepository(Repository):
    """Rows of segments. What a search asks of many at once brings only the columns it needs."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._masks, self._hits, self._colors, self._example, self._vectors = (
            SegmentSelect(sessions, each) for each in (_MASKS, _HITS, _COLORS, _EXAMPLE, _VECTORS)
        )
        self._known_qualities = SegmentQualities(sessions)

    def get(self, segment_id: int) -> SegmentRecord:
        """One segment.

        Raises
        ------
        UnknownSegmentError
        """
        with self._reading() as session:
            row = session.get(Segment, segment_id, options=[_without_vector()])
            if row is None:
                raise _unknown(segment_id)
            return segment_record(row)

    def find(self, segment_ids: Sequence[int]) -> dict[int, SegmentRecord]:
        """Those of the segments that are in the library and can be searched."""
        statement = select(Segment).join(Image, and_(Image.id == Segment.image_id, IN_LIBRARY))
        found: dict[int, SegmentRecord] = {}
        with self._reading() as session:
            for chunk in in_chunks(segment_ids):
                here = statement.where(Segment.id.in_(chunk), ~Segment.is_fallback)
                found.update((row.id, segment_record(row)) for row in session.scalars(here.options(_without_vector())))
        return found

    def vectors(self, segment_ids: Sequence[int]) -> dict[int, tuple[Vectors, str]]:
        """Vectors, (D,), of those of the segments that exist, each with the space that it is in."""
        found: dict[int, tuple[Vectors, str]] = {}
        for chunk in in_chunks(segment_ids):
            for key, vector, space in self._vectors.of(chunk):
                found[key] = vectors_from([vector])[0], space or ""
        return found

    def of_image(self, image_id: int) -> list[SegmentRecord]:
        """The segments of a photo, in falling quality as its recipe ranked them."""
        statement = select(Segment).where(Segment.image_id == image_id, ~Segment.is_fallback).order_by(Segment.id)
        with self._reading() as session:
            return [segment_record(row) for row in session.scalars(statement.options(_without_vector()))]

    def example(self, segment_id: int) -> tuple[SegmentRecord, Vectors, str | None]:
        """A segment with its vector, (D,), and the space that is in.

        Raises
        ------
        UnknownSegmentError
        """
        found = self._example.of([segment_id])
        if not found:
            raise _unknown(segment_id)
        row = dict(zip(self._example.names, found[0], strict=True))
        record = segment_record_from(row, segment_id, row["image_id"])
        return record, vectors_from([row["vector"]])[0], row["space"]

    def masks(self, segment_ids: Sequence[int]) -> dict[int, MaskRun]:
        """Size and run lengths of the masks of those of the segments that exist."""
        found: dict[int, MaskRun] = {}
        for chunk in in_chunks(segment_ids):
            for key, height, width, counts in self._masks.of(chunk):
                found[key] = ((height, width), counts)
        return found

    def hits(self, segment_ids: Sequence[int]) -> dict[int, SegmentHit]:
        """Those of the segments that are in the library, without masks: what a list of results is made of."""
        found: dict[int, SegmentHit] = {}
        for chunk in in_chunks(segment_ids):
            for key, image_id, x0, y0, x1, y1, quality, label, is_fallback in self._hits.of(chunk):
                found[key] = SegmentHit(key, image_id, (x0, y0, x1, y1), quality, label, bool(is_fallback))
        return found

    def colors(self, segment_ids: Sequence[int]) -> dict[int, bytes]:
        """Shares of the colours of those of the segments of which they are known, as `colors.Shares` has them."""
        found: dict[int, bytes] = {}
        for chunk in in_chunks(segment_ids):
            found.update((key, shares) for key, shares in self._colors.of(chunk) if shares is not None)
        return found

    def qualities(self, segment_ids: Ids) -> NDArray[np.float32]:
        """Quality of each segment, (N,), in [0, 1]; 0 for one that does not exist."""
        return self._known_qualities.of(segment_ids)

    def passing(self, filters: Filters, *, at_most: int) -> Ids | None:
        """Ids of the segments that meet conditions, rising; None if there are more than `at_most`."""
        with self._reading() as session:
            found = np.fromiter(session.scalars(passing(filters).limit(at_most + 1)), np.int64)
        return None if len(found) > at_most else found

    def passing_of(self, segment_ids: Sequence[int], filters: Filters) -> Ids:
        """Those of the segments that meet conditions, rising."""
        statement, found = passing(filters), list[int]()
        with self._reading() as session:
            for chunk in in_chunks(sorted(segment_ids)):
                found += session.scalars(statement.where(Segment.id.in_(chunk)))
        return np.array(found, np.int64)

    def facets(self, segment_ids: Sequence[int]) -> Facets:
        """How many of some segments there are of each kind that can be filtered by; concepts are not counted here."""
        with self._reading() as session:
            return facets_of(session, segment_ids)


_HITS = select(
    Segment.id,
    Segment.image_id,
    Segment.x0,
    Segment.y0,
    Segment.x1,
    Segment.y1,
    Segment.quality,
    Segment.label,
    Segment.is_fallback,
).join(Image, and_(Image.id == Segment.image_id, IN_LIBRARY))

_MASKS = select(Segment.id, Segment.mask_height, Segment.mask_width, Segment.mask_counts)

_COLORS = select(Segment.id, Segment.colors)

_VECTORS = select(Segment.id, Segment.vector, Image.space).join(Image, Image.id == Segment.image_id)

_EXAMPLE = select(*Segment.__table__.c, Image.space).join(Image, Image.id == Segment.image_id)


def _without_vector() -> _AbstractLoad:
    return defer(Segment.vector)


def _unknown(segment_id: int) -> UnknownSegmentError:
    return UnknownSegmentError(f"there is no segment {segment_id}: it never was, or its photo was deleted")
