"""The tables. ORM rows never leave this package."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base
from .dialects.expressions import Utc, text_of


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index that has only the rows of a condition."""
    condition = text(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


TIMELINE = ("id", "state", "width", "height", "deleted_at", "video_id")
"""What the timeline needs to know of all photos; it is read from an index, without the rows."""


class Image(Base):
    """A photo: its bytes, the state of its entry, and what its analysis found.

    A video is one, too, with a `duration_s`. Its frames are photos with its id as their `video_id`.
    """

    __tablename__ = "image"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'working', 'indexed', 'empty', 'failed')", name="state"),
        Index("ix_image_state_id", "state", "id"),
        Index("ix_image_quality_id", "quality", "id"),
        Index("ix_image_space_id", "space", "id", "vector_count", "deleted_at"),
        Index("ix_image_dated_at", "dated_at", *TIMELINE),
        Index("ix_image_created_at", "created_at", *TIMELINE),
        _partial("ix_image_deleted_at", "deleted_at", "id", where="deleted_at IS NOT NULL"),
        _partial("ix_image_video_id", "video_id", "time_s", "id", where="video_id IS NOT NULL"),
        _partial("ix_image_untracked", "video_id", where="video_id IS NOT NULL AND NOT is_tracked"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(text_of(64), unique=True)
    state: Mapped[str] = mapped_column(text_of(8), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    lease_owner: Mapped[str | None] = mapped_column(text_of(64))
    lease_until: Mapped[datetime | None] = mapped_column(Utc)
    format: Mapped[str | None] = mapped_column(text_of(8))
    width: Mapped[int | None]
    height: Mapped[int | None]
    taken_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(Utc)
    dated_at: Mapped[datetime | None]  # when it was taken; if that is not known, when it was added
    deleted_at: Mapped[datetime | None] = mapped_column(Utc)  # when it was moved to the trash, if it is there
    recipe: Mapped[str | None] = mapped_column(text_of(64))
    space: Mapped[str | None] = mapped_column(text_of(64))
    wanted_recipe: Mapped[str | None] = mapped_column(text_of(64))
    segment_count: Mapped[int] = mapped_column(default=0)
    vector_count: Mapped[int] = mapped_column(default=0)
    quality: Mapped[float | None]
    covered: Mapped[float | None]
    largest_hole: Mapped[float | None]
    fragmented: Mapped[float | None]
    photo_vector: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    duration_s: Mapped[float | None]  # of a video
    video_id: Mapped[int | None]  # of a frame; `videos.delete_frames` sees to it that it goes with its video
    time_s: Mapped[float | None]  # of a frame, from the beginning of its video
    is_tracked: Mapped[bool] = mapped_column(default=False, server_default=false())  # its segments have their tracks

    locations: Mapped[list[Location]] = relationship(
        back_populates="image", cascade="all, delete-orphan", passive_deletes=True, order_by="Location.id"
    )


IN_LIBRARY = Image.deleted_at.is_(None)
"""Photos that are not in the trash."""

NO_FRAME = Image.video_id.is_(None)
"""Photos and videos, which are listed and counted; frames are parts of their videos."""

ITEM_ID = func.coalesce(Image.video_id, Image.id)
"""What is listed for a photo: itself or, for a frame, its video."""


class Location(Base):
    """A place where a photo's bytes are."""

    __tablename__ = "location"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    uri: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int]
    mtime_ns: Mapped[int]
    missing_since: Mapped[datetime | None] = mapped_column(Utc)
    uploaded_as: Mapped[str | None]  # what the file was called where it came from; empty if that is not known
    version: Mapped[str | None]  # the entity tag of an object in a store

    image: Mapped[Image] = relationship(back_populates="locations")


class Tag(Base):
    """A word or name that people gave to photos as a whole."""

    __tablename__ = "tag"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)


class ImageTag(Base):
    """A photo and a tag that it has."""

    __tablename__ = "image_tag"

    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True, index=True)


class NearDuplicate(Base):
    """Two photos that are alike, the smaller id first; `dismissed` once someone said that they are no duplicates."""

    __tablename__ = "near_duplicate"

    first_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), primary_key=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), primary_key=True, index=True)
    likeness: Mapped[float]
    dismissed: Mapped[bool] = mapped_column(default=False, server_default=false())


class DuplicateCheck(Base):
    """A photo that was compared with the others by vectors of a space; `detail` is known if it has duplicates."""

    __tablename__ = "duplicate_check"

    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), primary_key=True)
    space: Mapped[str] = mapped_column(text_of(64))
    detail: Mapped[float | None]


class DeletedFile(Base):
    """A file whose photo was deleted for good: scans of its folder leave it out."""

    __tablename__ = "deleted_file"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    uri: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str] = mapped_column(text_of(64), index=True)
    size: Mapped[int]
    mtime_ns: Mapped[int]


class IntakeOrder(Base):
    """Orders to all workers, in one row, which is missing until the first order."""

    __tablename__ = "intake_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    paused: Mapped[bool] = mapped_column(default=False)
    cancellations: Mapped[int] = mapped_column(default=0)


