"""Letting readers go: by their own act, by a provider's word, or for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select

from newsletter.database import farewells
from newsletter.database.farewells import FarewellReport
from newsletter.database.reader_part import ReaderPart, address_key
from newsletter.database.tables import readers
from newsletter.model import Farewell


class ReaderLeaving(ReaderPart):
    """Takes people off; who left stays off."""

    def unsubscribe(self, token: str, *, how: str, now: datetime) -> bool:
        """Take a person off every edition, for ever; a second time changes nothing.

        :param how: what they did, such as "one-click" or "page"; kept in the log of consents.
        :returns: whether the word belongs to somebody.
        """
        return self._unsubscribe(readers.c.token == token, how, now)

    def unsubscribe_address(self, email: str, *, how: str, now: datetime) -> bool:
        """Take the person of an address off every edition, for ever.

        :returns: whether there is such a person.
        """
        return self._unsubscribe(readers.c.address_key == address_key(email), how, now)

    def suppress(self, reader: int, *, reason: str, now: datetime, detail: str = "") -> bool:
        """Never write to a person again: their mailbox is gone, or they complained.

        :param reason: "bounce", "complaint" or another short word; kept with the hash of the
            address, also after the person is erased.
        :returns: whether there is such a reader.
        """
        hashed = self.address_hash
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.id, readers.c.address_key, readers.c.state).where(
                    readers.c.id == reader
                )
            ).one_or_none()
            if row is None:
                return False
            farewells.suppress(connection, row, reason, now, hashed, detail=detail)
            self._write_down(connection, [hashed(row.address_key)], reason, now)
        return True

    def note_farewells(
        self, reported: Iterable[Farewell], *, now: datetime, soft_limit: int | None = None
    ) -> FarewellReport:
        """Take in what a transport or a mailbox says about people; repeats change nothing.

        A hard bounce and a complaint suppress the address for ever, an unsubscribe takes the
        person off every edition, soft bounces are counted and suppress after ``soft_limit`` of
        them in 30 days. The person's history says which it was, when, and in whose words.
        """
        hashed = self.address_hash
        with self._database.begin() as connection:
            report = farewells.note(
                connection,
                reported,
                now=now,
                address_hash=hashed,
                key_of=address_key,
                soft_limit=soft_limit or self._soft_limit,
            )
            for reason, hashes in report.left.items():
                self._write_down(connection, hashes, reason, now)
        return report

    def note_taken(self, ids: Sequence[int], *, now: datetime) -> int:
        """Note readers whose mailboxes took a letter: their soft bounces are over.

        :returns: of how many that was worth noting.
        """
        with self._database.begin() as connection:
            return farewells.note_taken(connection, list(ids), now)

    def forget(self, email: str, *, now: datetime) -> bool:
        """Erase a person; only a keyed hash stays, so that no import brings them back.

        Gone are the address, everything they told us, what they agreed to, and what providers
        wrote about their letters. That so many letters of an issue went out stays, without
        saying to whom. A person may sign up again by their own act.

        :returns: whether there was somebody of this address.
        """
        key = address_key(email)
        hashed = self.address_hash(key)
        with self._database.begin() as connection:
            number = connection.execute(
                select(readers.c.id).where(readers.c.address_key == key)
            ).scalar()
            if number is None:
                return False
            farewells.bar(connection, hashed, "erased", now)
            farewells.erase(connection, number, now)
            self._write_down(connection, [hashed], "erased", now)
        return True

    def take_in_journal(self) -> int:
        """Let those leave again who left after a backup was made; return how many did."""
        if self.journal is None:
            return 0
        return self.journal.take_in(
            self._database, address_hash=self.address_hash, now=self._clock()
        )

    def _unsubscribe(self, who: ColumnElement[bool], how: str, now: datetime) -> bool:
        hashed = self.address_hash
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.id, readers.c.state, readers.c.address_key).where(who)
            ).one_or_none()
            if row is None:
                return False
            if farewells.unsubscribe(connection, row, how=how, now=now):
                self._write_down(connection, [hashed(row.address_key)], "unsubscribed", now)
        return True
