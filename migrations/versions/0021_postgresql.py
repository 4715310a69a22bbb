"""types of PostgreSQL that mean what SQLite's do: whole numbers of 64 bits, and text in the order of code points

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

PARTIAL = {
    "ix_image_deleted_at": ("image", ["deleted_at", "id"], "deleted_at IS NOT NULL"),
    "ix_segment_label": ("segment", ["label", "image_id"], "label IS NOT NULL"),
    "ix_segment_is_imported": ("segment", ["image_id", "id"], "is_imported"),
}


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    inspector = sa.inspect(bind)
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        for column in inspector.get_columns(table):
            kind = column["type"]
            if isinstance(kind, sa.Integer):
                op.alter_column(table, column["name"], type_=sa.BigInteger())
            elif isinstance(kind, sa.String):
                op.alter_column(table, column["name"], type_=type(kind)(kind.length, collation="C"))
    for sequence in inspector.get_sequence_names():
        op.execute(sa.DDL(f'ALTER SEQUENCE "{sequence}" AS BIGINT'))
    for name, (table, columns, condition) in PARTIAL.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns, unique=False, postgresql_where=sa.text(condition))


def downgrade() -> None:
    """The wider types hold what the narrower ones did."""
