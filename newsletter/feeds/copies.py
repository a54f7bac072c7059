"""Find the same text twice: agency copy that many outlets print is one voice, not many."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

from newsletter.model import Article

SHINGLE = 4
"""Words in a row that count as one mark of a text."""
HEAD_WORDS = 300
"""The beginning of a text that is looked at; outlets cut agency copy from its end."""
FEWEST_WORDS = 18
"""Shorter texts are copies only when title and text are the same."""
SHARE = 0.7
"""How much of the shorter text's marks the longer must hold."""
CROWDED = 24
"""Marks that so many originals share are boilerplate and are no longer followed."""

_WORD = re.compile(r"[^\W_]+")


def find_copies(new: Sequence[Article], window: Sequence[Article]) -> dict[str, str]:
    """Which of the new articles are near-identical copies, and of which article.

    :param window: articles that were there before; those that are copies themselves stand for
        their original.

    Answers the copy's id and the id of the first original (the earliest published among the new,
    and anything of the window before those). A text counts as a copy when seven tenths of its
    word sequences stand in the other; an excerpt is a copy of its full text. Time grows with the
    number of articles, since each is compared only with originals it shares sequences with, and
    sequences that everybody shares are dropped.
    """
    originals = _Originals()
    for article in window:
        originals.add(article, article.same_as or article.id)
    copies: dict[str, str] = {}
    for article in sorted(new, key=lambda one: (one.published, one.first_seen, one.id)):
        found = originals.find(article)
        if found is None:
            originals.add(article, article.id)
        elif found != article.id:
            copies[article.id] = found
    return copies


class _Originals:
    def __init__(self) -> None:
        self._by_mark: dict[int, list[int]] = {}
        self._by_words: dict[str, str] = {}
        self._ids: list[str] = []
        self._sizes: list[int] = []
        self._roots: set[str] = set()

    def add(self, article: Article, root: str) -> None:
        if root in self._roots:
            return
        self._roots.add(root)
        words = _words(article)
        if len(words) < FEWEST_WORDS:
            self._by_words.setdefault(_exact(article, words), root)
            return
        place = len(self._ids)
        marks = _marks(words)
        self._ids.append(root)
        self._sizes.append(len(marks))
        for mark in marks:
            places = self._by_mark.setdefault(mark, [])
            if len(places) < CROWDED:
                places.append(place)

    def find(self, article: Article) -> str | None:
        words = _words(article)
        if len(words) < FEWEST_WORDS:
            return self._by_words.get(_exact(article, words))
        marks = _marks(words)
        shared: Counter[int] = Counter()
        for mark in marks:
            places = self._by_mark.get(mark)
            if places and len(places) < CROWDED:
                shared.update(places)
        if not shared:
            return None
        place, count = min(shared.items(), key=lambda one: (-one[1], one[0]))
        enough = SHARE * min(len(marks), self._sizes[place])
        return self._ids[place] if count >= enough else None


def _words(article: Article) -> list[str]:
    return _WORD.findall(article.words[: HEAD_WORDS * 8].lower())[:HEAD_WORDS]


def _marks(words: Sequence[str]) -> set[int]:
    # crc32 and not hash(): the result must be the same in every process.
    return {
        zlib.crc32(" ".join(words[place : place + SHINGLE]).encode())
        for place in range(len(words) - SHINGLE + 1)
    }


def _exact(article: Article, words: Iterable[str]) -> str:
    """The whole of a short article; an empty text is nobody's copy unless the titles are long."""
    title = _WORD.findall(article.title.lower())
    body = " ".join(words)
    return f"{' '.join(title)}\n{body}" if body or len(title) > 5 else article.id
