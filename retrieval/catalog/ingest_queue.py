"""The states of a photo on its way in: a row that goes ``pending → working → indexed | empty | failed``.

The row is the job. A worker claims rows under a lease, by the clock of the database, and renews it; when it dies, the
next worker takes over: at once where the process is known to be gone, or when the lease runs out. A result is committed
only by the holder of the lease, so nothing is done twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.orm import Session, selectinload

from ..segment.assessment import Assessment, assess
from ..types import AnalyzedImage, ImportedMask
from .dialects import database_now, in_chunks
from .imported import imported_masks
from .models import IN_LIBRARY, Image, IntakeOrder, Location, Segment
from .owners import is_gone
from .records import Job, Orders, Removed, State, vector_bytes
from .rows import fallback_columns, insert_segments, segment_columns
from .sessions import Repository, Sessions
from .succession import JudgedMeanwhileError, Succession, carry, succession

MAX_ATTEMPTS = 3
"""A photo that was being worked on when this many workers died is failed: it is what kills them."""

GIVEN_UP = f"given up: {MAX_ATTEMPTS} workers died while processing this photo; try again with `retry-failed`"

LEASE = timedelta(seconds=90)


class IngestQueue(Repository):
    """The states of photos on their way in.

    Attributes
    ----------
    carried : Counter
        Judgements and examples of segments that were replaced, ``moved`` and ``lost``, since this object was made.
    """

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self.carried: Counter[str] = Counter()

    # ---- working

    def claim(self, owner: str, limit: int, recipe: str | None = None) -> list[Job]:
        """Take up to `limit` photos that wait, or whose worker has died, under a lease of `LEASE`.

        Photos that wait for another recipe than `recipe` are left alone; nothing is taken while ingest is paused.
        """
        with self._sessions.begin() as session:
            if _orders(session).paused:
                return []
            now = database_now(session)
            dead = _abandoned(session, now)
            _fail(
                session, session.scalars(select(Image.id).where(dead, Image.attempts >= MAX_ATTEMPTS)).all(), GIVEN_UP
            )
            waits = or_(Image.state == "pending", dead), _open_to(recipe), IN_LIBRARY
            statement = select(Image).where(*waits).order_by(Image.id).limit(limit)
            rows = session.scalars(
                statement.options(selectinload(Image.locations)).with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                row.state, row.attempts = "working", row.attempts + 1
                row.lease_owner, row.lease_until = owner, now + LEASE
            imported = imported_masks(session, [row.id for row in rows])
            return [_job(row, imported.get(row.id, {})) for row in rows]

    def renew(self, owner: str) -> None:
        """Extend the lease of everything that `owner` has claimed."""
        with self._sessions.begin() as session:
            until = database_now(session) + LEASE
            session.execute(update(Image).where(_held_by(owner)).values(lease_until=until))

    def release(self, owner: str, image_ids: Collection[int] | None = None) -> None:
        """Give back what `owner` has claimed and not finished, or some of it, as if it had never been claimed."""
        values = {"state": "pending", "lease_owner": None, "lease_until": None, "attempts": Image.attempts - 1}
        with self._sessions.begin() as session:
            for which in [()] if image_ids is None else [(Image.id.in_(ids),) for ids in in_chunks(sorted(image_ids))]:
                session.execute(update(Image).where(_held_by(owner), *which).values(values))

    def finish(self, owner: str, analyzed: Mapping[int, AnalyzedImage], recipe: str, space: str | None = None) -> int:
        """Commit photos with their segments and vectors, in one transaction; returns how many were still ours.

        `recipe` is what analysed them; `space` what their vectors can be compared within, the recipe itself if absent.

        A photo that was deleted, or whose lease went to another worker, is dropped.
        """
        prepared = [_prepared(image_id, entry, recipe, space or recipe) for image_id, entry in analyzed.items()]
        return len(self._commit(_held_by(owner), prepared))

    def adopt(self, analyzed: Mapping[int, AnalyzedImage], recipe: str, space: str) -> set[int]:
        """Commit photos that were analysed elsewhere, in one transaction; returns the ids of those that were taken.

        Left as they are: photos that a worker is analysing, that have imported segments of which the analysis has no
        vectors, or that are in the trash.
        """
        prepared = [_prepared(image_id, entry, recipe, space) for image_id, entry in analyzed.items()]
        known = [key for entry in analyzed.values() for key in entry.imported]
        others = Segment.image_id == Image.id, Segment.is_imported, Segment.id.not_in(known)
        unknown = select(Segment.id).where(*others).exists()
        return self._commit(and_(Image.state != "working", IN_LIBRARY, ~unknown), prepared)

    def _commit(self, ours: ColumnElement[bool], prepared: Sequence[_Prepared]) -> set[int]:
        """Commit those of the photos that meet a condition; returns their ids."""
        try:
            return self._write(ours, prepared, self._successions(prepared, judged_only=True))
        except JudgedMeanwhileError:
            return self._write(ours, prepared, self._successions(prepared, judged_only=False))

    def _successions(self, prepared: Sequence[_Prepared], *, judged_only: bool) -> list[Succession]:
        """What takes the place of each photo's old segments; masks are compared here, where nobody waits for us."""
        with self._reading() as session:
            return [succession(session, each.image_id, each.rows, judged_only=judged_only) for each in prepared]

    def _write(
        self, ours: ColumnElement[bool], prepared: Sequence[_Prepared], successions: Sequence[Succession]
    ) -> set[int]:
        finished, carried = set[int](), Counter[str]()
        unsynchronized = {"synchronize_session": False}
        with self._sessions.begin() as session:
            for each, successors in zip(prepared, successions, strict=True):
                taken = update(Image).where(ours, Image.id == each.image_id).values(each.values)
                if not session.execute(taken, execution_options=unsynchronized).rowcount:  # type: ignore[attr-defined]
                    continue
                finished.add(each.image_id)
                keys = insert_segments(session, each.image_id, each.rows) if each.rows else []
                carried += carry(session, each.image_id, keys, successors)
                if each.imported:
                    session.execute(update(Segment), each.imported)
                kept = [*keys, *(row["id"] for row in each.imported)]
                old = Segment.image_id == each.image_id, Segment.id.not_in(kept)
                session.execute(delete(Segment).where(*old), execution_options=unsynchronized)
        self.carried += carried
        return finished

    def fail(self, owner: str, image_id: int, reason: str) -> None:
        """Mark a photo as failed with the reason, and remove what an earlier analysis found."""
        printable = reason.encode("utf-8", "backslashreplace").decode()
        with self._sessions.begin() as session:
            held = select(Image.id).where(_held_by(owner), Image.id == image_id).with_for_update()
            _fail(session, session.scalars(held).all(), printable)

    def states(self, image_ids: Sequence[int]) -> dict[int, tuple[State, str | None]]:
        """State and error of those of the photos that are in the library."""
        found: dict[int, tuple[State, str | None]] = {}
        with self._reading() as session:
            for chunk in in_chunks(image_ids):
                rows = session.execute(
                    select(Image.id, Image.state, Image.error).where(Image.id.in_(chunk), IN_LIBRARY)
                )
                found.update({key: (state, error) for key, state, error in rows})  # type: ignore[misc]
        return found

    # ---- telling the workers

    def orders(self) -> Orders:
        """The orders to all workers of this catalogue."""
        with self._reading() as session:
            return _orders(session)

    def pause(self) -> None:
        """Stop workers from claiming photos until `resume`; photos in progress are finished."""
        self._tell(paused=True)

    def resume(self) -> None:
        """Let workers claim photos again."""
        self._tell(paused=False)

    def cancel(self) -> list[Removed]:
        """Remove the photos that wait for their first analysis; returns them. They can be ingested again.

        What is being worked on is finished. Photos that wait to be analysed again are as they were before.
        """
        with self._sessions.begin() as session:
            waits = and_(IN_LIBRARY, or_(Image.state == "pending", _abandoned(session, database_now(session))))
            analysed = {"state": case((Image.segment_count > 0, "indexed"), else_="empty"), "wanted_recipe": None}
            released = {"attempts": 0, "lease_owner": None, "lease_until": None}
            back = update(Image).where(waits, Image.recipe.is_not(None)).values({**analysed, **released})
            session.execute(back, execution_options={"synchronize_session": False})
            videos = select(Image.id).where(waits, Image.video_id.is_(None))
            begun = Image.video_id.in_(videos)  # frames of videos that are not read to their ends
            rows = session.scalars(select(Image).where(or_(waits, begun)).options(selectinload(Image.locations))).all()
            gone = [Removed(row.sha256, tuple(place.uri for place in row.locations)) for row in rows]
            for chunk in in_chunks([row.id for row in rows]):
                session.execute(
                    delete(Image).where(Image.id.in_(chunk)), execution_options={"synchronize_session": False}
                )
            order = _order(session)
            order.cancellations += 1
        return gone

    def _tell(self, *, paused: bool) -> None:
        with self._sessions.begin() as session:
            _order(session).paused = paused

    # ---- trying again

    def unfinished(self, recipe: str | None = None) -> int:
        """Photos that are pending or being worked on, those that wait for another recipe apart."""
        waits = Image.state.in_(("pending", "working")), _open_to(recipe), IN_LIBRARY
        with self._reading() as session:
            return session.scalar(select(func.count()).select_from(Image).where(*waits)) or 0

    def retry(self, image_ids: Collection[int]) -> int:
        """Make the failed ones of some photos pending again; returns how many."""
        return self._requeue(Image.state == "failed", Image.id.in_(image_ids))

    def retry_failed(self) -> int:
        """Make every failed photo pending again, and those whose worker has died; returns how many."""
        freed = {"state": "pending", "attempts": 0, "lease_owner": None, "lease_until": None}
        with self._sessions.begin() as session:
            abandoned = _abandoned(session, database_now(session))
            statement = update(Image).where(abandoned).values(freed).execution_options(synchronize_session=False)
            count = int(session.execute(statement).rowcount)  # type: ignore[attr-defined]
        return count + self._requeue(Image.state == "failed")

    def reanalyze(
        self,
        recipe: str,
        *,
        state: State | None = None,
        max_quality: float | None = None,
        below: str | None = None,
        image_ids: Collection[int] | None = None,
        dry_run: bool = False,
    ) -> int:
        """Have photos that another recipe analysed wait for this one; returns how many.

        Their segments stay and are found until the new ones are there.

        Parameters
        ----------
        recipe : str
            A fingerprint. Only workers of this recipe will take the photos.
        state : {"indexed", "empty"}, optional
        max_quality : float, optional
            Only photos whose segmentation was judged no better.
        below : str, optional
            Only photos with a location below this URI.
        image_ids : collection of int, optional
            Only these photos.
        dry_run : bool
            Only count them.
        """
        which = [Image.state.in_(("indexed", "empty")), Image.recipe != recipe]
        if state is not None:
            which.append(Image.state == state)
        if max_quality is not None:
            which.append(Image.quality <= max_quality)
        if below is not None:
            inside = Location.uri >= f"{below}/", Location.uri < f"{below}0"
            which.append(select(Location.id).where(Location.image_id == Image.id, *inside).exists())
        if image_ids is not None:
            which.append(Image.id.in_(image_ids))
        if dry_run:
            with self._reading() as session:
                return session.scalar(select(func.count()).select_from(Image).where(IN_LIBRARY, *which)) or 0
        return self._requeue(*which, wanted_recipe=recipe)

    def _requeue(self, *which: ColumnElement[bool], wanted_recipe: str | None = None) -> int:
        values = {"state": "pending", "attempts": 0, "error": None, "wanted_recipe": wanted_recipe}
        with self._sessions.begin() as session:
            statement = (
                update(Image).where(IN_LIBRARY, *which).values(values).execution_options(synchronize_session=False)
            )
            return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]


