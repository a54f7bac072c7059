"""Posts of a provider that were checked and wait to be read, just as they came.

A burst of reports after a morning's sending must not hold up the pages: a post is written down in
one statement, and a worker reads it later (:func:`newsletter.pipeline.events.fold_posts`). It is
taken away once its events are kept, so one whose reader died is read again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from newsletter.database.engine import Database
from newsletter.database.tables import event_posts


class EventPosts:
    """The posts that wait, the oldest first."""

    def __init__(self, database: Database):
        self._database = database

    def keep(self, body: bytes, *, now: datetime) -> None:
        """Write a post down."""
        with self._database.begin() as connection:
            connection.execute(insert(event_posts).values(body=body, received=now))

    def first(self, number: int) -> list[tuple[int, bytes]]:
        """So many of the posts that wait, with their ids."""
        query = select(event_posts.c.id, event_posts.c.body).order_by(event_posts.c.id)
        with self._database.reading() as connection:
            return [(row.id, bytes(row.body)) for row in connection.execute(query.limit(number))]

    def drop(self, ids: Collection[int]) -> None:
        """Take posts away whose events are kept."""
        with self._database.begin() as connection:
            connection.execute(delete(event_posts).where(event_posts.c.id.in_(ids)))

    def waiting(self) -> int:
        """How many posts wait."""
        with self._database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(event_posts)) or 0
