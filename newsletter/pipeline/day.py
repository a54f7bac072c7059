"""What the arrows look at together: the window of articles and the day's leading stories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from newsletter.model import Article, ArticleCorrection, Brief, Dated, LockKind, Story
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
    def load(room: Newsroom, now: datetime, *, covers_days: int = 1) -> Day:
        """Rank what is known at a moment.

        :param covers_days: for a digest, how many days it looks back; each of its stories weighs
            what it weighed when it was last in the news.
        """
        from newsletter.stories.rank import rank

        digest = covers_days > 1
        days = max(room.config.stories.window_days, covers_days if digest else 0)
        since = now - timedelta(days=days)
        stories = room.stories.since(since)
        ids = [article for story in stories for article in story.articles]
        articles = {
            article.id: article
            for article in corrected(room, room.articles.get(ids).values())
            if article.outlet in room.outlets and article.published <= now
        }
        known = [
            replace(story, articles=members)
            for story in stories
            if (members := tuple(_in_order(story, articles)))
        ]
        locks = room.story_locks.active()
        ranked = rank(
            known,
            articles,
            room.outlets,
            now,
            room.config.stories,
            pins=[lock.story for lock in locks if lock.kind is LockKind.PIN],
        )[:WRITTEN_STORIES]
        if digest:
            each = (
                rank([story], articles, room.outlets, _last(story, articles), room.config.stories)
                for story in known
            )
            found = [item for one in each for item in one]
            ranked = sorted(found, key=lambda item: (-item.score, item.story.id))[:WRITTEN_STORIES]
        briefs = room.briefs.newest([item.story.id for item in ranked])
        return Day(ranked, articles, named(room, briefs))

    def of(self, story: Story) -> list[Article]:
        """The articles of a story, oldest first."""
        return [self.articles[article] for article in story.articles]


def _last(story: Story, articles: Mapping[str, Article]) -> datetime:
    """When a story was last in the news."""
    return max(articles[article].published for article in story.articles)


def _in_order(story: Story, articles: Mapping[str, Article]) -> list[str]:
    """The known articles of a story, oldest first also where an editor changed a date."""
    known = (articles[article] for article in story.articles if article in articles)
    return [a.id for a in sorted(known, key=lambda one: (one.published, one.id))]


def named(room: Newsroom, briefs: Mapping[str, tuple[Brief, str]]) -> dict[str, tuple[Brief, str]]:
    """Briefs under the headlines that editors gave to their stories.

    A version that a person edited keeps the headline it has: it is the later word.
    """
    locks = room.story_locks.active()
    names = {lock.story: lock.title for lock in locks if lock.kind is LockKind.RENAME}
    return {
        story: (
            brief if brief.edited_by else replace(brief, headline=names.get(story, brief.headline)),
            sources,
        )
        for story, (brief, sources) in briefs.items()
    }


def window(room: Newsroom, now: datetime) -> list[Article]:
    """The articles that grouping looks at: the last days, of configured outlets.

    An article that an editor gave another date belongs where that date lies.
    """
    since = now - timedelta(days=room.config.stories.window_days)
    found = room.articles.window(since, now, room.outlets.keys())
    corrections = room.article_corrections.all()
    known = {article.id for article in found}
    redated = [one for one, said in corrections.items() if said.published and one not in known]
    if redated:
        moved = room.articles.get(redated).values()
        found += [article for article in moved if article.outlet in room.outlets]
    if not corrections:
        return found
    as_corrected = [_corrected(article, corrections.get(article.id)) for article in found]
    return sorted(
        (article for article in as_corrected if since <= article.published <= now),
        key=lambda article: (article.published, article.id),
    )


def corrected(room: Newsroom, articles: Iterable[Article]) -> list[Article]:
    """Articles as editors corrected them, in the order given."""
    corrections = room.article_corrections.all()
    return [_corrected(article, corrections.get(article.id)) for article in articles]


def _corrected(article: Article, said: ArticleCorrection | None) -> Article:
    if said is None:
        return article
    if said.kind is not None:
        article = replace(article, kind=said.kind)
    if said.published is not None:
        article = replace(article, published=said.published, dated=Dated.CORRECTED)
    return article
