"""clusters of what nobody has named yet

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "discovery",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("newest_segment", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("space", name=op.f("pk_discovery")),
    )
    op.create_table(
        "cluster",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("concept_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("centre", sa.LargeBinary(), nullable=False),
        sa.Column("radius", sa.Double(), nullable=False),
        sa.Column("coherence", sa.Double(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'named', 'dismissed')", name=op.f("ck_cluster_state")),
        sa.ForeignKeyConstraint(
            ["concept_id"], ["concept.id"], name=op.f("fk_cluster_concept_id_concept"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_cluster_space"), "cluster", ["space"], unique=False)
    op.create_index(op.f("ix_cluster_concept_id"), "cluster", ["concept_id"], unique=False)
    op.create_table(
        "cluster_member",
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.Double(), nullable=False),
        sa.Column("explained", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["cluster.id"], name=op.f("fk_cluster_member_cluster_id_cluster"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_cluster_member_segment_id_segment"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_cluster_member")),
    )
    op.create_index(op.f("ix_cluster_member_cluster_id"), "cluster_member", ["cluster_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_cluster_member_cluster_id"), table_name="cluster_member")
    op.drop_table("cluster_member")
    op.drop_index(op.f("ix_cluster_concept_id"), table_name="cluster")
    op.drop_index(op.f("ix_cluster_space"), table_name="cluster")
    op.drop_table("cluster")
    op.drop_table("discovery")
