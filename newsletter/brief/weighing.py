"""What a story is about, and how much each side has of it.

One pass over the evidence counts, for every term, the publisher families and the sides that use
it. From that follow *corroboration* (said by many, across sides), *aboutness* (near the story's
middle) and *distinctiveness* (said by one side and not by the others). Left and right are treated
alike everywhere: exchanging them exchanges the results.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from newsletter.brief import wording
from newsletter.brief.evidence import Span
from newsletter.model import Article, Side

_LEAD_SENTENCES = 6  # the part of an article that says what the story is
_TITLE_SHARE = 0.5
_LONE = 0.15  # weight of a term only one family uses
_CORE_SHARE = 0.3  # families that open with a term of the story's core
_FEWEST_CORE = 4
_WIDE_CORE = 8
_FEW_FAMILIES = 3  # with so few, a core is too small to rule anything out
_SIDES = tuple(Side)

_Voice = tuple[str, Side | None]


class Weights:
    """Terms of one story with the families and sides that use them."""

    def __init__(self, spans: Sequence[Span], articles: Sequence[Article]):
        families: dict[str, set[str]] = defaultdict(set)
        leads: dict[str, set[str]] = defaultdict(set)
        by_side: dict[str, dict[Side, set[str]]] = defaultdict(lambda: defaultdict(set))
        side_families: dict[Side, set[str]] = defaultdict(set)
        family_of_article = {span.article: span.family for span in spans}
        every = set(family_of_article.values())
        # What each family says, once a term: most sentences of an article repeat its words.
        said, opened = _by_voice(spans)
        for (family, side), terms in said.items():
            if side is not None:
                side_families[side].add(family)
            for term in terms:
                families[term].add(family)
            if side is not None:
                for term in terms:
                    by_side[term][side].add(family)
        for (family, _), terms in opened.items():
            for term in terms:
                leads[term].add(family)
        titles: dict[str, set[str]] = defaultdict(set)
        for article in articles:
            family = family_of_article.get(article.id, article.outlet)
            for term in set(wording.terms(article.title)):
                titles[term].add(family)
                families[term].add(family)
        sizes = {side: max(1, len(side_families[side])) for side in Side}
        self._distinct = _distinct(by_side, sizes)
        self._titles = {term: math.log1p(len(users)) for term, users in titles.items()}
        enough = max(2, round(_CORE_SHARE * len(every)))
        self._families = len(every)
        self.core = frozenset(
            term
            for term in families
            if len(leads.get(term, set()) | titles.get(term, set())) >= enough
        )
        self._beside = _beside(spans, self.core)
        self._weight: dict[str, float] = {}
        for term, users in families.items():
            n = len(users)
            sides = len(by_side[term]) if term in by_side else 0
            lead = len(leads.get(term, ())) + _TITLE_SHARE * len(titles.get(term, ()))
            self._weight[term] = (
                (math.log1p(n) + math.log1p(lead)) * (1 + 0.2 * max(0, sides - 1))
                if n > 1
                else _LONE
            )

    def of(self, term: str) -> float:
        """How much a term belongs to the story as all tell it."""
        return self._weight.get(term, 0.0)

    def about(self, terms: frozenset[str]) -> float:
        """How near a set of terms is to the middle of the story; long sets gain little."""
        weight = self._weight
        total: float = math.fsum(weight.get(term, 0.0) for term in terms)
        return total / math.pow(len(terms) + 6, 0.75)

    def shared(self, terms: frozenset[str]) -> float:
        """The share of terms that more than one family uses; 1 where there are few families."""
        if self._families <= _FEW_FAMILIES or not terms:
            return 1.0
        return sum(self._weight.get(term, 0.0) > _LONE for term in terms) / len(terms)

    def typical(self, terms: frozenset[str]) -> float:
        """How near a title is to the titles of the other families."""
        titles = self._titles
        return math.fsum(titles.get(term, 0.0) for term in terms) / math.pow(len(terms) + 4, 0.7)

    def on_topic(self, span: Span) -> float:
        """From 1 for a sentence in the midst of this story down to 0 for one of another.

        One article may report on several things; only what the others also open with is this
        story. A person's words need not name it, so the sentences beside them are asked as well.
        """
        if len(self.core) < _FEWEST_CORE:
            return 1.0
        own = len(span.terms & self.core)
        if self._families > _FEW_FAMILIES and not span.title:
            beside = self._beside.get((span.article, span.place), span.terms & self.core)
            if len(beside) < (2 if len(self.core) >= _WIDE_CORE else 1):
                return 0.0
        return min(1.0, (1 + own) / 3)

    def distinct(self, terms: frozenset[str], side: Side) -> float:
        """How far a set of terms belongs to one side and not to the others, from 0 to about 1."""
        values = self._distinct[side]
        return math.fsum(values.get(term, 0.0) for term in terms) / (len(terms) + 4)


def _distinct(
    by_side: Mapping[str, Mapping[Side, set[str]]], sizes: Mapping[Side, int]
) -> dict[Side, dict[str, float]]:
    """For each side how far each term is its own: the share of its families beyond the others'."""
    found: dict[Side, dict[str, float]] = {side: {} for side in Side}
    for term, by in by_side.items():
        shares = [(len(by[side]) / sizes[side] if side in by else 0.0) for side in _SIDES]
        _, second, first = sorted(shares)
        for side, own in zip(_SIDES, shares, strict=True):
            others = second if own == first else first
            if own != others:
                gap = own - others
                found[side][term] = math.sqrt(gap) if gap > 0 else 0.5 * gap
    return found


def _by_voice(
    spans: Sequence[Span],
) -> tuple[dict[_Voice, set[str]], dict[_Voice, set[str]]]:
    """The terms of each family on each side, in all it says and in what it opens with."""
    said: dict[_Voice, set[str]] = defaultdict(set)
    opened: dict[_Voice, set[str]] = defaultdict(set)
    for span in spans:
        voice = (span.family, span.side)
        said[voice] |= span.terms
        if span.place < _LEAD_SENTENCES:
            opened[voice] |= span.terms
    return said, opened


def _beside(spans: Sequence[Span], core: frozenset[str]) -> dict[tuple[str, int], set[str]]:
    """For each place in each article the core terms of the sentence there and of its neighbours."""
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    for span in spans:
        common = span.terms & core
        for place in (span.place - 1, span.place, span.place + 1):
            found[span.article, place] |= common
    return found


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the smaller set of terms that stands in the other."""
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0
