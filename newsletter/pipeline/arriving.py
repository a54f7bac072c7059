"""Arriving: new articles join the stories of the window without it being grouped again.

The index of the window lives in memory, because it is made of nothing that the database does not
hold; a process that starts, or finds that another one changed the stories, makes it anew. Where
much is new, or nothing is grouped yet, the window is grouped as a whole: that is the better
decision and then hardly dearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from newsletter.database.engine import Database
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import corrected, window
from newsletter.pipeline.grouping import group, relate, with_free_slugs

if TYPE_CHECKING:
    from newsletter.stories.live import LiveGrouper

MUCH = 0.1
"""From this share of the window on, what is new is grouped with the whole window."""
FEW = 20
"""So many new articles are never much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArriveReport:
    """Where new articles went. ``regrouped``: there was so much new that all was grouped again."""

    articles: int
    joined: int
    started: int
    regrouped: bool = False


@dataclass(frozen=True, slots=True)
class _Index:
    """The index of a window, and the state of the stories that it was made from."""

    live: LiveGrouper
    stamp: tuple[int, int]


_indexes: WeakKeyDictionary[Database, _Index] = WeakKeyDictionary()


def arrive(room: Newsroom) -> ArriveReport:
    """Put every article of the window that is in no story yet into one."""
    now = room.clock()
    since = now - timedelta(days=room.config.stories.window_days)
    articles = window(room, now)
    placed = room.stories.placed(since)
    waiting = [article for article in articles if article.id not in placed]
    if not waiting:
        return ArriveReport(articles=0, joined=0, started=0)
    if len(waiting) > max(FEW, MUCH * len(articles)):
        group(room, now=now)
        return ArriveReport(articles=len(waiting), joined=0, started=0, regrouped=True)
    stamp = room.stories.stamp()
    index = _indexes.get(room.database)
    if index is None or index.stamp != stamp:
        index = _Index(_fresh(room, [a.id for a in articles if a.id in placed]), stamp)
    stored = room.stories.holding(article.id for article in articles)
    before = {story.id for story in stored}
    stories = [index.live.arrive(article) for article in waiting]
    changed = {story.id: story for story in stories}
    room.stories.save(with_free_slugs(room, changed.values()), now)
    members = [article for story in changed.values() for article in story.articles]
    relate(room, changed.values(), stored, corrected(room, room.articles.get(members).values()))
    _indexes[room.database] = _Index(index.live, room.stories.stamp())
    joined = sum(story.id in before for story in stories)
    return ArriveReport(articles=len(waiting), joined=joined, started=len(set(changed) - before))


def _fresh(room: Newsroom, ids: list[str]) -> LiveGrouper:
    """An index of what is placed, from the database alone."""
    from newsletter.stories.live import LiveGrouper

    known = corrected(room, room.articles.get(ids).values())
    return LiveGrouper(known, room.stories.holding(ids), settings=room.config.stories)
