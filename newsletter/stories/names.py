"""Names: who and where a story is about, read off capital letters.

Words tell one event; over weeks the words of a storyline change and its people and places stay.
A run of capitalised words inside a sentence is one name, known by the word of it that the story
says most. The first six letters stand for the name, so that Ukraine and Ukrainian are one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from newsletter.stories.terms import Text, background
from newsletter.stories.words import normal, split_words

TOLD = 1 / 3
"""A name is the story's from this share of its articles on."""
COMMON = 0.125
"""A name in a larger share of stories, or of the background, ties nothing together."""
FEW_STORIES = 100
"""Stories assumed besides those given, so that in a small archive no name is common."""
_LETTERS = 6
_CHARACTERS = 1600
_TOKEN = re.compile(r"[^\W_][\w’'-]*|\S")
_IN_BRACKETS = re.compile(r"\(([^\W\d_]{2,8})\)")
_BREAKS = frozenset('.!?:"“”—–(•|')
_NO_NAMES = frozenset(
    word
    for words in (
        "january february march april june july august september october november december",
        "jan feb mar apr jun jul aug sep sept oct nov dec gov rep sen dr act gop dem democrat",
        "republican representative senator governor president secretary commission committee",
        "house senate congress capitol bureau",
    )
    for word in words.split()
)
"""Capitalised words that name a month, an office or a body found everywhere."""


def key(word: str) -> str:
    """What stands for a name: its first letters."""
    return word[:_LETTERS]


def names(articles: Sequence[Text], lang: str) -> frozenset[str]:
    """The names of a story, as keys; none in languages without a background.

    Only the openings of the texts are read, for titles capitalise every word.
    """
    known = background(lang)
    if not known.documents:
        return frozenset()
    openings = [article.words[:_CHARACTERS] for article in articles]
    told = [_runs(opening, lang) for opening in openings]
    capital = Counter(word for runs, _ in told for run, _ in runs for word in set(run))
    plain: Counter[str] = Counter()
    for token, times in Counter(token for _, small in told for token in small).items():
        for term in _terms(token, lang):
            plain[term] += times
    named = {word for word, n in capital.items() if n > plain[word] and _may_name(word)}
    # "The Office for Rivers and Harbours (ORH)" is one name, not three.
    beside = {
        term
        for opening in openings
        for match in _IN_BRACKETS.findall(opening)
        if (term := normal(match.lower(), lang))
    }
    found: list[set[str]] = []
    for runs, _ in told:
        found.append(set())
        for run, joined in runs:
            fit = [word for word in run if word in named]
            if fit:
                # Of "Mara Holt" the later word, unless the story says the other more.
                best = max(enumerate(fit), key=lambda one: (capital[one[1]], one[0]))[1]
                found[-1].add(best)
                if joined:
                    beside.update(word for word in fit if word != best)
    count = Counter(name for some in found for name in set(map(key, some - beside)))
    return frozenset(name for name, n in count.items() if n >= TOLD * len(articles))


def rare(stories: Iterable[Iterable[str]], lang: str) -> frozenset[str]:
    """The names that are rare both among these stories and in the language."""
    count: Counter[str] = Counter()
    number = 0
    for number, found in enumerate(stories, start=1):  # noqa: B007 - the last number is used
        count.update(found)
    usual = _background(lang)
    most = COMMON * (number + FEW_STORIES)
    return frozenset(
        name for name, n in count.items() if n <= most and usual.get(name, 0.0) <= COMMON
    )


@cache
def _background(lang: str) -> Mapping[str, float]:
    """In what share of the background the most frequent word behind a key stands."""
    known = background(lang)
    shares: dict[str, float] = defaultdict(float)
    for word, count in known.frequency.items():
        shares[key(word)] = max(shares[key(word)], count / known.documents)
    return shares


def _may_name(word: str) -> bool:
    return word not in _NO_NAMES and not word.isdigit()


def _runs(text: str, lang: str) -> tuple[list[tuple[list[str], bool]], list[str]]:
    """Runs of capitalised words that do not begin a sentence, and the words written small.

    With each run goes whether "of" or "for" stood in it: then all its words are one body.
    """
    runs: list[tuple[list[str], bool]] = []
    small: list[str] = []
    run: list[str] = []
    begins, joined = True, False
    for token in _TOKEN.findall(text):
        if not token[0].isalnum():
            if run:
                runs.append((run, joined))
                run, joined = [], False
            begins = begins or token in _BREAKS
            continue
        if token[0].isupper() and not begins:
            run += _terms(token, lang)
        elif run and (token in ("of", "for") or (joined and token in ("and", "the"))):
            joined = True
        else:
            if run:
                runs.append((run, joined))
                run, joined = [], False
            if token[0].islower():
                small.append(token)
        begins = False
    if run:
        runs.append((run, joined))
    return runs, small


@lru_cache(maxsize=1 << 16)
def _terms(token: str, lang: str) -> tuple[str, ...]:
    """The terms of one written word; the same words come back all day."""
    return tuple(term for word in split_words(token.lower()) if (term := normal(word, lang)))
