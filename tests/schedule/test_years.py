"""The real bells on a real database, through clock changes, steps of the clock, sleep and death."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.config import EditionSettings
from newsletter.database.engine import Database, open_database
from newsletter.schedule import ring_due
from newsletter.schedule.scheduler import BellTrigger
from newsletter.timetable import BELLS, SEND, due, firings, local_date, moment_of
from tests.conftest import StillClock
from tests.schedule.rooms import Days, at, room_on
from tests.schedule.test_timetable import ZONES

SPECIAL = ["Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo", "Pacific/Apia"]


def changes(zone: str) -> list[datetime]:
    """Every moment from 2024 to 2028 at which a zone's clocks change, to the hour."""
    place = ZoneInfo(zone)
    found = []
    now = datetime(2024, 1, 1, tzinfo=UTC)
    before = now.astimezone(place).utcoffset()
    while now < datetime(2029, 1, 1, tzinfo=UTC):
        then = now + timedelta(days=1)
        if then.astimezone(place).utcoffset() != before:
            hour = now
            while hour.astimezone(place).utcoffset() == before:
                hour += timedelta(hours=1)
            found.append(hour)
            before = then.astimezone(place).utcoffset()
        now = then
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_every_clock_change_of_five_years(zone: str) -> None:
    """At hours around each change every bell of every date rings once, at its one moment.

    The alarm clock's own triggers wake the look, as in the running program, and a look in between.
    """
    for change in changes(zone):
        local = change.astimezone(ZoneInfo(zone))
        for hour in {(local.hour + shift) % 24 for shift in (-1, 0)}:
            settings = EditionSettings(zone=zone, draft_at=time(hour, 10), send_at=time(hour, 40))
            triggers = [BellTrigger(settings, "daily", bell) for bell in BELLS]
            now = change - timedelta(hours=30)
            end = change + timedelta(hours=42)
            done: dict[date, set[str]] = {}
            rang: dict[tuple[date, str], datetime] = {}
            while now < end:
                for firing in due(settings, "daily", now, done, since=change - timedelta(hours=30)):
                    assert firing.day is not None
                    assert (firing.day, firing.bell) not in rang
                    rang[firing.day, firing.bell] = now
                    done.setdefault(firing.day, set()).add(firing.bell)
                woken = [found for t in triggers if (found := t.get_next_fire_time(None, now))]
                now = min(*woken, now + timedelta(hours=5))
            first = local_date(settings, change - timedelta(hours=30))
            expected = {
                (firing.day, firing.bell): firing.at
                for firing in firings(settings, "daily", first, 5)
                if change - timedelta(hours=30) <= firing.at < end
            }
            assert rang == expected


@pytest.mark.parametrize("zone", SPECIAL)
def test_days_around_a_change_on_the_database(zone: str, sqlite: Database, tmp_path: Path) -> None:
    """One issue a local date, made once and sent once at its moment, through both changes of 2026."""
    clock = StillClock(at("2026-01-01T00:00"))
    keys = {"zone": zone, "draft_at": "01:30", "send_at": "02:15", "unattended": "send"}
    room = room_on(sqlite, clock, tmp_path, **keys)
    days = Days()
    for change in [one for one in changes(zone) if one.year == 2026] or [at("2026-06-01T12:00")]:
        clock.now = change - timedelta(hours=30)
        while clock.now < change + timedelta(hours=26):
            ring_due(room, arrows=days.arrows)
            clock.pass_(minutes=45)
    assert set(days.drafted.values()) == {1}
    whole = sorted(days.sent)
    assert set(days.sent.values()) == {1}
    for day in whole[1:]:
        late = days.moments[day] - moment_of(day, time(2, 15), ZoneInfo(zone))
        assert timedelta(0) <= late <= timedelta(minutes=45)


