"""Who says what stands inside quotation marks.

Only attributions in the same sentence are read: "…," said Ada Byron; Byron told reporters: "…".
A pronoun names nobody, so it gives no speaker.
"""

from __future__ import annotations

import re

from newsletter.brief import wording

SAYING = (
    "said|says|told|tweeted|wrote|writes|added|adds|argued|argues|warned|warns|claimed|claims|"
    "stated|insisted|insists|declared|announced|explained|explains|posted|noted|notes|continued|"
    "testified|responded|replied|asserted|acknowledged|recalled|remarked|concluded|urged|asked|"
    "according to|maintained|contended|quipped|commented|observed|stressed|emphasized|emphasised"
)
_HONORIFIC = (
    r"(?:(?:Mr|Mrs|Ms|Mx|Dr|Prof|Sen|Sens|Rep|Reps|Gov|Gen|Lt|Col|Maj|Capt|Sgt|Rev|Brig|Adm|"
    r"Lord|Sir"
    r"|St)\b\.?(?:-Gen\.)? )*"
)
_WORD = r"[A-Z][\w’'.-]*\w\.?"
_PERSON = (
    rf"{_HONORIFIC}{_WORD}(?:,? (?:{_WORD}|[A-Z]\.|de|del|la|von|van|bin|ibn|al|el|of|the|for|"
    rf"and)(?= )"
    rf"|,? {_WORD}){{0,6}}"
)
_NOT_A_SPEAKER = frozenset(
    wording.word_list(
        """
        He She They It We I You The This That These Those But And His Her Their Its Our My There
        One Monday Tuesday Wednesday Thursday Friday Saturday Sunday
        """
    )
)
_CLOSE = r"[,.!?…]?[”\"]"
_AFTER_VERB = re.compile(rf"{_CLOSE},? (?:{SAYING}) (?:[a-z][\w’'-]*,? ){{0,7}}?(?P<who>{_PERSON})")
_AFTER_NAME = re.compile(
    rf"{_CLOSE},? (?:the |a |an )?(?:[a-z][\w’'-]* ){{0,5}}?(?P<who>{_PERSON})"
    rf"(?:,[^,“\"]{{1,80}},)? (?:also )?(?:{SAYING})\b"
)
_BEFORE = re.compile(
    rf"(?P<who>{_PERSON})(?:,[^,“\"]{{1,80}},)? (?:has |had |have |also |later |"
    rf"then )?(?:{SAYING})\b"
    rf"[^“”\"]{{0,80}}[“\"]"
)
_LAST = re.compile(r"[\w’'-]+$")


def speaker(sentence: str) -> str:
    """The name of the person or body whose words a sentence quotes; empty when it does not say."""
    if '"' not in sentence and "“" not in sentence:
        return ""
    for pattern in (_AFTER_VERB, _AFTER_NAME, _BEFORE):
        for match in pattern.finditer(sentence):
            name = _tidied(match.group("who"))
            if name:
                return name
    return ""


def surname(name: str) -> str:
    """The last word of a name, without a possessive."""
    found = _LAST.search(name.strip(" .,"))
    last = found.group() if found else name
    return last.removesuffix("’s").removesuffix("'s")


def _tidied(name: str) -> str:
    name = name.strip(" ,")
    first, _, rest = name.partition(" ")
    while first in _NOT_A_SPEAKER and rest:
        name = rest
        first, _, rest = name.partition(" ")
    name = re.sub(r"(?: (?:of|the|for|and|de|la|al|el))+$", "", name).strip(" ,")
    if not name.endswith(("Jr.", "Sr.")):
        name = name.rstrip(".")
    return "" if name in _NOT_A_SPEAKER or len(name) < 2 or not name[0].isupper() else name
