"""What an editor decides about stories: stored as a lock, and applied at once.

Every function here stores one decision, groups again so that its effect is seen, and says which
older decisions it overrules. The decision holds in every later run until it is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from newsletter.errors import NotFound, StoryError
from newsletter.model import Article, Kind, LockKind, Story, StoryLock
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import corrected
from newsletter.pipeline.grouping import group


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """What a decision did.

    ``stories`` are the stories it names as they now stand, the one that keeps its id first.
    ``overruled`` are older locks that contradict it: the newest holds.
    """

    lock: StoryLock
    stories: tuple[Story, ...]
    overruled: tuple[StoryLock, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the decision overrules, one sentence without a stop for each."""
        return tuple(
            f"this overrules the {old.kind.value} of {old.at:%Y-%m-%d %H:%M} by {old.by} "
            f"(lock {old.id}) where the two contradict each other"
            for old in self.overruled
        )


def merge_stories(room: Newsroom, keep: str, other: str, *, by: str) -> LockReport:
    """Make two stories one; ``keep`` keeps its id, slug and page.

    :raises NotFound: when there is no such story.
    :raises StoryError: when both are the same.
    """
    from newsletter.stories import locks as rules

    lock = rules.merge(_story(room, keep), _story(room, other), by=by, at=room.clock())
    return _decide(room, lock)


def split_story(
    room: Newsroom, story: str, articles: Sequence[str], *, by: str, title: str = ""
) -> LockReport:
    """Take articles out of a story; they become a story of their own, with a title if given.

    :raises NotFound: when there is no such story.
    :raises StoryError: when an article is not in it, or none would be left.
    """
    from newsletter.stories import locks as rules
    from newsletter.stories.identity import story_id

    source = _story(room, story)
    lock = rules.split(source, articles, by=by, at=room.clock())
    first = min(room.articles.get(lock.articles).values(), key=lambda one: (one.published, one.id))
    # The new story's id is settled here, so that later runs cannot disagree about it. A story that
    # was merged away and is split off again gets its own id back.
    taken: set[str] = set()
    while room.stories.get([made := story_id(first.title, first.id, taken)]):
        taken.add(made)
    lock = replace(lock, other=made)
    titled = None
    if title.strip():
        titled = replace(rules.rename(source, title, by=by, at=lock.at), story=made)
    report = _decide(room, lock)
    if titled is not None:
        _decide(room, titled)
    return replace(report, stories=_named(room, lock))


def move_article(room: Newsroom, article: str, to_story: str, *, by: str) -> LockReport:
    """Put one article into another story.

    :raises NotFound: when there is no such article or story.
    :raises StoryError: when the article is in that story already, or in none yet.
    """
    from newsletter.stories import locks as rules

    target = _story(room, to_story)
    source = _holding(room, article)
    return _decide(room, rules.move(article, source, target, by=by, at=room.clock()))


def rename_story(room: Newsroom, story: str, title: str, *, by: str) -> LockReport:
    """Give a story a headline that stays, here and in what readers get.

    :raises NotFound: when there is no such story.
    :raises StoryError: when the title is empty or too long.
    """
    from newsletter.stories import locks as rules

    return _decide(room, rules.rename(_story(room, story), title, by=by, at=room.clock()))


def pin_story(room: Newsroom, story: str, *, by: str) -> LockReport:
    """Put a story before all others for as long as it is in the window, whatever its coverage.

    :raises NotFound: when there is no such story.
    """
    from newsletter.stories import locks as rules

    return _decide(room, rules.pin(_story(room, story), by=by, at=room.clock()))


def unpin_story(room: Newsroom, story: str, *, by: str) -> None:
    """Let a pinned story take its own place again.

    :raises StoryError: when it is not pinned.
    """
    pins = [lock.id for lock in room.story_locks.of(story) if lock.kind is LockKind.PIN]
    if not pins:
        raise StoryError(story, "is not pinned", hint='"newsletter story locks" lists all pins.')
    room.story_locks.end(pins, by=by, at=room.clock())


