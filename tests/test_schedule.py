"""Bells: one moment per local date, done once, whatever the clocks do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import Config, EditionSettings
from newsletter.schedule import DRAFT, SEND, due, firings, moment_of, next_firings

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
        done: dict[date, set[str]] = {}
        counted: Counter[tuple[date, str]] = Counter()
        now = first
        while now < first + timedelta(days=4):
            for firing in due(edition, "daily", now, done):
                assert firing.day is not None
                counted[firing.day, firing.bell] += 1
                done.setdefault(firing.day, set()).add(firing.bell)
            now += timedelta(minutes=7)
        assert set(counted.values()) == {1}
        assert {bell for _, bell in counted} == {DRAFT, SEND}


def test_a_clock_set_back_rings_nothing_again() -> None:
    """Two hours back after the send: everything is still done."""
    settings = EditionSettings(zone="UTC")
    done = {date(2026, 11, 22): {DRAFT, SEND}, date(2026, 11, 21): {DRAFT, SEND}}
    assert due(settings, "daily", datetime(2026, 11, 22, 7, tzinfo=UTC), done) == []
    assert due(settings, "daily", datetime(2026, 11, 22, 5, tzinfo=UTC), done) == []


def test_what_was_slept_over_is_due_and_says_how_late() -> None:
    """A machine that slept over its send time finds the bell due on waking."""
    settings = EditionSettings(zone="UTC")
    done = {date(2026, 11, 21): {DRAFT, SEND}}
    found = due(settings, "daily", datetime(2026, 11, 22, 16, 30, tzinfo=UTC), done)
    assert [(firing.bell, firing.late) for firing in found] == [
        (DRAFT, timedelta(hours=11)),
        (SEND, timedelta(hours=10)),
    ]


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
    assert {firing.bell for firing in found} == {"collect", "draft", "send"}