def _abandoned(session: Session, now: datetime) -> ColumnElement[bool]:
    """Photos whose worker has died: its process is gone, or the lease has run out.

    No lease is longer than `LEASE`. One that ends later was given before the clock was set back, and is cut to that.
    """
    working = Image.state == "working"
    too_long = update(Image).where(working, Image.lease_until > now + LEASE).values(lease_until=now + LEASE)
    session.execute(too_long, execution_options={"synchronize_session": False})
    owners = session.scalars(select(Image.lease_owner).where(working).distinct())
    gone = [owner for owner in owners if owner is not None and is_gone(owner)]
    return and_(working, or_(Image.lease_until < now, Image.lease_owner.in_(gone)))


def _orders(session: Session) -> Orders:
    row = session.get(IntakeOrder, 1)
    return Orders(row.paused, row.cancellations) if row is not None else Orders()


def _order(session: Session) -> IntakeOrder:
    row = session.get(IntakeOrder, 1)
    if row is None:
        row = IntakeOrder(id=1, paused=False, cancellations=0)
        session.add(row)
    return row


def _job(row: Image, imported: Mapping[int, ImportedMask]) -> Job:
    uris = tuple(place.uri for place in row.locations)
    return Job(row.id, row.sha256, uris, row.attempts, imported)


