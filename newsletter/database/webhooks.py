"""Where news of readers and issues is posted to, and what waits to be posted.

A message is kept before anything is sent, under an id that stays the same over every attempt, so
the other side can tell a repeat from news. What a message said is forgotten when it was taken, and
the message itself after 30 days.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from newsletter.database.engine import Database
from newsletter.database.tables import webhook_messages, webhooks
from newsletter.errors import AudienceError, NotFound

SUBSCRIBED, CONFIRMED = "subscriber.subscribed", "subscriber.confirmed"
UNSUBSCRIBED, ISSUE_SENT = "subscriber.unsubscribed", "issue.sent"
KINDS = (SUBSCRIBED, CONFIRMED, UNSUBSCRIBED, ISSUE_SENT)
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that wants news of some kinds, and the secret it is signed with."""

    name: str
    url: str
    secret: str
    kinds: tuple[str, ...]
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One piece of news for one webhook."""

    id: str
    webhook: str
    kind: str
    body: str
    made: datetime
    attempts: int


class Webhooks:
    """The list of addresses, and the messages to them."""

    def __init__(self, database: Database):
        self._database = database

    def add(
        self, name: str, url: str, kinds: Sequence[str], *, secret: str, now: datetime
    ) -> Webhook:
        """Take an address on.

        :raises AudienceError: for a kind that is not known, or a name that is in use.
        """
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown:
            raise AudienceError(
                unknown[0], "is not a kind of news", hint=f"Kinds: {', '.join(KINDS)}."
            )
        chosen = tuple(sorted(set(kinds))) or KINDS
        with self._database.begin() as connection:
            there = select(webhooks.c.name).where(webhooks.c.name == name)
            if connection.execute(there).first() is not None:
                raise AudienceError(name, "is the name of a webhook already")
            connection.execute(
                insert(webhooks).values(
                    name=name, url=url, secret=secret, kinds=list(chosen), made=now
                )
            )
        return Webhook(name=name, url=url, secret=secret, kinds=chosen)

    def remove(self, name: str) -> None:
        """Forget an address and what waits for it.

        :raises NotFound: when there is none of this name.
        """
        with self._database.begin() as connection:
            if not connection.execute(delete(webhooks).where(webhooks.c.name == name)).rowcount:
                raise NotFound(name, "is not a webhook")

    def listed(self) -> list[Webhook]:
        """All addresses, with how much waits for each and how much was given up."""
        with self._database.reading() as connection:
            rows = connection.execute(select(webhooks).order_by(webhooks.c.name)).all()
            counts = {
                (row.webhook, row.state): row.number
                for row in connection.execute(
                    select(
                        webhook_messages.c.webhook,
                        webhook_messages.c.state,
                        func.count().label("number"),
                    ).group_by(webhook_messages.c.webhook, webhook_messages.c.state)
                )
            }
        return [
            Webhook(
                name=row.name,
                url=row.url,
                secret=row.secret,
                kinds=tuple(row.kinds),
                waiting=counts.get((row.name, "waiting"), 0),
                failed=counts.get((row.name, "failed"), 0),
            )
            for row in rows
        ]

    def tell(self, kind: str, facts: Mapping[str, Any], *, now: datetime) -> int:
        """Keep a piece of news for everybody who wants its kind; return for how many."""
        with self._database.begin() as connection:
            return tell(connection, kind, facts, now)

    def take(self, *, now: datetime, hold: timedelta, limit: int = 50) -> list[Message]:
        """The messages that are due, held back from other processes while they are posted."""
        due = (
            select(webhook_messages)
            .where(webhook_messages.c.state == "waiting", webhook_messages.c.due <= now)
            .order_by(webhook_messages.c.due, webhook_messages.c.made)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.begin() as connection:
            rows = connection.execute(due).all()
            for row in rows:
                connection.execute(
                    update(webhook_messages)
                    .where(webhook_messages.c.id == row.id)
                    .values(attempts=row.attempts + 1, due=now + hold)
                )
        return [
            Message(
                id=row.id,
                webhook=row.webhook,
                kind=row.kind,
                body=row.body,
                made=row.made,
                attempts=row.attempts + 1,
            )
            for row in rows
        ]

    def settle(self, message: str, *, state: str, answer: str, due: datetime) -> None:
        """Write down what became of an attempt: taken, waiting until ``due``, or failed."""
        over = {"body": ""} if state == "taken" else {}
        with self._database.begin() as connection:
            connection.execute(
                update(webhook_messages)
                .where(webhook_messages.c.id == message)
                .values(state=state, answer=answer[:200], due=due, **over)
            )

    def retry_failed(self, *, now: datetime) -> int:
        """Let what was given up be tried again; return how many messages that is."""
        with self._database.begin() as connection:
            return connection.execute(
                update(webhook_messages)
                .where(webhook_messages.c.state == "failed")
                .values(state="waiting", attempts=0, due=now)
            ).rowcount

    def tidy(self, now: datetime) -> int:
        """Forget what is over; return how many messages that is."""
        with self._database.begin() as connection:
            return connection.execute(
                delete(webhook_messages).where(
                    webhook_messages.c.state != "waiting", webhook_messages.c.made < now - KEPT_FOR
                )
            ).rowcount


def tell(connection: Connection, kind: str, facts: Mapping[str, Any], now: datetime) -> int:
    """Keep a piece of news in the transaction it happens in: both are true, or neither is."""
    rows = connection.execute(select(webhooks.c.name, webhooks.c.kinds)).all()
    wanting = [row.name for row in rows if kind in row.kinds]
    if not wanting:
        return 0
    body = json.dumps(
        {"type": kind, "timestamp": now.isoformat(), "data": dict(facts)}, ensure_ascii=False
    )
    connection.execute(
        insert(webhook_messages),
        [
            {
                "id": f"msg_{secrets.token_hex(16)}",
                "webhook": name,
                "kind": kind,
                "body": body,
                "made": now,
                "state": "waiting",
                "attempts": 0,
                "due": now,
                "answer": "",
            }
            for name in wanting
        ],
    )
    return len(wanting)


def forget(connection: Connection, reader: int) -> None:
    """Take away what was not posted yet about a person who is erased."""
    own = f'"data": {{"id": {reader}, '
    connection.execute(
        delete(webhook_messages).where(
            webhook_messages.c.kind.in_([SUBSCRIBED, CONFIRMED, UNSUBSCRIBED]),
            webhook_messages.c.body.contains(own, autoescape=True),
        )
    )
