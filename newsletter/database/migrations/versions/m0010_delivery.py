"""A lane for single mails, and the pace of sending with its warm-up plan."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Json, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; the index on batches cost every letter time and served nobody."""
    op.drop_index("ix_deliveries_batch", table_name="deliveries")
    op.create_table(
        "pace_limits",
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=False),
        sa.Column("per_hour", sa.Integer(), nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=False),
        sa.Column("plan", Json, nullable=False),
        sa.Column("plan_begins", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_pace_limits")),
    )
    op.create_table(
        "pace_counts",
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("span", sa.String(length=8), nullable=False),
        sa.Column("begins", UtcTime(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "span", "begins", name=op.f("pk_pace_counts")),
    )
    op.create_table(
        "mails",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("word", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("reader", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("values", Json, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("batch", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("transport", sa.String(length=16), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("changed", UtcTime(), nullable=False),
        sa.Column("not_before", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_mails")),
        sa.UniqueConstraint("word", name=op.f("uq_mails_word")),
    )
    op.create_index(op.f("ix_mails_state_not_before"), "mails", ["state", "not_before"])


def downgrade() -> None:
    """Take them away."""
    op.create_index("ix_deliveries_batch", "deliveries", ["batch"])
    op.drop_index(op.f("ix_mails_state_not_before"), table_name="mails")
    op.drop_table("mails")
    op.drop_table("pace_counts")
    op.drop_table("pace_limits")
