"""Check: one look tells which sources are well, and why the others are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from newsletter.feeds.check import NEEDS_A_PERSON, Health, check_feeds, check_visits
from newsletter.feeds.visit import Outcome, Visit
from newsletter.model import Feed, FeedState, Outlet

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = Feed(
    url="https://example.org/feed",
    outlet="paper",
    last_visit=NOW,
    last_success=NOW,
    last_change=NOW - timedelta(hours=1),
)
OUTLETS = {"paper": Outlet(id="paper", name="The Paper")}


def test_every_state_has_its_word_and_its_reason() -> None:
    """The worst come first, each with a reason."""
    feeds = {
        Health.HEALTHY: GOOD,
        Health.NEW: Feed(url="https://example.org/new", outlet="paper"),
        Health.STALE: replace(GOOD, last_change=NOW - timedelta(days=30)),
        Health.MOVED: replace(GOOD, moved_to="https://example.net/feed"),
        Health.FAILING: replace(GOOD, failures=3, problem="the server answers 404"),
        Health.PARKED: replace(GOOD, state=FeedState.PARKED, failures=12, problem="no"),
        Health.RETIRED: replace(GOOD, state=FeedState.RETIRED, problem="gone"),
    }
    lines = check_feeds(feeds.values(), OUTLETS, NOW)
    assert [one.health for one in lines] == [
        Health.RETIRED, Health.PARKED, Health.FAILING, Health.MOVED, Health.STALE, Health.NEW,
        Health.HEALTHY,
    ]  # fmt: skip
    assert all(one.reason for one in lines[:-1])
    assert lines[2].reason == "the server answers 404, 3 times in a row"
    assert {one.name for one in lines} == {"The Paper"}


def test_a_slow_answer_is_told() -> None:
    """A feed that answers just within the limits is not called healthy."""
    slow = Visit(feed=GOOD, outcome=Outcome.CHANGED, seconds=8)
    quick = Visit(feed=GOOD, outcome=Outcome.UNCHANGED, seconds=0.1)
    assert [one.health for one in check_visits([quick, slow], OUTLETS)] == [
        Health.SLOW,
        Health.HEALTHY,
    ]


def test_what_needs_a_person_is_named() -> None:
    """A feed that is failing may heal by itself; one that was given up will not."""
    assert Health.PARKED in NEEDS_A_PERSON
    assert Health.FAILING not in NEEDS_A_PERSON
