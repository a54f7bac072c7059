"""Which side a text sounds like: how near it is to each side's whole articles.

Words count by how often an article has them and how few articles do; nearness is the cosine to the
nearest article of a side. A quotation is only used for a side whose articles it is nearest to.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from newsletter.brief import wording
from newsletter.brief.evidence import Span
from newsletter.model import Article, Side

_READ = 4000  # characters of an article that are compared
_NEARER = 1.05  # how much nearer a quotation must be to its own side's articles


@lru_cache(maxsize=4096)
def _log(count: int) -> float:
    return 1 + math.log(count)


class Nearness:
    """Which side's articles a text is nearest to, by the words of each whole article."""

    def __init__(self, articles: Sequence[Article], side_of: Mapping[str, Side | None]):
        counts = [Counter(wording.terms(f"{a.title} {a.words[:_READ]}")) for a in articles]
        df: Counter[str] = Counter()
        for count in counts:
            df.update(count.keys())
        total = len(articles)
        self._idf = {term: math.log((1 + total) / (1 + n) + 1) for term, n in df.items()}
        self._sides = [side_of[a.id] for a in articles]
        self._postings: dict[str, list[tuple[int, float]]] = {}
        self._norms: list[float] = []
        for i, count in enumerate(counts):
            norm = 0.0
            for term, n in count.items():
                value = _log(n) * self._idf[term]
                norm += value * value
                self._postings.setdefault(term, []).append((i, value))
            self._norms.append(math.sqrt(norm) or 1.0)

    def nearest(self, terms: Sequence[str]) -> dict[Side | None, float]:
        """The cosine to the nearest article of each side, up to one common factor."""
        dots = [0.0] * len(self._norms)
        for term, count in sorted(Counter(terms).items()):
            weight = _log(count) * self._idf.get(term, 0.0)
            for i, value in self._postings.get(term, ()):
                dots[i] += weight * value
        found: dict[Side | None, float] = {}
        for dot, norm, side in zip(dots, self._norms, self._sides, strict=True):
            found[side] = max(found.get(side, 0.0), dot / norm)
        return found

    def is_own(self, span: Span) -> bool:
        """Whether a quotation is clearly nearer to an article of its side than to any other's."""
        near = self.nearest(wording.terms(span.text))
        own = near.get(span.side, 0.0)
        return all(
            own > _NEARER * value for side, value in near.items() if side not in {span.side, None}
        )
