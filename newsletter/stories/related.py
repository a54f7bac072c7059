"""Related: stories about the same matter at other times, linked and not merged.

What a story is about is kept as its weightiest terms, so that a story of today finds its like in
the archive of weeks without a single old article being read again. Over weeks the words of one
storyline change and its names stay, so rare names in common lower the bar.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from newsletter.model import Article, Story
from newsletter.stories import names, similarity, terms
from newsletter.stories.similarity import Method
from newsletter.stories.terms import LEAD_WORDS
from newsletter.stories.words import language

LIKE = 0.25
"""From this cosine on between what two stories say they are about one matter."""
LIKE_BY_NAME = 0.15
"""From this cosine on they are, when rare names are shared too."""
NAMES = 3
"""So many rare names are shared, ..."""
LEADING_NAMES = 2
"""... and of these so many stand among the weightiest terms of both."""
MOST = 5
TERMS = 60
"""Terms kept of a story; the cosine of two stories differs by less than .01 from that of all."""
_MARK = "@"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a story is about: its weightiest terms, as a vector of length one, and its names."""

    lang: str
    terms: Mapping[str, float]
    names: frozenset[str] = frozenset()

    @classmethod
    def stored(cls, lang: str, kept: Mapping[str, float]) -> About:
        """What was kept of a story by :meth:`to_store`, or before names were kept."""
        return cls(
            lang=lang,
            terms={term: value for term, value in kept.items() if not term.startswith(_MARK)},
            names=frozenset(term[len(_MARK) :] for term in kept if term.startswith(_MARK)),
        )

    def to_store(self) -> dict[str, float]:
        """Terms and names as one mapping; a name has a mark that no term begins with."""
        return {**self.terms, **{_MARK + name: 1.0 for name in sorted(self.names)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two stories about the same matter, in no order of time."""

    one: str
    other: str
    likeness: float


def about(stories: Sequence[Story], articles: Mapping[str, Article]) -> dict[str, About]:
    """What each story is about, by the titles and leads of its articles.

    A story whose articles are not given, or say nothing, is left out.
    """
    found: dict[str, About] = {}
    by_language: dict[str, list[tuple[str, Article]]] = defaultdict(list)
    for story in stories:
        known = [articles[article] for article in story.articles if article in articles]
        lang = language(known[0].lang) if known else ""
        by_language[lang] += [(story.id, a) for a in known if language(a.lang) == lang]
    for lang, pairs in by_language.items():
        background = terms.background(lang)
        tokens = terms.tokenise([article for _, article in pairs], lang, background)
        weights = similarity.weigh(tokens, background, Method())
        told = similarity.term_vectors(
            [[*t, *b[:LEAD_WORDS]] for t, b in zip(tokens.title, tokens.body, strict=True)], weights
        )
        own: dict[str, list[Article]] = defaultdict(list)
        for ident, article in pairs:
            own[ident].append(article)
        ids = list(own)
        row = {ident: number for number, ident in enumerate(ids)}
        owner = np.array([row[ident] for ident, _ in pairs], np.int64)
        ones = np.ones(len(pairs), np.float32)
        shape = (len(ids), len(pairs))
        sums = sparse.csr_matrix((ones, (owner, np.arange(len(pairs)))), shape=shape) @ told
        for number, ident in enumerate(ids):
            begin, end = sums.indptr[number], sums.indptr[number + 1]
            value, column = sums.data[begin:end], sums.indices[begin:end]
            best = np.argsort(-value, kind="stable")[:TERMS]
            length = float(np.sqrt((value[best].astype(np.float64) ** 2).sum()))
            if length:
                found[ident] = About(
                    lang=lang,
                    terms={
                        tokens.names[c]: round(float(v) / length, 4)
                        for c, v in zip(column[best].tolist(), value[best].tolist(), strict=True)
                    },
                    names=names.names(own[ident], lang),
                )
    return found


def alike(fresh: Mapping[str, About], known: Mapping[str, About]) -> list[Alike]:
    """For each fresh story the likest of all, at most ``MOST`` with a cosine from ``LIKE`` on.

    From ``LIKE_BY_NAME`` on those too that share rare names. Stories of different languages are
    not compared. A pair of two fresh stories stands once.
    """
    everything = dict(known) | dict(fresh)
    pairs: dict[tuple[str, str], float] = {}
    for lang in sorted({one.lang for one in fresh.values()}):
        ids = [ident for ident, one in everything.items() if one.lang == lang]
        new = [number for number, ident in enumerate(ids) if ident in fresh]
        matrix = _matrix([everything[ident].terms for ident in ids])
        near = (matrix[new] @ matrix.T).tocsr()
        rare = names.rare((everything[ident].names for ident in ids), lang)
        for at, number in enumerate(new):
            begin, end = near.indptr[at], near.indptr[at + 1]
            others, value = near.indices[begin:end], near.data[begin:end]
            strong = (value >= LIKE) & (others != number)
            weak = (value >= LIKE_BY_NAME) & (value < LIKE) & (others != number)
            for place in np.flatnonzero(weak).tolist():
                other = everything[ids[int(others[place])]]
                strong[place] = _same_names(everything[ids[number]], other, rare)
            best = np.argsort(-value[strong], kind="stable")[:MOST]
            for place in best.tolist():
                one, two = ids[number], ids[int(others[strong][place])]
                pairs[min(one, two), max(one, two)] = round(float(value[strong][place]), 4)
    return [
        Alike(one=one, other=other, likeness=value) for (one, other), value in sorted(pairs.items())
    ]


def _same_names(one: About, other: About, rare: frozenset[str]) -> bool:
    """Whether two stories share enough rare names, some of them in title or lead of both."""
    shared = one.names & other.names & rare
    if len(shared) < NAMES:
        return False
    leading = shared.intersection(map(names.key, one.terms))
    return len(leading.intersection(map(names.key, other.terms))) >= LEADING_NAMES


def _matrix(vectors: Sequence[Mapping[str, float]]) -> sparse.csr_matrix:
    number: dict[str, int] = {}
    columns = [number.setdefault(term, len(number)) for vector in vectors for term in vector]
    values = [value for vector in vectors for value in vector.values()]
    ends = np.cumsum([0, *map(len, vectors)])
    shape = (len(vectors), max(len(number), 1))
    return sparse.csr_matrix((values, columns, ends), shape=shape)
