"""Explain: which evidence put each article into its story, and which articles look out of place.

What is told here is computed from the same links the grouping used; nothing is kept from the run
itself, so a story can be explained at any time from its articles and their window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from newsletter import config
from newsletter.errors import NotFound
from newsletter.model import Article, LockKind, Story, StoryLock
from newsletter.stories.locks import GROUPING
from newsletter.stories.terms import LEAD_WORDS
from newsletter.stories.window import Window, compare, method_of
from newsletter.stories.words import language

NEAREST = 3
WORDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Another article of the story, how near it is, and the telling words both hold."""

    article: str
    similarity: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one article is in a story.

    ``fit`` is its mean similarity to the other members; ``rival`` is the other story it is nearest
    to, with ``rival_fit``. ``lock`` and ``copy_of`` say what settled the matter without comparing.
    """

    article: str
    fit: float
    near: tuple[Near, ...] = ()
    rival: str = ""
    rival_fit: float = 0.0
    lock: LockKind | None = None
    copy_of: str = ""
    far: bool = False

    @property
    def sentence(self) -> str:
        """The reason in one sentence, without a stop."""
        if self.lock is not None:
            return f"an editor put it here ({self.lock.value})"
        if self.copy_of:
            return f"it is a near-identical copy of {self.copy_of}"
        if not self.near:
            return "it is alone, or nothing within reach is like it"
        first = self.near[0]
        shared = f", which also says {', '.join(first.words)}" if first.words else ""
        doubt = "; it is far from the rest" if self.far else ""
        return f"it is nearest to {first.article} ({first.similarity:.2f}){shared}{doubt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The reasons of a story, article by article, oldest first."""

    story: str
    reasons: tuple[Reason, ...]

    @property
    def far(self) -> tuple[str, ...]:
        """The articles an editor should look at."""
        return tuple(reason.article for reason in self.reasons if reason.far)


def explain(
    story_id: str,
    stories: Sequence[Story],
    articles: Mapping[str, Article],
    *,
    settings: config.Stories,
    locks: Sequence[StoryLock] = (),
) -> Explanation:
    """Say why each article of a story is in it.

    :param stories: the stories of the window, among them the one asked for.
    :param articles: the articles of the window by id; members that are not given are passed over.
    :raises NotFound: when there is no such story among those given.
    """
    story = next((story for story in stories if story.id == story_id), None)
    if story is None:
        raise NotFound(
            story_id,
            "there is no such story in the window",
            hint='"newsletter group" makes the stories of the window again.',
        )
    members = [articles[article] for article in story.articles if article in articles]
    story_of = {article: one.id for one in stories for article in one.articles}
    method = replace(method_of(settings), floor=0.0)
    reasons: dict[str, Reason] = {}
    for lang in sorted({language(member.lang) for member in members}):
        window = compare([a for a in articles.values() if language(a.lang) == lang], method)
        wanted = [at for at, a in enumerate(window.articles) if story_of.get(a.id) == story_id]
        for at in wanted:
            reason = _reason(at, wanted, window, story_of)
            reasons[reason.article] = _settled(reason, articles[reason.article], articles, locks)
    return Explanation(
        story=story_id,
        reasons=tuple(
            replace(reasons[member.id], far=member.id in story.far) for member in members
        ),
    )


def _reason(at: int, members: Sequence[int], window: Window, story_of: Mapping[str, str]) -> Reason:
    links = window.links
    here = np.nonzero((links.left == at) | (links.right == at))[0]
    other = np.where(links.left[here] == at, links.right[here], links.left[here]).tolist()
    raw = dict(zip(other, links.raw[here].tolist(), strict=True))
    mine = sorted((m for m in members if m != at and m in raw), key=lambda m: (-raw[m], m))
    fits: dict[str, list[float]] = {}
    for position, value in raw.items():
        fits.setdefault(story_of.get(window.articles[position].id, ""), []).append(value)
    home = story_of[window.articles[at].id]
    rivals = {s: sum(v) / len(v) for s, v in fits.items() if s and s != home}
    rival = min(rivals, key=lambda s: (-rivals[s], s)) if rivals else ""
    return Reason(
        article=window.articles[at].id,
        fit=round(sum(raw[m] for m in mine) / max(len(members) - 1, 1), 4),
        near=tuple(
            Near(
                article=window.articles[m].id,
                similarity=round(raw[m], 4),
                words=_shared(at, m, window),
            )
            for m in mine[:NEAREST]
        ),
        rival=rival,
        rival_fit=round(rivals.get(rival, 0.0), 4),
    )


def _shared(one: int, other: int, window: Window) -> tuple[str, ...]:
    """The words that both articles open with and few others hold."""
    tokens, worth = window.tokens, window.weights.word
    sets = [{*tokens.title[at], *tokens.body[at][:LEAD_WORDS]} for at in (one, other)]
    shared = sorted(sets[0] & sets[1], key=lambda word: (-worth[word], tokens.names[word]))
    return tuple(tokens.names[word] for word in shared[:WORDS] if worth[word] > 0)


def _settled(
    reason: Reason, article: Article, articles: Mapping[str, Article], locks: Sequence[StoryLock]
) -> Reason:
    held = [
        lock
        for lock in sorted(locks, key=lambda lock: (lock.at, lock.id))
        if article.id in lock.articles and lock.kind in GROUPING
    ]
    return replace(
        reason,
        lock=held[-1].kind if held else None,
        copy_of=article.same_as if article.same_as in articles else "",
    )