def mark_kind(room: Newsroom, article: str, kind: Kind | None, *, by: str) -> Article:
    """Say what kind of text an article is, whatever its feed says now or later.

    :param kind: None takes the feed's word again.
    :raises NotFound: when there is no such article.
    """
    _article(room, article)
    room.article_corrections.set_kind(article, kind, by=by, at=room.clock())
    return _regrouped(room, article)


def redate(room: Newsroom, article: str, when: datetime | None, *, by: str) -> Article:
    """Say when an article was published, whatever its feed says now or later.

    :param when: an aware time; None takes the feed's word again.
    :raises NotFound: when there is no such article.
    :raises StoryError: when the time has no zone or has not come yet.
    """
    if when is not None and when.tzinfo is None:
        raise StoryError(article, "the new date has no time zone", hint="Add +00:00 for UTC.")
    if when is not None and when > room.clock():
        raise StoryError(
            article, "the new date has not come yet", hint="Give it in UTC, or with its zone."
        )
    _article(room, article)
    when = when.astimezone(UTC) if when else None
    room.article_corrections.set_published(article, when, by=by, at=room.clock())
    return _regrouped(room, article)


def unlock(room: Newsroom, lock_id: int, *, by: str) -> LockReport:
    """Take a decision back; its articles are grouped again as if it had never been made.

    :raises NotFound: when there is no such lock, or it was taken back already.
    """
    lock = room.story_locks.get(lock_id)
    if lock is None:
        raise NotFound(
            str(lock_id),
            "is not the number of a lock that holds",
            hint='"newsletter story locks" lists them.',
        )
    room.story_locks.end([lock_id], by=by, at=room.clock())
    return _applied(room, lock, undone=True)


def locks(room: Newsroom, story: str = "") -> tuple[StoryLock, ...]:
    """The decisions that hold and name a story, oldest first; all of them without one.

    :raises NotFound: when there is no such story.
    """
    if not story:
        return room.story_locks.active()
    found = room.story_locks.of(story)
    if not found:
        _story(room, story)
    return found


# --------------------------------------------------------------------------- within


def _decide(room: Newsroom, lock: StoryLock) -> LockReport:
    from newsletter.stories.locks import contradicted

    overruled = contradicted(lock, room.story_locks.active())
    stored = room.story_locks.add(lock)
    if lock.kind in {LockKind.RENAME, LockKind.PIN}:
        # Of two names or two pins of one story only the newest says anything.
        room.story_locks.end([old.id for old in overruled], by=lock.by, at=lock.at)
    return replace(_applied(room, stored), overruled=overruled)


def _applied(room: Newsroom, lock: StoryLock, *, undone: bool = False) -> LockReport:
    if lock.kind is not LockKind.PIN:
        named = room.stories.get([lock.story]).values() if not lock.articles else ()
        group(
            room,
            also=[*lock.articles, *lock.apart, *(a for one in named for a in one.articles)],
            undone=lock if undone else None,
        )
    return LockReport(lock=lock, stories=_named(room, lock))


def _named(room: Newsroom, lock: StoryLock) -> tuple[Story, ...]:
    """The stories a lock names as they now stand."""
    order = [story for story in (lock.story, lock.other) if story]
    now = room.stories.get(order)
    return tuple(now[story] for story in order if story in now)


def _article(room: Newsroom, article: str) -> Article:
    found = room.articles.get([article]).get(article)
    if found is None:
        raise NotFound(
            article,
            "there is no such article",
            hint='"newsletter story explain STORY" lists the articles of a story.',
        )
    return corrected(room, [found])[0]


def _regrouped(room: Newsroom, article: str) -> Article:
    group(room, also=[article])
    return _article(room, article)


def _story(room: Newsroom, story: str) -> Story:
    found = room.stories.get([story]).get(story)
    if found is None:
        raise NotFound(
            story, "there is no such story", hint='"newsletter story list" lists the stories.'
        )
    return found


def _holding(room: Newsroom, article: str) -> Story:
    found = room.stories.holding([article])
    if found:
        return found[0]
    _article(room, article)
    raise StoryError(
        article,
        "this article is in no story yet",
        hint='"newsletter group" puts every article of the window into one.',
    )
