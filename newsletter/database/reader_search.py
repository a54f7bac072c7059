"""Finding readers: by a part of an address or a name, by state, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from newsletter.database.engine import Database
from newsletter.database.tables import readers, subscriptions

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLine:
    """A reader as a list names them."""

    id: int
    email: str
    name: str
    state: str
    country: str
    joined: datetime
    source: str


def find_readers(
    database: Database, *, text: str = "", state: str = "", after: int = 0, limit: int = PAGE
) -> list[ReaderLine]:
    """A page of readers, oldest first.

    :param text: a part of an address or a name, in any letter case.
    """
    query = (
        select(*(readers.c[name] for name in ReaderLine.__dataclass_fields__))
        .where(readers.c.id > after)
        .order_by(readers.c.id)
        .limit(limit)
    )
    if state:
        query = query.where(readers.c.state == state)
    if text:
        part = text.casefold()
        query = query.where(
            or_(
                readers.c.address_key.contains(part, autoescape=True),
                func.lower(readers.c.name).contains(part, autoescape=True),
            )
        )
    with database.reading() as connection:
        return [ReaderLine(**row._mapping) for row in connection.execute(query)]


def zones_of(database: Database, edition: str, limit: int = 8) -> list[tuple[str, int]]:
    """The time zones most readers of an edition have, with how many; "" for those without one."""
    number = func.count().label("number")
    query = (
        select(readers.c.timezone, number)
        .join(subscriptions, subscriptions.c.reader == readers.c.id)
        .where(
            readers.c.state == "active",
            subscriptions.c.edition == edition,
            subscriptions.c.state == "active",
        )
        .group_by(readers.c.timezone)
        .order_by(number.desc(), readers.c.timezone)
        .limit(limit)
    )
    with database.reading() as connection:
        return [(row[0], row[1]) for row in connection.execute(query)]
