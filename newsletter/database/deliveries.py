"""The ledger of deliveries: one row per (issue, reader), and who may change it how.

::

    freeze           claim            hand            settle
      └─> queued ──────> claimed ───────> handed ───────> accepted | rejected | skipped
             │  ^           │               │ │ └───────> deferred ──claim──> claimed ...
             │  └──release──┘               │ └─────────> unknown ──settle──> accepted | rejected
             └──claim──> skipped            └──recover──>    └────requeue───> queued (a new attempt)

``handed`` is committed before a byte leaves; with SQLite in FULL and PostgreSQL by default that
means it is on disk. A row whose owner died is therefore in one of two states: ``claimed``, and
certainly nothing left, so it goes back to ``queued``; or ``handed``, and nobody knows, so it
becomes ``unknown`` and never ``queued`` by itself.

A provider that takes many letters at once gets a batch of them, which is one row
(:mod:`newsletter.database.batches`): ``queued``, ``handed`` and ``accepted`` are then its states,
and a delivery has one of its own only where it deviates.

Every step names the state and owner it expects and looks at what it really changed. Two senders
on one database cannot hold the same row: SQLite runs one writer at a time (BEGIN IMMEDIATE), and
PostgreSQL skips rows that another sender has locked (SKIP LOCKED).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal, select

from newsletter.database.audience_snapshot import AudienceSnapshot
from newsletter.database.batches import any_following, left_since, standing, stands
from newsletter.database.claims import Claims
from newsletter.database.pacing import Pacing
from newsletter.database.settling import Settling
from newsletter.database.tables import deliveries, issues, mails, readers
from newsletter.model import DeliveryState as D


class DeliveryLedger(AudienceSnapshot, Claims, Settling, Pacing):
    """All deliveries of all issues."""

    def segments(self, issue_id: str) -> dict[str, int]:
        """How many deliveries of an issue each segment has."""
        query = (
            select(deliveries.c.segment, func.count())
            .where(deliveries.c.issue == issue_id)
            .group_by(deliveries.c.segment)
            .order_by(deliveries.c.segment)
        )
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def rows(self, issue_id: str, state: str | None = None) -> Iterator[dict[str, str]]:
        """Each delivery of an issue as ``{email, state, reason}``, oldest first.

        The address of a reader who was erased is empty.
        """
        after = 0
        while True:
            query = (
                select(deliveries.c.id, readers.c.email, standing("state"), deliveries.c.reason)
                .select_from(deliveries.outerjoin(readers, readers.c.id == deliveries.c.reader))
                .where(deliveries.c.issue == issue_id, deliveries.c.id > after)
                .order_by(deliveries.c.id)
                .limit(2000)
            )
            if state is not None:
                query = query.where(stands(D(state)))
            with self.database.reading() as connection:
                found = connection.execute(query).all()
            if not found:
                return
            after = found[-1].id
            for row in found:
                yield {"email": row.email or "", "state": row.state, "reason": row.reason}

    def any_in(self, issue_id: str, *states: D) -> bool:
        """Whether any delivery of an issue is in one of some states; counts nothing."""
        own = select(literal(1)).where(
            deliveries.c.issue == issue_id, deliveries.c.state.in_([one.value for one in states])
        )
        with self.database.reading() as connection:
            return connection.scalar(own.limit(1)) is not None or any_following(
                connection, issue_id, states
            )

    def next_due(self, issue_id: str) -> datetime | None:
        """When the first deferred letter may be tried again; None when there is none."""
        query = select(func.min(deliveries.c.not_before)).where(
            deliveries.c.issue == issue_id, deliveries.c.state == D.DEFERRED.value
        )
        with self.database.reading() as connection:
            found: datetime | None = connection.scalar(query)
        return found

    def letters_to(
        self, address_key: str, *, last: int = 60
    ) -> list[tuple[str, str, int, datetime | None]]:
        """Letters to an address: (key, issue, reader, when the issue's sending began).

        Those of the last issues, and the last single mails, whose "issue" is the mail's key.
        """
        newest = (
            select(issues.c.id, issues.c.send_started)
            .where(issues.c.send_started.isnot(None))
            .order_by(issues.c.send_started.desc())
            .limit(last)
            .subquery()
        )
        letters = (
            select(deliveries.c.key, deliveries.c.issue, deliveries.c.reader, newest.c.send_started)
            .join(readers, readers.c.id == deliveries.c.reader)
            .join(newest, newest.c.id == deliveries.c.issue)
            .where(readers.c.address_key == address_key)
        )
        single = (
            select(mails.c.word, mails.c.key, mails.c.reader, literal(None))
            .join(readers, readers.c.id == mails.c.reader)
            .where(readers.c.address_key == address_key)
            .order_by(mails.c.made.desc())
            .limit(last)
        )
        with self.database.reading() as connection:
            found = [*connection.execute(letters), *connection.execute(single)]
        return [(row[0], row[1], row[2], row[3]) for row in found]

    def addresses(self, selected: Select[Any]) -> list[str]:
        """The addresses of selected readers, in order."""
        ids = selected.subquery()
        query = select(readers.c.email).where(readers.c.id.in_(select(next(iter(ids.c)))))
        with self.database.reading() as connection:
            return list(connection.scalars(query.order_by(readers.c.email)))

    def rate(self, issue_id: str, *, now: datetime, seconds: float = 60) -> float:
        """Letters a second that left lately, in all processes together."""
        recent = now - timedelta(seconds=seconds)
        with self.database.reading() as connection:
            number, first = left_since(connection, issue_id, recent)
        if first is None:
            return 0.0
        return float(number / max((now - first).total_seconds(), 1.0))
