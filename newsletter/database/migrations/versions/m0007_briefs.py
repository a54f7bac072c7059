"""A person's edit of a brief is a version, with who made it and from what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a version needs to tell."""
    for column in (
        sa.Column("model", sa.Text(), nullable=False, server_default=""),
        sa.Column("prompt", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("by", sa.Text(), nullable=False, server_default=""),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("base", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("offered", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("briefs", column)


def downgrade() -> None:
    """Take it away again."""
    with op.batch_alter_table("briefs") as table:
        for name in ("offered", "held", "base", "note", "by", "prompt", "model"):
            table.drop_column(name)
