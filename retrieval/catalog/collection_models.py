"""The tables of collections."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .dialects.expressions import Utc, text_of


class Collection(Base):
    """A collection of photos with a catalogue of its own; in the trash from `deleted_at` on."""

    __tablename__ = "collection"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(text_of(64))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="RESTRICT"), index=True)
    recipe: Mapped[str | None] = mapped_column(text_of())
    created_at: Mapped[datetime] = mapped_column(Utc)
    deleted_at: Mapped[datetime | None] = mapped_column(Utc)


class CollectionMember(Base):
    """A user with whom a collection is shared."""

    __tablename__ = "collection_member"
    __table_args__ = (CheckConstraint("role IN ('viewer', 'editor')", name="role"),)

    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(text_of(6))
