"""What is kept about one person, and the proof of what they agreed to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, select

from newsletter.database.batches import standing
from newsletter.database.tables import (
    clicks,
    consents,
    deliveries,
    events,
    issue_links,
    reader_attributes,
    readers,
    subscriptions,
)
from newsletter.model import Reader

AGREEMENTS = ("confirmation-sent", "confirmed", "imported", "api", "unsubscribed", "suppressed")
"""The lines of a history that say what a person agreed to, and when that ended."""


def facts(connection: Connection, reader: Reader) -> dict[str, Any]:
    """Everything that is kept about a person, in an order that reads well."""
    row = connection.execute(select(readers).where(readers.c.id == reader.id)).one()
    held = connection.execute(
        select(subscriptions)
        .where(subscriptions.c.reader == reader.id)
        .order_by(subscriptions.c.edition)
    ).all()
    letters = connection.execute(
        select(
            deliveries.c.issue,
            standing("state"),
            deliveries.c.segment,
            deliveries.c.reason,
            standing("changed"),
        )
        .where(deliveries.c.reader == reader.id)
        .order_by(deliveries.c.id)
    ).all()
    words = connection.execute(
        select(reader_attributes.c.name, reader_attributes.c.value)
        .where(reader_attributes.c.reader == reader.id)
        .order_by(reader_attributes.c.name)
    ).all()
    reported = connection.execute(
        select(events.c.kind, events.c.at, events.c.detail, deliveries.c.issue)
        .join(deliveries, deliveries.c.key == events.c.delivery_key)
        .where(deliveries.c.reader == reader.id)
        .order_by(events.c.at)
    ).all()
    followed = connection.execute(
        select(clicks.c.issue, clicks.c.at, issue_links.c.url)
        .join(
            issue_links,
            and_(issue_links.c.issue == clicks.c.issue, issue_links.c.number == clicks.c.link),
        )
        .where(clicks.c.reader == reader.id)
        .order_by(clicks.c.at)
    ).all()
    return {
        "email": reader.email,
        "state": reader.state.value,
        "why": why(connection, reader),
        "name": reader.name,
        "country": reader.country,
        "language": reader.language,
        "timezone": reader.timezone,
        "topics": list(reader.topics),
        "lists": list(reader.lists),
        "attributes": {word.name: word.value for word in words},
        "frequency": row.frequency,
        "format": row.format,
        "send_at": row.send_at,
        "tracking": row.tracking,
        "paused_until": row.paused_until.isoformat() if row.paused_until else None,
        "last_click": row.last_click.isoformat() if row.last_click else None,
        "joined": reader.joined.isoformat(),
        "source": reader.source,
        "subscriptions": [
            {"edition": one.edition, "state": one.state, "since": one.since.isoformat()}
            for one in held
        ],
        "consents": lines(connection, reader.id),
        "deliveries": [
            {
                "issue": one.issue,
                "state": one.state,
                "segment": one.segment,
                "reason": one.reason,
                "changed": one.changed.isoformat(),
            }
            for one in letters
        ],
        "events": [
            {"kind": one.kind, "at": one.at.isoformat(), "issue": one.issue, "detail": one.detail}
            for one in reported
        ],
        "clicks": [
            {"issue": one.issue, "at": one.at.isoformat(), "url": one.url} for one in followed
        ],
    }


def lines(
    connection: Connection, reader: int, actions: Sequence[str] | None = None
) -> list[dict[str, str]]:
    """A person's log: what they did or what was done, oldest first."""
    query = select(consents).where(consents.c.reader == reader).order_by(consents.c.id)
    if actions is not None:
        query = query.where(consents.c.action.in_(list(actions)))
    return [
        {
            "action": row.action,
            "at": row.at.isoformat(),
            "source": row.source,
            "detail": row.detail,
            "origin": row.origin,
        }
        for row in connection.execute(query)
    ]


def why(connection: Connection, reader: Reader) -> str:
    """The last line of the log that explains the state a person is in, as one sentence."""
    wanted = {
        "active": ("confirmed", "imported", "api", "resumed"),
        "pending": ("confirmation-sent",),
        "paused": ("preferences", "asked"),
        "unsubscribed": ("unsubscribed",),
        "suppressed": ("suppressed",),
    }[reader.state.value]
    found = connection.execute(
        select(consents)
        .where(consents.c.reader == reader.id, consents.c.action.in_(wanted))
        .order_by(consents.c.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return ""
    detail = f": {found.detail}" if found.detail else ""
    return f"{found.action} on {found.at:%Y-%m-%d} by {found.source}{detail}"
