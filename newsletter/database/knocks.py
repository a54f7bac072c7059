"""How often somebody may knock: sliding windows in the database, shared by all processes.

Who knocks is kept as a keyed hash, and for no longer than the longest window (:func:`tidy`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from newsletter.database.engine import Database
from newsletter.database.tables import knocks

Rule = tuple[int, timedelta]
"""So many times in so long."""

INVITATION = "invitation"
"""The lane of confirmations that were sent; kept until the person confirms, at most a year."""
_LONGEST = timedelta(days=1)
_INVITATIONS_FOR = timedelta(days=366)


class Knocks:
    """Counts knocks by lane and by who knocks.

    :param key: gives what hashes are made with; asked for outside of any transaction.
    """

    def __init__(self, database: Database, key: Callable[[], str]):
        self._database = database
        self._key = key

    def allows(
        self,
        lane: str,
        who: str,
        now: datetime,
        *,
        each: Sequence[Rule] = (),
        together: Sequence[Rule] = (),
    ) -> bool:
        """Count one knock, unless that would be one too many.

        :param each: all of these must hold for this one alone; empty for no limit.
        :param together: all of these must hold for everybody on the lane.
        """
        hashed = hmac.digest(self._key().encode(), who.encode(), "sha256").hex()
        with self._database.begin() as connection:
            lock(connection, f"knock {lane}")
            for count, window in each:
                if number(connection, lane, now - window, hashed) >= count:
                    return False
            for count, window in together:
                if number(connection, lane, now - window) >= count:
                    return False
            connection.execute(insert(knocks).values(lane=lane, who=hashed, at=now))
        return True


def number(connection: Connection, lane: str, since: datetime, who: str | None = None) -> int:
    """How many knocks there were after a moment."""
    query = select(func.count()).where(knocks.c.lane == lane, knocks.c.at > since)
    if who is not None:
        query = query.where(knocks.c.who == who)
    return connection.execute(query).scalar_one()


def lock(connection: Connection, word: str) -> None:
    """Let nobody else count the same at once; SQLite's write lock does that by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(word, 0))))


def tidy(connection: Connection, now: datetime) -> int:
    """Forget knocks that no window reaches any more; return how many."""
    old = delete(knocks).where(knocks.c.lane != INVITATION, knocks.c.at <= now - _LONGEST)
    gone = connection.execute(old).rowcount
    ancient = delete(knocks).where(
        knocks.c.lane == INVITATION, knocks.c.at < now - _INVITATIONS_FOR
    )
    return gone + connection.execute(ancient).rowcount
