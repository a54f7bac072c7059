"""Tell when two stories of one issue are nearly the same.

Grouping decides what one event is; this is the last look before a reader sees two of them. It
compares the words a reader would see: headline, deck and overview.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter

from newsletter.model import Brief, Story

SHARED_ARTICLES = 0.5
"""Two stories that share half of the smaller one's articles are one."""
HEADLINE = 0.6
"""Share of the shorter headline's words that stand in the other."""
TEXT = 0.45
"""Cosine of the words of headline, deck and overview."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SMALL = frozenset(
    [
        "a",
        "about",
        "after",
        "against",
        "all",
        "also",
        "amid",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "before",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "more",
        "most",
        "new",
        "no",
        "not",
        "now",
        "of",
        "on",
        "one",
        "or",
        "out",
        "over",
        "said",
        "say",
        "says",
        "she",
        "so",
        "than",
        "that",
        "the",
        "their",
        "them",
        "they",
        "this",
        "to",
        "two",
        "under",
        "up",
        "was",
        "were",
        "what",
        "when",
        "which",
        "who",
        "will",
        "with",
        "would",
        "year",
        "years",
        "after",
        "during",
    ]
)


def nearly_same(story: Story, brief: Brief, other_story: Story, other: Brief) -> bool:
    """Whether a reader would call these two the same story."""
    mine, theirs = set(story.articles), set(other_story.articles)
    smaller = min(len(mine), len(theirs))
    if smaller and len(mine & theirs) / smaller >= SHARED_ARTICLES:
        return True
    head, other_head = _terms(brief.headline), _terms(other.headline)
    text, other_text = _weighted(brief), _weighted(other)
    likeness = _cosine(text, other_text)
    if likeness >= TEXT:
        return True
    shorter = min(len(head), len(other_head))
    common = len(head.keys() & other_head.keys())
    # Three common words and a related text: "port closed by storm" twice, in other words.
    return bool(shorter) and common >= 3 and common / shorter >= HEADLINE and likeness >= TEXT / 2


def _terms(text: str) -> Counter[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return Counter(
        _stem(word)
        for word in _WORD.findall(folded)
        if word not in _SMALL and (len(word) > 2 or word.isdigit())
    )


def _stem(word: str) -> str:
    """Plural and possessive off: "strikes" and "strike's" are "strike"."""
    word = word.removesuffix("’s").removesuffix("'s")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _weighted(brief: Brief) -> Counter[str]:
    """Words of the visible text, those of the headline counted double."""
    return _terms(
        " ".join((brief.headline, brief.headline, brief.deck, *(s.text for s in brief.overview)))
    )


def _cosine(one: Counter[str], two: Counter[str]) -> float:
    dot = sum(count * two[word] for word, count in one.items())
    size = math.hypot(*one.values()) * math.hypot(*two.values())
    return dot / size if size else 0.0
