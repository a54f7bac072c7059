"""What the articles of a story say: read once, asked often, by every gate.

Gates and writers share one object, so that they can never disagree about what a source holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from newsletter.brief import figures, names, wording
from newsletter.model import Article, Outlet

COPY_LIMIT = 25
"""Words of a source that may stand in a row outside quotation marks."""
_EDGE = " \t.,;:!?\"'-–—"
_DESK = re.compile(r"\s*\([^()]*\)$")


class Sources:
    """What the articles of a story say, read once and asked often."""

    def __init__(self, articles: Sequence[Article], outlets: Mapping[str, Outlet]):
        self.articles = {article.id: article for article in articles}
        self.outlets = outlets
        self._plain: dict[str, str] = {}
        self._figures: dict[str, frozenset[figures.Key]] = {}
        self._names: dict[tuple[str, ...], names.Known] = {}
        self._shingles: dict[str, set[int]] = {}

    def outlet_name(self, article: Article) -> str:
        """The name of an article's outlet, its id where it is unknown."""
        outlet = self.outlets.get(article.outlet)
        return outlet.name if outlet else article.outlet

    def names_of(self, cited: Iterable[str]) -> set[str]:
        """The names of the cited outlets, with and without a desk such as "(News)" behind them."""
        full = {self.outlet_name(self.articles[i]) for i in cited}
        return full | {_DESK.sub("", name) for name in full}

    def plain(self, article_id: str) -> str:
        """Title and text with one kind of quotation mark and space."""
        if article_id not in self._plain:
            article = self.articles[article_id]
            self._plain[article_id] = (
                f"{wording.plain(article.title)} \n {wording.plain(article.words)}"
            )
        return self._plain[article_id]

    def says(self, article_id: str, quote: str) -> bool:
        """Whether an article holds a quotation word for word."""
        return self.says_exactly(article_id, quote) or stands_in(quote, self.plain(article_id))

    def says_exactly(self, article_id: str, quote: str) -> bool:
        """Whether a quotation stands in an article's text letter for letter."""
        words = self.articles[article_id].words
        at = words.find(quote)
        return at >= 0 and bool(quote) and _whole(words, at, quote)

    def backs(self, cited: Iterable[str], readings: tuple[figures.Key, ...]) -> bool:
        """Whether a number, in any of its readings, is in one of the cited articles."""
        return any(self.known_figures((i,)).intersection(readings) for i in cited)

    def known_figures(self, cited: Iterable[str]) -> frozenset[figures.Key]:
        """All numbers of the cited articles."""
        found: set[figures.Key] = set()
        for article_id in cited:
            if article_id not in self._figures:
                article = self.articles[article_id]
                texts = (article.title, article.words, self.outlet_name(article))
                self._figures[article_id] = figures.known(texts, article.published)
            found |= self._figures[article_id]
        return frozenset(found)

    def known_names(self, cited: Iterable[str]) -> names.Known:
        """All words of the cited articles and the names of their outlets."""
        key = tuple(sorted(set(cited)))
        if key not in self._names:
            texts: list[str] = []
            for article_id in key:
                article = self.articles[article_id]
                texts += [article.title, article.words, self.outlet_name(article)]
            self._names[key] = names.Known(texts)
        return self._names[key]

    def longest_copy(self, text: str) -> int:
        """The longest run of words outside quotation marks that stands in some article, if long.

        Runs up to the limit are reported as 0: they are of no interest.
        """
        size = COPY_LIMIT + 1
        for piece in wording.outside_quotes(text).split(" | "):
            tokens = _simple(piece)
            if len(tokens) < size:
                continue
            runs = {hash(tuple(tokens[i : i + size])) for i in range(len(tokens) - size + 1)}
            for article_id in self.articles:
                if runs & self._runs(article_id):
                    return size
        return 0

    def _runs(self, article_id: str) -> set[int]:
        if article_id not in self._shingles:
            article = self.articles[article_id]
            tokens = _simple(f"{article.title} . {article.words}")
            size = COPY_LIMIT + 1
            self._shingles[article_id] = {
                hash(tuple(tokens[i : i + size])) for i in range(len(tokens) - size + 1)
            }
        return self._shingles[article_id]


def stands_in(quote: str, text: str) -> bool:
    """Whether a quotation stands word for word in a plain text.

    The first letter may differ in case; the parts around an ellipsis must follow each other. The
    quotation may not begin or end inside a word.
    """
    wanted = wording.plain(quote)
    while wanted.startswith("... ") or wanted.endswith(" ..."):
        wanted = wanted[4:] if wanted.startswith("... ") else wanted[:-4]
    wanted = wanted.strip(_EDGE)
    if not wanted:
        return False
    if _at(text, wanted, 0) >= 0:
        return True
    parts = [part.strip(_EDGE) for part in wanted.split(" ... ")]
    if len(parts) < 2 or any(wording.words(part) < 2 for part in parts):
        return False
    start = 0
    for part in parts:
        at = _at(text, part, start)
        if at < 0:
            return False
        start = at + len(part)
    return True


def _at(text: str, wanted: str, start: int) -> int:
    for form in (wanted, wanted[:1].swapcase() + wanted[1:]):
        at = text.find(form, start)
        while at >= 0:
            if _whole(text, at, form):
                return at
            at = text.find(form, at + 1)
    return -1


def _whole(text: str, at: int, form: str) -> bool:
    """Whether a place in a text begins and ends at the edge of a word."""
    end = at + len(form)
    inside_before = at > 0 and text[at - 1].isalnum() and form[0].isalnum()
    inside_after = end < len(text) and text[end].isalnum() and form[-1].isalnum()
    return not inside_before and not inside_after


def place_of(quote: str, text: str) -> int:
    """Where a quotation begins in a plain text, -1 when it does not stand there in one piece."""
    return _at(text, wording.plain(quote).strip(_EDGE), 0)


def _simple(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
