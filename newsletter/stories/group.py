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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from newsletter import config
from newsletter.model import Article, Kind, Story, StoryLock
from newsletter.stories import identity, similarity, terms
from newsletter.stories import locks as locks_
from newsletter.stories.cluster import cluster
from newsletter.stories.embedding import Embedding, blended
from newsletter.stories.sections import section_of
from newsletter.stories.similarity import Links, Method, Weights
from newsletter.stories.terms import Tokens

DAY = 86_400.0
EMBEDDED = 500
"""Characters of a text that are given to an embedding: what a sentence model reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Articles of one language in order of publication, compared with each other."""

    articles: tuple[Article, ...]
    tokens: Tokens
    weights: Weights
    links: Links


def method_of(settings: config.Stories) -> Method:
    """The grouping's constants with the operator's one knob applied."""
    return replace(
        Method(),
        threshold=settings.coarseness,
        reach_days=min(Method().reach_days, settings.window_days),
    )


def compare(
    articles: Iterable[Article], method: Method, embedding: Embedding | None = None
) -> Window:
    """Articles of one language, sorted and compared."""
    ordered = tuple(sorted(articles, key=_age))
    lang = terms.language(ordered[0].lang) if ordered else "en"
    background = terms.background(lang)
    tokens = terms.tokenise(ordered, lang, background)
    weights = similarity.weigh(tokens, background, method)
    first, second = similarity.features(tokens, weights)
    numbers: dict[str, int] = {}
    outlets = [numbers.setdefault(article.outlet, len(numbers)) for article in ordered]
    found = similarity.links(
        first,
        second,
        outlets=np.array(outlets, np.int64),
        days=np.array([article.published.timestamp() / DAY for article in ordered]),
        method=method,
    )
    if embedding is not None:
        texts = [f"{article.title}. {article.words[:EMBEDDED]}" for article in ordered]
        found = blended(found, embedding.vectors(texts))
    return Window(articles=ordered, tokens=tokens, weights=weights, links=found)


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
            by_language[terms.language(article.lang)].append(article)
    groups: list[list[str]] = []
    typical: dict[str, float] = {}
    for lang in sorted(by_language):
        window = compare(by_language[lang], method, embedding)
        members, nearness = _grouped(window, method, locks)
        groups += members
        typical |= nearness
    groups = _across_languages(groups, locks)
    where = {member: number for number, some in enumerate(groups) for member in some}
    for copy, original in sorted(copies.items()):
        if original in where and copy not in settled:
            groups[where[original]].append(copy)
    return _stories(groups, given, typical, previous=previous, settled=settled, locks=locks)


def _age(article: Article) -> tuple[object, str]:
    return (article.published, article.id)


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
        original = min(some, key=lambda a: (bool(a.same_as), _age(a)))
        copies |= {article.id: original.id for article in some if article is not original}
    return copies


def _grouped(
    window: Window, method: Method, locks: Sequence[StoryLock]
) -> tuple[list[list[str]], dict[str, float]]:
    """The groups of one language, and how near each article is to the rest of its group."""
    position = {article.id: at for at, article in enumerate(window.articles)}
    label = cluster(window.links, method, locks_.constraints(locks, position))
    members: dict[int, list[str]] = defaultdict(list)
    for article, number in zip(window.articles, label.tolist(), strict=True):
        members[number].append(article.id)
    links = window.links
    inside = label[links.left] == label[links.right]
    near = np.bincount(links.left[inside], links.raw[inside], links.articles)
    near += np.bincount(links.right[inside], links.raw[inside], links.articles)
    nearness = dict(zip((a.id for a in window.articles), near.tolist(), strict=True))
    return list(members.values()), nearness


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


def _stories(
    groups: Sequence[Sequence[str]],
    given: Mapping[str, Article],
    typical: Mapping[str, float],
    *,
    previous: Sequence[Story],
    settled: Mapping[str, str],
    locks: Sequence[StoryLock],
) -> tuple[Story, ...]:
    wanted = locks_.wanted(groups, locks)
    heirs = identity.inherit(groups, previous, wanted)
    heir_of = {story.id: number for number, story in heirs.items()}
    taken_ids = {story.id for story in previous}
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

    names = locks_.names(locks)
    stories: list[Story] = []
    order = sorted(
        range(len(groups)), key=lambda number: min(_age(given[a]) for a in groups[number])
    )
    for number in order:
        members = sorted((given[article] for article in groups[number]), key=_age)
        old = heirs.get(number)
        before = kept(old) if old else ()
        headline = _headline(members, typical)
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
            )
        )
    for story in previous:
        if story.id in heir_of or not any(article in given for article in story.articles):
            continue
        rest = kept(story)
        if rest:
            stories.append(
                replace(story, articles=rest, headline=names.get(story.id, story.headline))
            )
    return tuple(sorted(stories, key=lambda story: (story.first_seen, story.id)))


def _headline(members: Sequence[Article], typical: Mapping[str, float]) -> str:
    """The title of the article nearest to all others, news before anything else."""
    best = min(
        members,
        key=lambda a: (a.kind not in {Kind.NEWS, Kind.WIRE}, -typical.get(a.id, 0.0), _age(a)),
    )
    return best.title


def _in_order(ids: Iterable[str], given: Mapping[str, Article]) -> tuple[str, ...]:
    """Ids oldest first; those whose article is not given are older and come first."""
    unique = list(dict.fromkeys(ids))
    unknown = [article for article in unique if article not in given]
    known = sorted(
        (article for article in unique if article in given), key=lambda a: _age(given[a])
    )
    return (*unknown, *known)
