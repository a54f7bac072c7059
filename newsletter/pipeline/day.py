"""What the arrows look at together: the window of articles and the day's leading stories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from newsletter.model import Article, Brief, Story
from newsletter.newsroom import Newsroom

if TYPE_CHECKING:
    from newsletter.stories.rank import Ranked

WRITTEN_STORIES = 60
"""How many of the day's stories get a brief: several times what any issue can hold."""


@dataclass(frozen=True, slots=True)
class Day:
    """The leading stories of a moment with their articles and briefs."""

    ranked: Sequence[Ranked]
    articles: Mapping[str, Article]
    briefs: Mapping[str, tuple[Brief, str]]

    @staticmethod
    def load(room: Newsroom, now: datetime) -> Day:
        """Rank what is known at a moment."""
        from newsletter.stories.rank import rank

        since = now - timedelta(days=room.config.stories.window_days)
        stories = room.stories.since(since)
        ids = [article for story in stories for article in story.articles]
        articles = {
            article.id: article
            for article in room.articles.get(ids).values()
            if article.outlet in room.outlets and article.published <= now
        }
        known = [
            replace(story, articles=members)
            for story in stories
            if (members := tuple(a for a in story.articles if a in articles))
        ]
        ranked = rank(known, articles, room.outlets, now, room.config.stories)[:WRITTEN_STORIES]
        briefs = room.briefs.newest([item.story.id for item in ranked])
        return Day(ranked, articles, briefs)

    def of(self, story: Story) -> list[Article]:
        """The articles of a story, oldest first."""
        return [self.articles[article] for article in story.articles]


def window(room: Newsroom, now: datetime) -> list[Article]:
    """The articles that grouping looks at: the last days, of configured outlets."""
    since = now - timedelta(days=room.config.stories.window_days)
    return room.articles.window(since, now, room.outlets.keys())
