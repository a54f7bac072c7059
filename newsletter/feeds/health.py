"""How every source is doing, in one look: healthy, slow, failing, parked, retired, why, since when.

Decided from what is stored about feeds; nobody is asked. Pure, and quick to load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.model import Feed, FeedState, Outlet

SLOW_SECONDS = 5.0
STALE_AFTER = timedelta(days=7)


class Health(StrEnum):
    """The state of one feed, in the words of the table."""

    HEALTHY = "healthy"
    SLOW = "slow"
    """It answers, but only just within the limits."""
    STALE = "stale"
    """It answers, but has had nothing new for a week."""
    NEW = "new"
    """It was never asked."""
    MOVED = "moved"
    """It answers from a new address, which should go into the configuration."""
    FAILING = "failing"
    PARKED = "parked"
    RETIRED = "retired"


NEEDS_A_PERSON = frozenset({Health.PARKED, Health.RETIRED, Health.MOVED})
TROUBLED = NEEDS_A_PERSON | {Health.FAILING, Health.SLOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One line of the table. ``reason`` is empty for a healthy feed, ``since`` without trouble.

    ``seconds`` is how long the last good answer took. ``articles`` counts what a visit brought
    that was made for this table, None where none was made.
    """

    outlet: str
    name: str
    url: str
    health: Health
    reason: str = ""
    since: datetime | None = None
    last_success: datetime | None = None
    next_visit: datetime | None = None
    articles: int | None = None
    seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All sources in a few words: how many are in which state, the worst first, and which."""

    feeds: int
    counts: Mapping[Health, int]
    troubled: tuple[SourceHealth, ...]


def check_feeds(
    feeds: Iterable[Feed],
    outlets: Mapping[str, Outlet],
    now: datetime,
    articles: Mapping[str, int] | None = None,
) -> tuple[SourceHealth, ...]:
    """What is stored about feeds says, one line each, the worst first.

    :param articles: how many articles a visit just brought, by the feed's address.
    """
    lines = []
    for feed in feeds:
        health, reason, since = _judge(feed, now)
        outlet = outlets.get(feed.outlet)
        lines.append(
            SourceHealth(
                outlet=feed.outlet,
                name=outlet.name if outlet else feed.outlet,
                url=feed.url,
                health=health,
                reason=reason,
                since=since,
                last_success=feed.last_success,
                next_visit=feed.next_visit,
                articles=(articles or {}).get(feed.url),
                seconds=feed.seconds,
            )
        )
    return tuple(sorted(lines, key=lambda one: (_ORDER.index(one.health), one.outlet, one.url)))


def summarise(lines: Sequence[SourceHealth]) -> Summary:
    """Count states and pick out what an operator should know of."""
    counts = Counter(line.health for line in lines)
    return Summary(
        feeds=len(lines),
        counts={health: counts[health] for health in _ORDER if counts[health]},
        troubled=tuple(line for line in lines if line.health in TROUBLED),
    )


def _judge(feed: Feed, now: datetime) -> tuple[Health, str, datetime | None]:
    if feed.state is FeedState.RETIRED:
        return Health.RETIRED, feed.problem or "retired by an operator", feed.since
    if feed.problem or feed.failures or feed.state is FeedState.PARKED:
        times = f", {feed.failures} times in a row" if feed.failures > 1 else ""
        health = Health.PARKED if feed.state is FeedState.PARKED else Health.FAILING
        return health, f"{feed.problem}{times}", feed.since or feed.last_success
    return _judge_answering(feed, now)


def _judge_answering(feed: Feed, now: datetime) -> tuple[Health, str, datetime | None]:
    if feed.last_success is None:
        return Health.NEW, "not asked yet", None
    # An address that only became a safe one is no other place; it is followed without a word.
    if feed.moved_to and _place(feed.moved_to) != _place(feed.url):
        return Health.MOVED, f"moved to {feed.moved_to}", None
    if feed.seconds >= SLOW_SECONDS:
        return Health.SLOW, f"it took {feed.seconds:.1f} s to answer", None
    if feed.last_change and now - feed.last_change > STALE_AFTER:
        return Health.STALE, "nothing new", feed.last_change
    return Health.HEALTHY, "", None


def _place(url: str) -> str:
    return url.partition("://")[2].removeprefix("www.").rstrip("/")


_ORDER = (
    Health.RETIRED, Health.PARKED, Health.FAILING, Health.MOVED, Health.SLOW, Health.STALE,
    Health.NEW, Health.HEALTHY,
)  # fmt: skip
