"""the trash, and files whose photos were deleted for good

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_image_space_id": ["space", "id", "vector_count"],
    "ix_image_dated_at": ["dated_at", "id", "state", "width", "height"],
    "ix_image_created_at": ["created_at", "id", "state", "width", "height"],
}
"""Those that have the new column, too."""


def upgrade() -> None:
    op.add_column("image", sa.Column("deleted_at", sa.DateTime(), nullable=True))
    for name, columns in INDEXES.items():
        op.drop_index(name, table_name="image")
        op.create_index(name, "image", [*columns, "deleted_at"], unique=False)
    in_trash = sa.text("deleted_at IS NOT NULL")
    op.create_index("ix_image_deleted_at", "image", ["deleted_at", "id"], unique=False, sqlite_where=in_trash)
    op.create_table(
        "deleted_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_file")),
        sa.UniqueConstraint("uri", name=op.f("uq_deleted_file_uri")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deleted_file_sha256"), "deleted_file", ["sha256"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_deleted_file_sha256"), table_name="deleted_file")
    op.drop_table("deleted_file")
    op.drop_index("ix_image_deleted_at", table_name="image")
    for name, columns in INDEXES.items():
        op.drop_index(name, table_name="image")
        op.create_index(name, "image", columns, unique=False)
    op.drop_column("image", "deleted_at")
