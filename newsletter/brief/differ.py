"""Where sources disagree, and what only one side reports.

Both are said only when the text leaves little doubt: two figures count as different answers to
one question only when the same thing is counted ("killed", "injured") in the opening of news
articles by different families; a point is one side's own only when several families of that side
have it and nobody else does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from newsletter.brief import figures, overview
from newsletter.brief.evidence import Span
from newsletter.brief.weighing import Weights, overlap
from newsletter.model import NumberClaim, NumbersDiffer, Outlet, Side

_COUNTED = {
    "killed": r"(?:killed|dead|deaths?|died|dies|lives|fatalities)",
    "injured": r"(?:injured|wounded|hurt|injuries|hospitali[sz]ed)",
    "missing": r"(?:missing|unaccounted for)",
    "arrested": r"(?:arrested|detained|arrests|taken into custody)",
    "evacuated": r"(?:evacuated|displaced|homeless)",
}
_NOUNS = r"(?:\w+ ){0,3}?"
_AFTER = {
    name: re.compile(
        rf"\s?{_NOUNS}(?:(?:were|was|are|have been|had been|being) )?{what}\b", re.IGNORECASE
    )
    for name, what in _COUNTED.items()
}
_BEFORE = {
    "killed": re.compile(
        r"\b(?:kill(?:ed|ing|s)?|death toll (?:\w+ ){0,4}|leav(?:es|ing) )\s?(?:at least |"
        r"about |more than |some |an estimated |up to )?$",
        re.IGNORECASE,
    ),
    "injured": re.compile(
        r"\b(?:injur(?:ed|ing|es)|wound(?:ed|ing|s)|hurt(?:ing)?) (?:at least |about |"
        r"more than |some )?$",
        re.IGNORECASE,
    ),
    "arrested": re.compile(
        r"\b(?:arrest(?:ed|ing|s)|detain(?:ed|ing|s)) (?:at least |about |more than |some )?$",
        re.IGNORECASE,
    ),
    "missing": re.compile(r"(?!)"),
    "evacuated": re.compile(
        r"\b(?:displac(?:ed|ing)|evacuat(?:ed|ing)) (?:at least |about |more than |some )?$",
        re.IGNORECASE,
    ),
}
_ANY_COUNTED = re.compile(
    r"\b(?:kill|dead|death|died|lives|fatal|injur|wound|hurt|hospitali|missing|unaccounted|"
    r"arrest|detain|custody|"
    r"evacuat|displac|homeless)",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(at least|more than|about|around|some|nearly|up to|an estimated|over) $", re.IGNORECASE
)
_SINCE = re.compile(
    r"\b(?:since|so far|in total|total|overall|this year|last year|previous\w*|earlier|war|ago|"
    r"in (?:19|20)\d\d|each|every|per|other|including|among|of them|of whom)\b",
    re.IGNORECASE,
)
_LEAD = 5  # sentences that tell the event itself
_CLOSE = 4.0  # one figure is at most this many times the other, else another thing is counted
_FEWEST_FAMILIES = 2
_NOT_ELSEWHERE = 0.45


def numbers(evidence: Sequence[Span]) -> tuple[NumbersDiffer, ...]:
    """Counts on which news articles of different families differ, largest support first."""
    said: dict[str, dict[float, dict[str, tuple[str, str]]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for span in evidence:
        if span.opinion or span.place >= _LEAD:
            continue
        if not _ANY_COUNTED.search(span.text):
            continue
        for about, value, shown in _counts(span.text):
            said[about][value].setdefault(span.family, (span.article, shown))
    found: list[NumbersDiffer] = []
    for about in sorted(said):
        by_value = {value: users for value, users in said[about].items() if users}
        if len(by_value) < 2:
            continue
        main = max(by_value, key=lambda v: (len(by_value[v]), -v))
        near = sorted(v for v in by_value if main / _CLOSE <= v <= main * _CLOSE)
        families = {v: set(by_value[v]) for v in near}
        # One outlet giving both figures speaks of two things, or of a count that grew.
        apart = [v for v in near if v == main or not families[v] & families[main]]
        if len(apart) < 2:
            continue
        claims = tuple(
            NumberClaim(
                value=min(shown for _, shown in by_value[v].values()),
                citations=tuple(sorted(article for article, _ in by_value[v].values())),
            )
            for v in sorted(apart)
        )
        found.append(NumbersDiffer(about=about, claims=claims))
    return tuple(found)


def _counts(text: str) -> list[tuple[str, float, str]]:
    found: list[tuple[str, float, str]] = []
    for figure in figures.figures(text):
        unit, value = figure.readings[0]
        if unit or value != int(value) or value < 2 or 1900 < value < 2100:
            continue
        around = text[max(0, figure.start - 40) : figure.end + 60]
        if _SINCE.search(around):
            continue
        before, after = text[: figure.start], text[figure.end :]
        for about in _COUNTED:
            if _AFTER[about].match(after) or _BEFORE[about].search(before):
                hedge = _HEDGE.search(before)
                found.append((about, value, (hedge.group() if hedge else "") + figure.shown))
                break
    return found


def only(
    evidence: Sequence[Span], weights: Weights, outlets: Mapping[str, Outlet]
) -> dict[Side, str]:
    """For each side a point that several of its families report and no article of another does.

    The point is a quoted sentence with its outlet. Said only where at least two sides have two
    families each: with less, absence tells nothing.
    """
    families = {side: {s.family for s in evidence if s.side is side} for side in Side}
    broad = [side for side in Side if len(families[side]) >= _FEWEST_FAMILIES]
    if len(broad) < 2:
        return {}
    news = [span for span in evidence if not span.opinion and len(span.terms) >= 6]
    found: dict[Side, str] = {}
    for side in broad:
        ranked = sorted(
            (
                span
                for span in news
                if span.side is side
                and 10 <= span.words <= 35
                and weights.distinct(span.terms, side) > 0.1
            ),
            key=lambda s: (
                -round(weights.distinct(s.terms, side) * weights.about(s.terms), 9),
                s.article,
                s.start,
            ),
        )
        for span in ranked[:6]:
            if span.loaded or span.first_person or not span.stands:
                continue
            others = [
                s
                for s in evidence
                if s.family != span.family and overlap(span.terms, s.terms) >= _NOT_ELSEWHERE
            ]
            if {s.side for s in others} == {side}:
                found[side] = overview.attributed(span, outlets)
                break
    return found
