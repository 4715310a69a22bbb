"""videos: their frames are photos, and segments of a thing in several frames are a track

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_image_dated_at": ["dated_at", "id", "state", "width", "height", "deleted_at"],
    "ix_image_created_at": ["created_at", "id", "state", "width", "height", "deleted_at"],
}
"""Those that have the id of the video, too."""


def upgrade() -> None:
    whole = sa.BigInteger() if op.get_bind().dialect.name == "postgresql" else sa.Integer()
    op.add_column("image", sa.Column("duration_s", sa.Double(), nullable=True))
    op.add_column("image", sa.Column("video_id", whole, nullable=True))
    op.add_column("image", sa.Column("time_s", sa.Double(), nullable=True))
    op.add_column("image", sa.Column("is_tracked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("segment", sa.Column("track_id", whole, nullable=True))
    for name, columns in INDEXES.items():
        op.drop_index(name, table_name="image")
        op.create_index(name, "image", [*columns, "video_id"], unique=False)
    _partial("ix_image_video_id", ["video_id", "time_s", "id"], "video_id IS NOT NULL")
    _partial("ix_image_untracked", ["video_id"], "video_id IS NOT NULL AND NOT is_tracked")
    op.create_index("ix_segment_track_id", "segment", ["track_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM image WHERE video_id IS NOT NULL")
    op.execute("DELETE FROM image WHERE duration_s IS NOT NULL")
    op.drop_index("ix_segment_track_id", table_name="segment")
    op.drop_column("segment", "track_id")
    for name in ("ix_image_untracked", "ix_image_video_id"):
        op.drop_index(name, table_name="image")
    for name, columns in INDEXES.items():
        op.drop_index(name, table_name="image")
        op.create_index(name, "image", columns, unique=False)
    for name in ("is_tracked", "time_s", "video_id", "duration_s"):
        op.drop_column("image", name)


def _partial(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "image", columns, unique=False, sqlite_where=where, postgresql_where=where)
