"""Exports that are written in the background, by a worker, so that they outlive the request and the web server.

A worker holds a job by its name. It tells from time to time how far it is; a job whose worker has ended, or has told
nothing for `LEASE`, is begun anew by another one. Only the holder can finish it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from ..errors import TooManyExportsError, UnknownExportError
from .export_models import ExportJob
from .owners import is_gone
from .records.exports import ExportRecord, ExportState
from .sessions import Repository

RETENTION = timedelta(hours=24)
"""How long a file is kept after it was written."""

MOST_KEPT_BYTES = 20 * 1024**3
"""As many bytes of files; the oldest go first."""

MOST_UNFINISHED = 4
"""So many exports of a user may wait or run at once."""

MOST_ATTEMPTS = 3
"""How often an export is begun whose worker ends meanwhile."""

LEASE = timedelta(seconds=90)


class ExportJobs(Repository):
    """Exports that were ordered, and who writes them."""

    def add(self, user: str, form: str, selection: str, total: int, *, polygons: bool = False) -> ExportRecord:
        """Order an export.

        Parameters
        ----------
        user : str
            Empty without sign-in.
        form : str
            The format.
        selection : str
            JSON.
        total : int
            Photos, at most.
        polygons : bool

        Raises
        ------
        TooManyExportsError
            This user has `MOST_UNFINISHED` that wait or run.
        """
        with self._sessions.begin() as session:
            own = select(func.count()).where(ExportJob.user == user, _UNFINISHED)
            if (session.scalar(own) or 0) >= MOST_UNFINISHED:
                raise TooManyExportsError(
                    f"{MOST_UNFINISHED} exports are being written or wait: order more when one is done, or delete one"
                )
            row = ExportJob(
                user=user,
                created_at=datetime.now(UTC),
                format=form,
                polygons=polygons,
                selection=selection,
                total=total,
            )
            session.add(row)
            session.flush()
            return _record(row)

    def get(self, job_id: int, user: str | None = None) -> ExportRecord:
        """An export; of a user, if one is given.

        Raises
        ------
        UnknownExportError
            It never was, is over, or is somebody else's.
        """
        with self._reading() as session:
            return _record(_row(session, job_id, user))

    def all(self, user: str | None = None) -> list[ExportRecord]:
        """All exports, or those of a user, the newest first."""
        wanted = select(ExportJob).order_by(ExportJob.id.desc())
        with self._reading() as session:
            rows = session.scalars(wanted if user is None else wanted.where(ExportJob.user == user))
            return [_record(row) for row in rows]

    def known(self, job_ids: Sequence[int]) -> set[int]:
        """Those of some ids that exports have."""
        with self._reading() as session:
            return set(session.scalars(select(ExportJob.id).where(ExportJob.id.in_(job_ids))))

    def claim(self, owner: str) -> ExportRecord | None:
        """Take the export that waits longest, or one whose worker is gone; None if there is none.

        One that was begun `MOST_ATTEMPTS` times fails instead.
        """
        with self._sessions.begin() as session:
            rows = session.scalars(select(ExportJob).where(_UNFINISHED).order_by(ExportJob.id).with_for_update())
            for row in rows:
                if row.state == "running" and not _is_lost(row, owner):
                    continue
                if row.attempts >= MOST_ATTEMPTS:
                    row.state, row.finished_at = "failed", datetime.now(UTC)
                    row.error = f"the worker ended {row.attempts} times while it wrote this: select fewer photos"
                    continue
                row.state, row.owner, row.seen_at = "running", owner, datetime.now(UTC)
                row.attempts, row.done = row.attempts + 1, 0
                session.flush()
                return _record(row)
        return None

    def advance(self, job_id: int, owner: str, done: int) -> bool:
        """Tell how many photos were written; whether the export is still wanted, and this worker's."""
        return self._change(job_id, owner, {"done": done, "seen_at": datetime.now(UTC)})

    def release(self, job_id: int, owner: str) -> None:
        """Give back an export that this worker cannot go on with because it is told to stop."""
        values = {"state": "queued", "owner": None, "done": 0, "attempts": ExportJob.attempts - 1}
        self._change(job_id, owner, values)

    def finish(self, job_id: int, owner: str, size: int, sha256: str) -> bool:
        """Record that the file is whole; False if the export was deleted or taken meanwhile."""
        now = datetime.now(UTC)
        values = {"state": "done", "done": ExportJob.total, "size": size, "sha256": sha256, "finished_at": now}
        return self._change(job_id, owner, values)

    def fail(self, job_id: int, owner: str, error: str) -> None:
        """Record why there will be no file."""
        self._change(job_id, owner, {"state": "failed", "error": error, "finished_at": datetime.now(UTC)})

    def remove(self, job_id: int, user: str | None = None) -> None:
        """Forget an export; its worker notices.

        Raises
        ------
        UnknownExportError
            As `get`.
        """
        with self._sessions.begin() as session:
            session.delete(_row(session, job_id, user))

    def expired(self) -> int:
        """How many are over: finished longer than `RETENTION` ago, or beyond `MOST_KEPT_BYTES`."""
        with self._reading() as session:
            return len(_over(session))

    def expire(self) -> None:
        """Forget those that are over."""
        with self._sessions.begin() as session:
            session.execute(delete(ExportJob).where(ExportJob.id.in_(_over(session))))

    def _change(self, job_id: int, owner: str, values: dict[str, Any]) -> bool:
        mine = and_(ExportJob.id == job_id, ExportJob.owner == owner, ExportJob.state == "running")
        with self._sessions.begin() as session:
            changed = cast("CursorResult[Any]", session.execute(update(ExportJob).where(mine).values(values)))
            return changed.rowcount > 0


_UNFINISHED = or_(ExportJob.state == "queued", ExportJob.state == "running")


def _row(session: Session, job_id: int, user: str | None) -> ExportJob:
    row = session.get(ExportJob, job_id)
    if row is None or (user is not None and row.user != user):
        raise UnknownExportError(f"there is no export {job_id}: it never was, or its time is over; order it anew")
    return row


def _is_lost(row: ExportJob, owner: str) -> bool:
    """Whether the worker that holds an export will not go on with it."""
    holder, seen = row.owner or "", row.seen_at
    return holder == owner or is_gone(holder) or seen is None or datetime.now(UTC) - seen > LEASE


def _over(session: Session) -> list[int]:
    finished = select(ExportJob.id, ExportJob.finished_at, ExportJob.size).where(ExportJob.finished_at.is_not(None))
    found, total, now = list[int](), 0, datetime.now(UTC)
    for key, finished_at, size in session.execute(finished.order_by(ExportJob.finished_at.desc(), ExportJob.id.desc())):
        total += size or 0
        if finished_at is None or now - finished_at > RETENTION or total > MOST_KEPT_BYTES:
            found.append(key)
    return found


def _record(row: ExportJob) -> ExportRecord:
    return ExportRecord(
        id=row.id,
        user=row.user,
        created_at=row.created_at,
        format=row.format,
        polygons=row.polygons,
        selection=row.selection,
        state=cast("ExportState", row.state),
        done=min(row.done, row.total),
        total=row.total,
        finished_at=row.finished_at,
        expires_at=row.finished_at + RETENTION if row.finished_at else None,
        size=row.size,
        sha256=row.sha256,
        error=row.error,
    )