@pytest.mark.parametrize("shifts", [(0, 120), (-120, 0), (-60, 60)])
def test_a_clock_that_is_set_back_and_forth(
    sqlite: Database, tmp_path: Path, shifts: tuple[int, int]
) -> None:
    """Days on which the clock is set by two hours again and again: one issue a date."""
    rng = random.Random(7)
    clock = StillClock(at("2026-11-02T00:00"))
    room = room_on(
        sqlite, clock, tmp_path, zone="UTC", draft_at="05:30", send_at="06:30", unattended="send"
    )
    days = Days()
    true = clock.now
    shift = timedelta(0)
    while true < at("2026-11-06T00:00"):
        if rng.random() < 0.2:
            shift = timedelta(minutes=rng.choice(shifts))
        clock.now = true + shift
        ring_due(room, arrows=days.arrows)
        true += timedelta(minutes=30)
    expected = {date(2026, 11, 2) + timedelta(days=number) for number in range(4)}
    assert set(days.sent) - {date(2026, 11, 6)} == expected
    assert set(days.drafted.values()) == set(days.sent.values()) == {1}


@pytest.mark.parametrize(
    ("late", "sent"),
    [("send", True), ("ask", False), ("skip", False)],
)
def test_a_laptop_that_slept_ten_hours(
    sqlite: Database, tmp_path: Path, *, late: str, sent: bool
) -> None:
    """Woken long after the send time, an approved issue follows the late policy, and is known."""
    clock = StillClock(at("2026-11-21T12:00"))
    room = room_on(sqlite, clock, tmp_path, zone="UTC", unattended="send", late=late)
    days = Days()
    ring_due(room, arrows=days.arrows)
    clock.now = at("2026-11-22T06:00")
    ring_due(room, arrows=days.arrows)
    clock.pass_(hours=10)
    ring_due(room, arrows=days.arrows)
    ring_due(room, arrows=days.arrows)
    assert days.sent[date(2026, 11, 22)] == int(sent)
    acts = [entry.action for entry in room.audit.entries(subject="daily-2026-11-22")]
    assert ("send" if sent else late) in acts


def test_down_over_the_send_time(tmp_path: Path) -> None:
    """Killed before the draft and started an hour later: drafted and sent, once."""
    clock = StillClock(at("2026-11-21T12:00"))
    days = Days()
    for moment in ("2026-11-21T12:00", "2026-11-22T07:10", "2026-11-22T07:11"):
        database = open_database(f"sqlite:///{tmp_path}/news.sqlite")
        clock.now = at(moment)
        room = room_on(database, clock, tmp_path, zone="UTC", unattended="send")
        ring_due(room, arrows=days.arrows)
        database.close()
    assert days.drafted == {date(2026, 11, 22): 1}
    assert days.sent == {date(2026, 11, 22): 1}


def test_down_for_days_is_not_silent(sqlite: Database, tmp_path: Path) -> None:
    """The dates nobody was there for are written down, and today goes on as usual."""
    clock = StillClock(at("2026-11-16T12:00"))
    room = room_on(sqlite, clock, tmp_path, zone="UTC", unattended="send")
    days = Days()
    ring_due(room, arrows=days.arrows)
    clock.now = at("2026-11-20T06:31")
    ring_due(room, arrows=days.arrows)
    missed = [entry.subject for entry in room.audit.entries(action="miss")]
    assert sorted(missed) == ["daily-2026-11-17", "daily-2026-11-18", "daily-2026-11-19"]
    assert days.sent == {date(2026, 11, 20): 1}


def test_a_digest_of_the_week_rings_on_its_day(sqlite: Database, tmp_path: Path) -> None:
    """A weekly edition has one issue in three weeks' Sundays each."""
    clock = StillClock(at("2026-11-02T00:00"))
    room = room_on(
        sqlite, clock, tmp_path, zone="UTC", days=("sun",), unattended="send", late="send"
    )
    days = Days()
    while clock.now < at("2026-11-23T00:00"):
        ring_due(room, arrows=days.arrows)
        clock.pass_(hours=2)
    assert days.sent == {date(2026, 11, 8): 1, date(2026, 11, 15): 1, date(2026, 11, 22): 1}
    assert SEND in room.issues.rung("daily", date(2026, 11, 22))
