"""the colours of segments

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segment", sa.Column("colors", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("segment", "colors")
