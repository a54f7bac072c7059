"""The timetable: one moment per local date, whatever the clocks do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import Config, EditionSettings
from newsletter.timetable import (
    BELLS,
    DRAFT,
    REMIND,
    SEND,
    appears,
    due,
    firings,
    last_send,
    moment_of,
    next_firings,
    next_of,
    reader_moments,
)

ZONES = [
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Dublin", "Europe/Lisbon", "Europe/Istanbul",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/Phoenix", "America/Halifax", "America/St_Johns", "America/Sao_Paulo",
    "America/Santiago", "America/Asuncion", "America/Havana", "America/Nuuk", "Africa/Casablanca",
    "Africa/Cairo", "Asia/Beirut", "Asia/Jerusalem", "Asia/Tehran", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Tokyo", "Australia/Sydney", "Australia/Lord_Howe",
    "Pacific/Auckland", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati",
]  # fmt: skip


def test_a_skipped_time_means_the_first_moment_after_the_gap() -> None:
    """Half past two on the night the clocks go forward is three o'clock."""
    zone = ZoneInfo("America/New_York")
    moment = moment_of(date(2026, 3, 8), time(2, 30), zone)
    assert moment == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert moment.astimezone(zone).time() == time(3)


def test_a_repeated_time_means_its_first_coming() -> None:
    """Half past one on the night the clocks go back comes once: the first time."""
    moment = moment_of(date(2026, 11, 1), time(1, 30), ZoneInfo("America/New_York"))
    assert moment == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_half_hour_changes_work_too() -> None:
    """Lord Howe moves its clocks by thirty minutes."""
    zone = ZoneInfo("Australia/Lord_Howe")
    moment = moment_of(date(2026, 10, 4), time(2, 15), zone)
    assert moment.astimezone(zone).time() == time(2, 30)


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=10)
@given(minute=st.integers(0, 24 * 60 - 1))
def test_every_local_date_has_one_moment_in_order(zone: str, minute: int) -> None:
    """From 2024 to 2028 each date has exactly one moment, later than the day before's."""
    at = time(minute // 60, minute % 60)
    place = ZoneInfo(zone)
    before = datetime(2020, 1, 1, tzinfo=UTC)
    day = date(2024, 1, 1)
    while day < date(2029, 1, 1):
        moment = moment_of(day, at, place)
        assert moment.astimezone(place).date() == day
        assert before < moment
        before, day = moment, day + timedelta(days=13)


@pytest.mark.parametrize("zone", ZONES)
def test_a_scheduler_that_looks_every_minute_does_each_bell_once(zone: str) -> None:
    """Over the days around every clock change each bell of each date is done exactly once."""
    edition = EditionSettings(zone=zone, draft_at=time(1, 30), send_at=time(2, 30))
    for first in (datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC)):
        done = {first.date() - timedelta(days=n): set(BELLS) for n in range(-1, 9)}
        for day in (first.date() + timedelta(days=n) for n in range(5)):
            done.pop(day, None)
        counted: Counter[tuple[date, str]] = Counter()
        now = first
        while now < first + timedelta(days=4):
            for firing in due(edition, "daily", now, done):
                assert firing.day is not None
                counted[firing.day, firing.bell] += 1
                done.setdefault(firing.day, set()).add(firing.bell)
            now += timedelta(minutes=7)
        assert set(counted.values()) == {1}
        assert {bell for _, bell in counted} == set(BELLS)


def rung(until: date, days: int = 8) -> dict[date, set[str]]:
    """All bells of the days up to a date are done."""
    return {until - timedelta(days=number): set(BELLS) for number in range(days)}


def test_a_clock_set_back_rings_nothing_again() -> None:
    """Two hours back after the send: everything is still done."""
    settings = EditionSettings(zone="UTC")
    done = rung(date(2026, 11, 22), 9)
    assert due(settings, "daily", datetime(2026, 11, 22, 7, tzinfo=UTC), done) == []
    assert due(settings, "daily", datetime(2026, 11, 22, 5, tzinfo=UTC), done) == []


def test_what_was_slept_over_is_due_and_says_how_late() -> None:
    """A machine that slept over its send time finds the bells due on waking."""
    settings = EditionSettings(zone="UTC")
    now = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    found = due(settings, "daily", now, rung(date(2026, 11, 21)))
    assert [(firing.bell, firing.late) for firing in found] == [
        (DRAFT, timedelta(hours=11)),
        (REMIND, timedelta(hours=10, minutes=20)),
        (SEND, timedelta(hours=10)),
    ]


def test_days_before_the_edition_was_there_are_not_missed() -> None:
    """An edition that begins today owes nothing for yesterday."""
    settings = EditionSettings(zone="UTC")
    now = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    assert due(settings, "daily", now, {}, since=now - timedelta(minutes=90)) == []
    assert len(due(settings, "daily", now, {})) == 3 * 8


