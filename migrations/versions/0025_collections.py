"""collections, and who may see them

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op

from retrieval.catalog.dialects.expressions import Utc, text_of

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
additive = True


def upgrade() -> None:
    op.create_table(
        "collection",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("name", text_of(64), nullable=False),
        sa.Column("owner_id", WHOLE, nullable=True),
        sa.Column("recipe", text_of(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("deleted_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["account.id"], name=op.f("fk_collection_owner_id_account"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_collection_owner_id"), "collection", ["owner_id"], unique=False)
    op.create_table(
        "collection_member",
        sa.Column("collection_id", WHOLE, nullable=False),
        sa.Column("account_id", WHOLE, nullable=False),
        sa.Column("role", text_of(6), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'editor')", name=op.f("ck_collection_member_role")),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collection.id"],
            name=op.f("fk_collection_member_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_collection_member_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "account_id", name=op.f("pk_collection_member")),
    )
    op.create_index(op.f("ix_collection_member_account_id"), "collection_member", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_collection_member_account_id"), table_name="collection_member")
    op.drop_table("collection_member")
    op.drop_index(op.f("ix_collection_owner_id"), table_name="collection")
    op.drop_table("collection")
