"""What corrections need: the corrections, which issue told them, and notices beside issues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the tables."""
    op.add_column(
        "issues",
        sa.Column("corrects", sa.String(length=64), nullable=False, server_default=""),
    )
    for column in (
        sa.Column("subject", sa.Text(), nullable=False, server_default=""),
        sa.Column("preheader", sa.Text(), nullable=False, server_default=""),
        sa.Column("seconds", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("issue_revisions", column)
    op.create_table(
        "corrections",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.id"], name=op.f("fk_corrections_story_stories")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_story"), "corrections", ["story"])
    op.create_table(
        "issue_corrections",
        sa.Column("correction", sa.String(length=16), nullable=False),
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction"],
            ["corrections.id"],
            name=op.f("fk_issue_corrections_correction_corrections"),
        ),
        sa.ForeignKeyConstraint(
            ["issue"], ["issues.id"], name=op.f("fk_issue_corrections_issue_issues")
        ),
        sa.PrimaryKeyConstraint("correction", "issue", name=op.f("pk_issue_corrections")),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("issue_corrections")
    op.drop_index(op.f("ix_corrections_story"), "corrections")
    op.drop_table("corrections")
    for name in ("subject", "preheader", "seconds"):
        op.drop_column("issue_revisions", name)
    op.drop_column("issues", "corrects")
