"""Live: an arriving article is placed at once, without grouping the window again.

The window is grouped as a whole (:mod:`newsletter.stories.group`) before an issue is drafted;
between two such runs an article joins the story it fits best, or starts one, in a few
milliseconds. What is kept is kept in the stories themselves: an index made anew from the window's
articles and stories, after a restart, places the next article as the old one would have.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np

from newsletter import config
from newsletter.model import Article, Story
from newsletter.stories import terms
from newsletter.stories.identity import slug, story_id
from newsletter.stories.sections import section_of
from newsletter.stories.similarity import PRETEND_DOCUMENTS, Floats, Method
from newsletter.stories.terms import LEAD_WORDS
from newsletter.stories.window import DAY, age, compare, method_of
from newsletter.stories.words import language

NEAREST = 3
"""The members of a story that are asked; a big story is not diluted by its far members."""
FITS = 0.11
"""The mean corrected similarity to the nearest members from which an article is placed."""


class LiveGrouper:
    """Places arriving articles among the stories of a window.

    Holds an inverted index of the window's articles per language; placing costs what the postings
    of one article's words cost. Articles given twice, and copies, are answered from memory. It
    forgets nothing: make a new one when the window has been grouped again.
    """

    def __init__(
        self,
        articles: Sequence[Article],
        stories: Sequence[Story],
        *,
        settings: config.Stories,
    ) -> None:
        self._method = method_of(settings)
        self._stories = {story.id: story for story in stories}
        self._slugs = {story.slug for story in stories}
        self._story = {article: story.id for story in stories for article in story.articles}
        self._age = {article.id: age(article) for article in articles}
        self._index: dict[str, _Index] = {}
        by_language: dict[str, list[Article]] = {}
        for article in articles:
            by_language.setdefault(language(article.lang), []).append(article)
        for some in by_language.values():
            self._of(some[0]).fill(some)

    def place(self, article: Article) -> str | None:
        """The id of the story an article fits well, and remember it there; None where none fits."""
        known = self._story.get(article.id) or self._story.get(article.same_as)
        near = self._of(article).add(article)
        if known is None:
            known = self._best(near)
        if known is not None:
            self._story[article.id] = known
        return known

    def arrive(self, article: Article) -> Story:
        """Put an article into the story it fits, or into a new one; returns the story as it is now.

        An article that is placed already stays where it is. A late one joins the story of its own
        day, for what counts is when it was published.
        """
        known = self.place(article)
        if known is None or known not in self._stories:
            story = Story(
                id=known or story_id(article.title, article.id, self._stories),
                slug=slug(article.title, self._slugs),
                headline=article.title,
                articles=(),
                section=section_of([article]),
                first_seen=article.first_seen,
                updated=article.first_seen,
            )
            self._slugs.add(story.slug)
            self.put(article.id, story.id)
        else:
            story = self._stories[known]
        if article.id not in story.articles:
            self._age[article.id] = age(article)
            # Articles the index does not know are older than its window.
            inside = [one for one in (*story.articles, article.id) if one in self._age]
            before = [one for one in story.articles if one not in self._age]
            story = replace(
                story,
                articles=(*before, *sorted(inside, key=self._age.__getitem__)),
                first_seen=min(story.first_seen, article.first_seen),
                updated=max(story.updated, article.first_seen),
            )
        self._stories[story.id] = story
        return story

    def put(self, article: str, story: str) -> None:
        """Tell the story of an article already added: one that :meth:`place` found no story for."""
        self._story[article] = story

    def _of(self, article: Article) -> _Index:
        lang = language(article.lang)
        return self._index.setdefault(lang, _Index(lang, self._method))

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

    def __init__(self, lang: str, method: Method) -> None:
        self.lang = lang
        self.method = method
        self.background = terms.background(lang)
        self.ids: list[str] = []
        self.outlets: dict[str, int] = {}
        self.outlet = array("q")
        self.day = array("d")
        self.total = array("d")
        self.others = array("q")
        self.frequency: Counter[str] = Counter()
        # One flat array a feature: number of the article, value, number, value, ...
        self.postings: dict[object, array[float]] = {}

    def fill(self, articles: Sequence[Article]) -> None:
        """Index a whole window at once; the levels are taken from its comparison."""
        method = self.method
        window = compare(articles, method)
        names = window.tokens.names
        spoken = [
            ([names[n] for n in title], [names[n] for n in body])
            for title, body in zip(window.tokens.title, window.tokens.body, strict=True)
        ]
        for title, body in spoken:
            self.frequency.update({*title, *body})
        documents = len(spoken)
        for article, (title, body) in zip(window.articles, spoken, strict=True):
            stored, _ = self._features(title, body, documents)
            self._store(article, stored)
        day = np.array(self.day)
        near = method.reach_days + 1e-6
        others = np.searchsorted(day, day + near, "right") - np.searchsorted(day, day - near) - 1
        total = window.links.level * (others + method.level_weight)
        self.total.extend((total - method.level_weight * method.level_prior).tolist())
        self.others.extend(others.tolist())

    def add(self, article: Article) -> list[tuple[str, float]]:
        """Index an article; returns those near it with corrected similarity, nearest first."""
        tokens = terms.tokenise([article], self.lang, self.background)
        title = [tokens.names[number] for number in tokens.title[0]]
        body = [tokens.names[number] for number in tokens.body[0]]
        self.frequency.update({*title, *body})
        stored, asked = self._features(title, body, len(self.ids) + 1)
        outlet = self.outlets.setdefault(article.outlet, len(self.outlets))
        near = self._near(asked, outlet, article.published.timestamp() / DAY)
        self._store(article, stored)
        return near

    def _store(self, article: Article, features: Mapping[object, float]) -> None:
        number = len(self.ids)
        self.ids.append(article.id)
        self.outlet.append(self.outlets.setdefault(article.outlet, len(self.outlets)))
        self.day.append(article.published.timestamp() / DAY)
        for feature, value in features.items():
            self.postings.setdefault(feature, array("d")).extend((number, value))

    def _near(self, asked: dict[object, float], outlet: int, day: float) -> list[tuple[str, float]]:
        method = self.method
        count = len(self.ids)
        found = [(self.postings[f], value) for f, value in asked.items() if f in self.postings]
        raw: Floats = np.zeros(count)
        if found:
            # The views are gone with this expression; an array that is viewed cannot grow.
            both = np.concatenate([np.frombuffer(posting) for posting, _ in found])
            times = np.repeat([v for _, v in found], [len(posting) // 2 for posting, _ in found])
            weights = both[1::2] * times
            raw = np.bincount(both[::2].astype(np.int64), weights, count).astype(np.float64)
        raw[np.frombuffer(self.outlet, np.int64) == outlet] *= method.same_outlet
        apart = np.abs(np.frombuffer(self.day) - day)
        within = apart <= method.reach_days + 1e-6
        raw[~within] = 0.0
        total = np.append(np.frombuffer(self.total) + raw, raw.sum())
        others = np.append(np.frombuffer(self.others, np.int64) + within, within.sum())
        self.total = array("d", total.tobytes())
        self.others = array("q", others.astype(np.int64).tobytes())
        prior = method.level_weight * method.level_prior
        faded = raw * np.exp(-method.fading * apart)
        level = (total + prior) / (others + method.level_weight)
        corrected = faded - (level[:-1] + level[-1]) / 2
        strong = np.nonzero(raw >= method.floor)[0]
        order = strong[np.argsort(-corrected[strong], kind="stable")]
        return [(self.ids[at], float(corrected[at])) for at in order.tolist()]

    def _features(
        self, title: Sequence[str], body: Sequence[str], documents: int
    ) -> tuple[dict[object, float], dict[object, float]]:
        """What is stored of an article, and what is asked of the others."""
        method = self.method
        lead = body[:LEAD_WORDS]
        pairs = [*pairwise(title), *pairwise(lead)]
        half = (method.title_body / 2) ** 0.5
        of_title, of_body = self._weighted(title, documents), self._weighted(body, documents)
        stored: dict[object, float] = {}
        asked: dict[object, float] = {}
        for name, value in self._weighted([*title, *lead], documents).items():
            stored["lead", name] = asked["lead", name] = value * method.lead**0.5
        for name, value in of_title.items():
            stored["title", name] = asked["title", name] = value * method.title**0.5
            stored["named", name] = asked["told", name] = value * half
        for name, value in of_body.items():
            stored["told", name] = asked["named", name] = value * half
        counts = Counter(pairs)
        length = sum((1 + log(n)) ** 2 for n in counts.values()) ** 0.5
        for pair, n in counts.items():
            stored["pair", *pair] = asked["pair", *pair] = float(
                (1 + log(n)) / length * method.pairs**0.5
            )
        return stored, asked

    def _weighted(self, words: Sequence[str], documents: int) -> dict[str, float]:
        documents += max(self.background.documents, PRETEND_DOCUMENTS)
        known = self.background.frequency
        weights: dict[str, float] = {}
        for word, count in Counter(words).items():
            frequency = self.frequency[word] + known.get(word, 0)
            if frequency <= self.method.common * documents:
                weights[word] = float((1 + log(count)) * log(documents / max(frequency, 1)))
        length = sum(value * value for value in weights.values()) ** 0.5 or 1.0
        return {word: value / length for word, value in weights.items()}
