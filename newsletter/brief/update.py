"""What is new since a story was mailed.

A story that was in an issue comes back only when there is something to add: a sentence of a later
article with news of its own, said by more than one family. "New" means that most of its content
words, or one of its figures, stand in no article that was there before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from newsletter.brief import figures, wording
from newsletter.brief.evidence import Span, spans
from newsletter.brief.overview import sentence
from newsletter.brief.weighing import Weights
from newsletter.model import Article, Outlet, Sentence

_NEW_SHARE = 0.34  # of a sentence's content words; a new figure makes up for fewer
_NEW_SHARE_WITH_FIGURE = 0.2
_FEWEST, _MOST = 8, 35  # words


def update_note(
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    since: datetime,
    *,
    furniture: frozenset[str] = frozenset(),
) -> Sentence | None:
    """The most corroborated new sentence, quoted with its outlet; None when nothing is new.

    :param since: when the story was mailed; an article counts as known when it was seen by then.
    """
    ordered = sorted(articles, key=lambda a: (a.published, a.id))
    known = [article for article in ordered if article.first_seen <= since]
    later = [article for article in ordered if article.first_seen > since and not article.same_as]
    if not known or not later:
        return None
    before = _terms_of(known)
    told = figures.known(text for article in known for text in (article.title, article.words))
    evidence = spans(later, outlets, furniture)
    weights = Weights(evidence, later)
    ranked = sorted(
        (-round(weights.about(span.terms) * _newness(span, before), 9), span.article, span.start, i)
        for i, span in enumerate(evidence)
        if not span.opinion and _FEWEST <= span.words <= _MOST
    )
    for _, _, _, i in ranked:
        span = evidence[i]
        if not span.stands_plain or span.loaded or span.first_person:
            continue
        if _is_new(span, before, told) and _is_told_twice(span, evidence, before):
            return sentence(span, evidence, outlets)
    return None


def _terms_of(articles: Sequence[Article]) -> frozenset[str]:
    return frozenset(
        term for article in articles for term in wording.terms(f"{article.title} {article.words}")
    )


def _newness(span: Span, before: frozenset[str]) -> float:
    return len(span.terms - before) / max(1, len(span.terms))


def _is_new(span: Span, before: frozenset[str], told: frozenset[figures.Key]) -> bool:
    share = _newness(span, before)
    fresh = any(
        not told.intersection(figure.readings)
        for figure in figures.figures(span.text)
        if figure.readings[0][0] not in {"day", "month", "date", "time"}
    )
    return share >= (_NEW_SHARE_WITH_FIGURE if fresh else _NEW_SHARE)


def _is_told_twice(span: Span, evidence: Sequence[Span], before: frozenset[str]) -> bool:
    """Whether another family has most of what is new in a span."""
    fresh = span.terms - before
    return any(
        other.family != span.family and len(fresh & other.terms) * 2 >= len(fresh)
        for other in evidence
    )
