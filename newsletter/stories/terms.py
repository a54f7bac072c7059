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

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_TAIL = re.compile(r"\s+[|–—·»-]\s+|\s*\|\s*")
_TYPOGRAPHY = [("’", "'"), ("‘", "'"), *((sign, " ") for sign in "“”—–…\u00a0•")]
_SPACES = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "'"}
# Scripts written without spaces: a run of characters becomes overlapping pairs.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{2,}"
)

_STOP_WORDS = {
    "en": """
        a about above according across after again against ago all almost along already also
        although always am amid among an and another any anyone anything are aren't around as ask
        asked at away back be became because become been before began behind being below between
        both but by call called came can can't cannot come could couldn't day did didn't do does
        doesn't doing don't down during each either else even ever every everyone everything few
        for from full further gave get give given go goes going gone good got had hadn't has hasn't
        have haven't having he he'd he'll he's her here here's hers herself him himself his how
        however i i'd i'll i'm i've if in including inside instead into is isn't it it's its itself
        just keep know known last late later least less let let's like likely made make making many
        may maybe me mean might more most mr mrs ms much must my myself near need never new next no
        nor not nothing now of off often old on once one only onto or other others our ours
        ourselves out outside over own part per put rather read really right said same saw say says
        see seen set several shall she she'd she'll she's should shouldn't since so some someone
        something soon still such take taken tell than that that's the their theirs them themselves
        then there there's these they they'd they'll they're they've thing think this those though
        three through throughout thus time to today together told too took toward towards two
        under until up upon us use used very via want was wasn't way we we'd we'll we're we've week
        well went were weren't what what's when where whether which while who who's whose why will
        with within without won't work would wouldn't year yes yesterday yet you you'd you'll you're
        you've your yours yourself
        monday tuesday wednesday thursday friday saturday sunday
        """,
    "de": """
        aber alle als am an auch auf aus bei bin bis da damit dann das dass dem den der des die dies
        diese dieser doch durch ein eine einem einen einer eines er es für gegen haben hat hatte ich
        ihr im in ist ja kann kein keine man mehr mit nach nicht noch nun nur ob oder ohne sehr sei
        sein sich sie sind so soll über um und uns unter vom von vor war was wegen weil wenn werden
        wie wird wir wurde zu zum zur
        """,
    "fr": """
        à au aux avec c'est ce ces cette ceux comme d'un d'une dans de depuis des deux dont du elle
        elles en entre est et été être eux il ils je la le les leur leurs lui mais même ne nous on
        ont ou où par pas plus pour qu'il que qui sa sans se ses si son sont sous sur ses tout tous
        un une vers vous y
        """,
    "es": """
        a al ante como con contra cual cuando de del desde donde dos el ella ellos en entre era es
        esa ese esta este esto están fue ha han hasta hay la las le les lo los más me mi muy no nos
        o para pero por porque que qué se según ser si sin sobre son su sus también tiene todo tras
        un una uno y ya
        """,
    "it": """
        a ad ai al alla alle anche che chi ci come con contro da dal dalla degli dei del della delle
        di dopo due e è era fra gli ha hanno i il in la le lo ma nel nella non o per perché più
        quando questa questo se si sono stato su sua suo sul sulla tra tutti un una uno
        """,
    "pt": """
        a ao aos as até com como da das de do dos e é ela ele em entre era essa esse esta está este
        foi há isso já mais mas na nas não no nos o os ou para pela pelo por porque quando que se
        sem ser seu sua são sobre também tem um uma
        """,
    "nl": """
        aan al als bij dan dat de deze die dit door een en er geen haar had heeft het hij hun ik in
        is kan maar meer met na naar niet nog of om ook op over te tot uit van voor was wat wel werd
        wie worden wordt ze zich zijn zo zou
        """,
}
# The title word of a kind of page, not of an event.
_PAGE_WORDS = "breaking exclusive gallery live liveblog photo podcast updates video watch"


@cache
def stop_words(lang: str) -> frozenset[str]:
    """Words of a language that say nothing about an event; empty for a language not known."""
    words = _STOP_WORDS.get(lang, "").split()
    if lang == "en":
        words += _PAGE_WORDS.split()
    return frozenset(words)


def language(tag: str) -> str:
    """The bare language of a tag: "en" for "en-GB", "EN" and "en_us"; "und" for none."""
    return re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0] or "und"


def normal(word: str, lang: str = "en") -> str:
    """One lower-case word as a term, or "" when it is to be ignored.

    Possessives and, in English, plural -s are cut; single characters and single digits are
    ignored, except in scripts where a character is a word.
    """
    stops = stop_words(lang)
    if word in stops:
        return ""
    word = word.replace("’", "'").strip("'")
    if word in stops:
        return ""
    word = word.removesuffix("'s")
    if lang == "en" and len(word) > 3 and word[-1] == "s" and word[-2] not in "su'i":
        word = word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    if (len(word) < 2 and word.isascii()) or word in stops:
        return ""
    return word


def split_words(text: str) -> list[str]:
    """The words of a lower-case text, in their order; runs of an unspaced script as pairs.

    Words may still have apostrophes at their ends; :func:`normal` takes them off.
    """
    if not text.isascii():
        for sign, plain in _TYPOGRAPHY:
            text = text.replace(sign, plain)
    # Nearly all English text is plain now, and then a table is four times as fast as a pattern.
    if text.isascii():
        return text.translate(_SPACES).split()
    if _UNSPACED.search(text):
        text = _UNSPACED.sub(_pairs, text)
    return _WORD.findall(text)


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


def _pairs(match: re.Match[str]) -> str:
    run = match.group()
    return " " + " ".join(run[i : i + 2] for i in range(len(run) - 1)) + " "


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
