"""Query photos: analysed once, then searched with as often as wanted, from any process."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from ..errors import UnknownQueryError
from ..types import Analysis
from .dialects import in_chunks
from .models import Query
from .records import QueryRecord, vector_bytes, vectors_from
from .rows import segment_columns, segment_record_from
from .sessions import Repository

RETENTION = timedelta(hours=24)
"""How long a query photo is kept, at least."""


class QueryStore(Repository):
    """The query photos of the last day."""

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
            raise UnknownQueryError(f"there is no query {query_id}: upload the photo again with POST /api/v1/queries")
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
                kept = Query.sha256.in_(chunk), Query.created_at >= datetime.now(UTC) - RETENTION
                found.update(session.scalars(select(Query.sha256).where(*kept)))
        return found

    def expired(self) -> int:
        """How many queries are older than `RETENTION`."""
        with self._reading() as session:
            return session.scalar(select(func.count()).where(Query.created_at < datetime.now(UTC) - RETENTION)) or 0

    def expire(self, now: datetime | None = None) -> list[str]:
        """Remove queries older than `RETENTION`; returns the digests of photos that no query needs any more."""
        limit = (now or datetime.now(UTC)) - RETENTION
        with self._sessions.begin() as session:
            old = set(session.scalars(select(Query.sha256).where(Query.created_at < limit)))
            session.execute(delete(Query).where(Query.created_at < limit))
            return sorted(old - set(session.scalars(select(Query.sha256))))


def _dump(rows: list[dict[str, Any]]) -> bytes:
    """Segments as JSON, their bytes in base64."""
    return json.dumps(rows, default=lambda value: base64.b64encode(value).decode()).encode()


def _load(stored: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(stored)
    for row in rows:
        row["mask_counts"], row["vector"] = (base64.b64decode(row[key]) for key in ("mask_counts", "vector"))
    return rows
