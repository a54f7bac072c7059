"""One issue's deliveries as a person looks through them: found by address, state and reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from newsletter.database.batches import left_since, standing, stands
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries, readers
from newsletter.model import DeliveryState

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One reader's copy. ``email`` is empty for somebody who was erased."""

    id: int
    key: str
    email: str
    segment: str
    state: str
    reason: str
    attempt: int
    changed: datetime


def delivery_log(
    database: Database,
    issue: str,
    *,
    state: str = "",
    text: str = "",
    after: int = 0,
    limit: int = PAGE,
) -> list[LogLine]:
    """A page of the log, in the order of the list.

    :param text: a part of an address or of a reason, in any letter case.
    :param after: the ``id`` of the last line of the page before.
    """
    query = (
        select(
            deliveries.c.id,
            deliveries.c.key,
            func.coalesce(readers.c.email, "").label("email"),
            deliveries.c.segment,
            standing("state"),
            deliveries.c.reason,
            standing("attempt"),
            standing("changed"),
        )
        .select_from(deliveries.outerjoin(readers, readers.c.id == deliveries.c.reader))
        .where(deliveries.c.issue == issue, deliveries.c.id > after)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    if state:
        query = query.where(stands(DeliveryState(state)))
    if text:
        part = text.casefold()
        query = query.where(
            readers.c.address_key.contains(part, autoescape=True)
            | func.lower(deliveries.c.reason).contains(part, autoescape=True)
        )
    with database.reading() as connection:
        return [LogLine(**row._mapping) for row in connection.execute(query)]


def settled_since(database: Database, issue: str, moment: datetime) -> int:
    """How many letters were handed over and answered for after a moment."""
    with database.reading() as connection:
        return left_since(connection, issue, moment)[0]
