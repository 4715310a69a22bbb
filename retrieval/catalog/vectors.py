"""Vectors of stored photos and of their segments, which an index is built from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Result, func, select

from ..errors import UnknownImageError
from ..types import Bags, Ids, Vectors
from .dialects import in_chunks
from .models import IN_LIBRARY, Image, Segment
from .records import Contents, VectorBatch, vectors_from
from .segment_select import SegmentSelect
from .sessions import Repository, Sessions
from .stamps import stamp

FETCHED = 100_000
"""Rows that are held as Python's objects at once."""


class VectorRepository(Repository):
    """Vectors, and what tells an index which of them there are.

    Vectors of two spaces never meet, so most methods are about one space (`ImageRecord.space`).
    """

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._vectors = SegmentSelect(sessions, _VECTORS)

    # ---- what there is

    def stamp(self) -> int:
        """Changes whenever a photo's segments may have, or a photo has gone or come back; one row is looked at."""
        with self._reading() as session:
            return stamp(session, "vectors")

    def contents(self, space: str) -> Contents:
        """What of a space an index has to hold; it looks at an entry of an index for each photo."""
        columns = func.count(), func.coalesce(func.sum(Image.vector_count), 0), func.coalesce(func.sum(Image.id), 0)
        totals = select(*columns).where(Image.space == space, IN_LIBRARY)
        with self._reading() as session:
            photos, segments, ids = session.execute(totals).one()
            newest = session.scalar(select(func.coalesce(func.max(Segment.id), 0)))
            # PostgreSQL sums up to decimals
            return Contents(photos, int(segments), newest or 0, int(ids), stamp(session, "trash"))

    def segment_image_ids(self, space: str) -> tuple[Ids, Ids]:
        """Ids of all segments of a space, rising, and the photo of each."""
        statement = select(Segment.id, Segment.image_id).join(Image, Image.id == Segment.image_id)
        with self._reading() as session:
            return _columns(session.execute(statement.where(Image.space == space, IN_LIBRARY).order_by(Segment.id)))

    def segment_counts(self, space: str) -> tuple[Ids, Ids]:
        """Ids of all photos of a space that have segments, rising, and how many each has."""
        here = Image.space == space, IN_LIBRARY, Image.vector_count > 0
        statement = select(Image.id, Image.vector_count).where(*here)
        with self._reading() as session:
            return _columns(session.execute(statement.order_by(Image.id)))

    def segments_of_photos(self, image_ids: Sequence[int]) -> Ids:
        """Ids of all segments of some photos, rising."""
        found: list[int] = []
        with self._reading() as session:
            for chunk in in_chunks(image_ids):
                found += session.scalars(select(Segment.id).where(Segment.image_id.in_(chunk)))
        return np.array(sorted(found), np.int64)

    def photo_image_ids(self, space: str) -> tuple[Ids, Ids]:
        """Ids of all analysed photos of a space, rising, twice: a photo belongs to itself."""
        with self._reading() as session:
            statement = select(Image.id, Image.id).where(Image.space == space, IN_LIBRARY).order_by(Image.id)
            return _columns(session.execute(statement))

    # ---- vectors

    def of_image(self, image_id: int) -> Vectors:
        """The vector of a whole photo, (P,).

        Raises
        ------
        UnknownImageError
            There is no such photo, or it has not been analysed.
        """
        with self._reading() as session:
            stored = session.scalar(select(Image.photo_vector).where(Image.id == image_id))
        if stored is None:
            raise UnknownImageError(f"photo {image_id} does not exist or has not been analysed yet")
        found: Vectors = vectors_from([stored])[0]
        return found

    def of_images(self, image_ids: Sequence[int]) -> VectorBatch:
        """Whole-photo vectors of those of the photos that have one, by rising id."""
        with_vector = select(Image.id, Image.id, Image.photo_vector).where(Image.photo_vector.is_not(None))
        rows: list[Any] = []
        with self._reading() as session:
            for chunk in in_chunks(sorted(image_ids)):
                rows.extend(session.execute(with_vector.where(Image.id.in_(chunk)).order_by(Image.id)))
        return _batch(rows)

    def of_segments(self, segment_ids: Sequence[int]) -> VectorBatch:
        """Vectors of those of the segments that exist, by rising id."""
        rows = [row for chunk in in_chunks(segment_ids, 2000) for row in self._vectors.of(chunk)]
        return _batch(sorted(rows))

    def segment_vectors(self, space: str, *, after: int = 0, batch_size: int = 4096) -> Iterator[VectorBatch]:
        """Vectors of a space's segments with ids beyond `after`, in batches of rising ids."""
        statement = select(Segment.id, Segment.image_id, Segment.vector).join(Image, Image.id == Segment.image_id)
        statement = statement.where(Image.space == space, IN_LIBRARY).order_by(Segment.id).limit(batch_size)
        while True:
            with self._reading() as session:
                rows = session.execute(statement.where(Segment.id > after)).all()
            if not rows:
                return
            after = rows[-1][0]
            yield _batch(rows)

    def bags(self, image_ids: Collection[int], space: str, *, per_photo: int) -> Bags:
        """Those of the photos that have segments of a space, each with its best `per_photo` of them."""
        whole = 1.0 * Image.width * Image.height
        extent = (Segment.x1 - Segment.x0) * (Segment.y1 - Segment.y0) / whole
        columns = Segment.id, Segment.image_id, Segment.vector, Segment.quality, Segment.area / whole, extent
        statement = select(*columns).join(Image, Image.id == Segment.image_id)
        statement = statement.where(Image.space == space, IN_LIBRARY, ~Segment.is_fallback)
        statement = statement.order_by(Segment.image_id, Segment.quality.desc(), Segment.id)
        rows: list[Any] = []
        with self._reading() as session:
            for chunk in in_chunks(sorted(image_ids)):
                found = session.execute(statement.where(Segment.image_id.in_(chunk)))
                for _, segments in groupby(found, key=itemgetter(1)):
                    rows.extend(islice(segments, per_photo))
        batch = _batch([row[:3] for row in rows])
        measures = np.array([row[3:] for row in rows], np.float64).reshape(-1, 3)
        return Bags(
            ids=batch.ids,
            photos=batch.image_ids,
            vectors=batch.vectors,
            quality=measures[:, 0],
            share=measures[:, 1],
            extent=measures[:, 2],
        )


_VECTORS = select(Segment.id, Segment.image_id, Segment.vector)


def _batch(rows: Sequence[tuple[int, int, bytes]]) -> VectorBatch:
    ids, image_ids, vectors = zip(*rows, strict=True) if rows else ((), (), ())
    return VectorBatch(np.array(ids, np.int64), np.array(image_ids, np.int64), vectors_from(vectors))


def _columns(result: Result[int, int]) -> tuple[Ids, Ids]:
    """Rows of two numbers as two arrays; NumPy would ask every row for its parts by itself."""
    found = [np.zeros((2, 0), np.int64)]
    for rows in result.partitions(FETCHED):
        found.append(np.array(list(zip(*rows, strict=True)), np.int64))
    first, second = np.concatenate(found, axis=1)
    return first, second