def _open_to(recipe: str | None) -> ColumnElement[bool]:
    """Photos that wait for no recipe in particular, or for this one."""
    return or_(Image.wanted_recipe.is_(None), Image.wanted_recipe == recipe)


def _held_by(owner: str) -> ColumnElement[bool]:
    return and_(Image.state == "working", Image.lease_owner == owner)


def _fail(session: Session, image_ids: Sequence[int], reason: str) -> None:
    values = {"state": "failed", "error": reason, "lease_owner": None, "lease_until": None}
    forgotten = dict.fromkeys(("recipe", "space", "photo_vector", *(field.name for field in fields(Assessment))))
    cleared: dict[str, Any] = {**values, **forgotten, "segment_count": 0, "vector_count": 0}
    for chunk in in_chunks(image_ids):
        session.execute(update(Image).where(Image.id.in_(chunk)).values(cleared))
        session.execute(delete(Segment).where(Segment.image_id.in_(chunk)))


@dataclass(frozen=True, eq=False, slots=True)
class _Prepared:
    """A photo's columns, those of its segments or of its fallback, and new vectors of its imported segments."""

    image_id: int
    values: dict[str, Any]
    rows: list[dict[str, Any]]
    imported: list[dict[str, Any]]


def _prepared(image_id: int, entry: AnalyzedImage, recipe: str, space: str) -> _Prepared:
    """All that is computed of a photo, before anything is locked."""
    rows, imported = segment_columns(entry.analysis, entry.size_hw), _imported(entry)
    segment_count = len(rows) + len(imported)
    if not segment_count:
        rows = fallback_columns(entry.analysis, entry.size_hw)
    values = {
        **asdict(assess(entry.analysis.segments)),
        "state": "indexed" if segment_count else "empty",
        "error": None,
        "lease_owner": None,
        "lease_until": None,
        "format": entry.format,
        "height": entry.size_hw[0],
        "width": entry.size_hw[1],
        "taken_at": entry.taken_at,
        "dated_at": entry.taken_at or Image.created_at,
        "recipe": recipe,
        "space": space,
        "wanted_recipe": None,
        "segment_count": segment_count,
        "vector_count": len(rows) + len(imported),
        "is_tracked": False,
        "photo_vector": vector_bytes(entry.analysis.photo_vector),
    }
    return _Prepared(image_id, values, rows, imported)


def _imported(entry: AnalyzedImage) -> list[dict[str, Any]]:
    return [
        {
            "id": key,
            "vector": vector_bytes(each.vector),
            "colors": None if each.colors is None else each.colors.tobytes(),
        }
        for key, each in entry.imported.items()
    ]
