"""Links and clicks of readers who let us count, and the topics of a reader in one word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Key, UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_CHOSEN = """
UPDATE readers SET topics = COALESCE((
    SELECT {joined} FROM (
        SELECT tag FROM reader_tags
        WHERE reader_tags.reader = readers.id AND kind = 'topic' ORDER BY tag
    ) AS chosen
), '')
"""
_LONG = """
UPDATE readers SET topics = '*' WHERE length(topics) > 400 OR topics LIKE '%*%' OR EXISTS (
    SELECT 1 FROM reader_tags
    WHERE reader_tags.reader = readers.id AND kind = 'topic' AND tag LIKE '%|%'
)
"""
# Counting begins now: of nobody is it known whether they followed a link before.
_HEARD = "UPDATE readers SET last_click = CURRENT_TIMESTAMP WHERE tracking AND last_click IS NULL"


def wording(dialect: str) -> tuple[str, str]:
    """The statements that write down what each reader chose."""
    in_order = "string_agg(tag, '|' ORDER BY tag COLLATE \"C\")"
    joined = in_order if dialect == "postgresql" else "group_concat(tag, '|')"
    return _CHOSEN.format(joined=joined), _LONG


def upgrade() -> None:
    """Make the tables, and write down what each reader chose."""
    op.create_table(
        "issue_links",
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["issue"], ["issues.id"], name=op.f("fk_issue_links_issue_issues")),
        sa.PrimaryKeyConstraint("issue", "number", name=op.f("pk_issue_links")),
    )
    op.create_table(
        "clicks",
        sa.Column("id", Key, nullable=False),
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("link", sa.Integer(), nullable=False),
        sa.Column("reader", Key, nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["issue"], ["issues.id"], name=op.f("fk_clicks_issue_issues")),
        sa.ForeignKeyConstraint(
            ["reader"], ["readers.id"], name=op.f("fk_clicks_reader_readers"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clicks")),
        sa.UniqueConstraint("issue", "link", "reader", name=op.f("uq_clicks_issue_link_reader")),
    )
    op.create_index(op.f("ix_clicks_reader_at"), "clicks", ["reader", "at"])
    op.add_column("readers", sa.Column("topics", sa.Text(), nullable=False, server_default="*"))
    for statement in wording(op.get_bind().dialect.name):
        op.execute(statement)
    op.execute(_HEARD)
    op.create_index(
        op.f("ix_readers_receives_topics_country"), "readers", ["receives", "topics", "country"]
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_index(op.f("ix_readers_receives_topics_country"), "readers")
    with op.batch_alter_table("readers") as table:
        table.drop_column("topics")
    op.drop_table("clicks")
    op.drop_table("issue_links")
