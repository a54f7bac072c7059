"""Locks: what an editor decided about stories, kept against every later run.

A lock names articles, because article ids never change while groups do. New articles are still
free to join the groups so fixed. Where two locks contradict each other, the later one holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from newsletter.errors import StoryError
from newsletter.model import LockKind, Story, StoryLock
from newsletter.stories.cluster import Constraints

GROUPING = frozenset({LockKind.MERGE, LockKind.SPLIT, LockKind.MOVE})
"""The kinds that say where articles are."""


def merge(keep: Story, other: Story, *, by: str, at: datetime) -> StoryLock:
    """Make two stories one; the first keeps its id.

    :raises StoryError: when both are the same.
    """
    if keep.id == other.id:
        raise StoryError(
            keep.id, "cannot be merged with itself", hint="Name two different stories."
        )
    articles = tuple(dict.fromkeys((*keep.articles, *other.articles)))
    return StoryLock(
        kind=LockKind.MERGE,
        story=keep.id,
        other=other.id,
        articles=articles,
        came=other.articles,
        title=keep.headline,
        by=by,
        at=at,
    )


def split(story: Story, articles: Sequence[str], *, by: str, at: datetime) -> StoryLock:
    """Take articles out of a story; they become a story of their own, the rest keeps the id.

    :raises StoryError: when an article is not in the story, or none would be left.
    """
    _must_hold(story, articles)
    chosen = tuple(dict.fromkeys(articles))
    rest = tuple(article for article in story.articles if article not in set(chosen))
    if not rest:
        raise StoryError(
            story.id,
            "a split must leave at least one article behind",
            hint="To give a story another name, rename it.",
        )
    return StoryLock(kind=LockKind.SPLIT, story=story.id, articles=chosen, apart=rest, by=by, at=at)


def move(article: str, source: Story, target: Story, *, by: str, at: datetime) -> StoryLock:
    """Put one article of a story into another story.

    :raises StoryError: when the article is not in the story it is said to be in, or both stories
        are the same.
    """
    _must_hold(source, [article])
    if source.id == target.id:
        raise StoryError(article, f"is in the story {target.id} already")
    return StoryLock(
        kind=LockKind.MOVE,
        story=target.id,
        other=source.id,
        articles=(article, *target.articles),
        apart=tuple(other for other in source.articles if other != article),
        came=(article,),
        title=target.headline,
        by=by,
        at=at,
    )


def rename(story: Story, title: str, *, by: str, at: datetime) -> StoryLock:
    """Give a story a headline that stays; its id and slug stay too.

    :raises StoryError: when the title is empty or longer than ``LONGEST_TITLE`` characters.
    """
    plain = " ".join(title.split())
    if not plain:
        raise StoryError(story.id, "the new headline is empty")
    if len(plain) > LONGEST_TITLE:
        raise StoryError(
            story.id, f"the new headline has {len(plain)} characters; {LONGEST_TITLE} are the most"
        )
    return StoryLock(kind=LockKind.RENAME, story=story.id, title=plain, by=by, at=at)


def pin(story: Story, *, by: str, at: datetime) -> StoryLock:
    """Put a story before all others for as long as it is in the window."""
    return StoryLock(kind=LockKind.PIN, story=story.id, by=by, at=at)


LONGEST_TITLE = 300


def contradicted(new: StoryLock, older: Iterable[StoryLock]) -> tuple[StoryLock, ...]:
    """The older locks that a new one overrules, wholly or in part."""
    return tuple(lock for lock in older if _contradict(new, lock))


def _contradict(new: StoryLock, old: StoryLock) -> bool:
    if new.kind not in GROUPING or old.kind not in GROUPING:
        return new.kind is old.kind and new.story == old.story
    return _parts(new, old) or _parts(old, new)


def _parts(one: StoryLock, other: StoryLock) -> bool:
    """Whether one lock keeps apart what the other keeps together."""
    together = set(other.articles)
    return bool(together & set(one.articles)) and bool(together & set(one.apart))


def constraints(locks: Iterable[StoryLock], position: Mapping[str, int]) -> Constraints:
    """Locks as constraints over the articles present; later locks win over earlier ones.

    :param position: the position of each article id present; other ids are passed over.
    """
    parent: dict[int, int] = {}
    foes: dict[int, set[int]] = {}

    def root(at: int) -> int:
        while parent.setdefault(at, at) != at:
            at = parent[at]
        return at

    apart: list[tuple[int, int]] = []
    for lock in sorted(locks, key=_age, reverse=True):
        if lock.kind not in GROUPING:
            continue
        here = [position[article] for article in lock.articles if article in position]
        there = [position[article] for article in lock.apart if article in position]
        for other in here[1:]:
            a, b = sorted((root(here[0]), root(other)))
            # A later lock keeps these two apart, so this one gives way.
            if a == b or b in {root(foe) for foe in foes.get(a, ())}:
                continue
            parent[b] = a
            foes.setdefault(a, set()).update(foes.pop(b, set()))
        for one in here:
            for other in there:
                if root(one) != root(other):
                    foes.setdefault(root(one), set()).add(other)
                    foes.setdefault(root(other), set()).add(one)
                    apart.append((one, other))
    together: dict[int, list[int]] = {}
    for at in sorted(parent):
        together.setdefault(root(at), []).append(at)
    return Constraints(
        together=[some for some in together.values() if len(some) > 1], apart=sorted(set(apart))
    )


def names(locks: Iterable[StoryLock]) -> dict[str, str]:
    """The headlines that editors gave to stories, by story."""
    return {
        lock.story: lock.title for lock in sorted(locks, key=_age) if lock.kind is LockKind.RENAME
    }


def wanted(groups: Sequence[Sequence[str]], locks: Iterable[StoryLock]) -> dict[int, str]:
    """The ids that editors gave to groups, by the group's place; a later lock wins."""
    where = {article: number for number, some in enumerate(groups) for article in some}
    given: dict[int, str] = {}
    for lock in sorted(locks, key=_age, reverse=True):
        if lock.kind not in GROUPING:
            continue
        parted = lock.kind is LockKind.SPLIT
        claims = [(lock.articles, lock.other if parted else lock.story)]
        if parted:
            claims.append((lock.apart, lock.story))
        for articles, story in claims:
            numbers = Counter(where[article] for article in articles if article in where)
            if story and numbers and story not in given.values():
                most = min(numbers, key=lambda number: (-numbers[number], number))
                given.setdefault(most, story)
    return given


