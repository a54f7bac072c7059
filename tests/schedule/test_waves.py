"""Readers who get an issue by their own clock, through the real send."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.audience.importing import read_rows
from newsletter.database.engine import Database
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.looks import late_issues
from newsletter.schedule import Arrows, ring_due
from tests.conftest import StillClock
from tests.schedule.rooms import approved, at, make_issue, room_on

ZONES = ("", "Europe/London", "America/Chicago", "America/Los_Angeles")


@pytest.fixture
def room(database: Database, clock: StillClock, tmp_path: Path) -> Newsroom:
    """A New York edition that follows its readers, who live in four places."""
    clock.now = at("2026-11-23T11:00")
    made = room_on(database, clock, tmp_path, zone="America/New_York", send_in="reader")
    for number, zone in enumerate(ZONES):
        one = replace(made, token=lambda number=number: f"token{number}")  # type: ignore[misc]  # binds the loop's value
        (tmp_path / str(number)).mkdir()
        rows = f"email,timezone\nreader{number}@example.org,{zone}\n"
        _import(one, rows, tmp_path / str(number))
    return made


def _import(room: Newsroom, rows: str, folder: Path) -> None:
    room.readers.import_rows(
        read_rows(io.BytesIO(rows.encode())),
        source="people.csv",
        consent="paper form",
        editions=("daily",),
        now=room.clock(),
        token=room.token,
        refusals=folder / "refused.csv",
    )


def test_everybody_gets_it_in_their_own_morning(room: Newsroom, clock: StillClock) -> None:
    """East of the edition with it, west an hour and three hours later; then the issue is sent."""
    arrows = Arrows(approve=approved)
    issue = approved(room, make_issue(room, "daily", date(2026, 11, 23)))
    counts = []
    for moment in ("11:31", "12:29", "12:31", "13:31", "14:29", "14:31"):
        clock.now = at(f"2026-11-23T{moment}")
        ring_due(room, arrows=arrows)
        counts.append(room.ledger.states(issue.id).get("accepted", 0))
        # Who sleeps yet is no trouble.
        assert late_issues(room, clock()) == []
        state = room.issues.find(issue.id).state
        assert state is (IssueState.SENT if moment == "14:31" else IssueState.SENDING)
    assert counts == [2, 2, 3, 3, 3, 4]


def test_sent_again_by_hand_it_waits_all_the_same(room: Newsroom, clock: StillClock) -> None:
    """A second call does not lay the waves out anew and sends nobody anything early."""
    issue = approved(room, make_issue(room, "daily", date(2026, 11, 23)))
    clock.now = at("2026-11-23T11:31")
    for _ in range(2):
        pipeline.send(room, issue.id)
        assert room.ledger.states(issue.id) == {"accepted": 2, "deferred": 2}
    assert pipeline.waits_for_later(room, room.issues.find(issue.id))


def test_letters_of_a_morning_that_is_past_are_told(room: Newsroom, clock: StillClock) -> None:
    """A wave that nobody sent is told of three quarters of an hour after it, not before."""
    issue = approved(room, make_issue(room, "daily", date(2026, 11, 23)))
    clock.now = at("2026-11-23T11:31")
    ring_due(room, arrows=Arrows(approve=approved))
    told = []
    for moment in ("13:14", "13:16"):
        clock.now = at(f"2026-11-23T{moment}")
        told.append([one.key for one in late_issues(room, clock())])
    assert told == [[], [f"issue:{issue.id}:unsent"]]
