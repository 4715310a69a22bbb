"""judgements that take an earlier one back

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("judgement") as batch:
        batch.alter_column("relevant", existing_type=sa.Boolean(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM judgement WHERE relevant IS NULL")
    with op.batch_alter_table("judgement") as batch:
        batch.alter_column("relevant", existing_type=sa.Boolean(), nullable=False)
