"""What anybody may read: issues that were approved, and the stories told in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from newsletter.database.engine import Database
from newsletter.database.rows import adapter, reader_of
from newsletter.database.tables import (
    corrections,
    issue_revisions,
    issue_stories,
    issues,
    outlets,
    stories,
)
from newsletter.model import Issue, IssueContent, IssueState, IssueStory

_issue = reader_of(Issue)

PUBLIC = (
    IssueState.APPROVED,
    IssueState.SENDING,
    IssueState.PAUSED,
    IssueState.SENT,
    IssueState.PARTLY_SENT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An issue as lists name it, read without its text."""

    edition: str
    day: date
    subject: str
    preheader: str
    stories: int
    seconds: int
    at: datetime


class Published:
    """Issues that are approved, on their way or sent, and those cancelled after letters had left.

    A draft is never among them, whatever is asked for.
    """

    def __init__(self, database: Database):
        self._database = database

    def latest(self, editions: Sequence[str] = ()) -> Issue | None:
        """The newest issue, of certain editions if any are named."""
        query = _newest()
        if editions:
            query = query.where(issues.c.edition.in_(editions))
        return self._first(query)

    def of_day(self, day: date, editions: Sequence[str]) -> Issue | None:
        """The issue of a day, of the first of these editions that has one."""
        query = _newest().where(issues.c.day == day, issues.c.edition.in_(editions))
        with self._database.reading() as connection:
            found = [_issue(row) for row in connection.execute(query)]
        return min(found, key=lambda issue: list(editions).index(issue.edition), default=None)

    def content(self, issue: Issue) -> IssueContent:
        """What an issue says, in its current revision."""
        query = select(issue_revisions.c.content).where(
            issue_revisions.c.issue == issue.id, issue_revisions.c.number == issue.revision
        )
        with self._database.reading() as connection:
            return adapter(IssueContent).validate_python(connection.execute(query).scalar_one())

    def listed(self, limit: int = 1_000) -> list[Listed]:
        """The newest issues, newest first, without reading their texts."""
        rendered = issue_revisions.c.rendered
        told = (
            select(func.count())
            .where(issue_stories.c.issue == issues.c.id)
            .correlate(issues)
            .scalar_subquery()
        )
        query = (
            select(
                issues.c.edition,
                issues.c.day,
                # Taking them out of the renderings reads a megabyte an issue.
                func.coalesce(
                    func.nullif(issue_revisions.c.subject, ""),
                    rendered[(0, "subject")].as_string(),
                ).label("subject"),
                func.coalesce(
                    func.nullif(issue_revisions.c.preheader, ""),
                    rendered[(0, "preheader")].as_string(),
                ).label("preheader"),
                told.label("stories"),
                func.coalesce(
                    func.nullif(issue_revisions.c.seconds, 0),
                    issue_revisions.c.content["seconds"].as_integer(),
                ).label("seconds"),
                issues.c.send_started,
                issues.c.approved_at,
                issues.c.created,
            )
            .join(
                issue_revisions,
                and_(
                    issue_revisions.c.issue == issues.c.id,
                    issue_revisions.c.number == issues.c.revision,
                ),
            )
            .where(_public())
            .order_by(issues.c.day.desc(), issues.c.created.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [
                Listed(
                    edition=row.edition,
                    day=row.day,
                    subject=row.subject or "",
                    preheader=row.preheader or "",
                    stories=row.stories,
                    seconds=row.seconds or 0,
                    at=row.send_started or row.approved_at or row.created,
                )
                for row in connection.execute(query)
            ]

    def story(self, slug: str) -> tuple[Issue, IssueStory] | None:
        """A story as it was told last, and the issue that told it; None when none did."""
        query = (
            _newest()
            .add_columns(stories.c.id.label("story"))
            .join(issue_stories, issue_stories.c.issue == issues.c.id)
            .join(stories, stories.c.id == issue_stories.c.story)
            .where(stories.c.slug == slug)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        issue = _issue(row)
        told = (one for one in self.content(issue).stories if one.story == row.story)
        found = next(told, None)
        return None if found is None else (issue, found)

    def slugs(self, limit: int = 40_000) -> list[tuple[str, datetime]]:
        """Every story that was told, by its slug, with when it last changed; newest first."""
        query = (
            select(stories.c.slug, stories.c.updated)
            .where(
                stories.c.id.in_(
                    select(issue_stories.c.story)
                    .join(issues, issues.c.id == issue_stories.c.issue)
                    .where(_public())
                )
            )
            .order_by(stories.c.updated.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [(row.slug, row.updated) for row in connection.execute(query)]

    def stamp(self) -> str:
        """A word that changes with everything that public pages are made from.

        One statement of a fraction of a millisecond: issues by state, corrections, stories.
        """
        with self._database.reading() as connection:
            return repr([tuple(row) for row in connection.execute(_STAMP)])

    def _first(self, query: Select[*tuple[Any, ...]]) -> Issue | None:
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else _issue(row)


# Made once: putting a statement together costs more than the database needs for this one.
_STAMP = (
    select(
        issues.c.state,
        func.count(),
        func.sum(issues.c.revision),
        func.max(issues.c.approved_at),
        func.max(issues.c.send_started),
        select(func.count()).select_from(corrections).scalar_subquery(),
        select(func.max(stories.c.updated)).scalar_subquery(),
        select(func.count()).select_from(outlets).scalar_subquery(),
    )
    .group_by(issues.c.state)
    .order_by(issues.c.state)
)


def _public() -> ColumnElement[bool]:
    return and_(
        issues.c.corrects == "",
        or_(
            issues.c.state.in_([state.value for state in PUBLIC]),
            and_(
                issues.c.state == IssueState.CANCELLED.value,
                issues.c.send_started.is_not(None),
            ),
        ),
    )


def _newest() -> Select[*tuple[Any, ...]]:
    return select(issues).where(_public()).order_by(issues.c.day.desc(), issues.c.created.desc())
