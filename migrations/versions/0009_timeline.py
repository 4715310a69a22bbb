"""the date of a photo in the library, and indexes that hold the timeline

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("image", sa.Column("dated_at", sa.DateTime(), nullable=True))
    op.execute("UPDATE image SET dated_at = coalesce(taken_at, created_at)")
    for column in ("dated_at", "created_at"):
        op.create_index(f"ix_image_{column}", "image", [column, "id", "state", "width", "height"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_image_created_at", table_name="image")
    op.drop_index("ix_image_dated_at", table_name="image")
    op.drop_column("image", "dated_at")
