"""How every source is doing, in one look: healthy, slow, failing, parked, retired, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.feeds.visit import Outcome, Visit
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One line of the table. ``reason`` is empty for a healthy feed."""

    outlet: str
    name: str
    url: str
    health: Health
    reason: str = ""
    last_success: datetime | None = None
    next_visit: datetime | None = None
    articles: int | None = None
    seconds: float | None = None


def check_visits(
    visits: Iterable[Visit], outlets: Mapping[str, Outlet]
) -> tuple[SourceHealth, ...]:
    """What a round of visits made on purpose says, the worst first."""
    lines = []
    for visit in visits:
        feed = visit.feed
        slow = visit.seconds >= SLOW_SECONDS and visit.outcome in {
            Outcome.CHANGED,
            Outcome.UNCHANGED,
        }
        health, reason = _judge(feed, feed.last_visit)
        if slow and health is Health.HEALTHY:
            health, reason = Health.SLOW, f"it took {visit.seconds:.1f} s to answer"
        lines.append(
            _line(
                feed, outlets, health, reason, articles=len(visit.articles), seconds=visit.seconds
            )
        )
    return _worst_first(lines)


def check_feeds(
    feeds: Iterable[Feed], outlets: Mapping[str, Outlet], now: datetime
) -> tuple[SourceHealth, ...]:
    """What is stored about feeds says, without asking anybody, the worst first."""
    return _worst_first([_line(feed, outlets, *_judge(feed, now)) for feed in feeds])


def _judge(feed: Feed, now: datetime | None) -> tuple[Health, str]:
    if feed.state is FeedState.RETIRED:
        return Health.RETIRED, feed.problem or "retired by an operator"
    if feed.failures or feed.state is FeedState.PARKED:
        times = f", {feed.failures} times in a row" if feed.failures > 1 else ""
        health = Health.PARKED if feed.state is FeedState.PARKED else Health.FAILING
        return health, f"{feed.problem}{times}"
    return _judge_answering(feed, now)


def _judge_answering(feed: Feed, now: datetime | None) -> tuple[Health, str]:
    if feed.last_success is None:
        return Health.NEW, "not asked yet"
    if feed.moved_to:
        return Health.MOVED, f"moved to {feed.moved_to}"
    if now and feed.last_change and now - feed.last_change > STALE_AFTER:
        return Health.STALE, f"nothing new since {feed.last_change:%d %B %Y}"
    return Health.HEALTHY, ""


_ORDER = (
    Health.RETIRED, Health.PARKED, Health.FAILING, Health.MOVED, Health.SLOW, Health.STALE,
    Health.NEW, Health.HEALTHY,
)  # fmt: skip


def _worst_first(lines: Sequence[SourceHealth]) -> tuple[SourceHealth, ...]:
    return tuple(sorted(lines, key=lambda one: (_ORDER.index(one.health), one.outlet, one.url)))


def _line(
    feed: Feed,
    outlets: Mapping[str, Outlet],
    health: Health,
    reason: str,
    *,
    articles: int | None = None,
    seconds: float | None = None,
) -> SourceHealth:
    outlet = outlets.get(feed.outlet)
    return SourceHealth(
        outlet=feed.outlet,
        name=outlet.name if outlet else feed.outlet,
        url=feed.url,
        health=health,
        reason=reason,
        last_success=feed.last_success,
        next_visit=feed.next_visit,
        articles=articles,
        seconds=seconds,
    )
