"""Tables of what the processes of all machines share: who runs, secrets, counts of requests, who can go on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .dialects.expressions import Utc, text_of


class Process(Base):
    """A process that runs, by the name of its owner (`owners.py`)."""

    __tablename__ = "process"

    name: Mapped[str] = mapped_column(text_of(64), primary_key=True)
    kind: Mapped[str] = mapped_column(text_of(16))
    version: Mapped[str] = mapped_column(text_of(32))
    recipe: Mapped[str] = mapped_column(text_of(200))
    fingerprint: Mapped[str] = mapped_column(text_of(200))
    started_at: Mapped[datetime] = mapped_column(Utc)
    seen_at: Mapped[datetime] = mapped_column(Utc)


class Secret(Base):
    """Bytes that all web servers must know and nobody else, such as the key of sessions."""

    __tablename__ = "secret"

    name: Mapped[str] = mapped_column(text_of(32), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)


class RequestCount(Base):
    """How often something was done in a span of time; `key` is a digest."""

    __tablename__ = "request_count"

    key: Mapped[str] = mapped_column(text_of(64), primary_key=True)
    count: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(Utc, index=True)


class SchemaSupport(Base):
    """The oldest schema that programs may know to work with this catalogue, in one row; see `schema.py`."""

    __tablename__ = "schema_support"

    id: Mapped[int] = mapped_column(primary_key=True)
    oldest: Mapped[str] = mapped_column(text_of(32))
