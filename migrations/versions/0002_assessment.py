"""how well photos were segmented, and which segment is part of which

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Columns are added and dropped in place: making `image` anew, as batches do on SQLite, would cascade into its children.

FIGURES = ("quality", "covered", "largest_hole", "fragmented")


def upgrade() -> None:
    op.add_column("image", sa.Column("vector_count", sa.Integer(), nullable=False, server_default="0"))
    for name in FIGURES:
        op.add_column("image", sa.Column(name, sa.Double(), nullable=True))
    op.create_index("ix_image_quality_id", "image", ["quality", "id"], unique=False)
    op.add_column("image", sa.Column("space", sa.String(length=64), nullable=True))
    op.add_column("image", sa.Column("wanted_recipe", sa.String(length=64), nullable=True))
    op.execute("UPDATE image SET vector_count = segment_count, space = recipe")
    op.add_column("segment", sa.Column("parent_id", sa.Integer(), nullable=True))
    op.add_column("segment", sa.Column("is_fallback", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.execute("DELETE FROM segment WHERE is_fallback")
    for name in ("is_fallback", "parent_id"):
        op.drop_column("segment", name)
    op.drop_index("ix_image_quality_id", table_name="image")
    for name in (*reversed(FIGURES), "vector_count", "space", "wanted_recipe"):
        op.drop_column("image", name)
