"""an index of labels, which photos are counted by

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    has_label = sa.text("label IS NOT NULL")
    op.create_index("ix_segment_label", "segment", ["label", "image_id"], unique=False, sqlite_where=has_label)


def downgrade() -> None:
    op.drop_index("ix_segment_label", table_name="segment")
