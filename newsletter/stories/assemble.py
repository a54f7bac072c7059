"""Assemble: groups of articles become stories with their ids, headlines and sections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from newsletter.model import Article, Kind, Story, StoryLock
from newsletter.stories import identity, locks
from newsletter.stories.sections import section_of
from newsletter.stories.window import age


def assemble(
    groups: Sequence[Sequence[str]],
    given: Mapping[str, Article],
    *,
    near: Mapping[str, float],
    far: Collection[str],
    previous: Sequence[Story],
    settled: Mapping[str, str],
    held: Sequence[StoryLock],
) -> tuple[Story, ...]:
    """Make stories of groups, and keep those of before that no group continues.

    :param near: how near each article is to the rest of its group.
    :param far: the articles that look out of place there.
    :param settled: the story of each article that was not grouped again.
    """
    wanted = locks.wanted(groups, held)
    heirs = identity.inherit(groups, previous, wanted)
    heir_of = {story.id: number for number, story in heirs.items()}
    taken_ids = {story.id for story in previous} | set(wanted.values())
    taken_slugs = {story.slug for story in previous}
    moved = {article for some in groups for article in some}
    joining: dict[str, list[str]] = defaultdict(list)
    for article, ident in settled.items():
        joining[ident].append(article)

    def kept(story: Story) -> tuple[str, ...]:
        """What a story keeps of before, and copies of what it keeps."""
        stay = [
            a for a in story.articles if a not in moved and settled.get(a, story.id) == story.id
        ]
        return _in_order((*stay, *joining[story.id]), given)

    names = locks.names(held)
    came = {article for lock in held for article in lock.came}
    stories: list[Story] = []
    order = sorted(
        range(len(groups)), key=lambda number: min(age(given[a]) for a in groups[number])
    )
    for number in order:
        members = sorted((given[article] for article in groups[number]), key=age)
        old = heirs.get(number)
        before = kept(old) if old else ()
        headline = _headline(members, near, came)
        if old is not None:
            ident = old.id
        else:
            ident = wanted.get(number) or identity.story_id(
                members[0].title, members[0].id, taken_ids
            )
        slug = old.slug if old else identity.slug(members[0].title, taken_slugs)
        taken_ids.add(ident)
        taken_slugs.add(slug)
        first_seen = min(member.first_seen for member in members)
        updated = max(member.first_seen for member in members)
        stories.append(
            Story(
                id=ident,
                slug=slug,
                headline=names.get(ident, headline),
                articles=_in_order((*before, *(member.id for member in members)), given),
                section=section_of([given[a] for a in (*before, *groups[number]) if a in given]),
                first_seen=min(first_seen, old.first_seen) if old else first_seen,
                updated=max(updated, old.updated) if old else updated,
                mailed=old.mailed if old else None,
                far=tuple(member.id for member in members if member.id in far),
            )
        )
    for story in previous:
        if story.id in heir_of or not any(article in given for article in story.articles):
            continue
        rest = kept(story)
        if rest:
            stories.append(
                replace(
                    story,
                    articles=rest,
                    headline=names.get(story.id, story.headline),
                    far=tuple(article for article in story.far if article in rest),
                )
            )
    return tuple(sorted(stories, key=lambda story: (story.first_seen, story.id)))


def _headline(members: Sequence[Article], near: Mapping[str, float], came: Collection[str]) -> str:
    """The title of the article nearest to all others, news before anything else.

    What an editor merged or moved into a story does not name it while anything else can.
    """

    def worth(article: Article) -> tuple[bool, bool, float, tuple[datetime, str]]:
        return (
            article.id in came,
            article.kind not in {Kind.NEWS, Kind.WIRE},
            -near.get(article.id, 0.0),
            age(article),
        )

    return min(members, key=worth).title


def _in_order(ids: Iterable[str], given: Mapping[str, Article]) -> tuple[str, ...]:
    """Ids oldest first; those whose article is not given are older and come first."""
    unique = list(dict.fromkeys(ids))
    unknown = [article for article in unique if article not in given]
    known = sorted((article for article in unique if article in given), key=lambda a: age(given[a]))
    return (*unknown, *known)
