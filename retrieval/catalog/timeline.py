"""The timeline of a library: how many photos each month has, and the photos themselves, page by page."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Select, case, func, select, tuple_
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.attributes import InstrumentedAttribute

from ..errors import QueryError
from .dialects.expressions import month
from .folders import folders_of
from .models import IN_LIBRARY, ITEM_ID, NO_FRAME, Image, ImageTag, Location, Segment, Tag
from .records import ImageRecord, Month, View
from .records.timeline import MONTH, UNKNOWN_ASPECT
from .rows import image_record
from .sessions import Repository
from .tags import key_of

_S = TypeVar("_S", bound=Select)  # type: ignore[type-arg]


class Timeline(Repository):
    """Photos by date.

    Months and ids are read from an index, without the rows: 0.1 s for 100,000 photos. With a folder, every place of a
    photo is looked at, too.
    """

    def months(self, view: View) -> list[Month]:
        """Months that have photos, in the order of the view."""
        name = month(_date(view)).label("month")
        known = (Image.width > 0) & (Image.height > 0)
        aspect = func.avg(case((known, 1.0 * Image.width / Image.height), else_=UNKNOWN_ASPECT))
        statement = _listed(select(name, func.count(), aspect), view).group_by(name)
        with self._reading() as session:
            found = [Month(*row) for row in session.execute(statement)]
        return sorted(found, key=lambda each: each.name, reverse=view.order != "oldest")

    def page(self, view: View, month: str | None = None, *, skip: int = 0, limit: int = 50) -> list[ImageRecord]:
        """Photos of a month, or of all, in the order of the view.

        Parameters
        ----------
        view : View
        month : str, optional
            ``YYYY-MM``.
        skip, limit : int

        Raises
        ------
        QueryError
            The month is malformed.
        """
        statement = _sorted(_listed(select(Image).options(selectinload(Image.locations)), view), view)
        if month is not None:
            start, end = (_comparable(moment, view) for moment in _span(month))
            statement = statement.where(_date(view) >= start, _date(view) < end)
        with self._reading() as session:
            return [image_record(row) for row in session.scalars(statement.offset(skip).limit(limit))]

    def ids(self, view: View, *, skip: int = 0, limit: int = 10_000) -> list[int]:
        """Ids of all photos, in the order of the view."""
        statement = _sorted(_listed(select(Image.id), view), view).offset(skip).limit(limit)
        with self._reading() as session:
            return list(session.scalars(statement))

    def tags(self, view: View, limit: int) -> list[tuple[str, int]]:
        """The tags that most photos of a view have, and how many."""
        statement = select(Tag.name, func.count()).join(ImageTag, ImageTag.tag_id == Tag.id).group_by(Tag.id)
        return self._most(statement, ImageTag.image_id, Tag.key, view, limit)

    def labels(self, view: View, limit: int) -> list[tuple[str, int]]:
        """The labels that segments of most photos of a view have, and how many photos.

        They are counted in an index: 0.3 s for 2.5 million segments with labels, twice that for a part of the photos.
        """
        count = func.count(func.distinct(Segment.image_id))
        statement = select(Segment.label, count).where(Segment.label.is_not(None)).group_by(Segment.label)
        return self._most(statement, Segment.image_id, Segment.label, view, limit)

    def _most(self, statement: Any, image_id: Any, name: Any, view: View, limit: int) -> list[tuple[str, int]]:
        """The first rows of a statement that counts photos, if only those of a view are counted."""
        if view == View(order=view.order):  # everything: what is in the trash is less
            counted = image_id.not_in(select(Image.id).where(Image.deleted_at.is_not(None)))
        else:
            counted = image_id.in_(_listed(select(Image.id), view))
        count = statement.selected_columns[1]
        statement = statement.where(counted).order_by(count.desc(), name).limit(limit)
        with self._reading() as session:
            return [(value, photos) for value, photos in session.execute(statement)]

    def folders(self, view: View, limit: int) -> list[tuple[str, int]]:
        """The names of folders that most photos of a view are in, and how many: every place of a photo is looked at."""
        statement = select(Location.image_id, Location.uri, Location.uploaded_as).order_by(Location.image_id)
        statement = statement.where(Location.image_id.in_(_listed(select(Image.id), view)))
        found: Counter[str] = Counter()
        with self._reading() as session:
            for _, names in folders_of(session, statement):
                found.update(names)
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:limit]

    def neighbours(self, image_id: int, view: View | None = None, count: int = 1) -> tuple[list[int], list[int]]:
        """Ids of the photos next to a photo, which need not be in the view itself.

        Parameters
        ----------
        image_id : int
        view : View, optional
            Which photos, and in which order; all of them, newest first, if absent.
        count : int
            At most so many on each side.

        Returns
        -------
        before, after : list of int
            In the order of the view; both are empty if there is no such photo.

        Notes
        -----
        Reads from an index on the date: less than a millisecond without filters.
        """
        view = view or View()
        date = _date(view)
        here = select(date).where(Image.id == image_id).scalar_subquery()
        place, this = tuple_(date, Image.id), tuple_(here, image_id)
        earlier = select(Image.id).where(place < this).order_by(date.desc(), Image.id.desc())
        later = select(Image.id).where(place > this).order_by(date, Image.id)
        with self._reading() as session:
            past, future = (list(session.scalars(_listed(each, view).limit(count))) for each in (earlier, later))
        before, after = (past, future) if view.order == "oldest" else (future, past)
        return before[::-1], after

    def lists(self, image_id: int, view: View) -> bool:
        """Whether a photo is in a view."""
        with self._reading() as session:
            return session.scalar(_listed(select(Image.id).where(Image.id == image_id), view)) is not None


def _date(view: View) -> InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]:
    return Image.created_at if view.order == "added" else Image.dated_at


def _comparable(moment: datetime, view: View) -> datetime:
    """A moment as `_date` has it: in UTC, or in no time zone, like cameras."""
    return moment.replace(tzinfo=UTC) if view.order == "added" else moment


def _sorted(statement: _S, view: View) -> _S:
    date = _date(view)
    if view.order == "oldest":
        return statement.order_by(date, Image.id)
    return statement.order_by(date.desc(), Image.id.desc())


def _listed(statement: _S, view: View) -> _S:
    statement = statement.where(Image.deleted_at.is_not(None) if view.state == "trash" else IN_LIBRARY, NO_FRAME)
    if view.state not in (None, "trash"):
        states = ("pending", "working") if view.state == "pending" else (view.state,)
        statement = statement.where(Image.state.in_(states))
    if view.tag is not None:
        tagged = select(ImageTag.image_id).join(Tag, Tag.id == ImageTag.tag_id).where(Tag.key == key_of(view.tag))
        statement = statement.where(Image.id.in_(tagged))
    if view.label is not None:
        statement = statement.where(Image.id.in_(select(ITEM_ID).join(Segment).where(Segment.label == view.label)))
    if view.folder is not None:
        files = Location.uri.regexp_match(f"/{re.escape(quote(view.folder))}/[^/]*$") & Location.uploaded_as.is_(None)
        uploads = Location.uploaded_as.regexp_match(f"(^|/){re.escape(view.folder)}/[^/]*$")
        statement = statement.where(Image.id.in_(select(Location.image_id).where(files | uploads)))
    return statement


def _span(month: str) -> tuple[datetime, datetime]:
    """The first moment of a month, and the first one after it."""
    if not re.fullmatch(MONTH, month):
        raise QueryError(f"{month!r} is not a month: write it as YYYY-MM")
    year, number = int(month[:4]), int(month[5:])
    following = datetime(year + number // 12, number % 12 + 1, 1) if month < "9999-12" else datetime.max
    return datetime(year, number, 1), following
