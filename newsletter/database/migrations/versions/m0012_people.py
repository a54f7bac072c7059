"""People: editors, their sessions, codes and links; what they arrange and approve."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Json, Key, UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of the desk."""
    op.create_table(
        "editors",
        sa.Column("id", Key, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("totp", sa.Text(), nullable=False),
        sa.Column("totp_pending", sa.Text(), nullable=False),
        sa.Column("totp_last", sa.BigInteger(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("removed", UtcTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed", UtcTime(), nullable=True),
        sa.UniqueConstraint("email", name=op.f("uq_editors_email")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editors")),
    )
    op.create_table(
        "editor_sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("editor", Key, nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("seen", UtcTime(), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["editor"], ["editors.id"], name=op.f("fk_editor_sessions_editor_editors")
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_editor_sessions")),
    )
    op.create_index(op.f("ix_editor_sessions_editor"), "editor_sessions", ["editor"])
    op.create_table(
        "editor_codes",
        sa.Column("editor", Key, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["editor"], ["editors.id"], name=op.f("fk_editor_codes_editor_editors")
        ),
        sa.PrimaryKeyConstraint("editor", "hash", name=op.f("pk_editor_codes")),
    )
    op.create_table(
        "editor_links",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("editor", Key, nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("expires", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["editor"], ["editors.id"], name=op.f("fk_editor_links_editor_editors")
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_editor_links")),
    )
    op.create_table(
        "testers",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_testers")),
    )
    op.create_table(
        "arrangements",
        sa.Column("edition", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("edition", "day", "number", name=op.f("pk_arrangements")),
    )
    op.create_table(
        "candidates",
        sa.Column("edition", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("edition", "day", "story", name=op.f("pk_candidates")),
    )
    op.create_table(
        "approvals",
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=254), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["issue"], ["issues.id"], name=op.f("fk_approvals_issue_issues")),
        sa.PrimaryKeyConstraint("issue", "sha256", "by", name=op.f("pk_approvals")),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "approvals",
        "candidates",
        "arrangements",
        "testers",
        "editor_links",
        "editor_codes",
        "editor_sessions",
        "editors",
    ):
        op.drop_table(table)
