"""The two lines an inbox shows: a subject of 30 to 60 characters and a preheader beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from newsletter.issue.catalogue import Catalogue

SHORTEST, LONGEST = 30, 60
PREHEADER = 110
"""Characters of the preheader; phones show 40 to 90, desktops up to about 110."""

# Where a headline can end early and still be a sentence, best first.
_BREAKS = (r"; ", r": ", r" — | – ", r", ", r" (?:after|as|while|amid|but|despite) ")


def fit_subject(headline: str, words: Catalogue, *, site: str, more: int) -> str:
    """The top headline as a subject line of 30 to 60 characters.

    A long headline ends at a clause or, failing that, at a word with an ellipsis. A short one
    says how many more stories there are, or whose issue it is.

    :param more: how many other stories the issue has.
    """
    headline = headline.strip() or site
    if len(headline) > LONGEST:
        return _shortened(headline, SHORTEST, LONGEST)
    if len(headline) >= SHORTEST:
        return headline
    for line in (
        words("subject_more", headline=headline, n=more) if more else "",
        words("subject_site", headline=headline, site=site),
    ):
        if SHORTEST <= len(line) <= LONGEST:
            return line
    return f"{headline} · {site}"[:LONGEST].strip()


def fit_preheader(headlines: Sequence[str], deck: str, words: Catalogue, *, time: str) -> str:
    """What the inbox shows after the subject: the next headlines, not the first again."""
    line = ""
    for count in range(1, len(headlines)):
        longer = words("preheader_also", headlines="; ".join(headlines[1 : 1 + count]))
        if len(longer) > PREHEADER:
            break
        line = longer
    if not line:
        rest = deck or (headlines[1] if len(headlines) > 1 else "")
        line = _shortened(rest, 0, PREHEADER) if len(rest) > PREHEADER else rest
    if len(line) < SHORTEST:
        line = f"{line} {words('preheader_time', time=time)}".strip()
    return line


def _shortened(text: str, least: int, most: int) -> str:
    for pattern in _BREAKS:
        ends = [match.start() for match in re.finditer(pattern, text) if least <= match.start()]
        ends = [end for end in ends if end <= most]
        if ends:
            return text[: ends[-1]]
    cut = text[: most - 1]
    return cut[: cut.rfind(" ")].rstrip(" ,;:–—-") + "…" if " " in cut else cut + "…"
