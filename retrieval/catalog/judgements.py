"""Searches that are refined by judgements, in rounds that can be taken back."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ..errors import QueryError, UnknownFeedbackError, UnknownSegmentError
from ..query.filters import Filters
from ..query.request import Ref, SearchRequest
from .dialects import in_chunks
from .models import Feedback, Image, Judgement, Segment
from .records import FeedbackRecord
from .sessions import Repository

MOST_ROUNDS = 100
MOST_JUDGED = 1000
"""More judgements in one search would say little more, and cost time."""


RETENTION = timedelta(days=90)
"""How long a search that is refined is kept; one that is kept as a concept is one for ever."""


SEGMENTS_IN_TRASH = select(Segment.id).join(Image, Image.id == Segment.image_id).where(Image.deleted_at.is_not(None))


class Judgements(Repository):
    """What people judged of what a search found; what is in the trash is left out until it is restored."""

    def begin(self, request: SearchRequest, space: str) -> int:
        """Keep a search as round 0; returns its id."""
        row = Feedback(created_at=datetime.now(UTC), space=space, request=_dump(request), rounds=0)
        with self._sessions.begin() as session:
            session.add(row)
            session.flush()
            return row.id

    def get(self, feedback_id: int, upto: int | None = None) -> FeedbackRecord:
        """A search with what had been judged by the end of a round, the last one if none is given.

        Raises
        ------
        UnknownFeedbackError
        QueryError
            There was no such round.
        """
        with self._reading() as session:
            row = _row(session, feedback_id)
            if upto is not None and upto > row.rounds:
                raise QueryError(f"feedback {feedback_id} has rounds 0 to {row.rounds}, not {upto}")
            number = row.rounds if upto is None else upto
            here = Judgement.feedback_id == feedback_id, Judgement.round <= number
            statement = select(Judgement).where(*here, Judgement.segment_id.not_in(SEGMENTS_IN_TRASH))
            last = {each.segment_id: each.relevant for each in session.scalars(statement.order_by(Judgement.round))}
        return FeedbackRecord(
            id=feedback_id,
            space=row.space,
            request=_load(row.request),
            round=number,
            rounds=row.rounds,
            relevant=tuple(key for key, relevant in last.items() if relevant is True),
            irrelevant=tuple(key for key, relevant in last.items() if relevant is False),
        )

    def add_round(
        self,
        feedback_id: int,
        relevant: Collection[int],
        irrelevant: Collection[int],
        withdrawn: Collection[int] = (),
    ) -> int:
        """Keep the judgements of a round; returns its number.

        Parameters
        ----------
        feedback_id : int
        relevant, irrelevant : collection of int
            Segments.
        withdrawn : collection of int
            Segments whose earlier judgement no longer counts; it does in the rounds before.

        Raises
        ------
        UnknownFeedbackError, UnknownSegmentError
        QueryError
            Nothing was judged, a segment is in several lists, or there are too many rounds or judgements.
        """
        sides = _sides(relevant, irrelevant, withdrawn)
        with self._sessions.begin() as session:
            row = _row(session, feedback_id)
            known = select(Judgement.segment_id).where(Judgement.feedback_id == feedback_id).distinct()
            if row.rounds >= MOST_ROUNDS or len({*session.scalars(known), *sides}) > MOST_JUDGED:
                raise QueryError(
                    f"feedback {feedback_id} can hold {MOST_ROUNDS} rounds and {MOST_JUDGED} judged segments: begin a "
                    "new one, or save this one as a concept"
                )
            check_segments(session, sides)
            row.rounds += 1
            session.add_all(
                Judgement(feedback_id=feedback_id, round=row.rounds, segment_id=key, relevant=side)
                for key, side in sides.items()
            )
            return row.rounds

    def expired(self) -> int:
        """How many refined searches are older than `RETENTION`."""
        with self._reading() as session:
            return session.scalar(select(func.count()).where(Feedback.created_at < datetime.now(UTC) - RETENTION)) or 0

    def expire(self, now: datetime | None = None) -> int:
        """Forget refined searches that began more than `RETENTION` ago, with what was judged in them; returns how many.

        Concepts that they were kept as stay.
        """
        old = Feedback.created_at < (now or datetime.now(UTC)) - RETENTION
        with self._sessions.begin() as session:
            return int(session.execute(delete(Feedback).where(old)).rowcount)  # type: ignore[attr-defined]

    def take_back(self, feedback_id: int) -> int:
        """Forget the last round; returns the number of the one before.

        Raises
        ------
        UnknownFeedbackError
        QueryError
            There is only round 0.
        """
        with self._sessions.begin() as session:
            row = _row(session, feedback_id)
            if not row.rounds:
                raise QueryError(f"feedback {feedback_id} is at round 0: there is no round to undo")
            last = Judgement.feedback_id == feedback_id, Judgement.round == row.rounds
            session.execute(delete(Judgement).where(*last))
            row.rounds -= 1
            return row.rounds


def _sides(
    relevant: Collection[int], irrelevant: Collection[int], withdrawn: Collection[int]
) -> dict[int, bool | None]:
    """The judgement of each segment."""
    lists = {"relevant": set(relevant), "irrelevant": set(irrelevant), "withdrawn": set(withdrawn)}
    for one, other in combinations(lists, 2):
        if both := lists[one] & lists[other]:
            raise QueryError(f"segment {min(both)} cannot be both {one} and {other}: send it in one list")
    sides = {**dict.fromkeys(relevant, True), **dict.fromkeys(irrelevant, False), **dict.fromkeys(withdrawn)}
    if not sides:
        raise QueryError(
            "there are no judgements: send at least one segment in `relevant`, `irrelevant` or `withdrawn`"
        )
    return sides


def _row(session: Session, feedback_id: int) -> Feedback:
    row = session.get(Feedback, feedback_id)
    if row is None:
        raise UnknownFeedbackError(f"there is no feedback {feedback_id}: start one with POST /api/v1/feedback")
    return row


def check_segments(session: Session, segment_ids: Collection[int]) -> None:
    """Raise `UnknownSegmentError` if one of the segments is not in the library."""
    known: set[int] = set()
    for chunk in in_chunks(sorted(segment_ids)):
        there = Segment.id.in_(chunk), Segment.id.not_in(SEGMENTS_IN_TRASH)
        known.update(session.scalars(select(Segment.id).where(*there)))
    missing = set(segment_ids) - known
    if missing:
        raise UnknownSegmentError(f"there is no segment {min(missing)}: it never was, or its photo was deleted")


def _dump(request: SearchRequest) -> str:
    return json.dumps(asdict(request), default=date.isoformat)


def _load(stored: str) -> SearchRequest:
    values: dict[str, Any] = json.loads(stored)
    for side in ("positive", "negative"):
        values[side] = tuple(_ref(ref) for ref in values[side])
    for empty in ("also", "relations"):  # a search for several things cannot be refined
        values.pop(empty, None)
    values["filters"] = _filters(values.get("filters", {}))
    return SearchRequest(**values)


def _filters(values: dict[str, Any]) -> Filters:
    """Conditions; their dates were text in JSON."""
    dates = {name: date.fromisoformat(values[name]) for name in ("taken_from", "taken_until") if values.get(name)}
    return Filters(**{**values, **dates})


def _ref(values: dict[str, Any]) -> Ref:
    """A reference; its places were lists in JSON."""
    places: dict[str, Any] = {name: tuple(values[name]) for name in ("point", "box") if values[name] is not None}
    for name in ("polygon", "points", "not_points"):
        places[name] = tuple((x, y) for x, y in values.get(name, ()))
    if values.get("mask") is not None:
        (height, width), counts = values["mask"]
        places["mask"] = (height, width), counts
    return Ref(**{**values, **places})
