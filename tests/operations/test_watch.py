"""Alerts: the right one, once, and the news that it is over; also when the database is the trouble."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from newsletter import pipeline
from newsletter.database.alerts import Alert, Trouble
from newsletter.database.engine import Database, open_database
from newsletter.database.facts import SWEPT, set_fact
from newsletter.database.tables import deliveries, feeds
from newsletter.errors import DatabaseError
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations import machine
from newsletter.operations.looks import LOOKS, sick_sources
from newsletter.operations.watch import Watch
from newsletter.schedule import ring_due
from newsletter.work import QUEUES, Job, OnProcrastinate, run_worker
from tests.conftest import StillClock
from tests.operations.rooms import (
    Heard,
    approved,
    give_feeds,
    make_issue,
    room_on,
    sending,
    sent,
)
from tests.pipeline.rooms import newsroom as articles_room
from tests.schedule.rooms import Days, at, configured

TODAY = date(2026, 11, 22)


@pytest.fixture
def room(sqlite: Database, clock: StillClock, tmp_path: Path) -> Newsroom:
    """A newsroom that has rung its bells for a week, at six in the morning."""
    clock.now = at("2026-11-15T00:00")
    made = room_on(sqlite, clock, tmp_path, zone="UTC")
    made = configured(made, collect={"sources": ()}, backup={"enabled": False})
    ring_due(made, arrows=Days().arrows)
    sent(made, make_issue(made, "daily", TODAY - timedelta(days=1)))
    clock.now = at("2026-11-22T06:00")
    return made


def open_alerts(room: Newsroom) -> list[Alert]:
    """What is open, but for the checks of issues that say nothing."""
    return [one for one in room.alerts.open() if not one.key.startswith("gates:")]


def keys(room: Newsroom) -> list[str]:
    """What needs a person."""
    return [one.key for one in open_alerts(room)]


@pytest.mark.parametrize(
    ("begun", "issue", "drafted", "woken"),
    [
        ("07:10", False, 0, []),
        ("06:00", False, 1, ["unapproved", "unsent"]),
        ("06:31", True, 0, ["unapproved", "unsent"]),
    ],
)
def test_a_send_before_the_beginning_wakes_nobody(
    *,
    sqlite: Database,
    tmp_path: Path,
    begun: str,
    issue: bool,
    drafted: int,
    woken: list[str],
) -> None:
    """Installed after the send time: nothing; before it: today's issue is made; with a draft: told."""
    clock = StillClock(at("2026-11-22T05:00"))
    room = room_on(sqlite, clock, tmp_path, zone="UTC", draft_at="05:30", send_at="06:30")
    room = configured(room, collect={"sources": ()}, backup={"enabled": False})
    if issue:
        make_issue(room, "daily", TODAY)
    days = Days()
    told: set[str] = set()
    clock.now = at(f"2026-11-22T{begun}")
    while clock() < at("2026-11-22T12:00"):
        ring_due(room, arrows=days.arrows)
        told |= {one.key.rpartition(":")[2] for one in LOOKS["issue:"](room, clock())}
        clock.pass_(minutes=10)
    assert days.drafted[TODAY] == drafted
    assert sorted(told) == woken


def test_once_and_the_end(room: Newsroom, clock: StillClock) -> None:
    """A trouble is told by each way once, however long it lasts, and its end once."""
    heard = Heard()
    eye = Watch(lambda _: [heard])
    found = Trouble(key="disk:data", sentence="full", hint="mend")
    for _ in range(3):
        room.alerts.report("disk:", [found], now=clock())
        eye._tell_kept(room, clock())
        clock.pass_(minutes=1)
    room.alerts.report("disk:", [], now=clock())
    for _ in range(2):
        eye._tell_kept(room, clock())
    assert heard.said == [("disk:data", False), ("disk:data", True)]
    room.alerts.report("disk:", [found], now=clock())
    eye._tell_kept(room, clock())
    assert heard.said[-1] == ("disk:data", False)


