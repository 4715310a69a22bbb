"""query photos that are kept, because a link to a search with them was copied

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("query", sa.Column("kept_at", sa.DateTime(), nullable=True))
    op.add_column("query", sa.Column("kept_bytes", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("query", "kept_bytes")
    op.drop_column("query", "kept_at")
