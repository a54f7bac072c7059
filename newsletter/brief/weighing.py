"""What a story is about, and how much each side has of it.

One pass over the evidence counts, for every term, the publisher families and the sides that use
it. From that follow *corroboration* (said by many, across sides), *aboutness* (near the story's
middle) and *distinctiveness* (said by one side and not by the others). Left and right are treated
alike everywhere: exchanging them exchanges the results.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from newsletter.brief import wording
from newsletter.brief.evidence import Span
from newsletter.model import Article, Side

_LEAD_SENTENCES = 6  # the part of an article that says what the story is
_TITLE_SHARE = 0.5


class Weights:
    """Terms of one story with the families and sides that use them."""

    def __init__(self, spans: Sequence[Span], articles: Sequence[Article]):
        families: dict[str, set[str]] = defaultdict(set)
        leads: dict[str, set[str]] = defaultdict(set)
        by_side: dict[str, dict[Side, set[str]]] = defaultdict(lambda: defaultdict(set))
        side_families: dict[Side, set[str]] = defaultdict(set)
        every: set[str] = set()
        family_of_article: dict[str, str] = {}
        for span in spans:
            family_of_article[span.article] = span.family
            if span.side is not None:
                side_families[span.side].add(span.family)
            every.add(span.family)
            for term in span.terms:
                families[term].add(span.family)
                if span.place < _LEAD_SENTENCES:
                    leads[term].add(span.family)
                if span.side is not None:
                    by_side[term][span.side].add(span.family)
        titles: dict[str, set[str]] = defaultdict(set)
        for article in articles:
            family = family_of_article.get(article.id, article.outlet)
            for term in set(wording.terms(article.title)):
                titles[term].add(family)
                families[term].add(family)
        sizes = {side: max(1, len(side_families[side])) for side in Side}
        self._distinct: dict[Side, dict[str, float]] = {side: {} for side in Side}
        for term, users in by_side.items():
            shares = {side: len(users.get(side, ())) / sizes[side] for side in Side}
            for side, own in shares.items():
                others = max(shares[other] for other in Side if other is not side)
                value = math.sqrt(own - others) if own > others else 0.5 * (own - others)
                if value:
                    self._distinct[side][term] = value
        self._weight: dict[str, float] = {}
        for term, users in families.items():
            n = len(users)
            sides = len(by_side[term]) if term in by_side else 0
            lead = len(leads.get(term, ())) + _TITLE_SHARE * len(titles.get(term, ()))
            self._weight[term] = (
                (math.log1p(n) + math.log1p(lead)) * (1 + 0.2 * max(0, sides - 1))
                if n > 1
                else 0.15
            )

    def of(self, term: str) -> float:
        """How much a term belongs to the story as all tell it."""
        return self._weight.get(term, 0.0)

    def about(self, terms: frozenset[str]) -> float:
        """How near a set of terms is to the middle of the story; long sets gain little."""
        weight = self._weight
        return math.fsum(weight.get(term, 0.0) for term in terms) / (len(terms) + 6) ** 0.75

    def distinct(self, terms: frozenset[str], side: Side) -> float:
        """How far a set of terms belongs to one side and not to the others, from 0 to about 1."""
        values = self._distinct[side]
        return math.fsum(values.get(term, 0.0) for term in terms) / (len(terms) + 4)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the smaller set of terms that stands in the other."""
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0
