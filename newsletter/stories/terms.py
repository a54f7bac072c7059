"""Terms: what an article is about, as words and their weights.

Text becomes terms in four steps: lower case, possessive and plural -s cut, stop words out, numbers
of two digits or more kept. Furniture (a sentence an outlet prints under everything, the site's
name behind every title) is taken out first, or it would tie an outlet's articles together.

A term weighs ``(1 + ln count) * ln(N / df)``. ``N`` and ``df`` count documents of the window plus a
background of older articles: without it a quiet window takes the words of its one big story for
common words. The background that ships (``background.tsv``) holds counts only, no text; how it was
made and how to rebuild it from any archive is told in docs/grouping.md and done by
:func:`count_background`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

from newsletter.stories.words import normal, split_words

LEAD_WORDS = 60
"""Words of the body that count as its lead: where an agency report says what happened."""
BODY_WORDS = 150
"""Words of the body that are read at all; with 250 nothing was gained but time."""
_BODY_CHARACTERS = 1600
"""Characters cut from a text before it is split, so that a very long one costs no more."""
FURNITURE_ARTICLES = 3
"""A sentence in so many articles of one outlet is furniture."""
_FURNITURE_CHARACTERS = 12
"""Shorter sentences ("He won") are said by chance; counting them would cut words out of texts."""
BACKGROUND_FLOOR = 5
"""Words in fewer background documents are left out: a rare word says nothing of a language."""

_STRANGE_SHARE = 0.25
"""From this share of unknown words on a title is taken to be in another language than its text."""

_TAIL = re.compile(r"\s+[|–—·»-]\s+|\s*\|\s*")


class _Terms(dict[str, int]):
    """Numbers of terms by the raw word; a word is normalised once, at its first sight."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.names: list[str] = []
        self._number: dict[str, int] = {}

    def __missing__(self, word: str) -> int:
        term = normal(word, self.lang)
        if not term:
            number = -1
        else:
            number = self._number.setdefault(term, len(self.names))
            if number == len(self.names):
                self.names.append(term)
        self[word] = number
        return number

    def numbers(self, text: str) -> list[int]:
        """The terms of a text in their order."""
        return [n for n in map(self.__getitem__, split_words(text.lower())) if n >= 0]


class Text(Protocol):
    """What is read of an article."""

    @property
    def outlet(self) -> str: ...  # noqa: D102 - the fields of newsletter.model.Article
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def words(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The terms of some articles of one language, by number.

    ``title`` and ``body`` hold one list of term numbers per article, in reading order; ``names``
    tells the term behind a number.
    """

    lang: str
    names: Sequence[str]
    title: Sequence[Sequence[int]]
    body: Sequence[Sequence[int]]


def tokenise(articles: Sequence[Text], lang: str = "en", known: Background | None = None) -> Tokens:
    """The terms of articles of one language, without stop words and furniture.

    :param known: words of the language. Where a quarter of a title's words or more stand neither
        there nor in the article's own text, those words are dropped: such a title is in another
        language than its text, and would tie articles together by their language.
    """
    terms = _Terms(lang)
    titles = _titles(articles)
    bodies = _bodies(articles)
    title = [terms.numbers(text) for text in titles]
    body = [terms.numbers(text)[:BODY_WORDS] for text in bodies]
    if known is not None and known.documents:
        frequency = known.frequency
        familiar = [name in frequency for name in terms.names]
        title = [_understood(*both, familiar) for both in zip(title, body, strict=True)]
    return Tokens(lang=lang, names=terms.names, title=title, body=body)


def _understood(title: list[int], body: list[int], familiar: Sequence[bool]) -> list[int]:
    """A title without words of another language, where it has many."""
    strange = [number for number in title if not familiar[number]]
    if not body or len(strange) < _STRANGE_SHARE * len(title):
        return title
    said = set(body)
    strange = [number for number in strange if number not in said]
    if len(strange) < _STRANGE_SHARE * len(title):
        return title
    dropped = set(strange)
    return [number for number in title if number not in dropped]


def _titles(articles: Sequence[Text]) -> list[str]:
    """Titles without the tails ("… | The Post") that an outlet puts behind many of them."""
    parts = [_TAIL.split(article.title) for article in articles]
    seen = Counter(
        (article.outlet, split[-1])
        for article, split in zip(articles, parts, strict=True)
        if len(split) > 1
    )
    return [
        article.title.removesuffix(split[-1])
        if len(split) > 1 and seen[article.outlet, split[-1]] >= FURNITURE_ARTICLES
        else article.title
        for article, split in zip(articles, parts, strict=True)
    ]


def _bodies(articles: Sequence[Text]) -> list[str]:
    """The openings of the bodies without sentences that an outlet prints under everything.

    A text that would lose more than half is kept whole: an outlet that runs three versions of one
    report repeats itself, and that is no furniture.
    """
    split = [_sentences(article.words) for article in articles]
    seen = Counter(
        (article.outlet, sentence)
        for article, sentences in zip(articles, split, strict=True)
        for sentence in set(sentences)
        if len(sentence) >= _FURNITURE_CHARACTERS
    )
    furniture = {key for key, count in seen.items() if count >= FURNITURE_ARTICLES}
    bodies = []
    for article, sentences in zip(articles, split, strict=True):
        kept = [s for s in sentences if (article.outlet, s) not in furniture]
        bodies.append(" ".join(kept if 2 * len(kept) >= len(sentences) else sentences))
    return bodies


def _sentences(text: str) -> list[str]:
    """The opening of a text in rough sentences: cheap, since only their sameness counts."""
    opening = text[:_BODY_CHARACTERS]
    for stop in ("\n", "! ", "? ", ".” "):
        opening = opening.replace(stop, ". ")
    return opening.split(". ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """How many of ``documents`` older articles hold each word. Counts, never text."""

    documents: int = 0
    frequency: Mapping[str, int]


NO_BACKGROUND = Background(frequency={})


@cache
def background(lang: str = "en") -> Background:
    """The background that ships for a language; an empty one where none does."""
    if lang != "en":
        return NO_BACKGROUND
    lines = (
        (resources.files("newsletter.stories") / "background.tsv").read_text("utf-8").split("\n")
    )
    documents = int(lines[0].removeprefix("# documents "))
    pairs = (line.split("\t") for line in lines[1:] if line)
    return Background(documents=documents, frequency={word: int(count) for word, count in pairs})


def count_background(articles: Iterable[Text], lang: str = "en") -> Background:
    """Count in how many articles each word stands; words under the floor are left out."""
    tokens = tokenise(list(articles), lang)
    counts: Counter[int] = Counter()
    for title, body in zip(tokens.title, tokens.body, strict=True):
        counts.update({*title, *body})
    frequency = {
        tokens.names[number]: count for number, count in counts.items() if count >= BACKGROUND_FLOOR
    }
    return Background(documents=len(tokens.title), frequency=dict(sorted(frequency.items())))


def write_background(counted: Background) -> str:
    """A background as the text of ``background.tsv``."""
    lines = [f"# documents {counted.documents}"]
    lines += [f"{word}\t{count}" for word, count in sorted(counted.frequency.items())]
    return "\n".join(lines) + "\n"
