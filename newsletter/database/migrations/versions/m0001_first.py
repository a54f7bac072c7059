"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from newsletter.database.tables import Json, Key, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "bells",
        sa.Column("edition", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bell", sa.String(length=16), nullable=False),
        sa.Column("rung", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("edition", "day", "bell", name=op.f("pk_bells")),
    )
    op.create_table(
        "events",
        sa.Column("id", Key, nullable=False),
        sa.Column("delivery_key", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("received", UtcTime(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint(
            "delivery_key", "kind", "at", name=op.f("uq_events_delivery_key_kind_at")
        ),
    )
    op.create_table(
        "issues",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("edition", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created", UtcTime(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", UtcTime(), nullable=True),
        sa.Column("approved_sha256", sa.String(length=64), nullable=False),
        sa.Column("send_started", UtcTime(), nullable=True),
        sa.Column("send_ended", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
        sa.UniqueConstraint("edition", "day", name=op.f("uq_issues_edition_day")),
    )
    op.create_table(
        "outlets",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domains", Json, nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=8), nullable=False),
        sa.Column("lean", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("paywall", sa.String(length=16), nullable=False),
        sa.Column("provenance", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outlets")),
    )
    op.create_table(
        "pace",
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("free_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_pace")),
    )
    op.create_table(
        "readers",
        sa.Column("id", Key, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("email_domain", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("joined", UtcTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readers")),
        sa.UniqueConstraint("address_key", name=op.f("uq_readers_address_key")),
        sa.UniqueConstraint("token", name=op.f("uq_readers_token")),
    )
    op.create_index(op.f("ix_readers_country"), "readers", ["country"], unique=False)
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "stories",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("first_seen", UtcTime(), nullable=False),
        sa.Column("updated", UtcTime(), nullable=False),
        sa.Column("mailed", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stories")),
        sa.UniqueConstraint("slug", name=op.f("uq_stories_slug")),
    )
    op.create_index(op.f("ix_stories_updated"), "stories", ["updated"], unique=False)
    op.create_table(
        "story_locks",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_locks")),
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "articles",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("outlet", sa.String(length=64), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("published", UtcTime(), nullable=False),
        sa.Column("dated", sa.String(length=16), nullable=False),
        sa.Column("first_seen", UtcTime(), nullable=False),
        sa.Column("lang", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("same_as", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["outlet"], ["outlets.id"], name=op.f("fk_articles_outlet_outlets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
    )
    op.create_index(op.f("ix_articles_first_seen"), "articles", ["first_seen"], unique=False)
    op.create_index(op.f("ix_articles_published"), "articles", ["published"], unique=False)
    op.create_table(
        "briefs",
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("writer", sa.String(length=64), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("sources_sha256", sa.String(length=64), nullable=False),
        sa.Column("withheld", sa.Text(), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.ForeignKeyConstraint(["story"], ["stories.id"], name=op.f("fk_briefs_story_stories")),
        sa.PrimaryKeyConstraint("story", "version", name=op.f("pk_briefs")),
    )
    op.create_table(
        "consents",
        sa.Column("id", Key, nullable=False),
        sa.Column("reader", Key, nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reader"], ["readers.id"], name=op.f("fk_consents_reader_readers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_reader"), "consents", ["reader"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.BigInteger(), nullable=False),
        sa.Column("segment", sa.String(length=64), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("batch", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("transport", sa.String(length=16), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("changed", UtcTime(), nullable=False),
        sa.Column("not_before", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["issue"], ["issues.id"], name=op.f("fk_deliveries_issue_issues")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("issue", "reader", name=op.f("uq_deliveries_issue_reader")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
    )
    op.create_index(op.f("ix_deliveries_batch"), "deliveries", ["batch"], unique=False)
    op.create_index(
        op.f("ix_deliveries_issue_state_id"), "deliveries", ["issue", "state", "id"], unique=False
    )
    op.create_table(
        "feeds",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("outlet", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("modified", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("next_visit", UtcTime(), nullable=True),
        sa.Column("last_visit", UtcTime(), nullable=True),
        sa.Column("last_success", UtcTime(), nullable=True),
        sa.Column("last_change", UtcTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("moved_to", sa.Text(), nullable=False),
        sa.Column("page_text", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["outlet"], ["outlets.id"], name=op.f("fk_feeds_outlet_outlets")),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_feeds")),
    )
    op.create_index(op.f("ix_feeds_next_visit"), "feeds", ["next_visit"], unique=False)
    op.create_table(
        "issue_revisions",
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.Column("rendered", Json, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue"], ["issues.id"], name=op.f("fk_issue_revisions_issue_issues")
        ),
        sa.PrimaryKeyConstraint("issue", "number", name=op.f("pk_issue_revisions")),
    )
    op.create_table(
        "issue_stories",
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue"], ["issues.id"], name=op.f("fk_issue_stories_issue_issues")
        ),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.id"], name=op.f("fk_issue_stories_story_stories")
        ),
        sa.PrimaryKeyConstraint("issue", "story", name=op.f("pk_issue_stories")),
    )
    op.create_index(op.f("ix_issue_stories_story"), "issue_stories", ["story"], unique=False)
    op.create_table(
        "reader_tags",
        sa.Column("reader", Key, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["reader"],
            ["readers.id"],
            name=op.f("fk_reader_tags_reader_readers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("reader", "kind", "tag", name=op.f("pk_reader_tags")),
    )
    op.create_index(
        op.f("ix_reader_tags_kind_tag_reader"),
        "reader_tags",
        ["kind", "tag", "reader"],
        unique=False,
    )
    op.create_table(
        "story_versions",
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.id"], name=op.f("fk_story_versions_story_stories")
        ),
        sa.PrimaryKeyConstraint("story", "version", name=op.f("pk_story_versions")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("reader", Key, nullable=False),
        sa.Column("edition", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reader"],
            ["readers.id"],
            name=op.f("fk_subscriptions_reader_readers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("reader", "edition", name=op.f("pk_subscriptions")),
    )
    op.create_index(
        op.f("ix_subscriptions_edition_state_reader"),
        "subscriptions",
        ["edition", "state", "reader"],
        unique=False,
    )
    op.create_table(
        "story_articles",
        sa.Column("article", sa.String(length=40), nullable=False),
        sa.Column("story", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["article"], ["articles.id"], name=op.f("fk_story_articles_article_articles")
        ),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.id"], name=op.f("fk_story_articles_story_stories")
        ),
        sa.PrimaryKeyConstraint("article", name=op.f("pk_story_articles")),
    )
    op.create_index(op.f("ix_story_articles_story"), "story_articles", ["story"], unique=False)


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("story_articles")
    op.drop_table("subscriptions")
    op.drop_table("story_versions")
    op.drop_table("reader_tags")
    op.drop_table("issue_stories")
    op.drop_table("issue_revisions")
    op.drop_table("feeds")
    op.drop_table("deliveries")
    op.drop_table("consents")
    op.drop_table("briefs")
    op.drop_table("articles")
    op.drop_table("suppressions")
    op.drop_table("story_locks")
    op.drop_table("stories")
    op.drop_table("settings")
    op.drop_table("readers")
    op.drop_table("pace")
    op.drop_table("outlets")
    op.drop_table("issues")
    op.drop_table("events")
    op.drop_table("bells")
