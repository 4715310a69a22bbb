"""which photos a detector was asked for which words

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op

from retrieval.catalog.dialects.expressions import Utc, text_of

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
additive = True


def upgrade() -> None:
    op.create_table(
        "detection",
        sa.Column("image_id", WHOLE, nullable=False),
        sa.Column("word", text_of(100), nullable=False),
        sa.Column("detector", text_of(64), nullable=False),
        sa.Column("found", WHOLE, nullable=False),
        sa.Column("asked_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_detection_image_id_image"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", "word", "detector", name=op.f("pk_detection")),
    )


def downgrade() -> None:
    op.drop_table("detection")
