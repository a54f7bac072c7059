"""Correction notices and letters in doubt, as the bells look after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter import pipeline
from newsletter.config import Config
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries, issues
from newsletter.delivery.transport.folder import FolderTransport
from newsletter.errors import TransportError
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.looks import late_issues
from newsletter.pipeline.letters import begin_send
from newsletter.schedule import ring_due
from newsletter.schedule.bells import Arrows
from tests.conftest import StillClock
from tests.operations.rooms import sending
from tests.pipeline.test_shares import READERS, approved, config, newsroom, received
from tests.schedule.rooms import room_on

__all__ = ["config"]  # a fixture


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


@pytest.fixture
def partly(config: Config, sqlite: Database, clock: StillClock) -> Newsroom:
    """A newsroom whose issue is partly sent: three letters in doubt, which never left."""
    room = newsroom(config, sqlite, clock)
    issue = room.issues.find(approved(room))
    pipeline.send(room, issue.id)
    room.issues.ring(issue.publication, issue.day, "send", clock())
    with sqlite.begin() as connection:
        lost = list(connection.scalars(select(deliveries.c.key).limit(3)))
        of_them = update(deliveries).where(deliveries.c.key.in_(lost))
        connection.execute(of_them.values(state="unknown"))
        connection.execute(update(issues).values(state="partly_sent"))
    for key in lost:
        for file in room.config.path(room.config.paths.outbox).rglob(f"{key}.eml"):
            file.unlink()
    return room


@pytest.mark.parametrize("begun", ["", "begun"])
def test_what_was_reopened_is_sent_though_the_first_try_fails(
    partly: Newsroom, clock: StillClock, begun: str
) -> None:
    """A send that fails before or after it began goes on at the next look, bell or no bell."""
    tries: list[str] = []

    def send(room: Newsroom, issue: Issue, stop: Callable[[], bool]) -> None:
        tries.append(issue.id)
        if len(tries) == 1:
            if begun:
                begin_send(room, issue.id)
            raise TransportError("folder", "is away")
        pipeline.send(room, issue.id, stop=stop)

    for _ in range(4):
        clock.pass_(minutes=1)
        ring_due(partly, bells=("send",), arrows=Arrows(send=send))
        assert [one.key for one in partly.alerts.open()] == [
            f"bell:send:daily:{partly.issues.find('latest').day}"
        ] * (len(tries) == 1)
    assert len(tries) == 2
    assert partly.issues.find("latest").state is IssueState.SENT
    assert len(received(partly)) == READERS
    assert set(received(partly).values()) == {1}


def test_what_a_deadline_left_waits_for_a_person(
    partly: Newsroom, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking again, also at what is still in doubt, does not begin, nor end, a send."""
    monkeypatch.setattr(FolderTransport, "settles_after", None)
    clock.pass_(hours=13)
    with partly.database.begin() as connection:
        one = select(deliveries.c.key).where(deliveries.c.state == "unknown").limit(1)
        queued = update(deliveries).where(deliveries.c.key == one.scalar_subquery())
        connection.execute(queued.values(state="queued"))
        connection.execute(update(issues).values(send_ended=clock()))
    before = partly.issues.find("latest")
    sent: list[str] = []

    def send(room: Newsroom, issue: Issue, stop: Callable[[], bool]) -> None:
        sent.append(issue.id)
        pipeline.send(room, issue.id, stop=stop)

    for _ in range(40):
        clock.pass_(minutes=1)
        ring_due(partly, bells=("send",), arrows=Arrows(send=send))
    assert sent == []
    assert partly.issues.find("latest") == before
    assert partly.ledger.states(before.id) == {"accepted": READERS - 3, "queued": 1, "unknown": 2}
