"""Editors' locks in full, corrections of articles, far articles, and which stories are related."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Json, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the tables."""
    for name in ("story", "other"):
        op.add_column(
            "story_locks",
            sa.Column(name, sa.String(length=40), nullable=False, server_default=""),
        )
        op.create_index(op.f(f"ix_story_locks_{name}"), "story_locks", [name])
    op.add_column(
        "story_locks", sa.Column("ended_by", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("story_locks", sa.Column("ended", UtcTime(), nullable=True))
    op.add_column(
        "story_articles",
        sa.Column("far", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "article_corrections",
        sa.Column("article", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("article", "field", name=op.f("pk_article_corrections")),
    )
    op.create_table(
        "story_terms",
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.Column("lang", sa.String(length=16), nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["story"],
            ["stories.id"],
            name=op.f("fk_story_terms_story_stories"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("story", name=op.f("pk_story_terms")),
    )
    op.create_table(
        "related_stories",
        sa.Column("earlier", sa.String(length=40), nullable=False),
        sa.Column("later", sa.String(length=40), nullable=False),
        sa.Column("likeness", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["earlier"],
            ["stories.id"],
            name=op.f("fk_related_stories_earlier_stories"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["later"],
            ["stories.id"],
            name=op.f("fk_related_stories_later_stories"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("earlier", "later", name=op.f("pk_related_stories")),
    )
    op.create_index(op.f("ix_related_stories_later"), "related_stories", ["later"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("related_stories")
    op.drop_table("story_terms")
    op.drop_table("article_corrections")
    op.drop_column("story_articles", "far")
    op.drop_column("story_locks", "ended")
    op.drop_column("story_locks", "ended_by")
    for name in ("story", "other"):
        op.drop_index(op.f(f"ix_story_locks_{name}"), "story_locks")
        op.drop_column("story_locks", name)
