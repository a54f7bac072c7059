"""A feed's trouble and speed, robots.txt across runs, marks that find copies, paywalls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Json, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three columns and two tables."""
    op.add_column("feeds", sa.Column("since", UtcTime(), nullable=True))
    op.add_column("feeds", sa.Column("seconds", sa.Float(), nullable=False, server_default="0"))
    op.add_column(
        "articles",
        sa.Column("paywall", sa.String(length=16), nullable=False, server_default="unknown"),
    )
    op.create_table(
        "robots",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("rules", Json, nullable=False),
        sa.Column("asked", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_robots")),
    )
    op.create_table(
        "fingerprints",
        sa.Column("article", sa.String(length=40), nullable=False),
        sa.Column("published", UtcTime(), nullable=False),
        sa.Column("original", sa.String(length=40), nullable=True),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article"],
            ["articles.id"],
            name=op.f("fk_fingerprints_article_articles"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("article", name=op.f("pk_fingerprints")),
    )
    op.create_index(op.f("ix_fingerprints_published"), "fingerprints", ["published"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("fingerprints")
    op.drop_table("robots")
    op.drop_column("articles", "paywall")
    op.drop_column("feeds", "seconds")
    op.drop_column("feeds", "since")