def undone(lock: StoryLock, previous: Iterable[Story], former: Story | None) -> list[Story]:
    """The earlier stories as they would be without a lock, so that each finds its own id again.

    :param former: ``lock.other`` as it was last known, where it has no articles any more.
    """
    back = set(lock.articles if lock.kind is LockKind.SPLIT else lock.came)
    source, target = lock.story, lock.other
    if lock.kind is LockKind.SPLIT:
        source, target = target, source
    stories = {story.id: story for story in previous}
    if former is not None:
        stories.setdefault(former.id, former)
    if source not in stories or target not in stories:
        return list(stories.values())
    here, there = stories[source], stories[target]
    taken = tuple(article for article in here.articles if article in back)
    stories[source] = replace(here, articles=tuple(a for a in here.articles if a not in back))
    stories[target] = replace(there, articles=(*there.articles, *taken))
    stories[lock.story] = replace(stories[lock.story], headline=lock.title)
    return [story for story in stories.values() if story.articles]


def _age(lock: StoryLock) -> tuple[datetime, int]:
    return lock.at, lock.id


def _must_hold(story: Story, articles: Sequence[str]) -> None:
    missing = [article for article in articles if article not in story.articles]
    if missing or not articles:
        raise StoryError(
            story.id,
            f"the article {missing[0]} is not in this story" if missing else "no article is named",
            hint='"newsletter story explain" lists the articles of a story.',
        )
