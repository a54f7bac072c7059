"""Pages of rows for other programs: each begins after the key the last one ended with.

Pages by key cost the same however far into a million rows they are, and neither skip nor repeat a
row when others come in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, select

from newsletter.database.batches import standing, stands
from newsletter.database.bulk import matching
from newsletter.database.engine import Database
from newsletter.database.tables import (
    deliveries,
    events,
    issues,
    reader_attributes,
    reader_tags,
    readers,
    stories,
    subscriptions,
)
from newsletter.model import DeliveryState

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the key to ask for the next ones with; None at the end."""

    items: list[Facts]
    next: str | None


class Listing:
    """What the API lists."""

    def __init__(self, database: Database):
        self._database = database

    def readers(
        self, *, after: int, limit: int, state: str = "", edition: str = "", key: str = ""
    ) -> Page:
        """Readers by number; of one state, of one edition's active subscribers, or one address."""
        query = select(readers)
        if state:
            query = query.where(readers.c.state == state)
        if key:
            query = query.where(readers.c.address_key == key)
        if edition:
            query = query.where(
                readers.c.id.in_(
                    select(subscriptions.c.reader).where(
                        subscriptions.c.edition == edition, subscriptions.c.state == "active"
                    )
                )
            )
        return self._page(query, readers.c.id, after, limit, _readers)

    def reader(self, number: int) -> Facts | None:
        """One reader by number."""
        with self._database.reading() as connection:
            rows = connection.execute(select(readers).where(readers.c.id == number)).all()
            return next(iter(_readers(connection, rows)), None)

    def issues(self, *, after: str, limit: int, edition: str = "") -> Page:
        """Issues by id."""
        query = select(issues)
        if edition:
            query = query.where(issues.c.edition == edition)
        return self._page(query, issues.c.id, after, limit, _plain(_ISSUE))

    def stories(self, *, after: str, limit: int) -> Page:
        """Stories by id."""
        return self._page(select(stories), stories.c.id, after, limit, _plain(_STORY))

    def story(self, name: str) -> Facts | None:
        """One story by id."""
        with self._database.reading() as connection:
            row = connection.execute(select(stories).where(stories.c.id == name)).one_or_none()
            return _only(row, _STORY) if row else None

    def deliveries(self, issue: str, *, after: int, limit: int, state: str = "") -> Page:
        """The deliveries of an issue by number; the reader's number, never the address."""
        columns = (standing(name) if name in _SHARED else deliveries.c[name] for name in _DELIVERY)
        query = select(*columns).where(deliveries.c.issue == issue)
        if state:
            query = query.where(stands(DeliveryState(state)))
        return self._page(query, deliveries.c.id, after, limit, _plain(_DELIVERY))

    def events(self, *, after: int, limit: int, kind: str = "") -> Page:
        """What providers reported, in the order it came."""
        query = select(
            events, deliveries.c.issue.label("issue"), deliveries.c.reader.label("reader")
        ).join(deliveries, deliveries.c.key == events.c.delivery_key)
        if kind:
            query = query.where(events.c.kind == kind)
        return self._page(query, events.c.id, after, limit, _plain(_EVENT))

    def _page(
        self,
        query: Select[Any],
        key: Column[Any],
        after: int | str,
        limit: int,
        shape: Callable[[Connection, Sequence[Row[Any]]], list[Facts]],
    ) -> Page:
        if after:
            query = query.where(key > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(key).limit(limit + 1)).all()
            items = shape(connection, rows[:limit])
        more = len(rows) > limit
        return Page(items=items, next=str(items[-1]["id"]) if more else None)


_ISSUE = (
    "id",
    "edition",
    "day",
    "state",
    "revision",
    "created",
    "approved_by",
    "approved_at",
    "send_started",
    "send_ended",
)
_STORY = ("id", "slug", "headline", "section", "first_seen", "updated", "mailed")
_DELIVERY = ("id", "issue", "reader", "segment", "variant", "state", "reason", "attempt", "changed")
_SHARED = ("state", "attempt", "changed")
"""What a delivery has in common with its batch where it has none of its own."""
_EVENT = ("id", "issue", "reader", "kind", "at", "received", "detail")
_READER = (
    "id",
    "email",
    "name",
    "country",
    "language",
    "timezone",
    "state",
    "joined",
    "source",
    "frequency",
    "format",
    "send_at",
    "tracking",
    "paused_until",
    "last_click",
)


def _only(row: Row[Any], names: Sequence[str]) -> Facts:
    return {name: row._mapping[name] for name in names}


def _plain(names: Sequence[str]) -> Callable[[Connection, Sequence[Row[Any]]], list[Facts]]:
    return lambda _connection, rows: [_only(row, names) for row in rows]


def _readers(connection: Connection, rows: Sequence[Row[Any]]) -> list[Facts]:
    found: dict[int, Facts] = {
        row.id: {
            **_only(row, _READER),
            "topics": [],
            "lists": [],
            "attributes": {},
            "subscriptions": [],
        }
        for row in rows
    }
    if not found:
        return []
    ids = list(found)
    for row in connection.execute(
        select(reader_tags).where(matching(connection, reader_tags.c.reader, ids))
    ):
        found[row.reader]["topics" if row.kind == "topic" else "lists"].append(row.tag)
    for row in connection.execute(
        select(reader_attributes).where(matching(connection, reader_attributes.c.reader, ids))
    ):
        found[row.reader]["attributes"][row.name] = row.value
    for row in connection.execute(
        select(subscriptions).where(matching(connection, subscriptions.c.reader, ids))
    ):
        found[row.reader]["subscriptions"].append(
            {"edition": row.edition, "state": row.state, "since": row.since}
        )
    return list(found.values())
