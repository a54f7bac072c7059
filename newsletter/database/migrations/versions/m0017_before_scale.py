"""What many machines and many readers need: shared templates, waiting posts, counts, tidying."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Key, UtcTime

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

LARGE = ("deliveries", "events")
TIDY_OFTEN = (
    "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, "
    "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 10000, "
    "autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000"
)
"""The server's own share is a fifth of a table: of a thousand million deliveries that is what
three weeks of nightly deletion leave behind. A hundredth is one night's."""


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "template_files",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_template_files")),
    )
    op.create_table(
        "delivery_counts",
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("letters", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue"], ["issues.id"], name=op.f("fk_delivery_counts_issue_issues")
        ),
        sa.PrimaryKeyConstraint("issue", "state", name=op.f("pk_delivery_counts")),
    )
    op.create_table(
        "event_posts",
        sa.Column("id", Key, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_posts")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in LARGE:
            op.execute(f"ALTER TABLE {table} SET ({TIDY_OFTEN})")


def downgrade() -> None:
    """Take them away."""
    op.drop_table("delivery_counts")
    op.drop_table("template_files")
    op.drop_table("event_posts")
    if op.get_bind().dialect.name == "postgresql":
        settings = ", ".join(one.split(" = ")[0] for one in TIDY_OFTEN.split(", "))
        for table in LARGE:
            op.execute(f"ALTER TABLE {table} RESET ({settings})")
