"""Figures of issues: what became of the letters, and what was read; never who read what."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, select

from newsletter.database import batches
from newsletter.database.choosing import COUNTED
from newsletter.database.clicks import Clicks
from newsletter.database.counts import with_counts
from newsletter.database.engine import Database
from newsletter.database.tables import clicks, deliveries, events, issue_links


def states_of(database: Database, issues: Sequence[str]) -> dict[str, dict[str, int]]:
    """Deliveries by issue and state."""
    with database.reading(still=True) as connection:
        found = {issue: batches.count(connection, issue) for issue in issues}
        return with_counts(connection, issues, found)


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


def clicks_of(database: Database, issue: str) -> dict[str, dict[str, int]]:
    """Links that readers followed, by story and the side of the article; none is named by reader.

    The side is empty for links to the story's own page here. Stories nobody followed are there,
    with nothing.
    """
    query = (
        select(issue_links.c.story, issue_links.c.side, func.count(clicks.c.id))
        .outerjoin(
            clicks,
            and_(clicks.c.issue == issue_links.c.issue, clicks.c.link == issue_links.c.number),
        )
        .where(issue_links.c.issue == issue)
        .group_by(issue_links.c.story, issue_links.c.side)
    )
    found: dict[str, dict[str, int]] = {}
    with database.reading() as connection:
        for story, side, number in connection.execute(query):
            sides = found.setdefault(story, {})
            if number:
                sides[side] = number
    return found


def counted_of(database: Database, issues: Sequence[str]) -> dict[str, int]:
    """Letters with links that are counted, by issue: those of readers who let us."""
    query = (
        select(deliveries.c.issue, func.count())
        .where(
            deliveries.c.issue.in_(list(issues)),
            deliveries.c.variant.startswith(COUNTED, autoescape=True),
        )
        .group_by(deliveries.c.issue)
    )
    found = dict.fromkeys(issues, 0)
    with database.reading() as connection:
        for issue, number in connection.execute(query):
            found[issue] = number
    return found
