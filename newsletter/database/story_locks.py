"""What editors decided about stories and articles, kept with who and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update

from newsletter.database.engine import Database
from newsletter.database.tables import story_locks
from newsletter.model import LockKind, StoryLock


class StoryLocks:
    """Editors' locks. One that was taken back holds no longer, but stays on record."""

    def __init__(self, database: Database):
        self._database = database

    def add(self, lock: StoryLock) -> StoryLock:
        """Store a lock; returns it with its id."""
        body = {
            "articles": list(lock.articles),
            "apart": list(lock.apart),
            "came": list(lock.came),
            "title": lock.title,
        }
        statement = story_locks.insert().values(
            kind=lock.kind.value,
            body=body,
            by=lock.by,
            at=lock.at,
            story=lock.story,
            other=lock.other,
        )
        with self._database.begin() as connection:
            key = connection.execute(statement).inserted_primary_key
        assert key is not None  # noqa: S101 - a single insert always has one
        return replace(lock, id=int(key[0]))

    def active(self) -> tuple[StoryLock, ...]:
        """The locks that hold, oldest first."""
        return self._load()

    def of(self, story: str) -> tuple[StoryLock, ...]:
        """The locks that hold and name this story, oldest first."""
        return self._load(or_(story_locks.c.story == story, story_locks.c.other == story))

    def get(self, lock: int) -> StoryLock | None:
        """A lock that holds, by its id."""
        found = self._load(story_locks.c.id == lock)
        return found[0] if found else None

    def end(self, locks: Iterable[int], *, by: str, at: datetime) -> None:
        """Take locks back."""
        with self._database.begin() as connection:
            for lock in locks:
                connection.execute(
                    update(story_locks)
                    .where(story_locks.c.id == lock, story_locks.c.ended.is_(None))
                    .values(ended=at, ended_by=by)
                )

    def stamp(self) -> tuple[int, int]:
        """Something that differs after a lock was added or taken back."""
        query = select(func.max(story_locks.c.id), func.count(story_locks.c.ended))
        with self._database.reading() as connection:
            newest, ended = connection.execute(query).one()
        return newest or 0, ended

    def _load(self, *conditions: ColumnElement[bool]) -> tuple[StoryLock, ...]:
        query = (
            select(story_locks)
            .where(story_locks.c.ended.is_(None), *conditions)
            .order_by(story_locks.c.at, story_locks.c.id)
        )
        with self._database.reading() as connection:
            return tuple(_lock(row) for row in connection.execute(query))


def _lock(row: Row[Any]) -> StoryLock:
    return StoryLock(
        id=row.id,
        kind=LockKind(row.kind),
        story=row.story,
        articles=tuple(row.body.get("articles", ())),
        apart=tuple(row.body.get("apart", ())),
        other=row.other,
        came=tuple(row.body.get("came", ())),
        title=row.body.get("title", ""),
        by=row.by,
        at=row.at,
    )
