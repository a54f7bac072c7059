"""Where sentences begin and end in news text.

Rules, not a model: a stop ends a sentence unless it belongs to an abbreviation, an initial, a
number, an address, or stands inside an open quotation. Line ends always end a sentence, because
in cleaned article text a line is a paragraph. Offsets are into the text as given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.brief import wording

_TITLES = wording.word_list(
    """
    mr mrs ms mx dr prof sen sens rep reps gov govs gen lt col maj capt cmdr sgt cpl pvt adm
    brig pres vp supt det insp rev fr hon amb atty st ste mt ft messrs mme mlle sr jr esq dep
    asst assoc
    """
)
_OTHER = wording.word_list(
    """
    no nos vs v etc eg ie al cf inc corp co ltd llc bros dept univ assn ave blvd rd hwy jan feb
    mar apr jun jul aug sept sep oct nov dec mon tue tues wed thu thur thurs fri sat sun ala
    ariz ark calif colo conn del fla ga ill ind kan ky la md mass mich minn miss mo mont neb nev
    okla ore pa tenn tex va vt wash wis wyo ap approx est min max fig vol pp op ed eds ret resp
    """
)
_NEVER_ENDS = frozenset(_TITLES)
_RARELY_ENDS = frozenset(_OTHER)
# After "U.S." or "a.m." a new sentence is assumed only before a word that commonly opens one.
_OPENERS = frozenset(
    wording.word_list(
        """
        the a an in on at it he she they we i but and this that these those there as after
        before when while if for with his her their its our since however meanwhile also both
        some many most what who why how by from during under last next one two another no not so
        then to
        """
    )
)

_MARK = re.compile(r"[“”\"]|[.!?…]+[)\]’'”\"»]*(?=\s|$|[“\"'‘(]?[A-Z])")
_NEXT = re.compile(r"\s*[“\"'‘(\[]*([^\s\W]+)")
_LAST_TOKEN = re.compile(r"[\w.&@/-]*$")
_SPACE = re.compile(r"\s+")
_LINE = re.compile(r"[^\n\r\u2028\u2029]+")
_LONG_QUOTE = 600  # characters: a quotation open for longer than this was never closed


def split(text: str) -> Iterator[tuple[int, int]]:
    """Sentences of a text as (start, end) offsets, without space at either end.

    A line without any closing mark comes back as one piece; whether it is a sentence is for the
    reader of this function to judge.
    """
    for line in _LINE.finditer(text):
        yield from _split_line(text, line.start(), line.end())


def _split_line(text: str, start: int, end: int) -> list[tuple[int, int]]:
    balanced = _balanced(text, start, end)
    found: list[tuple[int, int]] = []
    begin, opened = start, -1
    for mark in _MARK.finditer(text, start, end):
        sign = mark.group()
        if sign in {"“", "”", '"'}:
            opened = _toggled(sign, opened, mark.start())
            continue
        closes = '"' in sign or "”" in sign
        if balanced and opened >= 0 and not closes and mark.start() - opened < _LONG_QUOTE:
            continue
        if closes:
            opened = -1
        if _ends(text, mark, begin, end):
            _add(found, text, begin, mark.end())
            begin = mark.end()
    _add(found, text, begin, end)
    return found


def _balanced(text: str, start: int, end: int) -> bool:
    """Whether the quotation marks of a line can be trusted to say what is inside them."""
    return text.count('"', start, end) % 2 == 0 and text.count("“", start, end) == text.count(
        "”", start, end
    )


def _toggled(sign: str, opened: int, at: int) -> int:
    if sign == "“":
        return at
    if sign == "”":
        return -1
    return -1 if opened >= 0 else at


def _ends(text: str, mark: re.Match[str], begin: int, end: int) -> bool:
    """Whether a mark such as ``.`` or ``?”`` ends the sentence it stands in."""
    after = _NEXT.match(text, mark.end(), end)
    if after is None:
        return True
    following = after.group(1)
    before_match = _LAST_TOKEN.search(text[begin : mark.start()])
    before = before_match.group() if before_match else ""
    if not text[mark.end()].isspace():
        return _glued_end(before, following)
    if not (following[0].isupper() or following[0].isdigit()):
        return False
    if not mark.group().startswith(".") or mark.group().startswith(".."):
        return True
    return _stop_ends(before, following)


def _stop_ends(before: str, following: str) -> bool:
    """Whether a full stop between two tokens ends a sentence or an abbreviation."""
    bare = before.rpartition("-")[2].strip(".").lower()
    if bare in _NEVER_ENDS or (bare == "no" and following[0].isdigit()):
        return False
    if "." in before or (bare in _RARELY_ENDS and before[:1].isupper()):
        return following.lower() in _OPENERS
    initial = len(bare) == 1 and bare.isalpha() and before[-1:].isupper()
    return not initial


def _glued_end(before: str, following: str) -> bool:
    """A stop with no space after it ends a sentence only between plain words: "said.He"."""
    return (
        len(before) > 2
        and before.isalpha()
        and before[-1].islower()
        and following[0].isupper()
        and (len(following) == 1 or following[1:2].islower() or following[1:2] == "'")
    )


def _add(found: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        lead = len(piece) - len(piece.lstrip())
        found.append((start + lead, start + lead + len(stripped)))
