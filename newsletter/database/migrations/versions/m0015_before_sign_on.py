"""Single sign-on: who somebody is at the provider, how a session began, answers used up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import UtcTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns with a default, so that an older program goes on beside this one."""
    op.add_column("editors", sa.Column("subject", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "editor_sessions",
        sa.Column("proof", sa.String(length=16), nullable=False, server_default="password"),
    )
    op.create_table(
        "sign_on_answers",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_sign_on_answers")),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("sign_on_answers")
    op.drop_column("editor_sessions", "proof")
    op.drop_column("editors", "subject")
