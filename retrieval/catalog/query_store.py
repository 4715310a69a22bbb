"""Query photos: analysed once, then searched with as often as wanted, from any process.

They are kept for a day. Those of links that were copied are kept until newer ones take their room.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, update

from ..errors import UnknownQueryError
from ..types import Analysis
from .dialects import in_chunks
from .models import Query
from .records import QueryRecord, vector_bytes, vectors_from
from .rows import segment_columns, segment_record_from
from .sessions import Repository

RETENTION = timedelta(hours=24)
"""How long a query photo is kept, at least."""

MOST_KEPT = 500
MOST_KEPT_BYTES = 1024**3
"""As many of those that are kept for longer, and as many bytes of their files and rows."""


class QueryStore(Repository):
    """The query photos of the last day, and those that are kept for longer."""

    def add(self, sha256: str, size_hw: tuple[int, int], analysis: Analysis, recipe: str) -> int:
        """Keep an analysed query photo; returns its id."""
        row = Query(
            created_at=datetime.now(UTC),
            sha256=sha256,
            height=size_hw[0],
            width=size_hw[1],
            recipe=recipe,
            segments=_dump(segment_columns(analysis, size_hw)),
            photo_vector=vector_bytes(analysis.photo_vector),
        )
        with self._sessions.begin() as session:
            session.add(row)
            session.flush()
            return row.id

    def get(self, query_id: int) -> QueryRecord:
        """A kept query.

        Raises
        ------
        UnknownQueryError
        """
        with self._reading() as session:
            row = session.scalar(select(Query).where(Query.id == query_id))
        if row is None:
            raise _unknown(query_id)
        columns = _load(row.segments)
        return QueryRecord(
            id=row.id,
            sha256=row.sha256,
            size_hw=(row.height, row.width),
            recipe=row.recipe,
            segments=tuple(segment_record_from(segment, number, 0) for number, segment in enumerate(columns)),
            vectors=vectors_from([segment["vector"] for segment in columns]),
            photo_vector=vectors_from([row.photo_vector])[0],
        )

    def keep(self, query_id: int, file_bytes: int) -> None:
        """Keep a query photo for longer than a day, because someone has a link to it.

        If there are more than `MOST_KEPT` then, or of more than `MOST_KEPT_BYTES`, those that were kept first are kept
        for a day only, as they were before.

        Parameters
        ----------
        query_id : int
        file_bytes : int
            The size of its file.

        Raises
        ------
        UnknownQueryError
        """
        with self._sessions.begin() as session:
            row = session.get(Query, query_id)
            if row is None:
                raise _unknown(query_id)
            row.kept_at = datetime.now(UTC)
            row.kept_bytes = file_bytes + len(row.segments) + len(row.photo_vector)
            session.flush()
            newest_first = select(Query.id, Query.kept_bytes).where(Query.kept_at.is_not(None))
            total, surplus = 0, list[int]()
            for place, (key, size) in enumerate(
                session.execute(newest_first.order_by(Query.kept_at.desc(), Query.id.desc()))
            ):
                total += size or 0
                if key != query_id and (place >= MOST_KEPT or total > MOST_KEPT_BYTES):
                    surplus.append(key)
            for chunk in in_chunks(surplus):
                session.execute(update(Query).where(Query.id.in_(chunk)).values(kept_at=None, kept_bytes=None))

    def has(self, sha256: str) -> bool:
        """Whether a kept query is of the photo with these bytes."""
        with self._reading() as session:
            return session.scalar(select(Query.id).where(Query.sha256 == sha256).limit(1)) is not None

    def remove(self, query_id: int) -> None:
        """Remove a query photo, if it is there."""
        with self._sessions.begin() as session:
            session.execute(delete(Query).where(Query.id == query_id))

    def kept_digests(self, digests: Collection[str]) -> set[str]:
        """Those of the digests that query photos have whose time is not over."""
        found: set[str] = set()
        with self._reading() as session:
            for chunk in in_chunks(sorted(digests)):
                found.update(session.scalars(select(Query.sha256).where(Query.sha256.in_(chunk), ~_is_over())))
        return found

    def expired(self) -> int:
        """How many queries are older than `RETENTION`, and not kept for longer."""
        with self._reading() as session:
            return session.scalar(select(func.count()).where(_is_over())) or 0

    def expire(self, now: datetime | None = None) -> list[str]:
        """Remove queries older than `RETENTION` that are not kept; returns digests that no query needs."""
        with self._sessions.begin() as session:
            old = set(session.scalars(select(Query.sha256).where(_is_over(now))))
            session.execute(delete(Query).where(_is_over(now)))
            return sorted(old - set(session.scalars(select(Query.sha256))))


def _unknown(query_id: int) -> UnknownQueryError:
    return UnknownQueryError(
        f"there is no query {query_id}: upload the photo again with POST /api/v1/queries. Query photos are kept for a "
        f"day, and those of copied links until there are {MOST_KEPT} newer ones"
    )


def _is_over(now: datetime | None = None) -> ColumnElement[bool]:
    """Whether the time of a query is over."""
    return and_(Query.created_at < (now or datetime.now(UTC)) - RETENTION, Query.kept_at.is_(None))


def _dump(rows: list[dict[str, Any]]) -> bytes:
    """Segments as JSON, their bytes in base64."""
    return json.dumps(rows, default=lambda value: base64.b64encode(value).decode()).encode()


def _load(stored: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(stored)
    for row in rows:
        row["mask_counts"], row["vector"] = (base64.b64decode(row[key]) for key in ("mask_counts", "vector"))
    return rows
