"""A single sending set for a moment of its own: planned, moved, taken back, or left to a person."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from newsletter.database.plans import Plan
from newsletter.errors import IssueError
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.status import planned
from newsletter.timetable import moment_of

USUAL = "usual"
NEVER = "never"
_HINT = 'Write 08:15, 2026-11-22T08:15, 2026-11-22T13:15Z, "usual" or "never".'


def plan_send(room: Newsroom, issue: Issue, at: str, *, by: str) -> datetime | None:
    """Plan a sending; when the issue now goes out by itself, None when it does not.

    :param at: a time of day, a date and a time in the edition's zone, or a time with its own
        offset; ``usual`` goes back to the edition's time, ``never`` leaves it to a person.
    :raises IssueError: when the time is not understood or past, or the issue is beyond planning.
    """
    if issue.state not in {IssueState.DRAFT, IssueState.APPROVED}:
        raise IssueError(
            issue.id,
            f"is {issue.state.replace('_', ' ')} and can be planned no more",
            hint='A running send is held with "newsletter pause".',
        )
    if at == USUAL:
        room.plans.drop(issue.id)
        room.audit.note(by, "plan", issue.id, "at the edition's time")
        return planned(room, issue)
    moment = None if at == NEVER else when(room, issue, at)
    room.plans.set(Plan(issue=issue.id, at=moment, by=by, made=room.clock()))
    said = f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "by hand only"
    room.audit.note(by, "plan", issue.id, said)
    return moment


def when(room: Newsroom, issue: Issue, words: str) -> datetime:
    """Read a time as a person writes it, in the zone of the issue's edition."""
    zone = room.config.zone(issue.publication)
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}", words):
            hour, minute = map(int, words.split(":"))
            moment = moment_of(room.local_day(issue.publication), time(hour, minute), zone)
        else:
            given = datetime.fromisoformat(words)
            if given.tzinfo is not None:
                moment = given.astimezone(UTC)
            else:
                moment = moment_of(date(given.year, given.month, given.day), given.time(), zone)
    except ValueError:
        raise IssueError(words, "is not a time", hint=_HINT) from None
    if moment <= room.clock():
        local = moment.astimezone(zone)
        raise IssueError(
            words,
            f"is past: that was {local:%a %Y-%m-%d %H:%M %Z}",
            hint=f'To send it now: "newsletter send {issue.id}".',
        )
    return moment
