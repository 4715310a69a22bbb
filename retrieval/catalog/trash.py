"""The trash: photos that were deleted and can still be restored.

A photo in the trash keeps its row, its segments and its files, so that restoring it is one write. It is left out of
everything that lists, counts or searches photos (`models.IN_LIBRARY`), and of what an index has to hold: followers of
the catalogue delete its vectors from their indexes, and upsert them again when it is restored. A video is moved with
all of its frames, also if one of them is deleted or restored.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from ..errors import UnknownImageError
from ..storage.own_files import OwnFiles
from .dialects import in_chunks
from .duplicates import forget_checks
from .images import ImageRepository
from .models import NO_FRAME, Image
from .sessions import Repository, Sessions
from .stamps import count
from .videos import whole_videos

AT_ONCE = 500
"""Ids that are read at once when the trash is emptied."""

_IN_TRASH = Image.deleted_at.is_not(None)


class Trash(Repository):
    """Moves photos to the trash, restores them, and deletes them for good.

    Parameters
    ----------
    sessions : Sessions
    images : ImageRepository
    files : OwnFiles
        Removes uploads and renditions of photos that are deleted for good. Other files stay.
    days : float
        How long photos stay in the trash; 0 deletes them for good at once.
    """

    def __init__(self, sessions: Sessions, images: ImageRepository, files: OwnFiles, days: float) -> None:
        super().__init__(sessions)
        self._images, self._files = images, files
        self.days = days

    def put(self, image_ids: Collection[int]) -> int:
        """Move those of the photos that exist to the trash; returns how many were not there yet."""
        moved = self._set(image_ids, Image.deleted_at.is_(None), datetime.now(UTC))
        if not self.days:
            self.delete(image_ids)
        return moved

    def restore(self, image_ids: Collection[int]) -> int:
        """Move those of the photos that are in the trash back to the library; returns how many."""
        return self._set(image_ids, _IN_TRASH, None)

    def delete(self, image_ids: Collection[int]) -> int:
        """Delete those of the photos that are in the trash for good, with their files if uploaded; returns how many."""
        with self._reading() as session:
            whole = whole_videos(session, image_ids)
            frames = select(Image.id).where(~NO_FRAME)
            parts = {key for chunk in in_chunks(whole) for key in session.scalars(frames.where(Image.id.in_(chunk)))}
        deleted = [key for key in reversed(whole) if self._delete(key)]  # frames before their videos
        return len(set(deleted) - parts)

    def count(self) -> int:
        """How many photos are in the trash."""
        return self._count(_IN_TRASH)

    def empty(self, most: int | None = None) -> int:
        """Delete the photos in the trash for good, or `most` of them; returns how many. Some ms each."""
        if most is None:
            return self._delete_all(_IN_TRASH)
        with self._reading() as session:
            ids = session.scalars(select(Image.id).where(_IN_TRASH, NO_FRAME).order_by(Image.id).limit(most)).all()
        return self.delete(ids)

    def expired(self) -> int:
        """How many photos have been in the trash for more than `days`."""
        return self._count(self._is_over())

    def expire(self) -> int:
        """Delete such photos for good; returns how many."""
        return self._delete_all(self._is_over())

    def _is_over(self) -> ColumnElement[bool]:
        return Image.deleted_at <= datetime.now(UTC) - timedelta(days=self.days)

    def _count(self, which: ColumnElement[bool]) -> int:
        with self._reading() as session:
            return session.scalar(select(func.count()).select_from(Image).where(which, NO_FRAME)) or 0

    def _set(self, image_ids: Collection[int], which: ColumnElement[bool], moment: datetime | None) -> int:
        changed = 0
        with self._sessions.begin() as session:
            for chunk in in_chunks(whole_videos(session, image_ids)):
                for listed in (NO_FRAME, ~NO_FRAME):
                    statement = update(Image).where(Image.id.in_(chunk), which, listed).values(deleted_at=moment)
                    found = session.execute(statement, execution_options={"synchronize_session": False})
                    changed += int(found.rowcount) if listed is NO_FRAME else 0  # type: ignore[attr-defined]
                if moment is None:
                    forget_checks(session, chunk)
            if changed:
                count_changed(session)
        return changed

    def _delete_all(self, which: ColumnElement[bool]) -> int:
        last, deleted = 0, 0
        statement = select(Image.id).where(which, NO_FRAME).order_by(Image.id).limit(AT_ONCE)
        while True:
            with self._reading() as session:
                ids = session.scalars(statement.where(Image.id > last)).all()
            if not ids:
                return deleted
            deleted, last = deleted + self.delete(ids), ids[-1]

    def _delete(self, image_id: int) -> bool:
        try:
            photo = self._images.delete(image_id, from_trash=True)
        except UnknownImageError:  # another process restored or deleted it
            return False
        self._files.remove_photo(photo.sha256, [place.uri for place in photo.locations])
        return True


def count_changed(session: Session) -> None:
    """Tell followers of the catalogue that photos came into the trash or out of it."""
    count(session, "vectors")
    count(session, "trash")
