"""whether there has been a user, stamps of what changed, and an index on the space of photos

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    access = op.create_table(
        "access",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("had_users", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access")),
    )
    stamps = op.create_table(
        "change_stamp",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_change_stamp")),
    )
    has_users = sa.exists(sa.select(sa.column("id")).select_from(sa.table("account")))
    op.execute(access.insert().from_select(["id", "had_users"], sa.select(sa.literal(1), has_users)))
    op.bulk_insert(stamps, [{"name": "vectors", "count": 0}, {"name": "concepts", "count": 0}])
    op.create_index("ix_image_space_id", "image", ["space", "id", "vector_count"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_image_space_id", table_name="image")
    op.drop_table("change_stamp")
    op.drop_table("access")
