"""Figures of issues: what became of the letters, and what was read; never who read what."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from newsletter.database.clicks import Clicks
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries, events


def states_of(database: Database, issues: Sequence[str]) -> dict[str, dict[str, int]]:
    """Deliveries by issue and state."""
    query = (
        select(deliveries.c.issue, deliveries.c.state, func.count())
        .where(deliveries.c.issue.in_(list(issues)))
        .group_by(deliveries.c.issue, deliveries.c.state)
    )
    found: dict[str, dict[str, int]] = {issue: {} for issue in issues}
    with database.reading() as connection:
        for issue, state, number in connection.execute(query):
            found[issue][state] = number
    return found


def events_of(database: Database, issues: Sequence[str]) -> dict[str, dict[str, int]]:
    """Letters with a kind of event, by issue and kind; and "click", the links readers followed."""
    query = (
        select(
            deliveries.c.issue,
            events.c.kind,
            func.count(func.distinct(events.c.delivery_key)),
        )
        .join(events, events.c.delivery_key == deliveries.c.key)
        .where(deliveries.c.issue.in_(list(issues)))
        .group_by(deliveries.c.issue, events.c.kind)
    )
    found: dict[str, dict[str, int]] = {issue: {} for issue in issues}
    with database.reading() as connection:
        for issue, kind, number in connection.execute(query):
            found[issue][kind] = number
    for issue, number in Clicks(database).totals(issues).items():
        if number:
            found[issue]["click"] = number
    return found


def clicks_of(database: Database, issue: str) -> dict[str, int]:
    """Clicks by the address that was clicked; no reader is named, here or anywhere."""
    return {url: number for url, number in Clicks(database).of_issue(issue).links.items() if number}
