"""A person's change to a brief: applied, tied to its evidence again, and told in words.

A person writes text and names articles. Which words of it are quotations, where they stand and
who says them is found in the cited articles, exactly as for the program's own text, so that the
same gates can judge both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from newsletter.brief import wording
from newsletter.brief.evidence import Span, spans
from newsletter.brief.sources import stands_in
from newsletter.brief.weighing import overlap
from newsletter.model import (
    Article,
    Brief,
    BriefEdit,
    Bullet,
    Evidence,
    Outlet,
    Sentence,
    Side,
    SideBrief,
    SideStatus,
)

BLOCKS = ("headline", "deck", "overview", "left", "center", "right")
"""The parts of a brief that can be written anew one by one."""
_SHORT_QUOTE = 3  # words: fewer are a term in quotation marks


def edited(
    brief: Brief,
    changes: BriefEdit,
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
) -> Brief:
    """The brief with a person's changes, every text with its quotations and evidence.

    A side that loses all its bullets is withheld: there was something to say. Nothing is judged
    here; that is for the gates.
    """
    found = _Finder(articles, outlets)
    # What was not touched stays with the quotations and evidence it has.
    told = {(s.text, s.citations): s for s in brief.overview}
    sides: dict[str, SideBrief] = {}
    for side in Side:
        own = brief.of(side)
        if side in changes.bullets:
            kept = {(b.text, b.citations): b for b in own.bullets}
            bullets = tuple(
                kept.get((b.text, b.citations)) or found.bullet(b) for b in changes.bullets[side]
            )
            own = replace(own, bullets=bullets, status=_status(own, bullets))
        if side in changes.leads:
            own = replace(own, lead=changes.leads[side] or None)
        sides[side.value] = own
    overview = brief.overview
    if changes.overview is not None:
        overview = tuple(
            told.get((s.text, s.citations)) or found.sentence(s) for s in changes.overview
        )
    return replace(
        brief,
        headline=brief.headline if changes.headline is None else tidy(changes.headline),
        deck=brief.deck if changes.deck is None else tidy(changes.deck),
        overview=overview,
        left=sides["left"],
        center=sides["center"],
        right=sides["right"],
    )


def with_blocks(brief: Brief, other: Brief, blocks: Sequence[str]) -> Brief:
    """The brief with some of its :data:`BLOCKS` taken from another version of it."""
    taken: dict[str, Any] = {name: getattr(other, name) for name in blocks}
    return replace(brief, **taken)


def what_changed(one: Brief, other: Brief) -> tuple[str, ...]:
    """The parts in which two versions differ, in the order of the page, in words."""
    names = {"left": "left side", "center": "center", "right": "right side"}
    before, after = _parts(one), _parts(other)
    found = [names.get(name, name) for name in BLOCKS if before[name] != after[name]]
    found += [
        f"lead article of the {side}" for side in Side if one.of(side).lead != other.of(side).lead
    ]
    if one.withheld != other.withheld:
        found.append("withholding")
    return tuple(found)


def tidy(text: str) -> str:
    """One line, with typographic quotation marks."""
    pieces = " ".join(text.split()).split('"')
    if len(pieces) % 2 == 0:
        return '"'.join(pieces)
    return "".join(f"“{piece}”" if i % 2 else piece for i, piece in enumerate(pieces))


def quotations(text: str) -> tuple[str, ...]:
    """The quotations of a text: what stands in quotation marks and is more than a term."""
    return tuple(q for q in wording.quoted_strings(text) if wording.words(q) >= _SHORT_QUOTE)


def _parts(brief: Brief) -> dict[str, object]:
    leadless = {side.value: replace(brief.of(side), lead=None) for side in Side}
    return {name: leadless.get(name, getattr(brief, name)) for name in BLOCKS}


def _status(own: SideBrief, bullets: Sequence[Bullet]) -> SideStatus:
    if bullets:
        return SideStatus.OK
    return SideStatus.WITHHELD if own.status is SideStatus.OK else own.status


class _Finder:
    """Where the words of a text stand in the articles it cites; each article is split once."""

    def __init__(self, articles: Sequence[Article], outlets: Mapping[str, Outlet]):
        self._articles = {article.id: article for article in articles}
        self._outlets = outlets
        self._spans: dict[str, tuple[Span, ...]] = {}

    def bullet(self, given: Bullet) -> Bullet:
        text = tidy(given.text)
        return Bullet(
            text=text,
            quotes=quotations(text),
            citations=given.citations,
            evidence=self._evidence(text, given.citations, given.evidence),
        )

    def sentence(self, given: Sentence) -> Sentence:
        text = tidy(given.text)
        return Sentence(
            text=text,
            citations=given.citations,
            evidence=self._evidence(text, given.citations, given.evidence),
        )

    def _evidence(
        self, text: str, cited: Sequence[str], given: Sequence[Evidence]
    ) -> tuple[Evidence, ...]:
        """The spans a text rests on: those of its quotations, else the nearest of each article."""
        known = [one for one in given if one.article in cited and self._holds(one)]
        quotes = [wording.plain(quote) for quote in quotations(text)]
        if known and all(any(stands_in(q, wording.plain(e.text)) for e in known) for q in quotes):
            return tuple(known)
        articles = [article for article in dict.fromkeys(cited) if article in self._articles]
        if quotes:
            holders = (self._holding(quote, articles) for quote in quotes)
            return tuple(dict.fromkeys(span.as_evidence() for span in holders if span))
        terms = frozenset(wording.terms(text))
        nearest = (
            max(own, key=lambda span: (overlap(span.terms, terms), -span.place))
            for article in articles
            if (own := self._of(article))
        )
        return tuple(span.as_evidence() for span in nearest)

    def _holds(self, evidence: Evidence) -> bool:
        article = self._articles.get(evidence.article)
        return article is not None and (
            article.words[evidence.start : evidence.end] == evidence.text
            or evidence.text in article.title
        )

    def _holding(self, quote: str, articles: Sequence[str]) -> Span | None:
        for article in articles:
            for span in self._of(article):
                if stands_in(quote, wording.plain(span.text)):
                    return span
        return None

    def _of(self, article: str) -> tuple[Span, ...]:
        if article not in self._spans:
            self._spans[article] = spans([self._articles[article]], self._outlets)
        return self._spans[article]
