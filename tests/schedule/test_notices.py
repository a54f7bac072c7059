"""Correction notices and letters in doubt, as the bells look after them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from newsletter.database.engine import Database
from newsletter.database.tables import deliveries
from newsletter.delivery.reconcile import ReconcileReport
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.looks import late_issues
from newsletter.schedule import ring_due
from newsletter.schedule.bells import Arrows
from tests.conftest import StillClock
from tests.operations.rooms import sending
from tests.schedule.rooms import room_on


@pytest.fixture
def room(database: Database, clock: StillClock, tmp_path: Path) -> Newsroom:
    """A newsroom whose issue of today is being sent."""
    return room_on(database, clock, tmp_path, zone="UTC")


def notice(room: Newsroom, told: Issue, name: str, state: IssueState) -> Issue:
    """A notice to an issue, in some state."""
    made = replace(
        told,
        id=f"correction-{name}",
        edition=f"daily#{name}",
        state=state,
        corrects=told.id,
        created=room.clock(),
    )
    room.corrections.save_notice(made, replace(room.issues.revision(told), issue=made.id))
    return made


def test_a_notice_that_was_killed_is_taken_up_and_told_of(
    room: Newsroom, clock: StillClock, tmp_path: Path
) -> None:
    """Waiting or half sent it goes on by itself; paused, drafted anew or days old it does not."""
    told = sending(room, tmp_path)
    notice(room, told, "old", IssueState.SENDING)
    clock.pass_(days=30)
    for state in (
        IssueState.APPROVED,
        IssueState.SENDING,
        IssueState.PAUSED,
        IssueState.DRAFT,
        IssueState.SENT,
    ):
        notice(room, told, state.value, state)
    sent: list[str] = []
    arrows = Arrows(send=lambda _room, issue, _stop: sent.append(issue.id))
    ring_due(room, bells=("send",), arrows=arrows)
    assert [one for one in sent if one != told.id] == ["correction-approved", "correction-sending"]
    clock.pass_(hours=5)
    said = {one.key for one in late_issues(room, clock())}
    assert said >= {
        f"issue:correction-{name}:unsent"
        for name in ("old", "approved", "sending", "paused", "draft")
    }
    assert "issue:correction-sent:unsent" not in said


@pytest.mark.parametrize("queued", [0, 1])
def test_the_rest_is_sent_when_a_doubt_turned_out_never_to_have_left(
    room: Newsroom, clock: StillClock, tmp_path: Path, queued: int
) -> None:
    """What a deadline left waits for a person: looking again does not begin, nor end, a send."""
    told = sending(room, tmp_path)
    with room.database.begin() as connection:
        chosen = update(deliveries).where(deliveries.c.reader == 1)
        connection.execute(chosen.values(state="unknown", batch="b-1", transport="smtp"))
    ended = replace(told, state=IssueState.PARTLY_SENT, send_ended=clock())
    room.issues.change(told, ended)
    sent: list[str] = []
    arrows = Arrows(
        send=lambda _room, issue, _stop: sent.append(issue.id),
        settle=lambda _room, _issue: ReconcileReport(queued=queued),
    )
    clock.now += timedelta(minutes=1)
    ring_due(room, bells=("send",), arrows=arrows)
    assert sent == [told.id] * queued
