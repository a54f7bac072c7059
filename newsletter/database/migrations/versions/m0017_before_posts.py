"""Posts of the provider that wait to be read; large tables are tidied by what changed in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Key, UtcTime

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "event_posts",
        sa.Column("id", Key, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_posts")),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("event_posts")
