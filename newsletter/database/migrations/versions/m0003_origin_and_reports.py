"""Where a consent came from, and reports of readers about stories."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column(
        "consents",
        sa.Column("origin", sa.String(length=64), nullable=False, server_default=""),
    )
    op.create_table(
        "reports",
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_reports")),
    )
    op.create_index(op.f("ix_reports_state_made"), "reports", ["state", "made"])


def downgrade() -> None:
    """Take both away."""
    op.drop_table("reports")
    op.drop_column("consents", "origin")
