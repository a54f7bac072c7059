"""Batches: what letters that are handed over together have in common is written down once.

An older program may work beside a newer one and leaves the rows without a state of their own
alone, but it would take an issue of such rows to be finished. So a lease, without which nothing
is sent, has to say that its holder understands batches; an older program cannot say so. One that
is sending at this moment has its lease already, and goes on with rows of the older kind.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Key, UtcTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; rows that are there keep the states that they have."""
    op.create_table(
        "batches",
        sa.Column("id", Key, nullable=False),
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("transport", sa.String(length=16), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("changed", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["issue"], ["issues.id"], name=op.f("fk_batches_issue_issues")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("issue", "first", name=op.f("uq_batches_issue_first")),
    )
    op.create_index(op.f("ix_batches_issue_state_first"), "batches", ["issue", "state", "first"])
    op.create_index(op.f("ix_batches_name"), "batches", ["name"])
    op.add_column("leases", sa.Column("batches", sa.Integer(), nullable=True))
    op.execute("UPDATE leases SET batches = 0")
    with op.batch_alter_table("leases") as leases:
        leases.alter_column("batches", existing_type=sa.Integer(), nullable=False)


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("leases") as leases:
        leases.drop_column("batches")
    op.drop_index(op.f("ix_batches_name"), table_name="batches")
    op.drop_index(op.f("ix_batches_issue_state_first"), table_name="batches")
    op.drop_table("batches")