def test_a_restart_tells_nothing_again(room: Newsroom, clock: StillClock) -> None:
    """What was told before a restart is known after it."""
    room.alerts.report("disk:", [Trouble(key="disk:data", sentence="full")], now=clock())
    first, second = Heard(), Heard()
    Watch(lambda _: [first])._tell_kept(room, clock())
    Watch(lambda _: [second])._tell_kept(room, clock())
    assert (len(first.notices), len(second.notices)) == (1, 0)


def test_a_broken_way_is_tried_again_and_holds_up_no_other(
    room: Newsroom, clock: StillClock
) -> None:
    """The mail is down: the webhook is told at once, the mail when it is up."""
    mail, hook = Heard("mail", broken=True), Heard("hook")
    eye = Watch(lambda _: [mail, hook])
    room.alerts.report("disk:", [Trouble(key="disk:data", sentence="full")], now=clock())
    eye._tell_kept(room, clock())
    mail.broken = False
    eye._tell_kept(room, clock())
    eye._tell_kept(room, clock())
    assert mail.said == hook.said == [("disk:data", False)]


def test_trouble_that_ends_before_anybody_heard_is_not_told(
    room: Newsroom, clock: StillClock
) -> None:
    """Nobody gets the end of a story whose beginning was never told."""
    heard = Heard(broken=True)
    eye = Watch(lambda _: [heard])
    room.alerts.report("disk:", [Trouble(key="disk:data", sentence="full")], now=clock())
    eye._tell_kept(room, clock())
    heard.broken = False
    room.alerts.report("disk:", [], now=clock())
    eye._tell_kept(room, clock())
    assert heard.notices == []
    assert room.alerts.all() == []


def test_an_issue_that_is_not_approved(room: Newsroom, clock: StillClock) -> None:
    """Shortly before the send a draft, or no draft, is an alert; an approval ends it."""
    eye = Watch(lambda _: [])
    eye.look(room)
    assert keys(room) == []
    clock.now = at("2026-11-22T06:16")
    eye.look(room)
    assert keys(room) == [f"issue:daily-{TODAY}:unapproved"]
    assert "has no draft" in room.alerts.open()[0].sentence
    issue = make_issue(room, "daily", TODAY)
    eye.look(room)
    assert "is not approved" in open_alerts(room)[0].sentence
    approved(room, issue)
    eye.look(room)
    assert keys(room) == []


def test_an_issue_that_is_not_sent(room: Newsroom, clock: StillClock) -> None:
    """At its deadline the alert says where it is stuck; sending or cancelling it ends the alert."""
    eye = Watch(lambda _: [])
    issue = approved(room, make_issue(room, "daily", TODAY))
    clock.now = at("2026-11-22T07:14")
    eye.look(room)
    assert keys(room) == []
    clock.now = at("2026-11-22T07:15")
    eye.look(room)
    [alert] = room.alerts.open()
    assert alert.key == f"issue:{issue.id}:unsent"
    assert "is approved and was not sent" in alert.sentence
    sent(room, issue, IssueState.CANCELLED)
    eye.look(room)
    assert keys(room) == []


def test_a_provider_that_is_down_for_an_hour(
    room: Newsroom, clock: StillClock, tmp_path: Path
) -> None:
    """Letters that wait past the deadline are an alert with their number, until they are gone."""
    issue = sending(room, tmp_path)
    clock.now = at("2026-11-22T07:16")
    eye = Watch(lambda _: [])
    eye.look(room)
    [alert] = room.alerts.open()
    assert "4 letters wait" in alert.sentence
    with room.database.begin() as connection:
        connection.execute(update(deliveries).values(state="accepted"))
    sent(room, issue)
    eye.look(room)
    assert keys(room) == []


def test_a_day_off_is_no_trouble(room: Newsroom, clock: StillClock) -> None:
    """On a holiday nothing is missed, and the day before counts no longer once it was sent."""
    edition = room.config.edition("daily").model_copy(update={"holidays": ("11-22",)})
    room = replace(room, config=room.config.model_copy(update={"editions": {"daily": edition}}))
    clock.now = at("2026-11-22T12:00")
    Watch(lambda _: []).look(room)
    assert keys(room) == []


