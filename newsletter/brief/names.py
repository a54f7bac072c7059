"""Names in text: capitalised sequences, told apart from words that merely open a sentence.

A word at the start of a sentence, or anywhere in a title written in capitals, is taken for a name
only when the sources never write it in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.brief import wording

_TOKEN = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+(?:['’][^\W_]+)*")
_INSIDE = frozenset(
    wording.word_list(
        """
    of de la le du del da di van von der den bin ibn al el the for
    """
    )
)
_CALENDAR = frozenset(
    wording.word_list(
        """
        january february march april may june july august september october november december
        monday tuesday wednesday thursday friday saturday sunday
        """
    )
)
_OPENS = re.compile(r"[.!?:;•|]['\")\]”’]*\s*[\"'(\[“‘]*\s*$|\n|[\"“‘(]\s*$")
_SHORT = frozenset(
    wording.word_list(
        """
    mr mrs ms dr sen rep gov gen lt col jr sr st rev sgt capt no
    """
    )
)
_SPELLED = re.compile(r"\w")
_BETWEEN = r"(?:'s?)?[^\w|]{1,3}"
_JOINS = re.compile(r"[ \-]|\. |\.| & ")


class Known:
    """The words of the sources: which names stand there, and which words in lower case."""

    def __init__(self, texts: Iterable[str]):
        self._text = " | ".join(texts).replace("’", "'")
        self._folded = self._text.lower()

    def lower(self, word: str) -> bool:
        """Whether the sources write a word in lower case."""
        if word not in self._text:
            return False
        return re.search(rf"(?<![\w.]){re.escape(word)}(?![\w])", self._text) is not None

    def has(self, name: str) -> bool:
        """Whether a name stands in the sources, whole or in its parts around "of" and the like."""
        if self._there(name):
            return True
        parts = [part for part in re.split(rf"\b(?:{'|'.join(_INSIDE)})\b", name) if part.strip()]
        return len(parts) > 1 and all(self._there(part.strip()) for part in parts)

    def _there(self, name: str) -> bool:
        words = name.lower().split()
        if any(word not in self._folded and "." not in self._folded for word in words):
            return False
        words[-1] = words[-1].removesuffix("s") if len(words[-1]) > 4 else words[-1]
        spelled = [
            _SPELLED.sub(r"\g<0>\\.?", word) if len(word) <= 3 else re.escape(word)
            for word in words
        ]
        return re.search(rf"(?<!\w){_BETWEEN.join(spelled)}s?(?!\w)", self._folded) is not None


def names(text: str, known: Known) -> list[str]:
    """The names in a text, each as its words joined by spaces."""
    text = text.replace("’", "'")
    titled = _in_capitals(text)
    found: list[str] = []
    run: list[str] = []
    held: list[str] = []
    last = 0
    previous = ""
    for match in _TOKEN.finditer(text):
        token, between = match.group(), text[last : match.start()]
        opens = not last or bool(_OPENS.search(between))
        if opens and between.strip() == "." and (len(previous) == 1 or previous.lower() in _SHORT):
            opens = False
        bare = _bare(token)
        name_like = _is_name(token, bare, known, excused=opens or titled)
        if run and (opens or not _JOINS.fullmatch(between)):
            _close(found, run)
            held.clear()
        if name_like:
            run += [*held, bare]
            held.clear()
            if token.endswith("'s") or text[match.end() : match.end() + 1] == "'":
                _close(found, run)
        elif run and bare in _INSIDE:
            held.append(bare)
        elif run:
            _close(found, run)
            held.clear()
        last, previous = match.end(), token
    _close(found, run)
    return found


def _is_name(token: str, bare: str, known: Known, *, excused: bool) -> bool:
    if not token[0].isupper() or bare in {"I", ""} or token.startswith("I'"):
        return False
    folded = bare.lower()
    if folded in _CALENDAR:
        return False
    return not (excused and (folded in wording.STOP or known.lower(folded)))


def _close(found: list[str], run: list[str]) -> None:
    if run and not (len(run) == 1 and (len(run[0]) == 1 or run[0].lower() in wording.STOP)):
        found.append(" ".join(run))
    run.clear()


def _bare(token: str) -> str:
    return re.sub(r"'s?$", "", token).replace(".", "")


def _in_capitals(text: str) -> bool:
    """Whether a line is written in title case, where a capital says nothing."""
    long = [word for word in wording.WORD.findall(text) if len(word) >= 4 and word[0].isalpha()]
    return len(long) >= 4 and sum(word[0].isupper() for word in long) >= 0.6 * len(long)
