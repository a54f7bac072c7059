"""Pace: eager where news comes, patient where it does not, quiet where it is not wanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.pace import Answered, Finding, after_visit, is_due, retry_after
from newsletter.model import Feed, FeedState

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FEED = Feed(url="https://example.org/feed", outlet="paper")
BASE = 900


def visited(feed: Feed, finding: Finding, now: datetime = NOW, **said: object) -> Feed:
    """The feed after one visit."""
    answered = Answered(finding=finding, **said)  # type: ignore[arg-type]
    return after_visit(feed, answered, now=now, base=BASE, chance=0.5)


def test_a_feed_that_changes_is_asked_at_the_base_pace() -> None:
    """Change brings the interval down to the base and no lower."""
    feed = replace(FEED, interval=3_600)
    for _ in range(5):
        feed = visited(feed, Finding.CHANGED)
    assert feed.interval == BASE
    assert feed.next_visit == NOW + timedelta(seconds=BASE)
    assert feed.last_change == NOW


def test_a_feed_that_never_changes_is_asked_every_six_hours() -> None:
    """Without change the interval grows, up to a limit."""
    feed = FEED
    for _ in range(40):
        feed = visited(feed, Finding.UNCHANGED)
    assert feed.interval == 6 * 3_600


def test_failures_double_the_wait() -> None:
    """Each failure in a row doubles the wait; a success forgets them."""
    waits = []
    feed = FEED
    for _ in range(4):
        feed = visited(feed, Finding.FAILED, problem="the server answers 404")
        assert feed.next_visit is not None
        waits.append((feed.next_visit - NOW).total_seconds())
    assert waits == [BASE, 2 * BASE, 4 * BASE, 8 * BASE]
    assert feed.problem == "the server answers 404"
    healed = visited(feed, Finding.UNCHANGED)
    assert (healed.failures, healed.problem) == (0, "")


def test_ten_failures_over_three_days_park_a_feed() -> None:
    """A parked feed is asked weekly and comes back by itself."""
    feed = replace(FEED, failures=9, last_success=NOW - timedelta(days=4))
    parked = visited(feed, Finding.FAILED, problem="no")
    assert parked.state is FeedState.PARKED
    assert parked.next_visit == NOW + timedelta(days=7)
    assert visited(parked, Finding.CHANGED).state is FeedState.ACTIVE


def test_a_bad_night_parks_nothing() -> None:
    """Many failures within hours are a server's bad night."""
    feed = replace(FEED, failures=30, last_success=NOW - timedelta(hours=10))
    assert visited(feed, Finding.FAILED).state is FeedState.ACTIVE


def test_gone_retires_for_good() -> None:
    """410 is the end of asking."""
    feed = visited(FEED, Finding.GONE, problem="the feed is gone for good (410)")
    assert feed.state is FeedState.RETIRED
    assert not is_due(feed, NOW + timedelta(days=999))


def test_retry_after_is_kept_and_capped() -> None:
    """A server may ask for an hour and gets it; it asks for decades and gets a day."""
    hour = visited(FEED, Finding.FAILED, retry_after=3_600)
    assert hour.next_visit == NOW + timedelta(hours=1)
    decades = visited(FEED, Finding.FAILED, retry_after=1e10)
    assert decades.next_visit == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("Sun, 22 Nov 2026 12:10:00 GMT", 600),
        ("Sun, 22 Nov 2020 12:10:00 GMT", 0),
        ("soon", 0),
        ("", 0),
        ("-5", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float) -> None:
    """Both forms of RFC 9110 are read; nonsense asks for nothing."""
    assert retry_after(header, NOW) == seconds


def test_a_failing_visit_keeps_the_validators() -> None:
    """After a bad night the server can still say that nothing changed."""
    feed = replace(FEED, etag='"a"', body_hash="h")
    assert visited(feed, Finding.FAILED).etag == '"a"'


def test_a_new_address_that_fails_is_given_up() -> None:
    """A permanent redirect that leads nowhere is forgotten after three failures."""
    feed = replace(FEED, moved_to="https://example.net/feed")
    for _ in range(3):
        feed = visited(feed, Finding.FAILED)
    assert feed.moved_to == ""


@given(
    st.lists(st.sampled_from(list(Finding)), max_size=30),
    st.floats(0, 1),
    st.floats(0, 1e12),
)
def test_the_next_visit_is_always_ahead_and_never_beyond_eight_days(
    findings: list[Finding], chance: float, asked_for: float
) -> None:
    """Whatever happens in whatever order, a feed is neither hammered nor forgotten."""
    feed = FEED
    for finding in findings:
        answered = Answered(finding=finding, retry_after=asked_for, fresh_for=asked_for)
        feed = after_visit(feed, answered, now=NOW, base=BASE, chance=chance)
        if finding is Finding.GONE:
            assert feed.next_visit is None
            return
        assert feed.next_visit is not None
        assert timedelta(minutes=10) < feed.next_visit - NOW < timedelta(days=8)
