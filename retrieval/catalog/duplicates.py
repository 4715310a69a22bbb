"""Pairs of photos that are near-duplicates, and which photos were compared with the others."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session, aliased

from .dialects import in_chunks
from .models import IN_LIBRARY, NO_FRAME, DuplicateCheck, Image, Location, NearDuplicate
from .records import Comparison, Copy, DuplicatePair
from .sessions import Repository


class NearDuplicates(Repository):
    """The near-duplicates of a catalogue.

    Photos in the trash are left out while they are there, and compared anew when they are restored.
    """

    # ---- comparing

    def unchecked(self, space: str, limit: int) -> list[int]:
        """Photos of a space that were not compared with the others by vectors of this space, the newest first."""
        statement = select(Image.id).where(_unchecked(space)).order_by(Image.id.desc()).limit(limit)
        with self._reading() as session:
            return list(session.scalars(statement))

    def waiting(self, space: str) -> int:
        """How many such photos there are."""
        with self._reading() as session:
            return session.scalar(select(func.count()).select_from(Image).where(_unchecked(space))) or 0

    def record(self, found: Comparison, space: str) -> None:
        """Store what was found. Pairs that were dismissed stay so; photos that are gone are left out."""
        with self._sessions.begin() as session:
            paired = {key for pair in found.pairs for key in (pair.first, pair.second)}
            there = _existing(session, paired.union(found.compared))
            for key in sorted(there.intersection(found.compared)):
                session.merge(DuplicateCheck(image_id=key, space=space))
            session.flush()
            for key, detail in sorted(found.details.items()):
                checked = DuplicateCheck.image_id == key
                session.execute(update(DuplicateCheck).where(checked).values(detail=detail))
            for pair in found.pairs:
                if {pair.first, pair.second} <= there:
                    session.merge(NearDuplicate(first_id=pair.first, second_id=pair.second, likeness=pair.likeness))

    # ---- asking

    def pairs(self, min_likeness: float = 0.0) -> list[DuplicatePair]:
        """Pairs of photos of the library that are at least so alike and were not dismissed, by ids."""
        one, other = aliased(Image), aliased(Image)
        statement = select(NearDuplicate.first_id, NearDuplicate.second_id, NearDuplicate.likeness)
        statement = statement.join(one, one.id == NearDuplicate.first_id)
        statement = statement.join(other, other.id == NearDuplicate.second_id)
        statement = statement.where(one.deleted_at.is_(None), other.deleted_at.is_(None), ~NearDuplicate.dismissed)
        statement = statement.where(NearDuplicate.likeness >= min_likeness)
        with self._reading() as session:
            rows = session.execute(statement.order_by(NearDuplicate.first_id, NearDuplicate.second_id))
            return [DuplicatePair(first, second, likeness) for first, second, likeness in rows]

    def among(self, image_ids: Collection[int]) -> list[DuplicatePair]:
        """Pairs of some photos that were not dismissed."""
        inside, found = set(image_ids), list[DuplicatePair]()
        columns = NearDuplicate.first_id, NearDuplicate.second_id, NearDuplicate.likeness
        with self._reading() as session:
            for chunk in in_chunks(sorted(inside)):
                statement = select(*columns).where(NearDuplicate.first_id.in_(chunk), ~NearDuplicate.dismissed)
                rows = session.execute(statement)
                found += [DuplicatePair(one, other, alike) for one, other, alike in rows if other in inside]
        return found

    def of_image(self, image_id: int) -> dict[int, float]:
        """The near-duplicates of a photo in the library, and how alike they are, the likest first."""
        sides = (NearDuplicate.first_id, NearDuplicate.second_id), (NearDuplicate.second_id, NearDuplicate.first_id)
        found: dict[int, float] = {}
        with self._reading() as session:
            for this, that in sides:
                statement = select(that, NearDuplicate.likeness).join(Image, Image.id == that)
                statement = statement.where(this == image_id, ~NearDuplicate.dismissed, IN_LIBRARY)
                found.update((key, likeness) for key, likeness in session.execute(statement))
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))

    def copies(self, image_ids: Collection[int]) -> dict[int, Copy]:
        """What tells which of the photos is best; all their pixels count as detail where that is not known."""
        size = select(func.max(Location.size)).where(Location.image_id == Image.id).scalar_subquery()
        columns = Image.id, DuplicateCheck.detail, Image.width, Image.height, size
        statement = select(*columns).outerjoin(DuplicateCheck, DuplicateCheck.image_id == Image.id)
        found: dict[int, Copy] = {}
        with self._reading() as session:
            for chunk in in_chunks(sorted(image_ids)):
                for key, detail, width, height, length in session.execute(statement.where(Image.id.in_(chunk))):
                    pixels = (width or 0) * (height or 0)
                    found[key] = Copy(key, float(pixels) if detail is None else detail, pixels, length or 0)
        return found

    # ---- judging

    def dismiss(self, image_ids: Collection[int]) -> int:
        """Remember that photos are no duplicates of one another; returns of how many pairs that is new."""
        return self._judge(image_ids, dismissed=True)

    def undismiss(self, image_ids: Collection[int]) -> int:
        """Take that back; returns of how many pairs."""
        return self._judge(image_ids, dismissed=False)

    def _judge(self, image_ids: Collection[int], *, dismissed: bool) -> int:
        inside, changed = set(image_ids), 0
        judged = NearDuplicate.dismissed.is_(not dismissed)
        with self._sessions.begin() as session:
            for chunk in in_chunks(sorted(inside)):
                for row in session.scalars(select(NearDuplicate).where(NearDuplicate.first_id.in_(chunk), judged)):
                    if row.second_id in inside:
                        row.dismissed, changed = dismissed, changed + 1
        return changed


def forget_checks(session: Session, image_ids: Collection[int]) -> None:
    """Have photos compared anew, because others may have come while they were in the trash."""
    checked = DuplicateCheck.image_id.in_(image_ids)
    session.execute(update(DuplicateCheck).where(checked).values(space=""))


def _unchecked(space: str) -> ColumnElement[bool]:
    done = DuplicateCheck.image_id == Image.id, DuplicateCheck.space == space
    return and_(Image.space == space, IN_LIBRARY, NO_FRAME, ~select(DuplicateCheck.image_id).where(*done).exists())


def _existing(session: Session, image_ids: Collection[int]) -> set[int]:
    found: set[int] = set()
    for chunk in in_chunks(sorted(image_ids)):
        found.update(session.scalars(select(Image.id).where(Image.id.in_(chunk))))
    return found