@pytest.mark.parametrize(
    ("holidays", "rests"),
    [((), False), (("12-25",), True), (("2026-12-25",), True), (("2025-12-25", "12-26"), False)],
)
def test_an_edition_rests_on_its_holidays(holidays: tuple[str, ...], *, rests: bool) -> None:
    """A holiday is a day of every year, or one date."""
    settings = EditionSettings(zone="UTC", holidays=holidays)
    assert appears(settings, date(2026, 12, 25)) is not rests


def test_an_edition_of_holidays_only_has_no_next_bell() -> None:
    """A search for a bell that never rings comes to an end."""
    every = tuple((date(2024, 1, 1) + timedelta(days=n)).strftime("%m-%d") for n in range(366))
    settings = EditionSettings(zone="UTC", holidays=every)
    assert next_of(settings, "daily", SEND, datetime(2026, 11, 22, tzinfo=UTC)) == []
    assert last_send(settings, datetime(2026, 11, 22, tzinfo=UTC)) is None


def test_a_reminder_comes_between_draft_and_send() -> None:
    """It never comes before there is a draft to look at; without minutes there is none."""

    def bells(**keys: object) -> list[tuple[str, str]]:
        settings = EditionSettings.model_validate({"zone": "UTC", **keys})
        return [
            (firing.bell, f"{firing.at:%H:%M}")
            for firing in firings(settings, "daily", date(2026, 11, 22), 1)
        ]

    assert bells() == [("draft", "05:30"), ("remind", "06:10"), ("send", "06:30")]
    assert bells(remind_minutes=300) == [("draft", "05:30"), ("remind", "05:30"), ("send", "06:30")]
    assert bells(remind_minutes=0) == [("draft", "05:30"), ("send", "06:30")]


def test_readers_further_west_wait_for_their_morning() -> None:
    """Who is further east than the edition gets it with the edition, who is west later."""
    settings = EditionSettings(zone="America/New_York", send_at=time(6, 30), send_in="reader")
    zones = ["Europe/London", "America/New_York", "America/Chicago", "America/Los_Angeles",
             "Pacific/Honolulu", "Pacific/Apia", "", "Mars/Olympus"]  # fmt: skip
    moments = reader_moments(settings, date(2026, 11, 23), zones)
    assert {name: f"{at:%d %H:%M}" for name, at in moments.items()} == {
        "America/Chicago": "23 12:30",
        "America/Los_Angeles": "23 14:30",
        "Pacific/Honolulu": "23 16:30",
    }


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_every_reader_has_one_moment_a_day(zone: str) -> None:
    """On the days of clock changes too, no reader's moment comes before the send or a day late."""
    settings = EditionSettings(zone=zone, send_at=time(2, 15), send_in="reader")
    for day in (date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 4), date(2026, 11, 1)):
        start = moment_of(day, settings.send_at, ZoneInfo(zone))
        for at in reader_moments(settings, day, ZONES).values():
            assert start < at <= start + timedelta(hours=27)


def test_an_edition_rests_on_its_days_off() -> None:
    """A weekday edition has no bells on Saturday and Sunday."""
    settings = EditionSettings(zone="UTC", days=("mon", "tue", "wed", "thu", "fri"))
    days = {firing.day for firing in firings(settings, "daily", date(2026, 11, 16), 7)}
    assert days == {date(2026, 11, 16) + timedelta(days=number) for number in range(5)}


def test_the_next_firings_are_in_order_and_in_the_future() -> None:
    """What "newsletter schedule" shows begins with the soonest bell."""
    config = Config.model_validate({"root": ".", "file": "config.toml"})
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    found = next_firings(config, now)
    assert [firing.at for firing in found] == sorted(firing.at for firing in found)
    assert all(firing.at > now for firing in found)
    counted = Counter(firing.bell for firing in found)
    assert counted == {"collect": 10, "draft": 10, "remind": 10, "send": 10}


def test_the_most_eager_edition_says_how_often_feeds_are_visited() -> None:
    """Editions share their sources: the shortest interval of all serves them all."""
    editions = {"daily": {"collect_minutes": 30}, "noon": {"collect_minutes": 10}, "weekly": {}}
    config = Config.model_validate(
        {
            "root": ".",
            "file": "config.toml",
            "editions": editions,
            "schedule": {"collect_minutes": 20},
        }
    )
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    rounds = [firing.at for firing in next_firings(config, now, 3) if firing.bell == "collect"]
    assert [at - now for at in rounds] == [timedelta(minutes=10 * n) for n in (1, 2, 3)]
