"""the entity tags of objects in stores, by which a changed one is told without reading it

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op

from retrieval.catalog.dialects.expressions import text_of

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("location", sa.Column("version", text_of(), nullable=True))


def downgrade() -> None:
    op.drop_column("location", "version")
