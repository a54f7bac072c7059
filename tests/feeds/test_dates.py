"""Dates: read as the newsroom meant them, and marked where it cannot be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.dates import EARLIEST, read_date, settle
from newsletter.model import Dated

NOON = datetime(2026, 7, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "when", "plain"),
    [
        ("Wed, 22 Jul 2026 10:00:00 GMT", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 10:00:00 +0000", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 11:00:00 BST", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 06:00:00 EDT", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 05:00:00 EST", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 06:00 ET", "2026-07-22T10:00:00", True),
        ("Thu, 22 Jan 2026 05:00 ET", "2026-01-22T10:00:00", True),
        ("Wed, 22 Jul 2026 15:30:00 +0530", "2026-07-22T10:00:00", True),
        ("22 Jul 2026 10:00 GMT", "2026-07-22T10:00:00", True),
        ("Wednesday, 22 July 2026 10:00:00 Z", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 26 10:00:00 GMT", "2026-07-22T10:00:00", True),
        ("2026-07-22T10:00:00Z", "2026-07-22T10:00:00", True),
        ("2026-07-22T12:00:00.123+02:00", "2026-07-22T10:00:00", True),
        ("2026-07-22 10:00:00 UTC", "2026-07-22T10:00:00", True),
        ("20260722T100000Z", "2026-07-22T10:00:00", True),
        ("2026-07-22 12:00:00+02", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 12:00:00 GMT+2", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 08:00 -02", "2026-07-22T10:00:00", True),
        ("Wed, 22 Jul 2026 15:30:00 +530", "2026-07-22T10:00:00", True),
        ("Wednesday, July 22, 2026 - 10:00am", "2026-07-22T10:00:00", False),
        ("22/07/26 10:00", "2026-07-22T10:00:00", False),
        ("08/05/2026 10:00 AM", "2026-08-05T10:00:00", False),
        ("2026-07-22T24:00:00Z", "2026-07-23T00:00:00", True),
        ("Wed, 22 Jul 2026 10:00:00", "2026-07-22T10:00:00", False),
        ("2026-07-22T10:00:00", "2026-07-22T10:00:00", False),
        ("2026-07-22", "2026-07-22T00:00:00", False),
        ("22/07/2026 10:00", "2026-07-22T10:00:00", False),
        ("07/22/2026 10:00", "2026-07-22T10:00:00", False),
        ("05/08/2026 10:00", "2026-08-05T10:00:00", False),
        ("July 22, 2026 10:00 am GMT", "2026-07-22T10:00:00", True),
        ("Wed Jul 22 10:00:00 2026", "2026-07-22T10:00:00", False),
        ("Wed, 22 Jul 2026 10:00:00 XYZ", "2026-07-22T10:00:00", False),
        ("Sat, 00 Jan 0000 00:00:00 GMT", "1970-01-01T00:00:00", False),
    ],
)
def test_dates_are_read_as_meant(raw: str, when: str, plain: bool) -> None:  # noqa: FBT001 - a table
    """Names of zones, missing zones and day-first forms come out right, the doubtful marked."""
    assert read_date(raw) == (datetime.fromisoformat(when).replace(tzinfo=UTC), plain)


@pytest.mark.parametrize(
    "raw", ["", "yesterday", "32 Feb 2026 25:61:61 +9999", "NaN", "2026-13-45T99:99:99Z", "9" * 400]
)
def test_what_is_no_date_is_none(raw: str) -> None:
    """Words that mean no moment are not bent into one."""
    assert read_date(raw) is None


@given(st.text(max_size=60) | st.from_regex(r"\A\d{1,4}[-/. ]\d{1,4}[-/. ]\d{1,5}[ T].{0,20}\Z"))
def test_any_words_give_a_time_that_can_be_reckoned_with(raw: str) -> None:
    """No text makes the reader raise, and every time lies between 1970 and first sight."""
    when, _ = settle((raw,), NOON)
    assert EARLIEST <= when <= NOON


def test_a_time_yet_to_come_is_first_sight() -> None:
    """An article from next week does not stand first for a week."""
    assert settle(("Wed, 29 Jul 2026 10:00:00 GMT",), NOON) == (NOON, Dated.FUTURE)


def test_a_clock_that_runs_ahead_a_little_is_forgiven() -> None:
    """Minutes ahead are the publisher's clock, not the future."""
    assert settle(("Wed, 22 Jul 2026 12:05:00 GMT",), NOON) == (NOON, Dated.STATED)


def test_absent_dates_are_marked() -> None:
    """Where nothing is said, first sight stands in and says so."""
    assert settle(("soon",), NOON) == (NOON, Dated.ABSENT)


def test_the_library_may_know_a_form_that_we_do_not() -> None:
    """What the parsing library made of strange words is taken, but as an assumption."""
    earlier = NOON - timedelta(hours=3)
    assert settle(("3 hours past nine",), NOON, earlier) == (earlier, Dated.ASSUMED)


@given(st.integers(100_000, 3_700_000_000), st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_the_usual_form_means_what_the_others_do(seconds: int, minutes: int) -> None:
    """The short way for what nearly every feed writes gives what the long way gives."""
    meant = datetime.fromtimestamp(seconds, UTC)
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    usual = f"{meant + timedelta(minutes=minutes):%a, %d %b %Y %H:%M:%S} {zone}"
    assert read_date(usual) == read_date(f"{usual} (local)") == (meant, True)
