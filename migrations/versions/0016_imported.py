"""segments that were imported, which stay when their photo is analysed again

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segment", sa.Column("is_imported", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_segment_is_imported", "segment", ["image_id", "id"], unique=False, sqlite_where=sa.text("is_imported")
    )


def downgrade() -> None:
    op.drop_index("ix_segment_is_imported", table_name="segment")
    op.drop_column("segment", "is_imported")
