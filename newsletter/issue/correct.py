"""Corrections of stories that readers have: what may be corrected, and the text put right.

Pure. A correction is bound to words of the story as it was told, so that the page can show what
it said before and what it says now; the stored issue stays as it was mailed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from newsletter.errors import IssueError
from newsletter.issue.clean import clean
from newsletter.model import Brief, Correction, IssueStory

T = TypeVar("T")

SHOWN = ("headline", "deck", "overview", "left", "center", "right", "differ", "only", "news")
"""The parts of a brief that a reader sees and a correction can change."""
LONGEST = 1_000
_TEXTS = frozenset({"text", "quotes", "bullets", "about", "claims", "value"})
_QUOTED = re.compile(r"(“[^”]*”)")


def correction(
    told: IssueStory, sentence: str, *, before: str = "", after: str = "", by: str, at: datetime
) -> Correction:
    """Make a correction of a story as it was told.

    The id follows from the story and the words alone, so the same correction made twice is one.

    :param before: words of the story that were wrong; empty when no single wording was.
    :param after: what they should have been.
    :raises IssueError: when there is nothing to say, nobody says it, or ``before`` is not there.
    """
    sentence, before, after, by = (clean(text) for text in (sentence, before, after, by))
    if not sentence:
        raise IssueError(
            told.slug, "a correction has to say what was wrong", hint="Say it in one sentence."
        )
    if not by:
        raise IssueError(told.slug, "cannot be corrected by nobody", hint="Say who corrects it.")
    if max(map(len, (sentence, before, after))) > LONGEST:
        raise IssueError(told.slug, f"a correction has more than {LONGEST} characters")
    if bool(before) != bool(after):
        raise IssueError(
            told.slug,
            "what it said before and what it says now go together",
            hint="Give both, or neither and say in the sentence what is right.",
        )
    if before and corrected(told.brief, before, after) == told.brief:
        raise IssueError(
            told.slug,
            f"the story does not say “{before[:80]}”",
            hint="Copy the words from the story's page as they stand there.",
        )
    digest = hashlib.sha256("\0".join((told.story, sentence, before, after)).encode())
    return Correction(
        id=digest.hexdigest()[:12],
        story=told.story,
        slug=told.slug,
        headline=clean(told.brief.headline),
        section=told.section,
        sentence=sentence,
        before=before,
        after=after,
        by=by,
        at=at,
    )


def put_right(brief: Brief, corrections: Iterable[Correction]) -> Brief:
    """A brief with its corrections made, the oldest first."""
    for entry in sorted(corrections, key=lambda entry: (entry.at, entry.id)):
        if entry.before and entry.after:
            brief = corrected(brief, entry.before, entry.after)
    return brief


def corrected(brief: Brief, before: str, after: str) -> Brief:
    """A brief in which some words a reader sees are replaced.

    A publisher's quotation is theirs and stays to the letter; only where the words stand nowhere
    else was the quotation itself at fault, and is put right.
    """
    own = _replaced(brief, before, after, quoted=False)
    return own if own != brief else _replaced(brief, before, after, quoted=True)


def _replaced(brief: Brief, before: str, after: str, *, quoted: bool) -> Brief:
    # The extracting writer copies: but for headline and deck all it says is quotation.
    copied = brief.writer == "extract"
    names = SHOWN if quoted or not copied else ("headline", "deck")

    def said(text: str) -> str:
        plain = clean(text)
        if before not in plain:
            return text  # text without the words stays as it is, to the letter
        if quoted:
            return plain.replace(before, after)
        parts = _QUOTED.split(plain)
        parts[::2] = [part.replace(before, after) for part in parts[::2]]
        return "".join(parts)

    return replace(brief, **{name: _said(getattr(brief, name), said) for name in names})


def _said(value: T, said: Callable[[str], str]) -> T:
    """A value with all its text put through a function; ids of articles are not text."""
    found: Any = value
    if isinstance(value, str):
        found = said(value)
    elif isinstance(value, tuple):
        found = tuple(_said(one, said) for one in value)
    elif isinstance(value, dict):
        found = {key: _said(one, said) for key, one in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: _said(getattr(value, field.name), said)
            for field in fields(value)
            if field.name in _TEXTS
        }
        found = replace(value, **changed)
    return found  # type: ignore[no-any-return]  # the same type as came in
