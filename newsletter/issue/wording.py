"""Wording that spam filters count against a sender; a headline may quote it, so it only warns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.issue.finding import Finding, warning

_PHRASES = re.compile(
    r"\b(?:act now|apply now|buy now|order now|call now|click below|click here|100% free"
    r"|risk[- ]free|no obligation|limited time|once in a lifetime|special promotion"
    r"|satisfaction guaranteed|money[- ]back|double your|earn \$|extra income|cash bonus"
    r"|free gift|free trial|winner!"
    r"|you have been selected|congratulations!|dear friend|this is not spam|viagra|miracle cure"
    r"|lose weight|work from home)(?!\w)",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"!!+|\?\?+|\${3,}|€{3,}")
_CAPITALS = re.compile(r"\b[A-Z]{4,}(?:\s+[A-Z]{4,}){2,}\b")
_GAPPY = re.compile(r"\b(?:[A-Za-z] ){5,}[A-Za-z]\b")


def wording(subject: str, visible: str) -> Iterator[Finding]:
    """Warnings about the subject line and the words a reader sees."""
    for name, text in (("subject", subject), ("mail", visible)):
        for pattern in (_PHRASES, _SHOUTED, _GAPPY):
            found = pattern.search(text)
            if found:
                yield warning(f"Filters dislike the wording “{found.group()}” in the {name}.")
    if _CAPITALS.search(subject) or (
        len(subject) > 8 and subject == subject.upper() != subject.lower()
    ):
        yield warning("The subject shouts in capitals.")
    if subject[:4].lower() in {"re: ", "fw: ", "fwd:"}:
        yield warning("The subject pretends to be an answer.")
