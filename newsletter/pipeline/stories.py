"""Group: articles become stories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import window


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """What grouping made of the window."""

    articles: int
    stories: int
    told_by_several: int
    new: int


def group(room: Newsroom, *, now: datetime | None = None) -> GroupReport:
    """Group the window's articles into stories."""
    from newsletter.stories.group import group as group_articles

    now = now or room.clock()
    articles = window(room, now)
    since = now - timedelta(days=2 * room.config.stories.window_days)
    grouped = group_articles(articles, room.stories.since(since), settings=room.config.stories)
    new = room.stories.save(grouped, now)
    return GroupReport(
        articles=len(articles),
        stories=len(grouped),
        told_by_several=sum(len(story.articles) > 1 for story in grouped),
        new=new,
    )
