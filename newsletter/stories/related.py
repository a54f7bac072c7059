"""Related: stories about the same matter at other times, linked and not merged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import sparse

from newsletter.model import Article, Story
from newsletter.stories import similarity, terms
from newsletter.stories.similarity import Method
from newsletter.stories.terms import LEAD_WORDS
from newsletter.stories.words import language

LIKE = 0.30
"""From this cosine on between what two stories say they are about one matter."""
MOST = 5


class When(StrEnum):
    """Where a related story lies in time."""

    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """Another story about the same matter, before or after."""

    story: str
    when: When
    likeness: float


def related(
    stories: Sequence[Story], articles: Mapping[str, Article]
) -> dict[str, tuple[Related, ...]]:
    """For each story the others about the same matter, the likest first, at most ``MOST``.

    A story is told by the titles and leads of its articles; two stories are related when these
    are alike, whatever lies between them in time. Which came first is decided by ``first_seen``.
    Stories of different languages are not compared. Every story given has an entry.
    """
    found: dict[str, list[Related]] = {story.id: [] for story in stories}
    by_language: dict[str, list[Story]] = defaultdict(list)
    for story in stories:
        known = [articles[article] for article in story.articles if article in articles]
        if known:
            by_language[language(known[0].lang)].append(story)
    for lang, some in by_language.items():
        likeness = _likeness(some, articles, lang)
        for one, other, value in zip(*likeness, strict=True):
            a, b = some[one], some[other]
            if (b.first_seen, b.id) < (a.first_seen, a.id):
                a, b = b, a
            found[a.id].append(Related(story=b.id, when=When.LATER, likeness=value))
            found[b.id].append(Related(story=a.id, when=When.EARLIER, likeness=value))
    return {
        story: tuple(sorted(others, key=lambda r: (-r.likeness, r.story))[:MOST])
        for story, others in found.items()
    }


def _likeness(
    stories: Sequence[Story], articles: Mapping[str, Article], lang: str
) -> tuple[list[int], list[int], list[float]]:
    """Pairs of stories that are alike: positions of both, and their cosine."""
    pairs = [
        (number, articles[article])
        for number, story in enumerate(stories)
        for article in story.articles
        if article in articles and language(articles[article].lang) == lang
    ]
    background = terms.background(lang)
    tokens = terms.tokenise([article for _, article in pairs], lang, background)
    weights = similarity.weigh(tokens, background, Method())
    told = similarity.term_vectors(
        [[*t, *b[:LEAD_WORDS]] for t, b in zip(tokens.title, tokens.body, strict=True)], weights
    )
    owner = np.array([number for number, _ in pairs], np.int64)
    ones = np.ones(len(pairs), np.float32)
    shape = (len(stories), len(pairs))
    sums = sparse.csr_matrix((ones, (owner, np.arange(len(pairs)))), shape=shape) @ told
    length = np.sqrt(np.asarray(sums.multiply(sums).sum(axis=1)).ravel())
    length[length == 0] = 1.0
    told = sparse.diags_array(1 / length) @ sums
    alike = sparse.triu(told @ told.T, k=1).tocoo()
    strong = alike.data >= LIKE
    return (
        alike.row[strong].tolist(),
        alike.col[strong].tolist(),
        [round(value, 4) for value in alike.data[strong].tolist()],
    )
