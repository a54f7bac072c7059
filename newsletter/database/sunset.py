"""Readers who were not heard of for long: ask them, then stop.

Only those who let us count clicks can be silent: of the others nothing is known, and opens are
never counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select, update

from newsletter.database.engine import Database
from newsletter.database.farewell_journal import FarewellJournal
from newsletter.database.farewells import UNSUBSCRIBED, log_line, unsubscribe
from newsletter.database.reader_import import AddressHash
from newsletter.database.tables import readers
from newsletter.model import ReaderState


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Somebody to ask, and since when no click of theirs was counted."""

    reader: int
    email: str
    token: str
    since: datetime


class Sunset:
    """The rule, for one database."""

    def __init__(
        self, database: Database, *, address_hash: AddressHash, journal: FarewellJournal | None
    ):
        self._database = database
        self._hash = address_hash
        self._journal = journal

    def silent(self, *, since: datetime, limit: int = 1_000) -> list[Silent]:
        """Active readers without a click since a moment whom nobody has asked yet."""
        heard = func.coalesce(readers.c.last_click, readers.c.joined)
        query = (
            select(readers.c.id, readers.c.email, readers.c.token, heard.label("since"))
            .where(
                readers.c.state == ReaderState.ACTIVE.value,
                readers.c.tracking,
                readers.c.asked.is_(None),
                readers.c.joined < since,
                or_(readers.c.last_click.is_(None), readers.c.last_click < since),
            )
            .order_by(readers.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [
                Silent(reader=row.id, email=row.email, token=row.token, since=row.since)
                for row in connection.execute(query)
            ]

    def asked(self, reader: int, *, now: datetime) -> None:
        """Note that somebody was asked."""
        with self._database.begin() as connection:
            connection.execute(update(readers).where(readers.c.id == reader).values(asked=now))
            log_line(connection, reader, "asked", now, source="sunset rule")

    def stop(self, *, asked_before: datetime, now: datetime) -> int:
        """End the mail of those who were asked and did not answer; return how many they are."""
        over = and_(
            readers.c.asked.is_not(None),
            readers.c.asked <= asked_before,
            readers.c.state == ReaderState.ACTIVE.value,
        )
        with self._database.begin() as connection:
            rows = connection.execute(
                select(readers.c.id, readers.c.state, readers.c.address_key).where(over)
            ).all()
            for row in rows:
                unsubscribe(
                    connection,
                    row,
                    how="sunset rule",
                    now=now,
                    detail="asked whether to go on, and did not answer",
                )
            if self._journal is not None and rows:
                hashes = [self._hash(row.address_key) for row in rows]
                self._journal.add(connection, hashes, UNSUBSCRIBED, now)
        return len(rows)


def months_before(moment: datetime, months: int) -> datetime:
    """A moment so many months earlier, a month being a twelfth of a year."""
    return moment - timedelta(days=months * 365.25 / 12)
