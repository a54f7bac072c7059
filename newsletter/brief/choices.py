"""The next best passages for a place in a brief, for a person to choose from.

The same evidence, weights and order that the extract writer chooses by, without its decisions:
what it took is marked, what it passed over stands below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from newsletter.brief import overview, sides
from newsletter.brief.evidence import Span, side_of, spans
from newsletter.brief.excerpts import quotable
from newsletter.brief.nearness import Nearness
from newsletter.brief.weighing import Weights
from newsletter.config import BriefSettings
from newsletter.model import Article, Brief, Evidence, Outlet, Quotable, Side

MOST = 20
"""Passages shown of one side; a person reads no further down."""


def ranked(
    brief: Brief,
    side: Side | None,
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    settings: BriefSettings,
    *,
    furniture: frozenset[str] = frozenset(),
) -> tuple[Quotable, ...]:
    """The passages that could stand for a side, best first; for None those of the overview.

    Each comes as the bullet or sentence that it would be, with citations and evidence.
    """
    ordered = sorted(articles, key=lambda a: (a.published, a.id))
    evidence = spans(ordered, outlets, furniture)
    weights = Weights(evidence, ordered)
    if side is None:
        pool = overview.neutral_pool(evidence, ordered, weights)
        taken = {quoted for sentence in brief.overview for quoted in _quoted(sentence.evidence)}
        return tuple(
            Quotable(
                article=span.article,
                outlet=overview.outlet_shown(span.outlet, outlets),
                opinion=span.opinion,
                value=round(overview.worth(span, weights), 4),
                used=(span.article, span.text) in taken,
                evidence=span.as_evidence(),
                sentence=overview.sentence(span, evidence, outlets),
            )
            for span in pool[:MOST]
        )
    nearness = Nearness(ordered, {a.id: side_of(a, outlets) for a in ordered})
    listed = sides.shortlist(
        quotable(evidence, ordered, outlets, settings.bullet_words, not_this=brief.headline),
        side,
        weights,
        nearness,
        most_words=settings.bullet_words,
        firsts=MOST,
        seconds=MOST // 2,
    )
    taken = {quoted for bullet in brief.of(side).bullets for quoted in _quoted(bullet.evidence)}
    return tuple(_of_side(value, span, outlets, taken) for value, span in listed[:MOST])


def _of_side(
    value: float, span: Span, outlets: Mapping[str, Outlet], taken: set[tuple[str, str]]
) -> Quotable:
    return Quotable(
        article=span.article,
        outlet=overview.outlet_shown(span.outlet, outlets),
        opinion=span.opinion,
        value=round(value, 4),
        used=(span.article, span.text) in taken,
        evidence=span.as_evidence(),
        bullet=sides.bullet(span),
    )


def _quoted(evidence: Sequence[Evidence]) -> list[tuple[str, str]]:
    return [(one.article, one.text) for one in evidence]
