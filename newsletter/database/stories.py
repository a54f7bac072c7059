"""Stories with their versions and editors' locks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from newsletter.database.engine import Database
from newsletter.database.rows import slices, upsert
from newsletter.database.tables import (
    articles,
    stories,
    story_articles,
    story_versions,
)
from newsletter.model import Story


class Stories:
    """The day's stories."""

    def __init__(self, database: Database):
        self._database = database

    def since(self, moment: datetime) -> tuple[Story, ...]:
        """Stories that changed since a moment, with their articles, oldest first."""
        with self._database.reading() as connection:
            return self._load(connection, stories.c.updated >= moment)

    def get(self, ids: Iterable[str]) -> dict[str, Story]:
        """Stories by id; unknown ids are left out."""
        found: dict[str, Story] = {}
        with self._database.reading() as connection:
            for piece in slices(ids):
                for story in self._load(connection, stories.c.id.in_(piece)):
                    found[story.id] = story
        return found

    def former(self, ident: str) -> Story | None:
        """A story also when all its articles went elsewhere."""
        with self._database.reading() as connection:
            row = connection.execute(select(stories).where(stories.c.id == ident)).one_or_none()
        return _story(row, ()) if row else None

    def holding(self, ids: Iterable[str]) -> tuple[Story, ...]:
        """The stories that hold any of these articles, oldest first, each with all of its own."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for piece in slices(ids):
                query = select(story_articles.c.story).where(story_articles.c.article.in_(piece))
                found.update(connection.execute(query).scalars())
        return tuple(
            sorted(self.get(sorted(found)).values(), key=lambda one: (one.first_seen, one.id))
        )

    def placed(self, since: datetime) -> set[str]:
        """The articles published since a moment that are in a story."""
        query = (
            select(story_articles.c.article)
            .join(articles, articles.c.id == story_articles.c.article)
            .where(articles.c.published >= since)
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def stamp(self) -> tuple[int, int]:
        """Something that differs after any story changed its articles or its headline."""
        query = select(func.count(), func.coalesce(func.sum(story_versions.c.articles), 0))
        with self._database.reading() as connection:
            versions, members = connection.execute(query).one()
        return int(versions), int(members)

    def slug_owners(self, slugs: Iterable[str]) -> dict[str, str]:
        """The story that has or once had each of these slugs: ``{slug: story}``."""
        owners: dict[str, str] = {}
        with self._database.reading() as connection:
            for piece in slices(slugs):
                query = select(stories.c.slug, stories.c.id).where(stories.c.slug.in_(piece))
                owners.update({row[0]: row[1] for row in connection.execute(query)})
        return owners

    def by_slug(self, slug: str) -> Story | None:
        """The story with this slug."""
        with self._database.reading() as connection:
            found = self._load(connection, stories.c.slug == slug)
        return found[0] if found else None

    def save(self, grouped: Sequence[Story], now: datetime) -> int:
        """Store a window's stories as they now stand; return how many are new.

        An article belongs to one story, so a story that gains an article takes it from the one
        that had it. When a story was mailed, and the slug of one that is there, stay as they are.
        """
        with self._database.begin() as connection:
            present: dict[str, tuple[str, int]] = {}
            for piece in slices([story.id for story in grouped]):
                rows = connection.execute(
                    select(stories.c.id, stories.c.headline, func.count(story_articles.c.article))
                    .join_from(stories, story_articles, isouter=True)
                    .where(stories.c.id.in_(piece))
                    .group_by(stories.c.id, stories.c.headline)
                )
                present.update({row[0]: (row[1], row[2]) for row in rows})
            upsert(connection, stories, [_row(story) for story in grouped], keep=["mailed", "slug"])
            self._save_members(connection, grouped)
            changed = [
                story
                for story in grouped
                if present.get(story.id) != (story.headline, len(story.articles))
            ]
            _add_versions(connection, changed, now)
        return sum(story.id not in present for story in grouped)

    def mark_mailed(self, ids: Sequence[str], at: datetime) -> None:
        """Remember that readers were told these stories."""
        with self._database.begin() as connection:
            for piece in slices(ids):
                connection.execute(update(stories).where(stories.c.id.in_(piece)).values(mailed=at))

    def versions(self, story: str) -> list[tuple[int, datetime, str, int]]:
        """How a story changed: (version, time, headline, number of articles), oldest first."""
        query = (
            select(
                story_versions.c.version,
                story_versions.c.at,
                story_versions.c.headline,
                story_versions.c.articles,
            )
            .where(story_versions.c.story == story)
            .order_by(story_versions.c.version)
        )
        with self._database.reading() as connection:
            return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]

    # ----------------------------------------------------------------------- within

    def _load(self, connection: Connection, condition: object) -> tuple[Story, ...]:
        rows = connection.execute(
            select(stories).where(condition).order_by(stories.c.first_seen, stories.c.id)  # type: ignore[arg-type]  # any boolean clause
        ).all()
        members: dict[str, list[str]] = defaultdict(list)
        far: dict[str, list[str]] = defaultdict(list)
        for piece in slices([row.id for row in rows]):
            query = (
                select(story_articles.c.story, story_articles.c.article, story_articles.c.far)
                .join(articles, articles.c.id == story_articles.c.article)
                .where(story_articles.c.story.in_(piece))
                .order_by(articles.c.published, articles.c.id)
            )
            for story, article, strange in connection.execute(query):
                members[story].append(article)
                if strange:
                    far[story].append(article)
        return tuple(_story(row, members[row.id], far[row.id]) for row in rows if members[row.id])

    def _save_members(self, connection: Connection, grouped: Sequence[Story]) -> None:
        rows = [
            {"article": article, "story": story.id, "far": article in story.far}
            for story in grouped
            for article in story.articles
        ]
        for piece in slices([story.id for story in grouped]):
            connection.execute(delete(story_articles).where(story_articles.c.story.in_(piece)))
        upsert(connection, story_articles, rows)


def _story(row: Row[Any], members: Iterable[str], far: Iterable[str] = ()) -> Story:
    return Story(
        id=row.id,
        slug=row.slug,
        headline=row.headline,
        articles=tuple(members),
        section=row.section,
        first_seen=row.first_seen,
        updated=row.updated,
        mailed=row.mailed,
        far=tuple(far),
    )


def _row(story: Story) -> dict[str, object]:
    return {
        "id": story.id,
        "slug": story.slug,
        "headline": story.headline,
        "section": story.section,
        "first_seen": story.first_seen,
        "updated": story.updated,
        "mailed": story.mailed,
    }


def _add_versions(connection: Connection, changed: Sequence[Story], now: datetime) -> None:
    newest: dict[str, int] = {}
    for piece in slices([story.id for story in changed]):
        query = (
            select(story_versions.c.story, func.max(story_versions.c.version))
            .where(story_versions.c.story.in_(piece))
            .group_by(story_versions.c.story)
        )
        newest.update({row[0]: row[1] for row in connection.execute(query)})
    rows = [
        {
            "story": story.id,
            "version": newest.get(story.id, 0) + 1,
            "at": now,
            "headline": story.headline,
            "articles": len(story.articles),
        }
        for story in changed
    ]
    if rows:
        connection.execute(story_versions.insert(), rows)
