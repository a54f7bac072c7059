"""Two schedulers on one database, and one that stood still."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from newsletter.database import leases
from newsletter.database.engine import Database
from newsletter.database.leaders import Fence, Leaders
from newsletter.errors import DatabaseError, Deposed
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.watch import Watch
from newsletter.schedule import OFFICE, Scheduler, ring_due
from newsletter.work import Job
from tests.conftest import StillClock
from tests.schedule.rooms import Days, approved, at, make_issue, room_on


class Kept:
    """Takes jobs and keeps them."""

    shared = False

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def defer(self, job: Job) -> None:
        """Keep a job."""
        self.jobs.append(job)

    def close(self, seconds: float) -> bool:
        """Nothing runs."""
        return True


class Elsewhere(Newsroom):
    """A newsroom on another machine, whose processes cannot be looked up from here."""

    @property
    def leaders(self) -> Leaders:
        """Who leads."""
        return Leaders(self.database, holder=leases.Holder(place="there", pid=1, born="1"))


def elsewhere(room: Newsroom) -> Newsroom:
    """The same newsroom, seen from another machine."""
    return Elsewhere(config=room.config, database=room.database, clock=room.clock)


def test_only_the_leader_hands_over_work(
    database: Database, clock: StillClock, tmp_path: Path
) -> None:
    """Of two schedulers one rings; the other takes over with the next epoch when it falls silent."""
    room = elsewhere(room_on(database, clock, tmp_path, zone="UTC"))
    first, second = Kept(), Kept()
    one, two = Scheduler(room, first), Scheduler(room, second)
    assert one.lead()
    assert not two.lead()
    two.look()
    two.collect()
    assert second.jobs == []
    wanted = {"collect", "tidy", "keep", "look", "letters", "mail"}
    assert wanted <= {job.name for job in first.jobs}
    assert all(job.arguments["epoch"] == 1 for job in first.jobs)
    clock.pass_(seconds=60)
    assert two.lead()
    assert two.epoch == 2
    assert not one.lead()
    count = len(first.jobs)
    one.look()
    assert len(first.jobs) == count


def test_a_leader_that_stood_still_sends_nothing(
    database: Database, clock: StillClock, tmp_path: Path
) -> None:
    """Stopped for a minute in the middle of its look and woken, it marks, changes, claims nothing."""
    clock.now = at("2026-11-22T06:31")
    room = elsewhere(room_on(database, clock, tmp_path, zone="UTC", unattended="send"))
    ring_due(room, arrows=Days().arrows)
    issue = approved(room, make_issue(room, "daily", date(2026, 11, 23)))
    clock.now = at("2026-11-23T06:31")
    old = Scheduler(room, Kept())
    new = Scheduler(room, Kept())
    assert old.lead()
    fenced = replace(room, fence=Fence(OFFICE, old.epoch or 0))
    days = Days()

    def stands_still(found: Newsroom, *rest: object) -> None:
        clock.pass_(seconds=60)
        assert new.lead()
        days.send(found, *rest)  # type: ignore[arg-type]  # the arrow's own arguments

    with pytest.raises(Deposed):
        ring_due(fenced, arrows=replace(days.arrows, send=stands_still))
    assert room.issues.find(issue.id).state is IssueState.APPROVED
    assert "send" not in room.issues.rung("daily", date(2026, 11, 23))
    assert (
        fenced.ledger.claim(issue.id, owner="x", batch="x", limit=10, now=clock(), stale_seconds=60)
        == []
    )


def test_a_set_clock_winds_the_bells_anew(sqlite: Database, tmp_path: Path) -> None:
    """After a step back of two hours the next look is a minute away and not two hours."""
    room = room_on(sqlite, StillClock(datetime.now(UTC)), tmp_path, zone="UTC")
    alarm = Scheduler(room, Kept())
    alarm.start()
    try:
        job = alarm._clock.get_job("look")
        job.modify(next_run_time=datetime(2099, 1, 1, tzinfo=UTC))
        alarm.clock_was_set(-7200.0)
        found = alarm._clock.get_job("look").next_run_time
        assert (found - datetime.now(UTC)).total_seconds() < 61
    finally:
        alarm.stop()


def test_who_tells_of_a_broken_database(
    sqlite: Database, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who led tells, and who was started on a broken database; who stands by leaves it to them."""
    room = room_on(sqlite, clock, tmp_path, zone="UTC")
    led, waits = (Scheduler(elsewhere(room), Kept(), watch=Watch()) for _ in range(2))
    assert led.lead()
    assert not waits.lead()

    def broken(*_: object, **__: object) -> int:
        raise DatabaseError("news.sqlite", "cannot be written")

    monkeypatch.setattr(Leaders, "lead", broken)
    fresh = Scheduler(elsewhere(room), Kept(), watch=Watch())
    for alarm in (led, waits, fresh):
        assert not alarm.lead()
    told = [alarm._watch is not None and alarm._watch.alone for alarm in (led, waits, fresh)]
    assert told == [True, False, True]
