"""tags of photos

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("key", name=op.f("uq_tag_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "image_tag",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        _belongs("image"),
        _belongs("tag"),
        sa.PrimaryKeyConstraint("image_id", "tag_id", name=op.f("pk_image_tag")),
    )
    op.create_index(op.f("ix_image_tag_tag_id"), "image_tag", ["tag_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_image_tag_tag_id"), table_name="image_tag")
    op.drop_table("image_tag")
    op.drop_table("tag")


def _belongs(parent: str) -> sa.ForeignKeyConstraint:
    column = f"{parent}_id"
    name = op.f(f"fk_image_tag_{column}_{parent}")
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=name, ondelete="CASCADE")
