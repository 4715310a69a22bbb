"""What is on its way in: the workers, the photos they hold, and what waits for which recipe."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from .dialects import database_now
from .models import IN_LIBRARY, Image
from .owners import host_and_pid, is_gone
from .records import WorkerRecord
from .rows import image_record
from .sessions import Repository


class IngestOverview(Repository):
    """Reads the ingest queue, and changes nothing."""

    def workers(self) -> list[WorkerRecord]:
        """Workers that hold photos, by name, with the photos in the order of their ids.

        One whose process has ended is listed until its lease has run out. An idle worker holds nothing and is not
        listed. Some ms; a worker holds a hundred photos at most.
        """
        held = IN_LIBRARY, Image.state == "working", Image.lease_owner.is_not(None)
        statement = select(Image).options(selectinload(Image.locations)).where(*held)
        with self._reading() as session:
            now = database_now(session)
            rows = session.scalars(statement.order_by(Image.lease_owner, Image.id)).all()
            return [_worker(owner, list(each), now) for owner, each in groupby(rows, lambda row: str(row.lease_owner))]

    def waiting(self, *, with_working: bool = False) -> dict[str | None, int]:
        """Pending photos by the fingerprint of the recipe that they wait for; None for those that any worker takes.

        Parameters
        ----------
        with_working : bool
            Also count the photos that workers are processing.
        """
        states = ("pending", "working") if with_working else ("pending",)
        waits = IN_LIBRARY, Image.state.in_(states)
        statement = select(Image.wanted_recipe, func.count()).where(*waits).group_by(Image.wanted_recipe)
        with self._reading() as session:
            return {recipe: count for recipe, count in session.execute(statement)}  # rows are no tuples


def _worker(owner: str, rows: list[Image], now: datetime) -> WorkerRecord:
    host, pid = host_and_pid(owner)
    until = max(row.lease_until for row in rows if row.lease_until is not None)
    photos = tuple(image_record(row) for row in rows)
    return WorkerRecord(owner, host, pid, photos, until, is_gone(owner) or until < now)
