"""What operations need: the log of acts, alerts, who leads, and sendings set by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Json, Key, UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit",
        sa.Column("id", Key, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"])
    op.create_table(
        "alerts",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("ended", UtcTime(), nullable=True),
        sa.Column("told", Json, nullable=False),
        sa.Column("told_end", Json, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alerts")),
    )
    op.create_table(
        "leaders",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("born", sa.Text(), nullable=False),
        sa.Column("expires", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leaders")),
    )
    op.create_table(
        "planned_sends",
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("at", UtcTime(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue"], ["issues.id"], name=op.f("fk_planned_sends_issue_issues")
        ),
        sa.PrimaryKeyConstraint("issue", name=op.f("pk_planned_sends")),
    )


def downgrade() -> None:
    """Take the tables away."""
    for name in ("planned_sends", "leaders", "alerts"):
        op.drop_table(name)
    op.drop_index(op.f("ix_audit_subject"), table_name="audit")
    op.drop_index(op.f("ix_audit_at"), table_name="audit")
    op.drop_table("audit")