class Segment(Base):
    """One segment of a photo; its key is also its id in the vector index, and is never used again.

    A photo without segments has one that is the whole photo and `is_fallback`, by which searches find it. One that
    `is_imported` is beside the recipe's own, and stays when the photo is analysed again.
    """

    __tablename__ = "segment"
    __table_args__ = (
        _partial("ix_segment_label", "label", "image_id", where="label IS NOT NULL"),
        _partial("ix_segment_is_imported", "image_id", "id", where="is_imported"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    parent_id: Mapped[int | None]  # of the same photo, so it comes and goes with it and needs no constraint
    is_fallback: Mapped[bool] = mapped_column(default=False)
    is_imported: Mapped[bool] = mapped_column(default=False, server_default=false())
    x0: Mapped[int]
    y0: Mapped[int]
    x1: Mapped[int]
    y1: Mapped[int]
    area: Mapped[int]
    quality: Mapped[float]
    label: Mapped[str | None]
    label_score: Mapped[float | None]
    mask_height: Mapped[int]
    mask_width: Mapped[int]
    mask_counts: Mapped[bytes] = mapped_column(LargeBinary)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    colors: Mapped[bytes | None] = mapped_column(LargeBinary)
    track_id: Mapped[int | None] = mapped_column(index=True)  # the first segment of the track, in a frame of the video


class Query(Base):
    """A query photo with its segments, kept for a while, or from `kept_at` on for as long as there is room."""

    __tablename__ = "query"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Utc, index=True)
    sha256: Mapped[str] = mapped_column(text_of(64))
    width: Mapped[int]
    height: Mapped[int]
    recipe: Mapped[str] = mapped_column(text_of(64))
    segments: Mapped[bytes] = mapped_column(LargeBinary)
    photo_vector: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime | None] = mapped_column(Utc)
    kept_bytes: Mapped[int | None]


class Feedback(Base):
    """A search that is being refined by judgements, in rounds."""

    __tablename__ = "feedback"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    space: Mapped[str] = mapped_column(text_of(64))
    request: Mapped[str] = mapped_column(text_of(kind=Text))
    rounds: Mapped[int] = mapped_column(default=0)


class IdempotencyKey(Base):
    """A key that a client sent with a request, and the answer once there is one."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        UniqueConstraint("user", "key"),
        Index("ix_idempotency_key_created_at", "created_at", "size"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(text_of(64))
    key: Mapped[str] = mapped_column(text_of(255))
    request: Mapped[str] = mapped_column(text_of(64))
    owner: Mapped[str] = mapped_column(text_of(64))
    created_at: Mapped[datetime] = mapped_column(Utc)
    size: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]
    mimetype: Mapped[str | None] = mapped_column(text_of(100))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


class Judgement(Base):
    """Whether a segment was judged relevant in a round, or neither (None); the last round counts."""

    __tablename__ = "judgement"

    feedback_id: Mapped[int] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True, index=True)
    relevant: Mapped[bool | None]


class Concept(Base):
    """A name that people gave, with the directions it is searched by."""

    __tablename__ = "concept"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    space: Mapped[str] = mapped_column(text_of(64))
    directions: Mapped[bytes] = mapped_column(LargeBinary)
    rows: Mapped[int]
    threshold: Mapped[float]
    query: Mapped[bytes | None] = mapped_column(LargeBinary)
    query_rows: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)


class ConceptExample(Base):
    """A segment that shows a concept, or one that does not."""

    __tablename__ = "concept_example"

    concept_id: Mapped[int] = mapped_column(ForeignKey("concept.id", ondelete="CASCADE"), primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True, index=True)
    positive: Mapped[bool]


class Discovery(Base):
    """How far the clusters of a space are; `revision` grows with every change, so that of two writers one notices."""

    __tablename__ = "discovery"

    space: Mapped[str] = mapped_column(text_of(64), primary_key=True)
    revision: Mapped[int] = mapped_column(default=0)
    newest_segment: Mapped[int] = mapped_column(default=0)


class Cluster(Base):
    """Segments that look alike and that nothing explains, until someone names or dismisses them."""

    __tablename__ = "cluster"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'named', 'dismissed')", name="state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    space: Mapped[str] = mapped_column(text_of(64), index=True)
    state: Mapped[str] = mapped_column(text_of(9), default="open")
    concept_id: Mapped[int | None] = mapped_column(ForeignKey("concept.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    centre: Mapped[bytes] = mapped_column(LargeBinary)
    radius: Mapped[float]
    coherence: Mapped[float]


class ClusterMember(Base):
    """A segment and the one cluster it is in; while a concept explains it, it is not shown there."""

    __tablename__ = "cluster_member"

    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True)
    cluster_id: Mapped[int] = mapped_column(ForeignKey("cluster.id", ondelete="CASCADE"), index=True)
    similarity: Mapped[float]
    explained: Mapped[bool] = mapped_column(default=False)


class ChangeStamp(Base):
    """Counts of transactions that changed something; see `stamps.py`."""

    __tablename__ = "change_stamp"

    name: Mapped[str] = mapped_column(text_of(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger, default=0)


class Access(Base):
    """Whether there has ever been a user, in one row that stays; who changes users locks it first."""

    __tablename__ = "access"

    id: Mapped[int] = mapped_column(primary_key=True)
    had_users: Mapped[bool] = mapped_column(default=False)


class Account(Base):
    """A user who may sign in."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("role IN ('viewer', 'editor', 'admin')", name="role"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(text_of(64))
    key: Mapped[str] = mapped_column(text_of(64), unique=True)
    role: Mapped[str] = mapped_column(text_of(6))
    password_hash: Mapped[str]
    language: Mapped[str | None] = mapped_column(text_of(16))
    created_at: Mapped[datetime] = mapped_column(Utc)


class ApiToken(Base):
    """A token with which programs act for a user; only its digest is kept."""

    __tablename__ = "api_token"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(text_of(64))
    digest: Mapped[str] = mapped_column(text_of(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
