"""Every table, in the order of the flow: sources, articles, stories, briefs, issues, readers.

SQLAlchemy Core, no object mapper: rows go in and come out as the frozen objects of
:mod:`newsletter.model`. Times are aware UTC on both engines. A change here needs a migration;
a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

HEAD = "0017"
"""The newest migration; a test compares it with the files."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# An integer key that SQLite fills by itself (its rowid) and PostgreSQL keeps 64 bits wide.
Key = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused, because somebody forgot its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite has no zones, so it gets the naive form."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: Any | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> datetime | None:
        """Hand back an aware UTC time."""
        if value is None:
            return None
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware if isinstance(aware, datetime) else None


# --------------------------------------------------------------------------- sources

outlets = Table(
    "outlets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("domains", Json, nullable=False),
    Column("family", String(64), nullable=False),
    Column("owner", Text, nullable=False),
    Column("country", String(8), nullable=False),
    Column("lean", String(16), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("paywall", String(16), nullable=False),
    Column("provenance", Json, nullable=False),
)

feeds = Table(
    "feeds",
    metadata,
    Column("url", Text, primary_key=True),
    Column("outlet", ForeignKey("outlets.id"), nullable=False),
    Column("section", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("interval", Integer, nullable=False),
    Column("next_visit", UtcTime),
    Column("last_visit", UtcTime),
    Column("last_success", UtcTime),
    Column("last_change", UtcTime),
    Column("failures", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("moved_to", Text, nullable=False),
    Column("page_text", Boolean, nullable=False),
    Column("since", UtcTime),
    Column("seconds", Float, nullable=False, server_default="0"),
    Index(None, "next_visit"),
)

robots = Table(
    "robots",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("status", Integer, nullable=False),
    Column("rules", Json, nullable=False),
    Column("asked", UtcTime, nullable=False),
)
"""What hosts' robots.txt say to us: patterns with whether they allow. Kept for a day at most."""

# --------------------------------------------------------------------------- articles

articles = Table(
    "articles",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("outlet", ForeignKey("outlets.id"), nullable=False),
    Column("feed", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("published", UtcTime, nullable=False),
    Column("dated", String(16), nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("lang", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("section", String(64), nullable=False),
    Column("same_as", String(40), nullable=False),
    Column("paywall", String(16), nullable=False, server_default="unknown"),
    Index(None, "published"),
    Index(None, "first_seen"),
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("article", ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True),
    Column("published", UtcTime, nullable=False),
    Column("original", String(40)),
    Column("marks", LargeBinary, nullable=False),
    Index(None, "published"),
)
"""What finds near-identical articles: hashes of word sequences of the window's articles.

``original`` is null until an article was compared with the others, and then the id of the first
article with this text, its own where it is the first. Narrow, so that a round need not read texts.
"""

# --------------------------------------------------------------------------- stories

stories = Table(
    "stories",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("slug", String(100), nullable=False, unique=True),
    Column("headline", Text, nullable=False),
    Column("section", String(64), nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("mailed", UtcTime),
    Index(None, "updated"),
)

story_articles = Table(
    "story_articles",
    metadata,
    Column("article", ForeignKey("articles.id"), primary_key=True),
    Column("story", ForeignKey("stories.id"), nullable=False),
    # Looks out of place there: an editor should see it.
    Column("far", Boolean, nullable=False, server_default=false()),
    Index(None, "story"),
)

story_versions = Table(
    "story_versions",
    metadata,
    Column("story", ForeignKey("stories.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("headline", Text, nullable=False),
    Column("articles", Integer, nullable=False),
)

story_locks = Table(
    "story_locks",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("body", Json, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("story", String(40), nullable=False, server_default=""),
    Column("other", String(40), nullable=False, server_default=""),
    # A lock that was taken back stays on record.
    Column("ended_by", Text, nullable=False, server_default=""),
    Column("ended", UtcTime),
    Index(None, "story"),
    Index(None, "other"),
)

# What an editor knows better about an article than its feed; the article itself stays as fetched.
article_corrections = Table(
    "article_corrections",
    metadata,
    Column("article", String(40), primary_key=True),
    Column("field", String(16), primary_key=True),
    Column("value", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# What a story is about, in its weightiest terms: enough to find its like in the archive.
story_terms = Table(
    "story_terms",
    metadata,
    Column("story", ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True),
    Column("lang", String(16), nullable=False),
    Column("terms", Json, nullable=False),
)

related_stories = Table(
    "related_stories",
    metadata,
    Column("earlier", ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True),
    Column("later", ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True),
    Column("likeness", Float, nullable=False),
    Index(None, "later"),
)

briefs = Table(
    "briefs",
    metadata,
    Column("story", ForeignKey("stories.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("writer", String(64), nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("sources_sha256", String(64), nullable=False),
    Column("withheld", Text, nullable=False),
    Column("body", Json, nullable=False),
    # The model and the hash of its rules; empty for text that no model wrote.
    Column("model", Text, nullable=False, server_default=""),
    Column("prompt", String(64), nullable=False, server_default=""),
    # The person whose version it is, what they did, and the version they started from.
    Column("by", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("base", Integer, nullable=False, server_default="0"),
    # Held: a person's, kept until released. Offered: written meanwhile, shown to nobody yet.
    Column("held", Boolean, nullable=False, server_default=false()),
    Column("offered", Boolean, nullable=False, server_default=false()),
)

model_answers = Table(
    "model_answers",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("answer", Text, nullable=False),
    Column("made", UtcTime, nullable=False),
)

# --------------------------------------------------------------------------- issues

issues = Table(
    "issues",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("edition", String(64), nullable=False),
    Column("day", Date, nullable=False),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("approved_at", UtcTime),
    Column("approved_sha256", String(64), nullable=False),
    Column("send_started", UtcTime),
    Column("send_ended", UtcTime),
    # The issue whose readers get this one, when it is a correction notice; else empty.
    Column("corrects", String(64), nullable=False, server_default=""),
    UniqueConstraint("edition", "day"),
)

issue_revisions = Table(
    "issue_revisions",
    metadata,
    Column("issue", ForeignKey("issues.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("made", UtcTime, nullable=False),
    Column("content", Json, nullable=False),
    Column("rendered", Json, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("note", Text, nullable=False),
    # What lists show, so that they need not read the renderings.
    Column("subject", Text, nullable=False, server_default=""),
    Column("preheader", Text, nullable=False, server_default=""),
    Column("seconds", Integer, nullable=False, server_default="0"),
)

issue_stories = Table(
    "issue_stories",
    metadata,
    Column("issue", ForeignKey("issues.id"), primary_key=True),
    Column("story", ForeignKey("stories.id"), primary_key=True),
    Column("place", String(16), nullable=False),
    Column("position", Integer, nullable=False),
    Index(None, "story"),
)

# Where the links of an issue lead that readers who allow it are counted on; there are no others.
issue_links = Table(
    "issue_links",
    metadata,
    Column("issue", ForeignKey("issues.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("story", String(40), nullable=False),
    # The side of the article; empty for a story page.
    Column("side", String(8), nullable=False),
)

# What a person put right in a story that readers have.
corrections = Table(
    "corrections",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("story", ForeignKey("stories.id"), nullable=False),
    Column("slug", String(100), nullable=False),
    Column("headline", Text, nullable=False),
    Column("section", String(64), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "story"),
)

# Which issues open with which corrections, so that each is told once.
issue_corrections = Table(
    "issue_corrections",
    metadata,
    Column("correction", ForeignKey("corrections.id"), primary_key=True),
    Column("issue", ForeignKey("issues.id"), primary_key=True),
)

# --------------------------------------------------------------------------- readers

readers = Table(
    "readers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("email", Text, nullable=False),
    # The address as it is compared: case folded, domain in its ASCII form.
    Column("address_key", Text, nullable=False, unique=True),
    Column("email_domain", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("country", String(2), nullable=False),
    Column("language", String(16), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("token", String(32), nullable=False, unique=True),
    Column("joined", UtcTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("attributes", Json, nullable=False),
    # What a reader chose: daily, weekdays, weekly; html, text; a local time such as "07:30".
    Column("frequency", String(16), nullable=False, server_default="daily"),
    Column("format", String(8), nullable=False, server_default="html"),
    Column("send_at", String(5), nullable=False, server_default=""),
    Column("tracking", Boolean, nullable=False, server_default=false()),
    Column("paused_until", UtcTime),
    # The last click of a reader who let us count clicks; opens are never counted.
    Column("last_click", UtcTime),
    # When a reader without clicks was asked whether to go on.
    Column("asked", UtcTime),
    # The editions this reader gets now, in one word; kept for counting (database/standing.py).
    Column("receives", String(200), nullable=False, server_default=""),
    # The topics this reader chose, in one word; "*" says: look in reader_tags (standing.py).
    Column("topics", Text, nullable=False, server_default="*"),
    Index(None, "receives", "country"),
    Index(None, "country"),
    Index(None, "receives", "joined"),
    Index(None, "receives", "topics", "country"),
    Index(
        "ix_readers_paused_until",
        "paused_until",
        sqlite_where=text("paused_until IS NOT NULL"),
        postgresql_where=text("paused_until IS NOT NULL"),
    ),
)

# What an operator knows about a reader beyond the fields above, one value a name.
reader_attributes = Table(
    "reader_attributes",
    metadata,
    Column("reader", ForeignKey("readers.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", String(200), nullable=False),
    Index(None, "name", "value", "reader"),
)

# Topics and lists in one narrow table: "any of these" is then an index look-up on both engines.
reader_tags = Table(
    "reader_tags",
    metadata,
    Column("reader", ForeignKey("readers.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("tag", String(64), primary_key=True),
    Index(None, "kind", "tag", "reader"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("reader", ForeignKey("readers.id", ondelete="CASCADE"), primary_key=True),
    Column("edition", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("since", UtcTime, nullable=False),
    Index(None, "edition", "state", "reader"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Key, primary_key=True),
    Column("reader", ForeignKey("readers.id", ondelete="CASCADE"), nullable=False),
    Column("action", String(24), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("detail", Text, nullable=False),
    # The internet address it came from; kept for some weeks only.
    Column("origin", String(64), nullable=False, server_default=""),
    Index(None, "reader"),
)

# Links that readers followed who let us count; the reader is forgotten after some weeks.
clicks = Table(
    "clicks",
    metadata,
    Column("id", Key, primary_key=True),
    Column("issue", ForeignKey("issues.id"), nullable=False),
    Column("link", Integer, nullable=False),
    Column("reader", ForeignKey("readers.id", ondelete="SET NULL")),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("issue", "link", "reader"),
    Index(None, "reader", "at"),
)

# Survives the erasure of a reader: a keyed hash of the address, never the address.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", String(64), primary_key=True),
    Column("reason", String(24), nullable=False),
    Column("at", UtcTime, nullable=False),
)

# Who knocked when, so that several processes share one limit; hashed, and kept for a day.
knocks = Table(
    "knocks",
    metadata,
    Column("id", Key, primary_key=True),
    Column("lane", String(24), nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "lane", "who", "at"),
    Index(None, "lane", "at"),
)

# Programs that may ask the API; of their word only the hash is kept.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("used", UtcTime),
    Column("revoked", UtcTime),
)

# Where news of readers and issues is posted to, and what waits to be posted.
webhooks = Table(
    "webhooks",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", String(80), nullable=False),
    Column("kinds", Json, nullable=False),
    Column("made", UtcTime, nullable=False),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("webhook", ForeignKey("webhooks.name", ondelete="CASCADE"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("answer", Text, nullable=False),
    Index(None, "state", "due"),
)

# What readers say is wrong with a story. The number is random: who has it may look.
reports = Table(
    "reports",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("slug", String(100), nullable=False),
    Column("story", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", Text, nullable=False),
    Index(None, "state", "made"),
)

# --------------------------------------------------------------------------- delivery

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("key", String(32), nullable=False, unique=True),
    Column("issue", ForeignKey("issues.id"), nullable=False),
    Column("reader", BigInteger, nullable=False),
    Column("segment", String(64), nullable=False),
    Column("variant", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("batch", String(40), nullable=False),
    Column("owner", Text, nullable=False),
    Column("transport", String(16), nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("changed", UtcTime, nullable=False),
    Column("not_before", UtcTime),
    UniqueConstraint("issue", "reader"),
    # One index and no more: each step of every letter has to keep it up to date.
    Index(None, "issue", "state", "id"),
)

# Deliveries of one issue from the first id to the last one, those of them that have no state of
# their own: what is the same for all of them. The ranges of an issue never overlap.
batches = Table(
    "batches",
    metadata,
    Column("id", Key, primary_key=True),
    Column("issue", ForeignKey("issues.id"), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("name", String(40), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("transport", String(16), nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("changed", UtcTime, nullable=False),
    UniqueConstraint("issue", "first"),
    Index(None, "issue", "state", "first"),
    Index(None, "name"),
)

# How many letters of an issue ended how, once its deliveries are too old to be kept.
delivery_counts = Table(
    "delivery_counts",
    metadata,
    Column("issue", ForeignKey("issues.id"), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("letters", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Key, primary_key=True),
    Column("delivery_key", String(32), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("received", UtcTime, nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("delivery_key", "kind", "at"),
)

# Checked posts of the provider, as they came, until a worker has read them.
event_posts = Table(
    "event_posts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("received", UtcTime, nullable=False),
)

# Templates that were pushed to all machines. Their fingerprint stands in settings.
template_files = Table(
    "template_files",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# One row a process that sends: who it is and until when its claims hold without a sign of life.
leases = Table(
    "leases",
    metadata,
    Column("owner", String(40), primary_key=True),
    # Machine, boot and process namespace: a process of the same place can be looked up by its pid.
    Column("place", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born", Text, nullable=False),
    Column("expires", UtcTime, nullable=False),
    # Which batches the holder's program understands. One that knows none cannot write this, and
    # so it cannot begin to send what it would misread.
    Column("batches", Integer, nullable=False),
)

# One row a sending lane: when the next letter may leave. Shared by all processes.
pace = Table(
    "pace",
    metadata,
    Column("lane", String(32), primary_key=True),
    Column("free_at", UtcTime, nullable=False),
)

# What the lane may carry, and a warm-up plan (letters a day, from a day on). 0 is no limit.
pace_limits = Table(
    "pace_limits",
    metadata,
    Column("lane", String(32), primary_key=True),
    Column("per_second", Float, nullable=False),
    Column("per_hour", Integer, nullable=False),
    Column("per_day", Integer, nullable=False),
    Column("plan", Json, nullable=False),
    Column("plan_begins", Date),
)

# How many letters left in each hour and each day (UTC).
pace_counts = Table(
    "pace_counts",
    metadata,
    Column("lane", String(32), primary_key=True),
    Column("span", String(8), primary_key=True),
    Column("begins", UtcTime, primary_key=True),
    Column("letters", Integer, nullable=False),
)

# Single mails: confirmations, welcomes, alerts, reminders, corrections, tests. Address and words
# are taken away once a mail has ended; the key stays, so that nothing is sent twice.
mails = Table(
    "mails",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("word", String(32), nullable=False, unique=True),
    Column("name", String(32), nullable=False),
    Column("to", Text, nullable=False),
    Column("reader", BigInteger, nullable=False),
    Column("content", String(64), nullable=False),
    Column("values", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("batch", String(40), nullable=False),
    Column("owner", String(40), nullable=False),
    Column("transport", String(16), nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("changed", UtcTime, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Index(None, "state", "not_before"),
)

# --------------------------------------------------------------------------- the house itself

# The truth behind the scheduler's bells: a bell rung twice finds its row already there.
bells = Table(
    "bells",
    metadata,
    Column("edition", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("bell", String(16), primary_key=True),
    Column("rung", UtcTime, nullable=False),
)

# Who did what. It outlives the people in it, so it names readers by number only.
audit = Table(
    "audit",
    metadata,
    Column("id", Key, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "at"),
    Index(None, "subject"),
)

# What needs a person now, and which ways of telling took it: one row from trouble to recovery.
alerts = Table(
    "alerts",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("sentence", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("told", Json, nullable=False),
    Column("told_end", Json, nullable=False),
)

# Who rings the bells. The epoch grows with every change of leader and never falls.
leaders = Table(
    "leaders",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", String(40), nullable=False),
    Column("place", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born", Text, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

# A sending that a person set for a moment of its own; without a moment it waits for that person.
planned_sends = Table(
    "planned_sends",
    metadata,
    Column("issue", ForeignKey("issues.id"), primary_key=True),
    Column("at", UtcTime),
    Column("by", Text, nullable=False),
    Column("made", UtcTime, nullable=False),
)

# Facts of this installation, such as the key that suppression hashes are made with.
settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# --------------------------------------------------------------------------- the desk

editors = Table(
    "editors",
    metadata,
    Column("id", Key, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    # Empty until an invitation is taken up; nobody has a password somebody else chose.
    Column("password", Text, nullable=False),
    Column("totp", Text, nullable=False),
    Column("totp_pending", Text, nullable=False),
    Column("totp_last", BigInteger, nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("removed", UtcTime),
    Column("failures", Integer, nullable=False),
    Column("failed", UtcTime),
    # Who they are at the provider of single sign-on: its address, a space, its word for them.
    Column("subject", Text, nullable=False, server_default=""),
)

editor_sessions = Table(
    "editor_sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("editor", ForeignKey("editors.id"), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("seen", UtcTime, nullable=False),
    Column("origin", String(64), nullable=False),
    Column("agent", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("proof", String(16), nullable=False, server_default="password"),
    Index(None, "editor"),
)

# Answers of the provider of single sign-on that were used up: none counts twice.
sign_on_answers = Table(
    "sign_on_answers",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("made", UtcTime, nullable=False),
)

editor_codes = Table(
    "editor_codes",
    metadata,
    Column("editor", ForeignKey("editors.id"), primary_key=True),
    Column("hash", String(64), primary_key=True),
)

# Invitations and new passwords: a link that works once.
editor_links = Table(
    "editor_links",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("editor", ForeignKey("editors.id"), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

# Addresses that get test letters; never readers of an issue by being here.
testers = Table(
    "testers",
    metadata,
    Column("email", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("made", UtcTime, nullable=False),
)

# What an editor decided about the order of an issue. The number rises with every change, so that
# two people who change it at once notice.
arrangements = Table(
    "arrangements",
    metadata,
    Column("edition", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("body", Json, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("sentence", Text, nullable=False),
)

# The stories an issue could be made of, as they were ranked when it was composed last.
candidates = Table(
    "candidates",
    metadata,
    Column("edition", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("story", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("headline", Text, nullable=False),
    Column("section", String(64), nullable=False),
    Column("articles", Integer, nullable=False),
    Column("body", Json, nullable=False),
)

# One row a person who approved exactly these bytes, where two are needed.
approvals = Table(
    "approvals",
    metadata,
    Column("issue", ForeignKey("issues.id"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("by", String(254), primary_key=True),
    Column("at", UtcTime, nullable=False),
)
