"""What many machines share: posts of the provider that wait to be read, and templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Key, UtcTime

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "template_files",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_template_files")),
    )
    op.create_table(
        "event_posts",
        sa.Column("id", Key, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_posts")),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("template_files")
    op.drop_table("event_posts")
