"""Columns of some segments, by the driver's own cursor.

Every search asks for them twice, and what SQLAlchemy adds to a statement and its rows costs more than the database.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select

from .dialects.failures import translating
from .sessions import Sessions


class SegmentSelect:
    """A statement that is compiled once.

    Parameters
    ----------
    sessions : Sessions
    statement : Select
        Of a column or more of `Segment`, the id among them, without a condition.
    """

    def __init__(self, sessions: Sessions, statement: Select[*tuple[Any, ...]]) -> None:
        self._sessions = sessions
        self._dialect = sessions.engine.dialect
        self._statement = str(statement.compile(dialect=self._dialect))
        self.names = tuple(statement.selected_columns.keys())

    def of(self, segment_ids: Collection[int]) -> list[tuple[Any, ...]]:
        """A row for each of the segments that exist."""
        with self._sessions.one_connection() as held:
            cursor = held.connection.connection.cursor()
            with translating(self._dialect):
                cursor.execute(f"{self._statement} WHERE segment.id IN ({','.join(map(str, segment_ids))})")
                return list(cursor.fetchall())
