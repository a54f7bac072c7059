"""Health: one look tells which sources are well, and why the others are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from newsletter.feeds.health import NEEDS_A_PERSON, Health, check_feeds, summarise
from newsletter.model import Feed, FeedState, Outlet

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOON = NOW - timedelta(days=2)
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
        Health.SLOW: replace(GOOD, seconds=8.2),
        Health.FAILING: replace(GOOD, failures=3, problem="the server answers 404", since=NOON),
        Health.PARKED: replace(GOOD, state=FeedState.PARKED, failures=12, problem="no"),
        Health.RETIRED: replace(GOOD, state=FeedState.RETIRED, problem="gone"),
    }
    lines = check_feeds(feeds.values(), OUTLETS, NOW)
    assert [one.health for one in lines] == [
        Health.RETIRED, Health.PARKED, Health.FAILING, Health.MOVED, Health.SLOW, Health.STALE,
        Health.NEW, Health.HEALTHY,
    ]  # fmt: skip
    assert all(one.reason for one in lines[:-1])
    assert lines[2].reason == "the server answers 404, 3 times in a row"
    assert lines[2].since == NOON
    assert lines[4].reason == "it took 8.2 s to answer"
    assert {one.name for one in lines} == {"The Paper"}


def test_an_address_that_became_a_safe_one_is_no_other_place() -> None:
    """From http to https nobody needs to be told; from one host to another somebody does."""
    feeds = [
        replace(GOOD, url="http://www.example.org/feed/", moved_to="https://example.org/feed"),
        replace(GOOD, url="http://example.org/2", moved_to="https://example.org/3"),
    ]
    lines = check_feeds(feeds, OUTLETS, NOW)
    assert [one.health for one in lines] == [Health.MOVED, Health.HEALTHY]


def test_a_summary_counts_all_and_names_the_troubled() -> None:
    """Numbers of every state, and lines of those that somebody should know of."""
    feeds = [
        GOOD,
        replace(GOOD, url="https://example.org/2"),
        replace(GOOD, url="https://example.org/3", seconds=6),
        replace(GOOD, url="https://example.org/4", state=FeedState.RETIRED, problem="gone"),
        Feed(url="https://example.org/5", outlet="paper"),
    ]
    found = summarise(check_feeds(feeds, OUTLETS, NOW, {GOOD.url: 7}))
    assert found.feeds == 5
    assert list(found.counts.items()) == [
        (Health.RETIRED, 1), (Health.SLOW, 1), (Health.NEW, 1), (Health.HEALTHY, 2),
    ]  # fmt: skip
    assert [line.health for line in found.troubled] == [Health.RETIRED, Health.SLOW]


def test_what_needs_a_person_is_named() -> None:
    """A feed that is failing may heal by itself; one that was given up will not."""
    assert Health.PARKED in NEEDS_A_PERSON
    assert Health.FAILING not in NEEDS_A_PERSON
