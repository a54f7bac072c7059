"""What is new since a story was mailed.

A story that was in an issue comes back only when there is something to add: a sentence of a later
article with news of its own, said by more than one family. "New" means that most of its content
words, or one of its figures, stand in no article that was there before. Where the later texts are
too short for such a sentence, a later headline is asked by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.brief import figures, wording
from newsletter.brief.evidence import Span, spans
from newsletter.brief.excerpts import titles
from newsletter.brief.overview import sentence
from newsletter.brief.weighing import Weights, overlap
from newsletter.model import Article, Brief, Outlet, Sentence

_NEW_SHARE = 0.34  # of a sentence's content words; a new figure makes up for fewer
_NEW_SHARE_WITH_FIGURE = 0.2
_SAME = 0.6  # share of terms from which two sentences say the same
_FEWEST, _MOST = 8, 35  # words
_FEWEST_OF_A_TITLE = 5


@dataclass(frozen=True, slots=True)
class _Before:
    """What had been told: content words and figures of the articles seen by then."""

    terms: frozenset[str]
    figures: frozenset[figures.Key]


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
    before = _Before(
        _terms_of(known),
        figures.known(text for article in known for text in (article.title, article.words)),
    )
    evidence = spans(later, outlets, furniture)
    headlines = titles(later, outlets, not_this="")
    weights = Weights(evidence, later)
    for pool, fewest in ((evidence, _FEWEST), (headlines, _FEWEST_OF_A_TITLE)):
        for span in _ranked(pool, fewest, weights, before):
            if span.loaded or span.first_person or not (span.title or span.stands_plain):
                continue
            if _is_new(span, before) and _is_told_twice(span, (*evidence, *headlines), before):
                return sentence(span, evidence, outlets)
    return None


def with_news(brief: Brief, note: Sentence) -> Brief:
    """The brief with what is new, which its overview then does not say a second time."""
    said = _said(note)
    rest = tuple(one for one in brief.overview if overlap(_said(one), said) < _SAME)
    return replace(brief, overview=rest or brief.overview, news=note)


def _said(sentence: Sentence) -> frozenset[str]:
    texts = [one.text for one in sentence.evidence] or [sentence.text]
    return frozenset(term for text in texts for term in wording.terms(text))


def _ranked(pool: Sequence[Span], fewest: int, weights: Weights, before: _Before) -> list[Span]:
    """News sentences of a fit length, the newest words that most families use first."""
    fit = [span for span in pool if not span.opinion and fewest <= span.words <= _MOST]
    return sorted(
        fit,
        key=lambda s: (
            -round(weights.about(s.terms) * _newness(s, before), 9),
            s.article,
            s.start,
        ),
    )


def _terms_of(articles: Sequence[Article]) -> frozenset[str]:
    return frozenset(
        term for article in articles for term in wording.terms(f"{article.title} {article.words}")
    )


def _newness(span: Span, before: _Before) -> float:
    return len(span.terms - before.terms) / max(1, len(span.terms))


def _is_new(span: Span, before: _Before) -> bool:
    share = _newness(span, before)
    fresh = any(
        not before.figures.intersection(figure.readings)
        for figure in figures.figures(span.text)
        if figure.readings[0][0] not in {"day", "month", "date", "time"}
    )
    return share >= (_NEW_SHARE_WITH_FIGURE if fresh else _NEW_SHARE)


def _is_told_twice(span: Span, evidence: Sequence[Span], before: _Before) -> bool:
    """Whether another family has most of what is new in a span."""
    fresh = span.terms - before.terms
    return bool(fresh) and any(
        other.family != span.family and len(fresh & other.terms) * 2 >= len(fresh)
        for other in evidence
    )
