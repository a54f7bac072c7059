"""Editions apart: what one does, takes or breaks is nothing to the others."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

from newsletter.database.engine import Database
from newsletter.database.facts import SWEPT, fact
from newsletter.database.plans import Plan
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.watch import Watch
from newsletter.schedule import OFFICE, Scheduler, ring_due
from newsletter.schedule.bells import Arrows
from newsletter.schedule.scheduler import KEEP, jobs
from newsletter.work import Lanes, run_job
from tests.conftest import StillClock
from tests.operations.rooms import Heard
from tests.schedule.rooms import Days, approved, at, configured, make_issue, room_on
from tests.schedule.test_scheduler import Kept

TODAY = date(2026, 11, 22)


def room_with(room: Newsroom, **editions: dict[str, object]) -> Newsroom:
    """The same newsroom with other editions."""
    daily = room.config.edition("daily")
    made = {
        name: type(daily).model_validate({"zone": "UTC", **keys}) for name, keys in editions.items()
    }
    return replace(room, config=room.config.model_copy(update={"editions": made}))


def draft(room: Newsroom, edition: str, day: date) -> None:
    """Make an issue of nothing."""
    make_issue(room, edition, day)


def test_a_slow_send_holds_up_no_other_edition(
    sqlite: Database, clock: StillClock, tmp_path: Path
) -> None:
    """While one edition's letters leave for hours the other's leave in time."""
    clock.now = at("2026-11-22T05:00")
    room = room_on(sqlite, clock, tmp_path)
    room = room_with(room, slow={"send_at": "06:30"}, quick={"send_at": "07:00"})
    ring_due(room, arrows=Days().arrows)
    for edition in room.config.editions:
        approved(room, make_issue(room, edition, TODAY))
    begun, over, sent = threading.Event(), threading.Event(), threading.Event()

    def send(found: Newsroom, issue: Issue, _stop: Callable[[], bool]) -> None:
        if issue.edition == "slow":
            begun.set()
            over.wait(60)
        Days().send(found, issue, _stop)
        if issue.edition == "quick":
            sent.set()

    def ring(epoch: int, edition: str) -> None:
        assert epoch == 1
        ring_due(room, bells=("send",), edition=edition, arrows=Arrows(send=send))

    work = Lanes(lambda made: {**jobs(room, made), "letters": ring})
    alarm = Scheduler(room, work)
    try:
        alarm.lead()
        clock.now = at("2026-11-22T06:31")
        alarm.look()
        assert begun.wait(60)
        clock.now = at("2026-11-22T07:01")
        alarm.look()
        assert sent.wait(60)
        assert room.issues.find(f"slow-{TODAY}").state is IssueState.APPROVED
    finally:
        over.set()
        assert work.close(60)
    assert room.issues.find(f"slow-{TODAY}").state is IssueState.SENT


def test_something_unforeseen_in_one_edition_stops_no_other(
    database: Database, clock: StillClock, tmp_path: Path
) -> None:
    """A bell, a planned send and a notice that break are alerts; all others ring."""
    clock.now = at("2026-11-22T05:00")
    room = room_on(database, clock, tmp_path)
    room = room_with(room, aaa={}, bbb={"unattended": "send"}, ccc={})
    ring_due(room, arrows=Days().arrows)
    drafted: list[str] = []
    sent: list[str] = []

    def odd_draft(found: Newsroom, edition: str, day: date) -> None:
        if edition == "aaa":
            raise KeyError(edition)
        drafted.append(edition)
        make_issue(found, edition, day)

    def odd_send(found: Newsroom, issue: Issue, stop: Callable[[], bool]) -> None:
        if issue.edition == "ccc":
            raise RuntimeError("broken")
        sent.append(issue.edition)
        Days().send(found, issue, stop)

    planned = approved(room, make_issue(room, "ccc", TODAY))
    room.plans.set(Plan(issue=planned.id, at=at("2026-11-22T05:40"), by="Ada", made=clock()))
    arrows = Arrows(draft=odd_draft, approve=approved, send=odd_send)
    for _ in range(100):
        ring_due(room, arrows=arrows)
        clock.pass_(minutes=1)
    assert drafted == sent == ["bbb"]
    told = {one.key: one.sentence for one in room.alerts.open()}
    assert set(told) == {f"bell:draft:aaa:{TODAY}", f"bell:send:ccc:{TODAY}"}
    assert all("something unforeseen" in sentence for sentence in told.values())


def test_each_edition_ends_its_own_troubles(
    database: Database, clock: StillClock, tmp_path: Path
) -> None:
    """A look at one edition's sends leaves another's trouble open; a removed one's is over."""
    clock.now = at("2026-11-22T05:00")
    room = room_with(room_on(database, clock, tmp_path), daily={}, uk={})
    ring_due(room, arrows=Days().arrows)
    approved(room, make_issue(room, "uk", TODAY))

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    clock.now = at("2026-11-22T06:31")
    ring = partial(ring_due, bells=("send",), arrows=Arrows(send=broken))
    for edition in ("uk", "daily", ""):
        ring(room, edition=edition)
    assert [one.key for one in room.alerts.open()] == [f"bell:send:uk:{TODAY}"]
    room = room_with(room, daily={})
    ring(room, edition="")
    assert room.alerts.open() == []


