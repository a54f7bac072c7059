"""Words, terms and the small lists that every part of the brief reads text with.

A *word* is what a reader counts; a *term* is a content word in one form, used to compare texts.
The loaded-word list is ``loaded.txt`` beside this file: our own, one entry a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_TOKEN = re.compile(r"[^\W_]+")

QUOTE_OPEN = "“"
QUOTE_CLOSE = "”"
_DOUBLE = str.maketrans({"“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"'})
_PLAIN = _DOUBLE | str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "‐": "-", "‑": "-"}
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", "")
)
_SPECIAL = re.compile(f"[{''.join(map(chr, _PLAIN))}]")
_ELLIPSIS = re.compile(r"\s*(?:…|\.\s?\.\s?\.(?:\s?\.)?)\s*")
QUOTED = re.compile(r"“([^“”]+)”|«([^«»]+)»|(?<![\w\"])\"([^\"“”]+)\"(?!\w)")


def word_list(text: str) -> tuple[str, ...]:
    """The words of a text, for lists that read better as a paragraph than as a column."""
    return tuple(text.split())


def phrase_list(text: str) -> tuple[str, ...]:
    """Phrases separated by bars, spaces around them left out."""
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


STOP = frozenset(
    word_list(
        """
        a about above after again against all also am among amid an and any are as at be because
        been before being below between both but by can could did do does doing down during each
        few for from further had has have having he her here hers herself him himself his how
        however i if in into is it its itself just last like may me might more most much must my
        new no nor not now of off on once one only or other our out over own per said same say
        saying says she should since so some still such than that the their them themselves then
        there these they this those through to told too two under until up upon us very was we
        were what when where which while who whom whose why will with within without would year
        yet you your s t d ll re ve according mr mrs ms dr monday tuesday wednesday thursday
        friday saturday sunday
        """
    )
)


def words(text: str) -> int:
    """How many words a reader counts."""
    return len(WORD.findall(text))


class _Stems(dict[str, str]):
    """Lower-case token to its one form; empty for a word without content. Fills itself."""

    def __missing__(self, token: str) -> str:
        if token in STOP or (len(token) < 2 and not token.isdigit()):
            stem = ""
        elif len(token) > 4 and token.endswith("s") and not token.endswith(("ss", "us", "is")):
            stem = token[:-1]
        else:
            stem = token
        if len(self) > 200_000:  # a process that runs for years must not keep every typing error
            self.clear()
        self[token] = stem
        return stem


_STEMS = _Stems()


def terms(text: str) -> list[str]:
    """The content words of a text in order, repeated as often as they stand there."""
    stems = _STEMS
    return [stem for token in _TOKEN.findall(text.lower()) if (stem := stems[token])]


def _plain_sign(found: re.Match[str]) -> str:
    return _PLAIN[ord(found.group())] or ""


def plain(text: str) -> str:
    """One form for quotation marks, dashes inside words, spaces and ellipses; no word changes."""
    # A pattern that skips to the few special signs is several times faster than a translation.
    text = _SPECIAL.sub(_plain_sign, text)
    if "''" in text:
        text = text.replace("''", '"')
    if "…" in text or ".." in text or ". ." in text:
        text = _ELLIPSIS.sub(" ... ", text)
    return " ".join(text.split())


def quoted_strings(text: str) -> list[str]:
    """What stands inside double quotation marks."""
    return [next(g for g in m.groups() if g is not None) for m in QUOTED.finditer(text)]


def outside_quotes(text: str) -> str:
    """The text with everything in double quotation marks replaced by a bar."""
    return QUOTED.sub(" | ", text)


def in_quotes(text: str) -> str:
    """The text as a quotation: typographic marks outside, plain ones for any marks within.

    The inner marks stay double, because changing them to single ones would no longer be the
    outlet's own punctuation.
    """
    inner = " ".join(text.translate(_DOUBLE).split())
    return f"{QUOTE_OPEN}{inner}{QUOTE_CLOSE}"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The list of loaded words, once as a pattern and once for a quick first look."""

    pattern: re.Pattern[str]
    first_words: frozenset[str]
    beginnings: dict[str, tuple[str, ...]]
    plain: set[str] = field(default_factory=set)
    """Words that were looked at and begin no entry; fills itself."""

    def may_stand_in(self, text: str) -> bool:
        """Whether some word of a text begins an entry; the pattern then looks closely."""
        return not self.plain.issuperset(_TOKEN.findall(text.lower())) and any(
            self._begins(word) for word in _TOKEN.findall(text.lower())
        )

    def _begins(self, word: str) -> bool:
        if word in self.plain:
            return False
        if word in self.first_words or word.startswith(self.beginnings.get(word[:3], _NONE)):
            return True
        if len(self.plain) > 200_000:  # a process that runs for years must not keep every word
            self.plain.clear()
        self.plain.add(word)
        return False


_NONE = ("\n",)  # what no word begins with


@cache
def _loaded() -> _Loaded:
    lines = (resources.files("newsletter.brief") / "loaded.txt").read_text("utf-8").splitlines()
    entries = sorted(
        (line.strip().lower() for line in lines if line.strip() and not line.startswith("#")),
        key=lambda entry: (-len(entry), entry),
    )
    parts = [
        re.escape(entry[:-1]) + r"[\w'’]*" if entry.endswith("*") else re.escape(entry)
        for entry in entries
    ]
    beginnings: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if entry.endswith("*"):
            start = _TOKEN.findall(entry)[0]
            beginnings[start[:3]] = (*beginnings.get(start[:3], ()), start)
    return _Loaded(
        re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE),
        frozenset(_TOKEN.findall(entry)[0] for entry in entries),
        beginnings,
    )


def loaded_words(text: str) -> list[str]:
    """The words of judgement, heat or drama in a text, as they stand there."""
    listed = _loaded()
    if not listed.may_stand_in(text):
        return []
    return [match.group() for match in listed.pattern.finditer(text)]
