"""Answers of a language model are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "model_answers",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_model_answers")),
    )


def downgrade() -> None:
    """Take the table away."""
    op.drop_table("model_answers")
