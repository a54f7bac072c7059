"""The people who read: finding them, what is known about them, what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from newsletter.database import farewells, reader_changes, reader_history
from newsletter.database.choosing import CompileSegment, ReaderColumns
from newsletter.database.reader_choosing import ReaderChoosing
from newsletter.database.reader_files import ReaderFiles
from newsletter.database.reader_import import (
    ImportReport,
)
from newsletter.database.reader_leaving import ReaderLeaving
from newsletter.database.reader_part import address_key
from newsletter.database.tables import readers
from newsletter.model import ReaderState

__all__ = ["CompileSegment", "ImportReport", "ReaderColumns", "Readers", "address_key"]


class Readers(ReaderFiles, ReaderLeaving, ReaderChoosing):
    """Everybody who subscribes, ever subscribed, or must not be written to."""

    def count(self) -> int:
        """How many people there are, in any state."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(readers)).scalar_one()

    def states(self) -> dict[str, int]:
        """How many people are in each state, for those states that occur."""
        number = func.count().label("number")
        query = select(readers.c.state, number).group_by(readers.c.state)
        with self._database.reading() as connection:
            found = {row.state: row.number for row in connection.execute(query)}
        return {state.value: found[state] for state in ReaderState if state in found}

    def show(self, email: str) -> dict[str, Any] | None:
        """Everything that is kept about a person; None when there is nobody of this address."""
        found = self.by_email(email)
        if found is None:
            return None
        with self._database.reading() as connection:
            return reader_history.facts(connection, found)

    def proof(self, email: str) -> dict[str, Any] | None:
        """What a person agreed to and when, as it can be shown to whoever asks for proof.

        Of somebody who was erased or never here, only whether the address is on the list of those
        who must not be written to, and since when: that is all there is.
        """
        key = address_key(email)
        found = self.by_email(email)
        hashed = self.address_hash(key)
        with self._database.reading() as connection:
            barred = farewells.barred(connection, hashed)
            if found is None and barred is None:
                return None
            agreed = (
                reader_history.lines(connection, found.id, reader_history.AGREEMENTS)
                if found
                else []
            )
            reason = reader_history.why(connection, found) if found else ""
        return {
            "email": found.email if found else email,
            "state": found.state.value if found else "erased",
            "why": reason,
            "suppressed": barred,
            "consents": agreed,
        }

    def change(
        self,
        reader: int,
        *,
        values: Mapping[str, str],
        topics: Sequence[str] | None = None,
        lists: Sequence[str] | None = None,
        attributes: Mapping[str, str] | None = None,
        now: datetime,
        source: str,
    ) -> bool:
        """Set what is known about a reader; see :func:`newsletter.database.reader_changes.change`.

        :param values: of name, country, language and timezone.
        """
        with self._database.begin() as connection:
            return reader_changes.change(
                connection,
                reader,
                values=values,
                topics=topics,
                lists=lists,
                attributes=attributes,
                now=now,
                source=source,
            )
