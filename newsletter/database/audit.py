"""Who did what: one line for each act of a person, a program or the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, or_, select

from newsletter.clock import Clock
from newsletter.database.engine import Database
from newsletter.database.facts import take_into_use
from newsletter.database.rows import reader_of
from newsletter.database.tables import audit

LONGEST = 500
"""The most characters of a detail: the log says what was done, it is no copy of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act. ``actor`` begins with its kind: ``cli:``, ``api:``, ``editor:``, ``scheduler``."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


_entry = reader_of(Entry)


class Audit:
    """The log of acts; lines are added and, after their period, taken away, never changed."""

    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    def note(self, actor: str, action: str, subject: str, detail: str = "") -> None:
        """Write down one act; whoever acts in a database has taken it into use.

        :param actor: who, beginning with the kind: ``editor:anna@example.org``, ``api:token-name``,
            ``cli:user``, ``scheduler``.
        :param action: what, as one word of the command or button: ``approve``, ``send``.
        :param subject: on what: an issue, a story, a reader's number. No address, because this log
            outlives the erasure of a person.
        :param detail: the rest in a few words.
        """
        row = {
            "at": self._clock(),
            "actor": actor[:LONGEST],
            "action": action[:40],
            "subject": subject[:LONGEST],
            "detail": detail[:LONGEST],
        }
        take_into_use(self._database)
        with self._database.begin() as connection:
            connection.execute(insert(audit).values(**row))

    def entries(
        self,
        *,
        subject: str = "",
        actor: str = "",
        action: str = "",
        since: datetime | None = None,
        limit: int = 100,
    ) -> Iterator[Entry]:
        """The newest acts first, at most ``limit``.

        :param subject: only acts on this subject.
        :param actor: only acts of this actor, or of this kind of actor (``cli``).
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if subject:
            query = query.where(audit.c.subject == subject)
        if actor:
            query = query.where(
                or_(audit.c.actor == actor, audit.c.actor.startswith(f"{actor}:", autoescape=True))
            )
        if action:
            query = query.where(audit.c.action == action)
        if since is not None:
            query = query.where(audit.c.at >= since)
        with self._database.reading() as connection:
            found = [_entry(row) for row in connection.execute(query)]
        yield from found

    def drop_before(self, moment: datetime) -> int:
        """Take away what is older than its period; how many lines."""
        with self._database.begin() as connection:
            return connection.execute(delete(audit).where(audit.c.at < moment)).rowcount
