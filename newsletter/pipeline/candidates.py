"""The stories an issue was chosen from, kept with it.

Ranking reads every article of three days. Moving one story up must not: what the ranking found
is kept beside the issue and read again for every change an editor makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from newsletter.issue.choose import Candidate
from newsletter.model import Arrangement, Coverage, HistoryEntry, SourceLine, Story
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import named


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A candidate without its text, which is read from the newest version."""

    story: Story
    section: str
    score: float
    coverage: Coverage
    sources: dict[str, SourceLine]
    history: tuple[HistoryEntry, ...] = ()
    update: bool = False


_kept = TypeAdapter(_Kept)


def keep(room: Newsroom, edition: str, day: date, candidates: Sequence[Candidate]) -> None:
    """Keep the candidates of an issue, best first."""
    rows: list[dict[str, Any]] = [
        {
            "story": one.story.id,
            "headline": one.brief.headline,
            "section": one.section,
            "articles": max(one.brief.coverage.articles, len(one.story.articles)),
            "body": _kept.dump_python(
                _Kept(
                    story=one.story,
                    section=one.section,
                    score=one.score,
                    coverage=one.brief.coverage,
                    sources=one.sources,
                    history=one.history,
                    update=one.update,
                ),
                mode="json",
            ),
        }
        for one in candidates
    ]
    room.arrangements.keep_candidates(edition, day, rows)


def kept(room: Newsroom, edition: str, day: date) -> list[Candidate]:
    """The candidates of an issue with their newest texts, best first."""
    found = [_kept.validate_python(body) for body in room.arrangements.candidates(edition, day)]
    briefs = named(room, room.briefs.newest([one.story.id for one in found]))
    return [
        Candidate(
            story=one.story,
            brief=replace(briefs[one.story.id][0], coverage=one.coverage),
            section=one.section,
            score=one.score,
            sources=one.sources,
            history=one.history,
            update=one.update,
        )
        for one in found
        if one.story.id in briefs
    ]


def arrangement_of(room: Newsroom, edition: str, day: date) -> Arrangement:
    """What editors decided about an issue, or what the issue before left for it."""
    found = room.arrangements.get(edition, day)
    if found.number == 0:
        held = room.arrangements.held_over(edition, day)
        return replace(found, pinned=held)
    return found
