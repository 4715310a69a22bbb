"""The table of exports that are written in the background."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .dialects.expressions import Utc, text_of


class ExportJob(Base):
    """An export that someone ordered, and its file once there is one."""

    __tablename__ = "export_job"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(text_of(64))
    created_at: Mapped[datetime] = mapped_column(Utc)
    format: Mapped[str] = mapped_column(text_of(16))
    polygons: Mapped[bool]
    selection: Mapped[str] = mapped_column(text_of(kind=Text))
    state: Mapped[str] = mapped_column(text_of(7), default="queued", index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(text_of(64))
    seen_at: Mapped[datetime | None] = mapped_column(Utc)
    finished_at: Mapped[datetime | None] = mapped_column(Utc)
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(text_of(64))
    error: Mapped[str | None] = mapped_column(text_of(kind=Text))
