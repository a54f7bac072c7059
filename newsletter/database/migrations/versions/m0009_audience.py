"""What readers choose, what is known of them, shared limits, API tokens, outgoing webhooks."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Json, UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEW = ("frequency", "format", "send_at", "tracking", "paused_until", "last_click", "asked")


def upgrade() -> None:
    """Add the columns and tables, and move the ends of pauses to their column."""
    op.add_column(
        "readers", sa.Column("frequency", sa.String(16), server_default="daily", nullable=False)
    )
    op.add_column(
        "readers", sa.Column("format", sa.String(8), server_default="html", nullable=False)
    )
    op.add_column("readers", sa.Column("send_at", sa.String(5), server_default="", nullable=False))
    op.add_column(
        "readers", sa.Column("tracking", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("readers", sa.Column("paused_until", UtcTime()))
    op.add_column("readers", sa.Column("last_click", UtcTime()))
    op.add_column("readers", sa.Column("asked", UtcTime()))
    op.add_column(
        "readers", sa.Column("receives", sa.String(200), server_default="", nullable=False)
    )
    _fill_receives()
    op.create_index(op.f("ix_readers_receives_country"), "readers", ["receives", "country"])
    op.create_index(op.f("ix_readers_receives_joined"), "readers", ["receives", "joined"])
    _move_pauses()
    there = sa.text("paused_until IS NOT NULL")
    op.create_index(
        op.f("ix_readers_paused_until"),
        "readers",
        ["paused_until"],
        sqlite_where=there,
        postgresql_where=there,
    )
    op.create_table(
        "reader_attributes",
        sa.Column("reader", _KEY, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["reader"],
            ["readers.id"],
            name=op.f("fk_reader_attributes_reader_readers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("reader", "name", name=op.f("pk_reader_attributes")),
    )
    op.create_index(
        op.f("ix_reader_attributes_name_value_reader"),
        "reader_attributes",
        ["name", "value", "reader"],
    )
    op.create_table(
        "knocks",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("lane", sa.String(24), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knocks")),
    )
    op.create_index(op.f("ix_knocks_lane_who_at"), "knocks", ["lane", "who", "at"])
    op.create_index(op.f("ix_knocks_lane_at"), "knocks", ["lane", "at"])
    op.create_table(
        "api_tokens",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("used", UtcTime()),
        sa.Column("revoked", UtcTime()),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_tokens_hash")),
    )
    op.create_table(
        "webhooks",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(80), nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("webhook", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", UtcTime(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook"],
            ["webhooks.name"],
            name=op.f("fk_webhook_messages_webhook_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
    )
    op.create_index(op.f("ix_webhook_messages_state_due"), "webhook_messages", ["state", "due"])


def downgrade() -> None:
    """Take them away again."""
    for table in ("webhook_messages", "webhooks", "api_tokens", "knocks", "reader_attributes"):
        op.drop_table(table)
    op.drop_index(op.f("ix_readers_receives_joined"), "readers")
    op.drop_index(op.f("ix_readers_paused_until"), "readers")
    op.drop_index(op.f("ix_readers_receives_country"), "readers")
    for name in (*_NEW, "receives"):
        op.drop_column("readers", name)


def _fill_receives() -> None:
    join = (
        "string_agg(s.edition, ' ' ORDER BY s.edition)"
        if op.get_bind().dialect.name == "postgresql"
        else "group_concat(s.edition, ' ')"
    )
    op.execute(
        f"UPDATE readers SET receives = coalesce((SELECT {join} FROM "  # noqa: S608 - ours
        "(SELECT edition FROM subscriptions WHERE subscriptions.reader = readers.id "
        "AND subscriptions.state = 'active' ORDER BY edition) AS s), '') WHERE state = 'active'"
    )


def _move_pauses() -> None:
    readers = sa.table(
        "readers",
        sa.column("id", sa.BigInteger()),
        sa.column("state", sa.String()),
        sa.column("attributes", Json),
        sa.column("paused_until", UtcTime()),
    )
    connection = op.get_bind()
    paused = connection.execute(
        sa.select(readers.c.id, readers.c.attributes).where(readers.c.state == "paused")
    ).all()
    for row in paused:
        end = row.attributes.get("paused_until")
        rest = {name: value for name, value in row.attributes.items() if name != "paused_until"}
        until = datetime.fromisoformat(end) if end else None
        connection.execute(
            sa.update(readers)
            .where(readers.c.id == row.id)
            .values(paused_until=until, attributes=rest)
        )
