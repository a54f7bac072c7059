"""Clicks of readers who let us count: where the links of an issue lead, and which were followed.

A link counts once a reader, however often it is followed; who does not let us count leaves
nothing. The click keeps its reader for :data:`REMEMBERED`, so that a second one is known for what
it is. Then, or when the reader is erased or stops being counted, the click stays and says only
that somebody followed this link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from newsletter.database.batches import stands
from newsletter.database.choosing import COUNTED
from newsletter.database.engine import Database
from newsletter.database.rows import insert_new, reader_of, values_of
from newsletter.database.tables import clicks, deliveries, issue_links, issues, readers
from newsletter.model import DeliveryState, IssueLink, IssueState

REMEMBERED = timedelta(days=30)
"""How long it is kept who followed a link."""
_AGAIN = timedelta(hours=1)
"""A link that is followed again renews the last click no oftener than this."""
_link = reader_of(IssueLink)
_UNSENT = (DeliveryState.QUEUED, DeliveryState.DEFERRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickFigures:
    """Clicks of one issue. Story pages count for their story and for no side."""

    total: int = 0
    stories: dict[str, int] = field(default_factory=dict)
    """By the story's id."""
    sides: dict[str, int] = field(default_factory=dict)
    """By the side of the article: left, center, right, unrated."""
    links: dict[str, int] = field(default_factory=dict)
    """By address, those without a click among them."""


class Clicks:
    """Links and clicks of one database."""

    def __init__(self, database: Database):
        self._database = database

    def keep(self, issue: str, links: Sequence[IssueLink]) -> None:
        """Write down where the links of an issue lead, once: letters that left have the numbers."""
        if self.kept(issue):
            return
        with self._database.begin() as connection:
            insert_new(
                connection, issue_links, [{"issue": issue, **values_of(one)} for one in links]
            )

    def kept(self, issue: str) -> tuple[IssueLink, ...]:
        """The links of an issue as they were when its send began; none before that."""
        query = (
            select(issue_links).where(issue_links.c.issue == issue).order_by(issue_links.c.number)
        )
        with self._database.reading() as connection:
            return tuple(map(_link, connection.execute(query)))

    def leads_to(self, issue: str, number: int) -> str | None:
        """The address a link leads to; None when the issue has no such link.

        It leads on for ever, also when the delivery that carried it is no longer kept.
        """
        query = select(issue_links.c.url).where(
            issue_links.c.issue == issue, issue_links.c.number == number
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def note(self, delivery: str, link: int | str, *, at: datetime) -> bool:
        """Count a click, where its reader lets us; whether it is the first on this link.

        Of a delivery that is no longer kept nothing is counted: nobody knows whether its reader
        still allows it.

        :param delivery: the key of the delivery whose letter was clicked in.
        :param link: the number of the link, or its address as a provider reports it.
        """
        which = issue_links.c.number if isinstance(link, int) else issue_links.c.url
        query = (
            select(
                issue_links.c.issue,
                issue_links.c.number,
                readers.c.id,
                readers.c.last_click,
                clicks.c.id.label("known"),
            )
            .join(deliveries, deliveries.c.issue == issue_links.c.issue)
            .join(readers, and_(readers.c.id == deliveries.c.reader, readers.c.tracking))
            .outerjoin(
                clicks,
                and_(
                    clicks.c.issue == issue_links.c.issue,
                    clicks.c.link == issue_links.c.number,
                    clicks.c.reader == readers.c.id,
                ),
            )
            .where(deliveries.c.key == delivery, which == link)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or (row.known and row.last_click and at - row.last_click < _AGAIN):
            return False
        with self._database.begin() as connection:
            # Asked again within, and held: who switches counting off meanwhile must leave nothing.
            here = and_(readers.c.id == row.id, readers.c.tracking)
            held = select(readers.c.id).where(here).with_for_update()
            if connection.execute(held).scalar() is None:
                return False
            click = {"issue": row.issue, "link": row.number, "reader": row.id, "at": at}
            new = insert_new(connection, clicks, [click])
            older = or_(readers.c.last_click.is_(None), readers.c.last_click < at)
            connection.execute(update(readers).where(here, older).values(last_click=at, asked=None))
        return bool(new)

    def of_issue(self, issue: str) -> ClickFigures:
        """Clicks of an issue by story, side and link."""
        query = (
            select(
                issue_links.c.url, issue_links.c.story, issue_links.c.side, func.count(clicks.c.id)
            )
            .outerjoin(
                clicks,
                and_(clicks.c.issue == issue_links.c.issue, clicks.c.link == issue_links.c.number),
            )
            .where(issue_links.c.issue == issue)
            .group_by(
                issue_links.c.number, issue_links.c.url, issue_links.c.story, issue_links.c.side
            )
            .order_by(issue_links.c.number)
        )
        figures = ClickFigures()
        total = 0
        with self._database.reading() as connection:
            for url, story, side, number in connection.execute(query):
                total += number
                figures.links[url] = number
                figures.stories[story] = figures.stories.get(story, 0) + number
                if side:
                    figures.sides[side] = figures.sides.get(side, 0) + number
        return ClickFigures(
            total=total, stories=figures.stories, sides=figures.sides, links=figures.links
        )

    def totals(self, issue_ids: Sequence[str]) -> dict[str, int]:
        """Clicks of several issues."""
        query = (
            select(clicks.c.issue, func.count())
            .where(clicks.c.issue.in_(list(issue_ids)))
            .group_by(clicks.c.issue)
        )
        with self._database.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {issue: found.get(issue, 0) for issue in issue_ids}


def forget_before(connection: Connection, moment: datetime) -> int:
    """Forget whose clicks those before a moment were; how many."""
    return _nobodys(connection, clicks.c.at < moment)


def stop_counting(connection: Connection, reader: int) -> None:
    """Take a reader out of their clicks, and out of letters that have not left yet."""
    _nobodys(connection, clicks.c.reader == reader)
    going = (IssueState.SENDING.value, IssueState.PAUSED.value, IssueState.PARTLY_SENT.value)
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.issue.in_(select(issues.c.id).where(issues.c.state.in_(going))),
            deliveries.c.reader == reader,
            stands(*_UNSENT),
            deliveries.c.variant.startswith(COUNTED, autoescape=True),
        )
        .values(variant=func.substr(deliveries.c.variant, len(COUNTED) + 1))
    )


def _nobodys(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(
        update(clicks).where(clicks.c.reader.is_not(None), which).values(reader=None)
    ).rowcount