def test_a_reminder_comes_once_and_ends_with_the_approval(
    room: Newsroom, clock: StillClock
) -> None:
    """Editors are told that a draft waits, and that somebody approved it."""
    heard = Heard()
    eye = Watch(lambda _: [heard])
    issue = make_issue(room, "daily", TODAY)
    clock.now = at("2026-11-22T06:11")
    for _ in range(2):
        ring_due(room, arrows=Days().arrows)
        eye.look(room)
    approved(room, issue)
    ring_due(room, arrows=Days().arrows)
    eye.look(room)
    said = [one for one in heard.said if one[0].startswith("approve:")]
    assert said == [(f"approve:{issue.id}", False), (f"approve:{issue.id}", True)]


def test_a_dying_source(room: Newsroom, clock: StillClock) -> None:
    """One feed silent for three days is an alert; one that failed since this morning is not."""
    room = give_feeds(room, clock, bad=1, days=0.2)
    Watch(lambda _: []).look(room)
    assert keys(room) == []
    with room.database.begin() as connection:
        silent = clock() - timedelta(days=3)
        connection.execute(update(feeds).where(feeds.c.failures > 0).values(last_success=silent))
    Watch(lambda _: []).look(room)
    assert keys(room) == ["source:https://a0.example/f"]


def test_a_feed_that_a_person_retired_is_no_trouble(room: Newsroom, clock: StillClock) -> None:
    """An outlet that takes its feed away is an alert; somebody who retires one knows of it."""
    room = give_feeds(room, clock, bad=2, days=5)
    for number in (0, 2):
        room.articles.retire(f"https://a{number}.example/f", by="Ada")
    with room.database.begin() as connection:
        lost = feeds.c.url == "https://a1.example/f"
        values = {"state": "retired", "problem": "the feed is gone for good (410)"}
        connection.execute(update(feeds).where(lost).values(**values))
    Watch(lambda _: []).look(room)
    assert keys(room) == ["source:https://a1.example/f"]
    assert "took its feed away for good" in room.alerts.open()[0].sentence


def test_no_name_service(room: Newsroom, clock: StillClock) -> None:
    """Most feeds failing together are one alert about this machine, not one each."""
    room = give_feeds(room, clock, bad=7, days=0.2)
    Watch(lambda _: []).look(room)
    assert keys(room) == ["source:most"]
    assert "7 of 10 sources fail together" in room.alerts.open()[0].sentence


