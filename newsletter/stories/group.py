"""Group: a window of articles becomes stories.

::

    articles -> terms -> similarity -> cluster -> identity -> stories

Everything is decided anew from the articles of the window, in the order of their publication, so
the order in which feeds were read cannot matter; what stays from run to run is which story is
which (:mod:`newsletter.stories.identity`) and what an editor has decided
(:mod:`newsletter.stories.locks`). Languages are grouped apart from each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import numpy as np

from newsletter import config
from newsletter.model import Article, Story, StoryLock
from newsletter.stories import locks as locks_
from newsletter.stories.assemble import assemble
from newsletter.stories.cluster import cluster
from newsletter.stories.embedding import Embedding
from newsletter.stories.far import far, fits
from newsletter.stories.similarity import Ints, Method
from newsletter.stories.window import Window, age, compare, method_of
from newsletter.stories.words import language


def group(
    articles: Sequence[Article],
    previous: Sequence[Story] = (),
    *,
    settings: config.Stories,
    locks: Sequence[StoryLock] = (),
    stay: Collection[str] = (),
    embedding: Embedding | None = None,
) -> tuple[Story, ...]:
    """Partition articles into stories, oldest story first.

    Every article is in exactly one story. A story of ``previous`` keeps its id and slug where a
    group continues it, and its articles older than ``settings.window_days`` (counted back from the
    newest article given) stay with it. Stories of ``previous`` none of whose articles are given
    are not returned; nor are those all of whose articles went elsewhere.

    A near-identical copy (``same_as``) goes where its original goes. A repeated article id counts
    once, the last time it is given.

    :param stay: articles that keep the story they have, as too old ones do, unless a lock says
        where they are.
    """
    given = {article.id: article for article in articles}
    method = method_of(settings)
    settled = _settled(given, previous, settings, locks, stay)
    # An editor's word about a copy counts more than that it is one.
    locked = {article for lock in locks for article in (*lock.articles, *lock.apart)}
    copies = {copy: of for copy, of in _copies(given).items() if copy not in locked}
    for copy, original in copies.items():
        if original in settled:
            settled.setdefault(copy, settled[original])
    by_language: dict[str, list[Article]] = defaultdict(list)
    for article in given.values():
        if article.id not in settled and article.id not in copies:
            by_language[language(article.lang)].append(article)
    groups: list[list[str]] = []
    near: dict[str, float] = {}
    strange: set[str] = set()
    for lang in sorted(by_language):
        window = compare(by_language[lang], method, embedding)
        label = _label(window, method, locks)
        ids = [article.id for article in window.articles]
        members: dict[int, list[str]] = defaultdict(list)
        for ident, number in zip(ids, label.tolist(), strict=True):
            members[number].append(ident)
        groups += members.values()
        near |= zip(ids, fits(window.links, label).tolist(), strict=True)
        strange.update(ids[at] for at in np.flatnonzero(far(window.links, label)).tolist())
    groups = _across_languages(groups, locks)
    where = {member: number for number, some in enumerate(groups) for member in some}
    for copy, original in sorted(copies.items()):
        if original in where and copy not in settled:
            groups[where[original]].append(copy)
    return assemble(
        groups,
        given,
        near=near,
        far=strange - locked,
        previous=previous,
        settled=settled,
        held=locks,
    )


def _settled(
    given: Mapping[str, Article],
    previous: Sequence[Story],
    settings: config.Stories,
    locks: Sequence[StoryLock],
    stay: Collection[str],
) -> dict[str, str]:
    """The story of each article that is not to be grouped again."""
    if not given or not previous:
        return {}
    newest = max(article.published for article in given.values())
    begin = newest - timedelta(days=settings.window_days)
    # Who is only kept apart from others may stay: it is the others that a lock took away.
    locked = {article for lock in locks for article in lock.articles}
    return {
        article: story.id
        for story in previous
        for article in story.articles
        if article in given
        and (given[article].published < begin or article in stay)
        and article not in locked
    }


def _copies(given: Mapping[str, Article]) -> dict[str, str]:
    """What stands for each copy: its original, or the oldest of copies of something not given.

    Copies of copies stand for the first of the chain; a circle of copies for its oldest.
    """
    above: dict[str, str] = {}

    def top(ident: str) -> str:
        while above.setdefault(ident, ident) != ident:
            ident = above[ident]
        return ident

    for article in given.values():
        if article.same_as:
            above[top(article.id)] = top(article.same_as)
    alike: dict[str, list[Article]] = defaultdict(list)
    for ident in above:
        if ident in given:
            alike[top(ident)].append(given[ident])
    copies: dict[str, str] = {}
    for some in alike.values():
        original = min(some, key=lambda a: (bool(a.same_as), age(a)))
        copies |= {article.id: original.id for article in some if article is not original}
    return copies


def _label(window: Window, method: Method, locks: Sequence[StoryLock]) -> Ints:
    """The group of each article of one language."""
    position = {article.id: at for at, article in enumerate(window.articles)}
    return cluster(window.links, method, locks_.constraints(locks, position))


def _across_languages(groups: list[list[str]], locks: Sequence[StoryLock]) -> list[list[str]]:
    """The groups, those of several languages made one where an editor merged them."""
    members = [member for some in groups for member in some]
    where = {member: number for number, some in enumerate(groups) for member in some}
    held = locks_.constraints(locks, {member: at for at, member in enumerate(members)})
    for some in held.together:
        first, *others = dict.fromkeys(where[members[at]] for at in some)
        for other in others:
            where |= dict.fromkeys(groups[other], first)
            groups[first] += groups[other]
            groups[other] = []
    return [some for some in groups if some]
