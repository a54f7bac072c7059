"""Group: articles become stories, under what editors decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsletter.model import Article, RelatedStory, Story, StoryLock
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import corrected, window

ARCHIVE = 10_000
"""How many earlier stories are looked through at most, the newest first."""
_TRIES = 3
"""An editor may decide something while a run is under way; the run is then made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """What grouping made of the window."""

    articles: int
    stories: int
    told_by_several: int
    new: int


def group(
    room: Newsroom,
    *,
    now: datetime | None = None,
    also: Iterable[str] = (),
    undone: StoryLock | None = None,
) -> GroupReport:
    """Group the window's articles into stories; editors' locks hold.

    :param also: ids of articles outside the window to group with it, because an editor has
        just decided something about them.
    :param undone: a lock that was just taken back: what it moved finds its own story again.
    """
    from newsletter.stories import locks as rules
    from newsletter.stories.group import group as group_articles

    now = now or room.clock()
    forced = set(also)
    new = 0
    for _ in range(_TRIES):
        stamp = room.story_locks.stamp()
        articles, older, locks = _gathered(room, now, forced)
        stored = previous = room.stories.holding(article.id for article in articles + older)
        if undone is not None:
            previous = tuple(rules.undone(undone, stored, room.stories.former(undone.other)))
        grouped = group_articles(
            articles + older,
            previous,
            settings=room.config.stories,
            locks=locks,
            stay={article.id for article in older},
            embedding=room.embedding,
        )
        stories = with_free_slugs(room, grouped)
        new += room.stories.save(stories, now)
        relate(room, stories, stored, articles + older)
        if room.story_locks.stamp() == stamp:
            break
    return GroupReport(
        articles=len(articles),
        stories=len(grouped),
        told_by_several=sum(len(story.articles) > 1 for story in grouped),
        new=new,
    )


def relate(
    room: Newsroom,
    stories: Iterable[Story],
    stored: Iterable[Story],
    articles: Iterable[Article],
) -> None:
    """Link the stories that changed with earlier and later ones about the same matter.

    A lone article is no story to come back to, and there are too many of them.
    """
    from newsletter.stories.related import About, about, alike

    if not room.config.stories.related_days:
        return
    before = {story.id: story.articles for story in stored}
    changed = [
        story
        for story in stories
        if len(story.articles) > 1 and story.articles != before.get(story.id)
    ]
    if not changed:
        return
    given = {article.id: article for article in articles}
    fresh = about(changed, given)
    since = room.clock() - timedelta(days=room.config.stories.related_days)
    archive = room.related_stories.terms_since(since, ARCHIVE)
    known = {story: About.stored(lang, terms) for story, (lang, terms) in archive.items()}
    room.related_stories.save(
        {story: (one.lang, one.to_store()) for story, one in fresh.items()},
        [(pair.one, pair.other, pair.likeness) for pair in alike(fresh, known)],
    )


def related_of(room: Newsroom, ids: Sequence[str]) -> dict[str, tuple[RelatedStory, ...]]:
    """What a reader is shown as earlier and later: stories that have a page.

    Those are the stories that were mailed, and those among ``ids``, which stand in one issue.
    """
    found = room.related_stories.of(ids)
    others = {one.story for some in found.values() for one in some}
    mailed = {story.id for story in room.stories.get(others).values() if story.mailed}
    return {
        story: tuple(one for one in some if one.story in mailed or one.story in ids)
        for story, some in found.items()
    }


def _gathered(
    room: Newsroom, now: datetime, forced: set[str]
) -> tuple[list[Article], list[Article], tuple[StoryLock, ...]]:
    """The articles of the window, older ones that come along, and the locks that hold.

    A lock ties articles of the window to older ones (two stories of different weeks merged into
    one), so whatever is named in a lock together with an article of the window comes along.
    """
    articles = window(room, now)
    locks = room.story_locks.active()
    known = {article.id for article in articles}
    wanted = known | forced
    left = [lock for lock in locks if lock.articles]
    while touched := [
        lock for lock in left if not wanted.isdisjoint((*lock.articles, *lock.apart))
    ]:
        left = [lock for lock in left if lock not in touched]
        for lock in touched:
            wanted.update(lock.articles, lock.apart)
    # An outlet that is no longer configured brings nothing new, but a decision about what it
    # brought still holds.
    older = corrected(room, room.articles.get(wanted - known).values())
    return articles, [article for article in older if article.published <= now], locks


def with_free_slugs(room: Newsroom, grouped: Iterable[Story]) -> list[Story]:
    """The stories, those renamed whose slug belongs to an old story outside the window.

    A daily column with the same headline every week would otherwise claim the address of last
    week's.
    """
    from newsletter.stories.identity import slug

    stories = list(grouped)
    owners = room.stories.slug_owners(story.slug for story in stories)
    for at, story in enumerate(stories):
        taken: set[str] = set()
        while owners.get(story.slug, story.id) != story.id:
            taken.add(story.slug)
            story = replace(story, slug=slug(stories[at].headline, taken))  # noqa: PLW2901
            owners |= room.stories.slug_owners([story.slug])
        owners[story.slug] = story.id
        stories[at] = story
    return stories
