"""Questions to the catalogue: photos, their segments, and the vectors an index is built from.

Every method is one transaction. Entering a photo is in `ingest_queue.py`, query photos are in `queries.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Result, Select, func, select
from sqlalchemy.orm import defer, selectinload
from sqlalchemy.orm.strategy_options import _AbstractLoad

from ..errors import UnknownImageError, UnknownSegmentError
from ..images.masks import MaskRun
from ..query.filters import Facets, Filters
from ..storage.locations import path_of
from ..types import Bags, Ids, Vectors
from .failures import translating
from .filtering import facets_of, passing, photos_passing
from .models import Image, Location, Segment
from .records import STATES, Contents, ImageRecord, SegmentHit, SegmentRecord, State, VectorBatch, vectors_from
from .rows import image_record, in_chunks, segment_record, segment_record_from
from .sessions import Repository, Sessions
from .stamps import stamp


class Catalog(Repository):
    """What is in the database, as records."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        dialect = self._dialect = sessions.engine.dialect
        self._masks, self._hits, self._colors, self._vectors_of, self._example = (
            str(each.compile(dialect=dialect)) for each in (_MASKS, _HITS, _COLORS, _VECTORS, _EXAMPLE)
        )

    # ---- photos

    def image(self, image_id: int) -> ImageRecord:
        """One photo.

        Raises
        ------
        UnknownImageError
        """
        with self._reading() as session:
            row = session.get(Image, image_id, options=[selectinload(Image.locations)])
            if row is None:
                raise UnknownImageError(f"there is no photo {image_id}: it never was, or it was deleted")
            return image_record(row)

    def images(self, image_ids: Collection[int]) -> dict[int, ImageRecord]:
        """Those of the photos that exist."""
        found: dict[int, ImageRecord] = {}
        with self._reading() as session:
            for chunk in in_chunks(list(image_ids)):
                rows = session.scalars(_images().where(Image.id.in_(chunk)))
                found.update({row.id: image_record(row) for row in rows})
        return found

    def page(
        self,
        *,
        after: int = 0,
        limit: int = 50,
        state: State | None = None,
        max_quality: float | None = None,
        newest_first: bool = False,
    ) -> list[ImageRecord]:
        """Photos by id, those beyond `after` (0 for the start); `newest_first` runs from the highest id down.

        With `max_quality` only those whose segmentation was judged no better (`Assessment.quality`).
        """
        statement = _images().order_by(Image.id.desc() if newest_first else Image.id).limit(limit)
        if after:
            statement = statement.where(Image.id < after if newest_first else Image.id > after)
        if state:
            statement = statement.where(Image.state == state)
        if max_quality is not None:
            statement = statement.where(Image.quality <= max_quality)
        with self._reading() as session:
            return [image_record(row) for row in session.scalars(statement)]

    def worst(self, *, skip: int = 0, limit: int = 50) -> list[ImageRecord]:
        """Analysed photos, the worst segmented first."""
        analysed = Image.state.in_(("indexed", "empty"))
        statement = _images().where(analysed, Image.quality.is_not(None)).order_by(Image.quality, Image.id)
        with self._reading() as session:
            return [image_record(row) for row in session.scalars(statement.offset(skip).limit(limit))]

    def counts(self) -> dict[State, int]:
        """Photos in each state."""
        with self._reading() as session:
            found = {
                state: count
                for state, count in session.execute(select(Image.state, func.count()).group_by(Image.state))
            }
        return {state: found.get(state, 0) for state in STATES}

    def known_digests(self, digests: Collection[str]) -> set[str]:
        """Those of the digests that photos have."""
        found: set[str] = set()
        with self._reading() as session:
            for chunk in in_chunks(sorted(digests)):
                found.update(session.scalars(select(Image.sha256).where(Image.sha256.in_(chunk))))
        return found

    def delete(self, image_id: int) -> ImageRecord:
        """Remove a photo, its locations and its segments from the catalogue; its file stays where it is.

        Raises
        ------
        UnknownImageError
        """
        with self._sessions.begin() as session:
            row = session.get(Image, image_id, options=[selectinload(Image.locations)])
            if row is None:
                raise UnknownImageError(f"there is no photo {image_id}: it never was, or it was deleted")
            record = image_record(row)
            session.delete(row)
            return record

    def mark_missing(self, uris: Collection[str], *, missing: bool) -> None:
        """Note that the bytes of a photo are not at these locations any more, or are there again."""
        since = datetime.now(UTC) if missing else None
        with self._sessions.begin() as session:
            for chunk in in_chunks(list(uris)):
                changed = Location.missing_since.is_(None) if missing else Location.missing_since.is_not(None)
                for row in session.scalars(select(Location).where(Location.uri.in_(chunk), changed)):
                    row.missing_since = since

    # ---- segments

    def segment(self, segment_id: int) -> SegmentRecord:
        """One segment.

        Raises
        ------
        UnknownSegmentError
        """
        with self._reading() as session:
            row = session.get(Segment, segment_id, options=[_without_vector()])
            if row is None:
                raise UnknownSegmentError(f"there is no segment {segment_id}: it never was, or its photo was deleted")
            return segment_record(row)

    def segments(self, image_id: int) -> list[SegmentRecord]:
        """The segments of a photo, in falling quality as its recipe ranked them."""
        statement = select(Segment).where(Segment.image_id == image_id, ~Segment.is_fallback).order_by(Segment.id)
        with self._reading() as session:
            return [segment_record(row) for row in session.scalars(statement.options(_without_vector()))]

    def masks(self, segment_ids: Sequence[int]) -> dict[int, MaskRun]:
        """Size and run lengths of the masks of those of the segments that exist."""
        found: dict[int, MaskRun] = {}
        for chunk in in_chunks(segment_ids):
            for key, height, width, counts in self._rows(self._masks, chunk):
                found[key] = ((height, width), counts)
        return found

    def hits(self, segment_ids: Sequence[int]) -> dict[int, SegmentHit]:
        """Those of the segments that exist, without masks: what a list of results is made of."""
        found: dict[int, SegmentHit] = {}
        for chunk in in_chunks(segment_ids):
            for key, image_id, x0, y0, x1, y1, quality, label, is_fallback in self._rows(self._hits, chunk):
                found[key] = SegmentHit(key, image_id, (x0, y0, x1, y1), quality, label, bool(is_fallback))
        return found

    def colors(self, segment_ids: Sequence[int]) -> dict[int, bytes]:
        """Shares of the colours of those of the segments of which they are known, as `colors.Shares` has them."""
        found: dict[int, bytes] = {}
        for chunk in in_chunks(segment_ids):
            found.update((key, shares) for key, shares in self._rows(self._colors, chunk) if shares is not None)
        return found

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

    def photos_passing_of(self, image_ids: Sequence[int], filters: Filters) -> set[int]:
        """Those of the photos that meet the conditions on photos."""
        statement, found = photos_passing(filters), set[int]()
        with self._reading() as session:
            for chunk in in_chunks(list(image_ids)):
                found.update(session.scalars(statement.where(Image.id.in_(chunk))))
        return found

    def facets(self, segment_ids: Sequence[int]) -> Facets:
        """How many of some segments there are of each kind that can be filtered by; concepts are not counted here."""
        with self._reading() as session:
            return facets_of(session, segment_ids)

    def example(self, segment_id: int) -> tuple[SegmentRecord, Vectors, str | None]:
        """A segment with its vector, (D,), and the space that is in.

        Raises
        ------
        UnknownSegmentError
        """
        found = self._rows(self._example, [segment_id])
        if not found:
            raise UnknownSegmentError(f"there is no segment {segment_id}: it never was, or its photo was deleted")
        row = dict(zip(_EXAMPLE.selected_columns.keys(), found[0], strict=True))
        record = segment_record_from(row, segment_id, row["image_id"])
        return record, vectors_from([row["vector"]])[0], row["space"]

    # ---- vectors

    def photo_vector(self, image_id: int) -> Vectors:
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

    def stamp(self) -> int:
        """Changes whenever a photo's segments may have, or a photo has gone; one row is looked at."""
        with self._reading() as session:
            return stamp(session, "vectors")

    def contents(self, space: str) -> Contents:
        """What of a space an index has to hold; it looks at an entry of an index for each photo."""
        columns = func.count(), func.coalesce(func.sum(Image.vector_count), 0), func.coalesce(func.sum(Image.id), 0)
        totals = select(*columns).where(Image.space == space)
        with self._reading() as session:
            photos, segments, ids = session.execute(totals).one()
            newest = session.scalar(select(func.coalesce(func.max(Segment.id), 0)))
        return Contents(photos, segments, newest or 0, int(ids))

    def recipes(self) -> dict[str, int]:
        """Analysed photos of each recipe's fingerprint."""
        statement = select(Image.recipe, func.count()).where(Image.recipe.is_not(None)).group_by(Image.recipe)
        with self._reading() as session:
            return {str(recipe): count for recipe, count in session.execute(statement)}

    def segment_image_ids(self, space: str) -> tuple[Ids, Ids]:
        """Ids of all segments of a space, rising, and the photo of each."""
        statement = select(Segment.id, Segment.image_id).join(Image, Image.id == Segment.image_id)
        with self._reading() as session:
            return _columns(session.execute(statement.where(Image.space == space).order_by(Segment.id)))

    def segment_counts(self, space: str) -> tuple[Ids, Ids]:
        """Ids of all photos of a space that have segments, rising, and how many each has."""
        statement = select(Image.id, Image.vector_count).where(Image.space == space, Image.vector_count > 0)
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
            statement = select(Image.id, Image.id).where(Image.space == space).order_by(Image.id)
            return _columns(session.execute(statement))

    def segment_vectors(self, space: str, *, after: int = 0, batch_size: int = 4096) -> Iterator[VectorBatch]:
        """Vectors of a space's segments with ids beyond `after`, in batches of rising ids."""
        statement = select(Segment.id, Segment.image_id, Segment.vector).join(Image, Image.id == Segment.image_id)
        statement = statement.where(Image.space == space).order_by(Segment.id).limit(batch_size)
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
        statement = statement.where(Image.space == space, ~Segment.is_fallback)
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

    def places(self) -> list[tuple[int, Path]]:
        """Where photos are, or were: each photo's id with a path, as often as it has paths."""
        statement = select(Location.image_id, Location.uri).order_by(Location.image_id, Location.id)
        with self._reading() as session:
            return [(key, path_of(uri)) for key, uri in session.execute(statement)]

    def vectors(self, segment_ids: Sequence[int]) -> VectorBatch:
        """Vectors of those of the segments that exist, by rising id."""
        rows = [row for chunk in in_chunks(segment_ids, 2000) for row in self._rows(self._vectors_of, chunk)]
        return _batch(sorted(rows))

    def photo_vectors(self, image_ids: Sequence[int]) -> VectorBatch:
        """Whole-photo vectors of those of the photos that have one, by rising id."""
        with_vector = select(Image.id, Image.id, Image.photo_vector).where(Image.photo_vector.is_not(None))
        rows: list[Any] = []
        with self._reading() as session:
            for chunk in in_chunks(sorted(image_ids)):
                rows.extend(session.execute(with_vector.where(Image.id.in_(chunk)).order_by(Image.id)))
        return _batch(rows)

    @contextmanager
    def one_connection(self) -> Iterator[None]:
        """Have this thread read everything over one connection and of one state inside; may be nested."""
        with self._sessions.one_connection():
            yield

    def _rows(self, statement: str, segment_ids: Collection[int]) -> list[tuple[Any, ...]]:
        """Rows of `statement` for some segments, by the driver's own cursor.

        Every search asks this twice, and what SQLAlchemy adds to a statement and its rows costs more than the database.
        """
        with self._sessions.one_connection() as held:
            cursor = held.connection.connection.cursor()
            with translating(self._dialect):
                cursor.execute(f"{statement} WHERE segment.id IN ({','.join(map(str, segment_ids))})")
                return list(cursor.fetchall())


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
)

