"""What stories are about, and which of them are about the same matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, or_, select

from newsletter.database.engine import Database
from newsletter.database.rows import slices, upsert
from newsletter.database.tables import related_stories, stories, story_articles, story_terms
from newsletter.model import RelatedStory, When

MOST = 5


class RelatedStories:
    """Stories linked as earlier and later, and the terms by which they were found."""

    def __init__(self, database: Database):
        self._database = database

    def terms_since(
        self, moment: datetime, most: int
    ) -> dict[str, tuple[str, Mapping[str, float]]]:
        """What stories changed since a moment are about: ``{story: (language, terms)}``.

        :param most: how many are loaded, the newest first.
        """
        query = (
            select(story_terms.c.story, story_terms.c.lang, story_terms.c.terms)
            .join(stories, stories.c.id == story_terms.c.story)
            .where(stories.c.updated >= moment, _alive(story_terms.c.story))
            .order_by(stories.c.updated.desc(), stories.c.id)
            .limit(most)
        )
        with self._database.reading() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}

    def save(
        self,
        about: Mapping[str, tuple[str, Mapping[str, float]]],
        alike: Iterable[tuple[str, str, float]],
    ) -> None:
        """Store what stories are about and which are alike, in place of what was known of them.

        :param alike: pairs in any order; which came first is read from the stories.
        """
        pairs = list(alike)
        with self._database.begin() as connection:
            upsert(
                connection,
                story_terms,
                [
                    {"story": story, "lang": lang, "terms": dict(terms)}
                    for story, (lang, terms) in about.items()
                ],
            )
            for piece in slices(about):
                connection.execute(
                    delete(related_stories).where(
                        or_(
                            related_stories.c.earlier.in_(piece), related_stories.c.later.in_(piece)
                        )
                    )
                )
            born: dict[str, tuple[datetime, str]] = {}
            for piece in slices({story for one, other, _ in pairs for story in (one, other)}):
                query = select(stories.c.id, stories.c.first_seen).where(stories.c.id.in_(piece))
                born.update({row[0]: (row[1], row[0]) for row in connection.execute(query)})
            rows = []
            for one, other, likeness in pairs:
                if one in born and other in born:
                    earlier, later = sorted((one, other), key=born.__getitem__)
                    rows.append({"earlier": earlier, "later": later, "likeness": likeness})
            upsert(connection, related_stories, rows)

    def of(self, ids: Sequence[str]) -> dict[str, tuple[RelatedStory, ...]]:
        """For each story the others about the same matter, the likest first, at most ``MOST``.

        A story that has no articles any more is nobody's relation.
        """
        found: dict[str, list[RelatedStory]] = defaultdict(list)
        here, there = related_stories.c.earlier, related_stories.c.later
        with self._database.reading() as connection:
            for mine, theirs, when in ((here, there, When.LATER), (there, here, When.EARLIER)):
                for piece in slices(ids):
                    query = (
                        select(
                            mine,
                            stories.c.id,
                            stories.c.slug,
                            stories.c.headline,
                            stories.c.first_seen,
                            related_stories.c.likeness,
                        )
                        .join(stories, stories.c.id == theirs)
                        .where(mine.in_(piece), _alive(theirs))
                    )
                    for story, other, slug, headline, seen, likeness in connection.execute(query):
                        found[story].append(
                            RelatedStory(
                                story=other,
                                slug=slug,
                                headline=headline,
                                when=when,
                                day=seen.date(),
                                likeness=likeness,
                            )
                        )
        return {
            story: tuple(sorted(some, key=lambda one: (-one.likeness, one.story))[:MOST])
            for story, some in found.items()
        }


def _alive(column: object) -> ColumnElement[bool]:
    return exists().where(story_articles.c.story == column)