def test_a_reminder_is_one_where_names_begin_alike(
    database: Database, clock: StillClock, tmp_path: Path
) -> None:
    """Two editions of which one's name begins the other's are reminded of once each."""
    clock.now = at("2026-11-22T05:00")
    room = room_with(room_on(database, clock, tmp_path), **{"daily": {}, "daily-uk": {}})
    heard = Heard()
    eye = Watch(lambda _: [heard])
    for _ in range(120):
        ring_due(room, bells=("draft", "remind"), arrows=Arrows(draft=draft))
        eye.look(room)
        clock.pass_(minutes=1)
    told = Counter(key for key in heard.said if key[0].startswith("approve:"))
    assert told[f"approve:daily-{TODAY}", False] == 1
    assert told[f"approve:daily-uk-{TODAY}", False] == 1
    assert max(told.values()) == 1


def test_a_removed_edition_needs_no_approval(
    database: Database, clock: StillClock, tmp_path: Path
) -> None:
    """A reminder of an edition that is taken out of the configuration is over."""
    clock.now = at("2026-11-22T05:00")
    daily: dict[str, object] = {"remind_minutes": 0}
    both = room_with(room_on(database, clock, tmp_path), daily=daily, uk={})
    for _ in range(75):
        ring_due(both, bells=("draft", "remind"), arrows=Arrows(draft=draft))
        clock.pass_(minutes=1)
    assert [one.key for one in both.alerts.open()] == [f"approve:uk-{TODAY}"]
    ring_due(room_with(both, daily=daily), bells=("draft", "remind"), arrows=Arrows(draft=draft))
    assert both.alerts.open() == []


def test_bells_that_are_switched_off_ring_no_more(
    sqlite: Database, clock: StillClock, tmp_path: Path
) -> None:
    """Switched off while it runs, the scheduler gives its office back; switched on it takes it."""
    clock.now = at("2026-11-22T05:00")
    rooms = [room_on(sqlite, clock, tmp_path, zone="UTC")]
    kept = Kept()
    alarm = Scheduler(lambda: rooms[-1], kept)
    assert alarm.lead()
    rooms.append(configured(rooms[0], schedule={"enabled": False}))
    kept.jobs.clear()
    alarm.reload()
    assert kept.jobs == []
    leader = rooms[0].leaders.current(OFFICE, now=clock())
    assert leader is not None
    assert not leader.alive
    rooms.append(rooms[0])
    alarm.reload()
    assert {"look", "letters"} <= {job.name for job in kept.jobs}


def test_old_letters_are_swept_though_no_backup_can_be_made(
    sqlite: Database, clock: StillClock, tmp_path: Path
) -> None:
    """A backup folder that is a file stops the backup and not the sweep of the night."""
    clock.now = at("2026-11-22T05:00")
    (tmp_path / "taken").write_text("a file")
    room = room_on(sqlite, clock, tmp_path, zone="UTC")
    room = configured(room, backup={"folder": "taken/backups", "enabled": True})
    run_job({KEEP: jobs(room, Kept())[KEEP]}, KEEP, {})
    assert fact(sqlite, SWEPT) == "2026-11-22"


def test_an_evening_draft_is_for_the_next_morning(
    sqlite: Database, clock: StillClock, tmp_path: Path
) -> None:
    """Drafted at ten in the evening, sent at six: one issue for each date, none missed."""
    clock.now = at("2026-11-22T05:00")
    keys = {"zone": "UTC", "draft_at": "22:00", "send_at": "06:00", "unattended": "send"}
    room = room_on(sqlite, clock, tmp_path, **keys)
    days = Days()
    made: dict[date, datetime] = {}

    def evening(found: Newsroom, edition: str, day: date) -> None:
        made[day] = clock()
        days.draft(found, edition, day)

    while clock() < at("2026-11-26T12:00"):
        ring_due(room, arrows=replace(days.arrows, draft=evening))
        clock.pass_(minutes=10)
    assert days.drafted == days.sent == {date(2026, 11, day): 1 for day in range(22, 27)}
    assert made[date(2026, 11, 24)] == at("2026-11-23T22:00")
    assert days.moments[date(2026, 11, 24)] == at("2026-11-24T06:00")
