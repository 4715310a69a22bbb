"""Photos of the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from ..errors import UnknownImageError
from ..query.filters import Filters
from .deleted_files import remember
from .dialects import in_chunks
from .filtering import photos_passing
from .models import IN_LIBRARY, NO_FRAME, Image
from .records import STATES, ImageRecord, State
from .rows import image_record
from .sessions import Repository
from .videos import delete_frames


class ImageRepository(Repository):
    """Rows of photos, each with its locations.

    Photos in the trash are found by their ids, and are not listed or counted among the others.
    """

    def get(self, image_id: int) -> ImageRecord:
        """One photo.

        Raises
        ------
        UnknownImageError
        """
        with self._reading() as session:
            return image_record(_row(session, image_id))

    def find(self, image_ids: Collection[int]) -> dict[int, ImageRecord]:
        """Those of the photos that exist."""
        found: dict[int, ImageRecord] = {}
        with self._reading() as session:
            for chunk in in_chunks(list(image_ids)):
                rows = session.scalars(_images().where(Image.id.in_(chunk)))
                found.update({row.id: image_record(row) for row in rows})
        return found

    def sizes_hw(self, image_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """Height and width of those of the photos that exist and were decoded, upright."""
        statement = select(Image.id, Image.height, Image.width).where(Image.width.is_not(None))
        found: dict[int, tuple[int, int]] = {}
        with self._reading() as session:
            for chunk in in_chunks(list(image_ids)):
                rows = session.execute(statement.where(Image.id.in_(chunk)))
                found.update((key, (height, width)) for key, height, width in rows if height and width)
        return found

    def of_digest(self, sha256: str) -> ImageRecord | None:
        """The photo with these bytes, if there is one."""
        with self._reading() as session:
            row = session.scalar(_images().where(Image.sha256 == sha256))
            return None if row is None else image_record(row)

    def page(
        self,
        *,
        after: int = 0,
        limit: int = 50,
        state: State | None = None,
        max_quality: float | None = None,
        newest_first: bool = False,
        video_id: int | None = None,
    ) -> list[ImageRecord]:
        """Photos by id, those beyond `after` (0 for the start); `newest_first` runs from the highest id down.

        Frames are listed only if the `video_id` of their video is given. With `max_quality` only photos whose
        segmentation was judged no better (`Assessment.quality`).
        """
        listed = NO_FRAME if video_id is None else Image.video_id == video_id
        statement = _images().where(IN_LIBRARY, listed).limit(limit)
        statement = statement.order_by(Image.id.desc() if newest_first else Image.id)
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
        statement = _images().where(IN_LIBRARY, analysed, Image.quality.is_not(None)).order_by(Image.quality, Image.id)
        with self._reading() as session:
            return [image_record(row) for row in session.scalars(statement.offset(skip).limit(limit))]

    def passing_of(self, image_ids: Sequence[int], filters: Filters) -> set[int]:
        """Those of the photos that meet the conditions on photos."""
        statement, found = photos_passing(filters), set[int]()
        with self._reading() as session:
            for chunk in in_chunks(list(image_ids)):
                found.update(session.scalars(statement.where(Image.id.in_(chunk))))
        return found

    def known_digests(self, digests: Collection[str]) -> set[str]:
        """Those of the digests that photos have."""
        found: set[str] = set()
        with self._reading() as session:
            for chunk in in_chunks(sorted(digests)):
                found.update(session.scalars(select(Image.sha256).where(Image.sha256.in_(chunk))))
        return found

    def counts(self) -> dict[State, int]:
        """Photos and videos in each state; frames count while they wait or are worked on, as that is work to do."""
        counted = or_(NO_FRAME, Image.state.in_(("pending", "working")))
        statement = select(Image.state, func.count()).where(IN_LIBRARY, counted).group_by(Image.state)
        with self._reading() as session:
            found = {state: count for state, count in session.execute(statement)}
        return {state: found.get(state, 0) for state in STATES}

    def recipes(self) -> dict[str, int]:
        """Analysed photos of each recipe's fingerprint."""
        statement = select(Image.recipe, func.count()).where(IN_LIBRARY, Image.recipe.is_not(None))
        with self._reading() as session:
            return {str(recipe): count for recipe, count in session.execute(statement.group_by(Image.recipe))}

    def delete(self, image_id: int, *, from_trash: bool = False) -> ImageRecord:
        """Remove a photo, its locations and its segments from the catalogue for good; its file stays where it is.

        Parameters
        ----------
        image_id : int
        from_trash : bool
            Whether the photo must be in the trash, so that one that was just restored stays.

        Raises
        ------
        UnknownImageError
        """
        with self._sessions.begin() as session:
            row = _row(session, image_id)
            if from_trash and row.deleted_at is None:
                raise UnknownImageError(f"photo {image_id} is not in the trash: it was restored")
            record = image_record(row)
            remember(session, record)
            delete_frames(session, [image_id])
            session.delete(row)
            return record


def _images() -> Select[Image]:
    return select(Image).options(selectinload(Image.locations))


def _row(session: Session, image_id: int) -> Image:
    row = session.get(Image, image_id, options=[selectinload(Image.locations)])
    if row is None:
        raise UnknownImageError(f"there is no photo {image_id}: it never was, or it was deleted")
    return row
