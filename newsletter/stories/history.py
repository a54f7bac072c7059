"""History: how a story went on from day to day, and whether there is anything new in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from newsletter.model import Article, HistoryEntry, Kind, Outlet
from newsletter.stories.coverage import family_of, voices
from newsletter.stories.terms import background
from newsletter.stories.words import language, normal, split_words

NEW_FAMILIES = 3
"""So many families that had not covered the story make it news again."""
NEW_TERM_FAMILIES = 2
"""So many families must use a new word before it is an event and not a choice of words."""
_RARE = 0.02
"""A word in a larger share of background articles is a choice of words."""
_NEWS = frozenset({Kind.NEWS, Kind.WIRE, Kind.LIVE})


def history(articles: Sequence[Article]) -> tuple[HistoryEntry, ...]:
    """One entry for each day (UTC) with articles, oldest first.

    The headline of a day is the title that says most of what the days before had not said, in
    words that other titles of the day use too; news titles before others.
    """
    days: dict[date, list[Article]] = {}
    for article in sorted(articles, key=lambda a: (a.published, a.id)):
        days.setdefault(article.published.date(), []).append(article)
    known: set[str] = set()
    entries: list[HistoryEntry] = []
    for day, some in days.items():
        terms = {article.id: _terms(article.title, article.lang) for article in some}
        used = Counter(term for words in terms.values() for term in words)
        best = min(some, key=lambda a: (a.kind not in _NEWS, -_newness(terms[a.id], used, known)))
        entries.append(HistoryEntry(day=day, articles=len(some), headline=best.title))
        known.update(used)
    return tuple(entries)


def news_since(
    articles: Sequence[Article],
    mailed: datetime,
    outlets: Mapping[str, Outlet] | None = None,
) -> bool:
    """Whether a story that was mailed has material news since.

    It has when ``NEW_FAMILIES`` families report it that had not, or when ``NEW_TERM_FAMILIES``
    families use an uncommon word in a title that no article before had. Opinion, analysis and
    copies are no news. Without ``outlets`` each outlet is its own family.
    """
    outlets = outlets or {}
    before = [article for article in articles if article.first_seen <= mailed]
    after = [
        article
        for article in voices(articles)
        if article.first_seen > mailed and article.kind in _NEWS
    ]
    spoken = {family_of(article, outlets) for article in before}
    if len({family_of(article, outlets) for article in after} - spoken) >= NEW_FAMILIES:
        return True
    known = {
        term
        for article in before
        for term in _terms(f"{article.title} {article.words}", article.lang)
    }
    users: dict[str, set[str]] = {}
    for article in after:
        for term in _terms(article.title, article.lang) - known:
            if not _common(term, article.lang):
                users.setdefault(term, set()).add(family_of(article, outlets))
    return any(len(families) >= NEW_TERM_FAMILIES for families in users.values())


def _terms(text: str, lang: str) -> set[str]:
    bare = language(lang)
    return {term for word in split_words(text.lower()) if (term := normal(word, bare))}


def _newness(terms: set[str], used: Mapping[str, int], known: set[str]) -> float:
    """What a title adds, for its length: a long title is not news by being long."""
    fresh = sum(math.log1p(used[term]) for term in terms - known)
    return fresh / math.sqrt(len(terms) + 4)


def _common(term: str, lang: str) -> bool:
    known = background(language(lang))
    return known.frequency.get(term, 0) > _RARE * max(known.documents, 1)
