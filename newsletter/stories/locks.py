"""Locks: what an editor decided about stories, kept against every later run.

A lock names articles, because article ids never change while groups do. New articles are still
free to join the groups so fixed. Where two locks contradict each other, the later one holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter.errors import StoryError
from newsletter.model import Story
from newsletter.stories.cluster import Constraints


class LockKind(StrEnum):
    """What the editor did."""

    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"
    RENAME = "rename"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One decision of an editor.

    ``articles`` stay in one story; none of them shares it with an article of ``apart``. ``story``
    is the id that the story of ``articles`` is to have, "" to leave it open. ``headline`` is set by
    a rename only.
    """

    kind: LockKind
    articles: tuple[str, ...]
    apart: tuple[str, ...] = ()
    story: str = ""
    headline: str = ""
    editor: str = ""
    made: datetime


def merge(stories: Sequence[Story], *, editor: str, made: datetime) -> Lock:
    """Make several stories one; the oldest gives its id.

    :raises StoryError: when fewer than two stories are named.
    """
    if len({story.id for story in stories}) < 2:
        raise StoryError(
            ", ".join(story.id for story in stories) or "merge",
            "a merge needs two stories or more",
            hint="Name every story that is to become one.",
        )
    oldest = min(stories, key=lambda story: (story.first_seen, story.id))
    articles = tuple(dict.fromkeys(a for story in stories for a in story.articles))
    return Lock(kind=LockKind.MERGE, articles=articles, story=oldest.id, editor=editor, made=made)


def split(story: Story, articles: Sequence[str], *, editor: str, made: datetime) -> Lock:
    """Take articles out of a story; they become a story of their own.

    :raises StoryError: when an article is not in the story, or none would be left.
    """
    _must_hold(story, articles)
    rest = tuple(article for article in story.articles if article not in set(articles))
    if not rest:
        raise StoryError(
            story.id,
            "a split must leave at least one article behind",
            hint="To give a story another name, rename it.",
        )
    return Lock(kind=LockKind.SPLIT, articles=tuple(articles), apart=rest, editor=editor, made=made)


def move(article: str, source: Story, target: Story, *, editor: str, made: datetime) -> Lock:
    """Put one article of a story into another story.

    :raises StoryError: when the article is not in the story it is said to be in, or both stories
        are the same.
    """
    _must_hold(source, [article])
    if source.id == target.id:
        raise StoryError(source.id, "the article is in this story already")
    return Lock(
        kind=LockKind.MOVE,
        articles=(article, *target.articles),
        apart=tuple(other for other in source.articles if other != article),
        story=target.id,
        editor=editor,
        made=made,
    )


def rename(story: Story, headline: str, *, editor: str, made: datetime) -> Lock:
    """Give a story a headline that stays; its id and slug stay too.

    :raises StoryError: when the headline is empty.
    """
    if not headline.strip():
        raise StoryError(story.id, "the new headline is empty")
    return Lock(
        kind=LockKind.RENAME,
        articles=story.articles[:1],
        story=story.id,
        headline=" ".join(headline.split()),
        editor=editor,
        made=made,
    )


def constraints(locks: Iterable[Lock], position: Mapping[str, int]) -> Constraints:
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
    for lock in sorted(locks, key=lambda lock: lock.made, reverse=True):
        if lock.kind is LockKind.RENAME:
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


def _must_hold(story: Story, articles: Sequence[str]) -> None:
    missing = [article for article in articles if article not in story.articles]
    if missing or not articles:
        raise StoryError(
            story.id,
            f"the article {missing[0]} is not in this story" if missing else "no article is named",
            hint='"newsletter story explain" lists the articles of a story.',
        )
