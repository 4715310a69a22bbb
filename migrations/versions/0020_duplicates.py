"""pairs of photos that are near-duplicates, and which photos were compared with the others

Revision: 0020, after 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "near_duplicate",
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("likeness", sa.Double(), nullable=False),
        sa.Column("dismissed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["first_id"], ["image.id"], name="fk_near_duplicate_first_id_image", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["image.id"], name="fk_near_duplicate_second_id_image", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name="pk_near_duplicate"),
    )
    op.create_index("ix_near_duplicate_second_id", "near_duplicate", ["second_id"], unique=False)
    op.create_table(
        "duplicate_check",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("detail", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_duplicate_check_image_id_image", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", name="pk_duplicate_check"),
    )


def downgrade() -> None:
    op.drop_table("duplicate_check")
    op.drop_index("ix_near_duplicate_second_id", table_name="near_duplicate")
    op.drop_table("near_duplicate")
