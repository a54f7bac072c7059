"""Live: where one arriving article probably belongs, before the window is grouped again.

The digest regroups its whole window (:mod:`newsletter.stories.group`); between two digests the
desk wants to see at once what a new article is about. A placement here is a view, not a decision:
the next grouping does not build on it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from newsletter import config
from newsletter.model import Article, Story
from newsletter.stories import terms
from newsletter.stories.group import DAY, method_of
from newsletter.stories.similarity import Floats, Ints, Method
from newsletter.stories.terms import LEAD_WORDS

NEAREST = 3
"""The members of a story that are asked; a big story is not diluted by its far members."""
FITS = 0.12
"""The mean corrected similarity to the nearest members from which an article is placed."""


class LiveGrouper:
    """Places arriving articles among the stories of a window.

    Holds an inverted index of the window's articles per language; placing costs what the postings
    of one article's words cost. Articles given twice, and copies, are answered from memory.
    """

    def __init__(
        self,
        articles: Sequence[Article],
        stories: Sequence[Story],
        *,
        settings: config.Stories,
    ) -> None:
        self._method = method_of(settings)
        self._story = {article: story.id for story in stories for article in story.articles}
        self._index: dict[str, _Index] = {}
        for article in sorted(articles, key=lambda a: (a.published, a.id)):
            self._of(article).add(article, self._method)

    def place(self, article: Article) -> str | None:
        """The id of the story an article fits well, and remember it there; None where none fits."""
        known = self._story.get(article.id) or self._story.get(article.same_as)
        near = self._of(article).add(article, self._method)
        if known is None:
            known = self._best(near)
        if known is not None:
            self._story[article.id] = known
        return known

    def put(self, article: str, story: str) -> None:
        """Tell the story of an article already added: one that :meth:`place` found no story for."""
        self._story[article] = story

    def _of(self, article: Article) -> _Index:
        lang = terms.language(article.lang)
        return self._index.setdefault(lang, _Index(lang))

    def _best(self, near: Sequence[tuple[str, float]]) -> str | None:
        values: dict[str, list[float]] = {}
        for article, value in near:
            story = self._story.get(article)
            if story is not None and len(values.setdefault(story, [])) < NEAREST:
                values[story].append(value)
        fits = {story: sum(some) / len(some) for story, some in values.items()}
        if not fits:
            return None
        best = min(fits, key=lambda story: (-fits[story], story))
        return best if fits[best] >= FITS else None


class _Index:
    """The articles of one language by their features; a feature is a word in one of four roles."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.background = terms.background(lang)
        self.ids: list[str] = []
        self.outlets: dict[str, int] = {}
        self.outlet = array("q")
        self.day = array("d")
        self.total = array("d")
        self.others = array("q")
        self.frequency: Counter[str] = Counter()
        self.postings: dict[object, tuple[array[int], array[float]]] = {}

    def add(self, article: Article, method: Method) -> list[tuple[str, float]]:
        """Index an article; returns those near it with corrected similarity, nearest first."""
        stored, asked = self._features(article, method)
        outlet = self.outlets.setdefault(article.outlet, len(self.outlets))
        day = article.published.timestamp() / DAY
        near = self._near(asked, outlet, day, method)
        number = len(self.ids)
        self.ids.append(article.id)
        self.outlet.append(outlet)
        self.day.append(day)
        for feature, value in stored.items():
            rows, values = self.postings.setdefault(feature, (array("q"), array("d")))
            rows.append(number)
            values.append(value)
        return near

    def _near(
        self, asked: dict[object, float], outlet: int, day: float, method: Method
    ) -> list[tuple[str, float]]:
        rows: list[Ints] = []
        values: list[Floats] = []
        for feature, value in asked.items():
            found = self.postings.get(feature)
            if found:
                rows.append(np.array(found[0]))
                values.append(np.array(found[1]) * value)
        count = len(self.ids)
        raw: Floats = np.zeros(count)
        if rows:
            weights = np.concatenate(values)
            raw = np.bincount(np.concatenate(rows), weights, count).astype(np.float64)
        raw[np.array(self.outlet) == outlet] *= method.same_outlet
        within = np.abs(np.array(self.day) - day) <= method.reach_days + 1e-6
        raw[~within] = 0.0
        total = np.append(np.array(self.total) + raw, raw.sum())
        others = np.append(np.array(self.others) + within, within.sum())
        self.total = array("d", total.tolist())
        self.others = array("q", others.tolist())
        prior = method.level_weight * method.level_prior
        faded = raw * np.exp(-method.fading * np.abs(np.array(self.day) - day))
        level = (total + prior) / (others + method.level_weight)
        corrected = faded - (level[:-1] + level[-1]) / 2
        strong = np.nonzero(raw >= method.floor)[0]
        order = strong[np.argsort(-corrected[strong], kind="stable")]
        return [(self.ids[at], float(corrected[at])) for at in order.tolist()]

    def _features(
        self, article: Article, method: Method
    ) -> tuple[dict[object, float], dict[object, float]]:
        """What is stored of an article, and what is asked of the others."""
        tokens = terms.tokenise([article], self.lang, self.background)
        names = tokens.names
        title = [names[number] for number in tokens.title[0]]
        body = [names[number] for number in tokens.body[0]]
        self.frequency.update({*title, *body})
        lead = body[:LEAD_WORDS]
        pairs = [*pairwise(title), *pairwise(lead)]
        half = (method.title_body / 2) ** 0.5
        of_title, of_body = self._weighted(title, method), self._weighted(body, method)
        stored: dict[object, float] = {}
        asked: dict[object, float] = {}
        for name, value in self._weighted([*title, *lead], method).items():
            stored["lead", name] = asked["lead", name] = value * method.lead**0.5
        for name, value in of_title.items():
            stored["title", name] = asked["title", name] = value * method.title**0.5
            stored["named", name] = asked["told", name] = value * half
        for name, value in of_body.items():
            stored["told", name] = asked["named", name] = value * half
        counts = Counter(pairs)
        length = sum((1 + np.log(n)) ** 2 for n in counts.values()) ** 0.5
        for pair, n in counts.items():
            stored[pair] = asked[pair] = float((1 + np.log(n)) / length * method.pairs**0.5)
        return stored, asked

    def _weighted(self, words: Sequence[str], method: Method) -> dict[str, float]:
        documents = len(self.ids) + 1 + max(self.background.documents, 1000)
        known = self.background.frequency
        weights: dict[str, float] = {}
        for word, count in Counter(words).items():
            frequency = self.frequency[word] + known.get(word, 0)
            if frequency <= method.common * documents:
                weights[word] = float((1 + np.log(count)) * np.log(documents / max(frequency, 1)))
        length = sum(value * value for value in weights.values()) ** 0.5 or 1.0
        return {word: value / length for word, value in weights.items()}