@pytest.mark.parametrize("before", [True, False])
def test_no_name_service_while_it_collects(
    sqlite: Database, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    *, before: bool,
) -> None:  # fmt: skip
    """An outage of our own is told at once, though no feed counts it; also on the first day."""

    def no_names(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    room = articles_room(tmp_path, sqlite, [], clock, outlets=[f"a{number}" for number in range(6)])
    if before:
        with sqlite.begin() as connection:
            connection.execute(update(feeds).values(last_visit=clock(), last_success=clock()))
    assert sick_sources(room, clock()) == []
    pipeline.collect(room)
    assert {feed.failures for feed in room.articles.feeds()} == {0}
    [trouble] = sick_sources(room, clock())
    assert trouble.key == "source:most"
    assert "6 of 6 sources fail together: the server's name" in trouble.sentence


@pytest.mark.parametrize("state", ["bounced", "complained"])
def test_too_many_bounces_and_complaints(
    room: Newsroom, clock: StillClock, tmp_path: Path, state: str
) -> None:
    """Over the limit is an alert with the share; a handful of letters says nothing."""
    issue = sending(room, tmp_path, 200)
    with room.database.begin() as connection:
        connection.execute(update(deliveries).values(state="delivered"))
        connection.execute(update(deliveries).where(deliveries.c.id <= 12).values(state=state))
    sent(room, issue)
    Watch(lambda _: []).look(room)
    assert keys(room) == [f"letters:{issue.id}:{state}"]
    assert "6 %" in room.alerts.open()[0].sentence


def test_disk_and_backup(room: Newsroom, clock: StillClock) -> None:
    """A full disk and an old backup are alerts of their own."""
    full = configured(room, alerts={"disk_free_mb": 10**9}, backup={"enabled": True})
    Watch(lambda _: []).look(full)
    assert sorted(keys(full)) == ["backup:old", "disk:data"]


def test_a_clock_that_jumped(room: Newsroom, clock: StillClock) -> None:
    """A step of the clock is told once, and over an hour later."""
    heard = Heard()
    eye = Watch(lambda _: [heard])
    eye.clock_was_set(room, -7200.0)
    eye.look(room)
    clock.pass_(minutes=61)
    eye.look(room)
    assert [said for said in heard.said if said[0].startswith("clock")] == [
        ("clock:jump", False),
        ("clock:jump", True),
    ]
    assert "back by 2.0 hours" in heard.notices[0].sentence or any(
        "2.0 hours" in one.sentence for one in heard.notices
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder(tmp_path: Path, clock: StillClock) -> None:
    """A database file that may not be written is told past the database."""
    database = open_database(f"sqlite:///{tmp_path}/news.sqlite")
    (tmp_path / "news.sqlite").chmod(0o400)
    room = room_on(database, clock, tmp_path, zone="UTC")
    heard = Heard()
    Watch(lambda _: [heard]).look(room)
    assert heard.said == [("database:down", False)]


def test_a_read_only_database(tmp_path: Path, clock: StillClock) -> None:
    """What cannot be kept is told from memory, once, and its end when it can be written again."""
    open_database(f"sqlite:///{tmp_path}/news.sqlite").close()
    database = open_database(f"sqlite:///{tmp_path}/news.sqlite")
    room = configured(
        room_on(database, clock, tmp_path, zone="UTC"), alerts={"disk_free_mb": 10**9}
    )
    heard = Heard()
    eye = Watch(lambda _: [heard])
    with room.database.begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    eye.look(room)
    eye.look(room)
    eye.look(room)
    assert heard.said == [("database:down", False)]
    assert "cannot be written" in heard.notices[0].sentence
    database.close()  # the pool's connections go, and with them the pragma
    eye.look(room)
    assert ("database:down", True) in heard.said
    assert ("disk:data", False) in heard.said
    database.close()


def fill(room: Newsroom) -> None:
    """Write until there is no room."""
    for number in range(1000):
        room.audit.note("test", "fill", "x" * 500, str(number))


def test_a_full_disk(tmp_path: Path, clock: StillClock) -> None:
    """A database that has no room to grow is told past itself, and nothing is half-written."""
    database = open_database(f"sqlite:///{tmp_path}/news.sqlite")
    room = room_on(database, clock, tmp_path, zone="UTC")
    with database.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DatabaseError, match="disk is full"):
        fill(room)
    heard = Heard()
    eye = Watch(lambda _: [heard])
    eye.trouble = None
    with pytest.raises(DatabaseError):
        room.alerts.report(
            "x:", [Trouble(key=f"x:{n}", sentence="x" * 2000) for n in range(50)], now=clock()
        )
    eye.trouble = DatabaseError("news.sqlite", "the disk is full", again=True)
    eye.look(room)
    assert heard.notices == []
    eye.look(room)
    assert heard.said == [("database:down", False)]
    assert "disk is full" in heard.notices[0].sentence
    database.close()


def test_every_look_has_a_scope_of_its_own() -> None:
    """No scope begins with another, so no look can end another's trouble."""
    scopes = [*LOOKS, "clock:", "bell:draft:", "bell:send:", "approve:", "config:"]
    assert len(set(scopes)) == len(scopes)
    assert not [(a, b) for a in scopes for b in scopes if a != b and a.startswith(b)]


def test_a_look_that_breaks_ends_no_trouble(
    room: Newsroom, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever one look stumbles over, the others look, and what it found before stays open."""
    room.alerts.report("disk:", [Trouble(key="disk:data", sentence="full")], now=clock())

    def odd(*_: object) -> list[Trouble]:
        raise KeyError("look")

    monkeypatch.setitem(LOOKS, "disk:", odd)
    clock.now = at("2026-11-22T06:16")
    Watch(lambda _: []).look(room)
    assert sorted(keys(room)) == ["disk:data", f"issue:daily-{TODAY}:unapproved"]


def test_an_issue_that_is_still_open_is_not_over(
    room: Newsroom, clock: StillClock, tmp_path: Path
) -> None:
    """Neither tomorrow's window nor tomorrow's draft ends what is said of today's issue."""
    issue = sending(room, tmp_path)
    with room.database.begin() as connection:
        connection.execute(update(deliveries).values(state="unknown"))
    sent(room, issue, IssueState.PARTLY_SENT)
    yesterday = make_issue(room, "daily", TODAY - timedelta(days=2))
    heard = Heard()
    eye = Watch(lambda _: [heard])
    clock.now = at("2026-11-22T07:20")
    eye.look(room)
    make_issue(room, "daily", TODAY + timedelta(days=1))
    clock.now = at("2026-11-23T07:20")
    eye.look(room)
    wanted = {
        f"issue:{issue.id}:unsent",
        f"letters:{issue.id}:unknown",
        f"issue:{yesterday.id}:unsent",
    }
    assert wanted <= set(keys(room))
    assert not [key for key, over in heard.said if over]


def test_a_source_that_was_told_stays_told(room: Newsroom, clock: StillClock) -> None:
    """When all others fail too, the one that was dead before is not said to be well again."""
    room = give_feeds(room, clock, bad=1, days=3)
    Watch(lambda _: []).look(room)
    with room.database.begin() as connection:
        connection.execute(update(feeds).values(failures=3))
    Watch(lambda _: []).look(room)
    assert sorted(keys(room)) == ["source:https://a0.example/f", "source:most"]


def test_a_sweep_that_fails_for_days(room: Newsroom, clock: StillClock) -> None:
    """What [retention] ends is taken away each night; two nights without it are an alert."""
    set_fact(room.database, SWEPT, "2026-11-20")
    clock.now = at("2026-11-22T05:00")
    Watch(lambda _: []).look(room)
    assert keys(room) == []
    clock.now = at("2026-11-23T05:00")
    assert [one.key for one in LOOKS["sweep:"](room, clock())] == ["sweep:old"]


def test_jobs_without_a_worker(postgres: Database, clock: StillClock, tmp_path: Path) -> None:
    """A job that nobody takes for five minutes is an alert and fails the doctor; a worker ends it."""
    room = room_on(postgres, clock, tmp_path, zone="UTC")
    assert LOOKS["jobs:"](room, clock()) == []
    assert [one.says for one in machine.workers(room)] == ["none, and no job waits for one"]
    work = OnProcrastinate(room.database.url)
    work.defer(Job(name="visit"))
    work.close(1)
    assert LOOKS["jobs:"](room, clock()) == []
    earlier = "UPDATE jobs.procrastinate_events SET at = at - interval '6 minutes'"
    with postgres.begin() as connection:
        connection.exec_driver_sql(earlier)
    [trouble] = LOOKS["jobs:"](room, clock())
    assert trouble.key == "jobs:unattended"
    [finding] = machine.workers(room)
    assert finding.state == "fail"
    for hint in (trouble.hint, finding.hint):
        assert "newsletter worker --until-empty" in hint
    done: list[str] = []
    functions = {"visit": partial(done.append, "visited")}
    run_worker(room.database.url, functions, queues=QUEUES, concurrency=1, until_empty=True)
    assert done == ["visited"]
    assert LOOKS["jobs:"](room, clock()) == []
    with postgres.begin() as connection:
        connection.exec_driver_sql("INSERT INTO jobs.procrastinate_workers DEFAULT VALUES")
    assert [one.says for one in machine.workers(room)] == ["1 at work"]
