"""Tags: words and names that people gave to photos as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ..errors import QueryError
from .dialects import in_chunks
from .models import IN_LIBRARY, Image, ImageTag, Tag
from .sessions import Repository

MAX_NAME = 100


class Tags(Repository):
    """Tags of a catalogue. Names that differ only in case or spaces are one; a tag without photos is forgotten."""

    def counts(self) -> list[tuple[str, int]]:
        """Every tag that photos of the library have, by name, and how many have it."""
        statement = select(Tag.name, func.count()).join(ImageTag, ImageTag.tag_id == Tag.id)
        statement = statement.join(Image, Image.id == ImageTag.image_id).where(IN_LIBRARY)
        with self._reading() as session:
            return [(name, count) for name, count in session.execute(statement.group_by(Tag.id).order_by(Tag.key))]

    def of_image(self, image_id: int) -> list[str]:
        """The tags of a photo, by name."""
        statement = select(Tag.name).join(ImageTag, ImageTag.tag_id == Tag.id).where(ImageTag.image_id == image_id)
        with self._reading() as session:
            return list(session.scalars(statement.order_by(Tag.key)))

    def change(self, image_ids: Collection[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> int:
        """Give photos tags, and take tags from them, in one transaction; returns how many of the photos there are.

        Raises
        ------
        QueryError
            A name is empty, too long, or has control characters.
        """
        added = {key_of(name): _plain(name) for name in add}
        removed = {key_of(name) for name in remove} - added.keys()
        with self._sessions.begin() as session:
            there: list[int] = []
            for chunk in in_chunks(sorted(set(image_ids))):
                there += session.scalars(select(Image.id).where(Image.id.in_(chunk)))
            for key, name in added.items():
                _give(session, there, _tag(session, key, name))
            taken = session.scalars(select(Tag.id).where(Tag.key.in_(removed))).all()
            for chunk in in_chunks(there):
                session.execute(delete(ImageTag).where(ImageTag.image_id.in_(chunk), ImageTag.tag_id.in_(taken)))
            session.execute(delete(Tag).where(Tag.id.not_in(select(ImageTag.tag_id))))
            return len(there)


def key_of(name: str) -> str:
    """What equal names have in common."""
    return " ".join(name.split()).casefold()


def _plain(name: str) -> str:
    """A name as it is stored.

    Raises
    ------
    QueryError
        It is empty, too long, or has control characters.
    """
    plain = " ".join(name.split())
    if not plain or not plain.isprintable():
        raise QueryError("a tag needs a name of letters, digits or signs, without control characters")
    if len(plain) > MAX_NAME:
        raise QueryError(f"the tag has {len(plain)} characters; shorten it to at most {MAX_NAME}")
    return plain


def _tag(session: Session, key: str, name: str) -> int:
    row = session.scalar(select(Tag).where(Tag.key == key))
    if row is None:
        row = Tag(name=name, key=key)
        session.add(row)
        session.flush()
    return row.id


def _give(session: Session, image_ids: Collection[int], tag_id: int) -> None:
    have: set[int] = set()
    for chunk in in_chunks(list(image_ids)):
        here = ImageTag.tag_id == tag_id, ImageTag.image_id.in_(chunk)
        have.update(session.scalars(select(ImageTag.image_id).where(*here)))
    session.add_all(ImageTag(image_id=key, tag_id=tag_id) for key in image_ids if key not in have)
    session.flush()
