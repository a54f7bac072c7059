"""Window: the articles of one language, tokenised, weighed and compared with each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from newsletter import config
from newsletter.model import Article
from newsletter.stories import similarity, terms
from newsletter.stories.embedding import Embedding, blended
from newsletter.stories.similarity import Links, Method, Weights
from newsletter.stories.terms import Tokens
from newsletter.stories.words import language

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
    ordered = tuple(sorted(articles, key=age))
    lang = language(ordered[0].lang) if ordered else "en"
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


def age(article: Article) -> tuple[datetime, str]:
    """What articles are sorted by, so that the order of their arrival cannot matter."""
    return article.published, article.id
