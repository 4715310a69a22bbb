"""The table of what a detector was asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .dialects.expressions import Utc, text_of


class Detection(Base):
    """A photo that a detector was asked for a word, and how many things it found."""

    __tablename__ = "detection"

    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), primary_key=True)
    word: Mapped[str] = mapped_column(text_of(100), primary_key=True)
    detector: Mapped[str] = mapped_column(text_of(64), primary_key=True)
    found: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(Utc)