_MASKS = select(Segment.id, Segment.mask_height, Segment.mask_width, Segment.mask_counts)

_COLORS = select(Segment.id, Segment.colors)

_VECTORS = select(Segment.id, Segment.image_id, Segment.vector)

_EXAMPLE = select(*Segment.__table__.c, Image.space).join(Image, Image.id == Segment.image_id)


def _batch(rows: Sequence[tuple[int, int, bytes]]) -> VectorBatch:
    ids, image_ids, vectors = zip(*rows, strict=True) if rows else ((), (), ())
    return VectorBatch(np.array(ids, np.int64), np.array(image_ids, np.int64), vectors_from(vectors))


FETCHED = 100_000
"""Rows that are held as Python's objects at once."""


def _columns(result: Result[int, int]) -> tuple[Ids, Ids]:
    """Rows of two numbers as two arrays; NumPy would ask every row for its parts by itself."""
    found = [np.zeros((2, 0), np.int64)]
    for rows in result.partitions(FETCHED):
        found.append(np.array(list(zip(*rows, strict=True)), np.int64))
    first, second = np.concatenate(found, axis=1)
    return first, second


def _images() -> Select[Image]:
    return select(Image).options(selectinload(Image.locations))


def _without_vector() -> _AbstractLoad:
    return defer(Segment.vector)
