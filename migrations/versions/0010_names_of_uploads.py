"""the names that uploaded files had; of those that are there already it is only known that they were uploaded

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("location", sa.Column("uploaded_as", sa.String(), nullable=True))
    op.execute(
        "UPDATE location SET uploaded_as = '' WHERE EXISTS (SELECT 1 FROM image WHERE image.id = location.image_id "
        "AND location.uri LIKE '%/uploads/' || substr(sha256, 1, 2) || '/' || sha256 || '.%')"
    )


def downgrade() -> None:
    op.drop_column("location", "uploaded_as")
