"""What is taken away when its period is over, in pieces that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
)

from newsletter.database.batches import standing
from newsletter.database.counts import add_letters
from newsletter.database.engine import Database
from newsletter.database.tables import (
    articles,
    batches,
    briefs,
    deliveries,
    events,
    issue_stories,
    issues,
    model_answers,
    readers,
    reports,
    stories,
    story_articles,
    story_versions,
    subscriptions,
)
from newsletter.model import IssueState, ReaderState

PIECE = 5000
"""Rows taken away in one transaction: some tens of milliseconds."""


def drop_articles(database: Database, before: datetime) -> int:
    """Take away stories that ended before a moment and were never in an issue, and old articles.

    The story of an issue keeps its articles: its page shows them.
    """
    in_issue = exists().where(issue_stories.c.story == stories.c.id)
    over = (
        select(stories.c.id)
        .where(stories.c.updated < before, stories.c.mailed.is_(None), ~in_issue)
        .limit(PIECE)
    )
    for ids in _pieces(database, over):
        with database.begin() as connection:
            for table in (story_articles, story_versions, briefs):
                connection.execute(delete(table).where(table.c.story.in_(ids)))
            connection.execute(delete(stories).where(stories.c.id.in_(ids)))
    held = exists().where(story_articles.c.article == articles.c.id)
    return _drop(database, articles, and_(articles.c.first_seen < before, ~held))


def drop_answers(database: Database, before: datetime) -> int:
    """Take away answers of a language model."""
    return _drop(database, model_answers, model_answers.c.made < before)


def drop_events(database: Database, before: datetime) -> int:
    """Take away what providers reported; what it meant stays in the deliveries."""
    # They are numbered in the order they came in, so what is old stands in front.
    last = count = 0
    while True:
        query = select(events.c.id, events.c.received).where(events.c.id > last)
        with database.reading() as connection:
            piece = connection.execute(query.order_by(events.c.id).limit(PIECE)).all()
        gone = [row.id for row in piece if row.received < before]
        if not gone:
            return count
        with database.begin() as connection:
            which = and_(events.c.id.between(piece[0].id, gone[-1]), events.c.received < before)
            count += connection.execute(delete(events).where(which)).rowcount
        last = piece[-1].id


def drop_reports(database: Database, before: datetime) -> int:
    """Take away answered reports with the addresses that were left in them."""
    return _drop(database, reports, and_(reports.c.made < before, reports.c.answer != ""))


def drop_deliveries(database: Database, before: date) -> int:
    """Take away the deliveries of issues before a day; how many ended how stays.

    An issue that may still be sent keeps its own. One that was left partly sent does not: its
    readers were promised the period, and letters in doubt are counted as that. Rows of one issue
    were written together, so they are taken away by ranges of their ids, each with its count in one
    transaction: no range is looked at twice, however long the archive is, or counted twice.
    """
    over = (IssueState.SENT.value, IssueState.PARTLY_SENT.value, IssueState.CANCELLED.value)
    held = exists().where(deliveries.c.issue == issues.c.id)
    query = select(issues.c.id).where(issues.c.day < before, issues.c.state.in_(over), held)
    with database.reading() as connection:
        old = list(connection.scalars(query))
    return sum(_drop_deliveries_of(database, issue) for issue in old)


def _drop_deliveries_of(database: Database, issue: str) -> int:
    own = deliveries.c.issue == issue
    with database.reading() as connection:
        span = select(func.min(deliveries.c.id), func.max(deliveries.c.id)).where(own)
        first, last = connection.execute(span).one()
    if first is None:
        return 0  # another process was faster
    count = 0
    for start in range(first, last + 1, PIECE):
        piece = and_(own, deliveries.c.id.between(start, start + PIECE - 1))
        with database.begin() as connection:
            # One at a time for an issue: two would count the same letters before either is done.
            connection.execute(
                select(issues.c.id).where(issues.c.id == issue).with_for_update(key_share=True)
            )
            each = select(standing("state")).where(piece).subquery()
            ended = connection.execute(
                select(each.c.state, func.count()).group_by(each.c.state)
            ).all()
            connection.execute(delete(deliveries).where(piece))
            past = and_(batches.c.issue == issue, batches.c.last < start + PIECE)
            connection.execute(delete(batches).where(past))
            for state, number in ended:
                add_letters(connection, issue, state, number)
                count += number
    return count


def former_readers(database: Database, before: datetime) -> list[str]:
    """The addresses of people who left every edition, or were suppressed, before a moment."""
    left = (ReaderState.UNSUBSCRIBED.value, ReaderState.SUPPRESSED.value)
    latest = (
        select(func.max(subscriptions.c.since))
        .where(subscriptions.c.reader == readers.c.id)
        .scalar_subquery()
    )
    stays = exists().where(
        subscriptions.c.reader == readers.c.id,
        subscriptions.c.state.not_in(left),
        readers.c.state != ReaderState.SUPPRESSED.value,
    )
    query = select(readers.c.email).where(
        or_(
            readers.c.state.in_(left),
            and_(readers.c.state == ReaderState.ACTIVE.value, latest.is_not(None)),
        ),
        ~stays,
        func.coalesce(latest, readers.c.joined) < before,
    )
    with database.reading() as connection:
        return list(connection.scalars(query))


def _drop(database: Database, table: Table, which: ColumnElement[bool]) -> int:
    key = next(iter(table.primary_key.columns))
    count = 0
    for ids in _pieces(database, select(key).where(which).limit(PIECE)):
        with database.begin() as connection:
            connection.execute(delete(table).where(key.in_(ids)))
        count += len(ids)
    return count


def _pieces(database: Database, query: Select[Any]) -> Iterator[list[Any]]:
    """What a query finds, until it finds nothing: the caller takes each piece away."""
    while True:
        with database.reading() as connection:
            found = list(connection.scalars(query))
        if not found:
            return
        yield found
