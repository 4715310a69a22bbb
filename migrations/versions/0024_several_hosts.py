"""what the processes of several machines share: who runs, secrets, counts of requests, and which versions can go on

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op

from retrieval.catalog.dialects.expressions import Utc, text_of

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("name", text_of(64), primary_key=True),
        sa.Column("kind", text_of(16), nullable=False),
        sa.Column("version", text_of(32), nullable=False),
        sa.Column("recipe", text_of(200), nullable=False),
        sa.Column("fingerprint", text_of(200), nullable=False),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=False),
    )
    op.create_table(
        "secret",
        sa.Column("name", text_of(32), primary_key=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "request_count",
        sa.Column("key", text_of(64), primary_key=True),
        sa.Column("count", WHOLE, nullable=False),
        sa.Column("expires_at", Utc(), nullable=False),
    )
    op.create_index("ix_request_count_expires_at", "request_count", ["expires_at"])
    support = op.create_table(
        "schema_support",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("oldest", text_of(32), nullable=False),
    )
    op.bulk_insert(support, [{"id": 1, "oldest": revision}])


def downgrade() -> None:
    for name in ("schema_support", "request_count", "secret", "process"):
        op.drop_table(name)
