"""judgements of results, and concepts that people named

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "judgement",
        sa.Column("feedback_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("relevant", sa.Boolean(), nullable=False),
        _belongs("judgement", "feedback"),
        _belongs("judgement", "segment"),
        sa.PrimaryKeyConstraint("feedback_id", "round", "segment_id", name=op.f("pk_judgement")),
    )
    op.create_index(op.f("ix_judgement_segment_id"), "judgement", ["segment_id"], unique=False)
    op.create_table(
        "concept",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("directions", sa.LargeBinary(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("query", sa.LargeBinary(), nullable=True),
        sa.Column("query_rows", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concept")),
        sa.UniqueConstraint("key", name=op.f("uq_concept_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "concept_example",
        sa.Column("concept_id", sa.Integer(), nullable=False),
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("positive", sa.Boolean(), nullable=False),
        _belongs("concept_example", "concept"),
        _belongs("concept_example", "segment"),
        sa.PrimaryKeyConstraint("concept_id", "segment_id", name=op.f("pk_concept_example")),
    )
    op.create_index(op.f("ix_concept_example_segment_id"), "concept_example", ["segment_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_concept_example_segment_id"), table_name="concept_example")
    op.drop_table("concept_example")
    op.drop_table("concept")
    op.drop_index(op.f("ix_judgement_segment_id"), table_name="judgement")
    op.drop_table("judgement")
    op.drop_table("feedback")


def _belongs(table: str, parent: str) -> sa.ForeignKeyConstraint:
    column = f"{parent}_id"
    name = op.f(f"fk_{table}_{column}_{parent}")
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=name, ondelete="CASCADE")
