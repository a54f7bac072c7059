"""When a feed is asked next, decided from what the last visit brought. Pure: data in, data out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from newsletter.model import Feed, FeedState

SLOWEST = timedelta(hours=6)
"""A feed that never changes is still asked this often."""
LONGEST_WAIT = timedelta(hours=24)
"""The most that failures, or a server's Retry-After, put a feed off."""
PARKED_WAIT = timedelta(days=7)
FAILURES_TO_PARK = 10
SILENCE_TO_PARK = timedelta(days=3)


class Finding(StrEnum):
    """What a visit found, as far as the pace is concerned."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The part of an answer that a feed remembers.

    ``retry_after`` and ``fresh_for`` are seconds the server asks to be left alone for, after a
    refusal and after a good answer. ``moved_to`` is the end of a chain of permanent redirects.
    ``seconds`` is how long the server took, ``silent`` that none was reached.
    """

    finding: Finding
    etag: str = ""
    modified: str = ""
    body_hash: str = ""
    moved_to: str = ""
    problem: str = ""
    silent: bool = False
    retry_after: float = 0
    fresh_for: float = 0
    seconds: float = 0


def after_visit(feed: Feed, answered: Answered, *, now: datetime, base: int, chance: float) -> Feed:
    """The feed as it is to be stored after a visit.

    A feed that changed is asked twice as often, one that did not a quarter less often, between
    ``base`` seconds and six hours. Failures double the wait from ``base`` to a day; ten in a row
    over three days park the feed, which is then asked weekly. 410 Gone retires it; where it was
    moved to, 410 is a failure, and the old address is asked again.

    :param chance: a random number from 0 to 1; spreads visits so that feeds do not march in step.
    """
    jitter = 0.9 + 0.2 * chance
    if answered.finding is Finding.GONE and feed.moved_to:
        feed = replace(feed, moved_to="")
        return _after_failure(feed, answered, now=now, base=base, jitter=jitter)
    if answered.finding is Finding.GONE:
        return replace(
            feed,
            state=FeedState.RETIRED,
            next_visit=None,
            last_visit=now,
            failures=feed.failures + 1,
            problem=answered.problem,
            since=now,
        )
    if answered.finding is Finding.FAILED:
        return _after_failure(feed, answered, now=now, base=base, jitter=jitter)
    changed = answered.finding is Finding.CHANGED
    interval = feed.interval // 2 if changed else feed.interval * 5 // 4
    interval = max(base, min(interval, max(base, int(SLOWEST.total_seconds()))))
    asked_for = min(answered.fresh_for, LONGEST_WAIT.total_seconds() / 24)
    wait = max(interval * jitter, asked_for)
    return replace(
        feed,
        state=FeedState.ACTIVE,
        etag=answered.etag,
        modified=answered.modified,
        body_hash=answered.body_hash,
        interval=interval,
        next_visit=now + timedelta(seconds=wait),
        last_visit=now,
        last_success=now,
        last_change=now if changed else feed.last_change,
        failures=0,
        problem="",
        moved_to=answered.moved_to,
        since=None,
        seconds=round(answered.seconds, 3),
    )


def after_outage(feed: Feed, problem: str, *, now: datetime, base: int) -> Feed:
    """The feed after a visit that failed together with most others: it is we who are cut off.

    It says why it has nothing new, and is asked again soon; nothing is held against it.
    """
    soon = now + timedelta(seconds=base)
    return replace(feed, problem=problem, since=feed.since or now, next_visit=soon)


def is_due(feed: Feed, now: datetime) -> bool:
    """Whether a feed should be asked now. A retired one never is."""
    if feed.state is FeedState.RETIRED:
        return False
    return feed.next_visit is None or feed.next_visit <= now


def retry_after(header: str, now: datetime) -> float:
    """Seconds that a Retry-After header asks for: a number or a date; 0 when it says neither."""
    text = header.strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return max(0.0, (when - now).total_seconds())


def _after_failure(
    feed: Feed, answered: Answered, *, now: datetime, base: int, jitter: float
) -> Feed:
    failures = feed.failures + 1
    doubled = base * 2.0 ** min(failures - 1, 16) * jitter
    asked_for = min(answered.retry_after, LONGEST_WAIT.total_seconds())
    wait = max(min(doubled, LONGEST_WAIT.total_seconds()), asked_for)
    silent_since = feed.last_success
    parked = feed.state is FeedState.PARKED or (
        failures >= FAILURES_TO_PARK
        and (silent_since is None or now - silent_since >= SILENCE_TO_PARK)
    )
    if parked:
        wait = PARKED_WAIT.total_seconds() * jitter
    return replace(
        feed,
        state=FeedState.PARKED if parked else feed.state,
        # An answer that cannot be used must not be called unchanged next time.
        next_visit=now + timedelta(seconds=wait),
        last_visit=now,
        failures=failures,
        problem=answered.problem,
        since=feed.since or now,
        # A new address that fails is forgotten, so that the old one is asked again.
        moved_to="" if feed.moved_to and failures >= 3 else feed.moved_to,
    )
