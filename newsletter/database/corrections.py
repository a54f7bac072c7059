"""Corrections: what a person put right, where it is told, and the notices that are mailed alone."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, insert, select

from newsletter.database.batches import stands
from newsletter.database.engine import Database
from newsletter.database.rows import adapter, insert_new, reader_of, values_of
from newsletter.database.tables import (
    corrections,
    deliveries,
    issue_corrections,
    issue_revisions,
    issue_stories,
    issues,
)
from newsletter.model import Correction, DeliveryState, Issue, IssueContent, Rendered, Revision

_correction = reader_of(Correction)
_issue = reader_of(Issue)

GOT = (DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.UNKNOWN)
"""Who has an issue, or may have it; bounced, rejected and skipped letters were read by nobody."""


class Corrections:
    """All corrections, newest first wherever they are listed."""

    def __init__(self, database: Database):
        self._database = database

    def add(self, correction: Correction) -> bool:
        """Keep a correction; False when the same one is there already, which then stays."""
        with self._database.begin() as connection:
            return insert_new(connection, corrections, [values_of(correction)]) == 1

    def get(self, id_: str) -> Correction | None:
        """The correction of an id."""
        found = self._found(corrections.c.id == id_)
        return found[0] if found else None

    def of_story(self, story: str) -> tuple[Correction, ...]:
        """The corrections of one story."""
        return self._found(corrections.c.story == story)

    def all(self) -> tuple[Correction, ...]:
        """Every correction there is."""
        return self._found(None)

    def waiting(self, edition: str, issue: str) -> tuple[Correction, ...]:
        """The corrections that an edition's next issue has to open with, oldest first.

        Those are corrections of stories that readers of this edition were sent before, and that
        no other issue of it has told them yet. An issue that never went out told nobody.

        :param issue: the id of the issue that is composed; what it tells itself does not count.
        """
        other = issues.alias()
        sent = and_(issues.c.edition == edition, issues.c.send_started.is_not(None))
        had = exists().where(
            issue_stories.c.issue == issues.c.id,
            issue_stories.c.story == corrections.c.story,
            issues.c.id != issue,
            issues.c.send_started < corrections.c.at,
            sent,
        )
        told = exists().where(
            issue_corrections.c.correction == corrections.c.id,
            issue_corrections.c.issue == other.c.id,
            other.c.id != issue,
            other.c.edition == edition,
            other.c.send_started.is_not(None),
        )
        return tuple(reversed(self._found(and_(had, ~told))))

    def issues_to_correct(self, correction: Correction) -> tuple[Issue, ...]:
        """The newest issue of each edition that had brought the story to readers by then."""
        query = (
            select(issues)
            .join(issue_stories, issue_stories.c.issue == issues.c.id)
            .where(
                issue_stories.c.story == correction.story,
                issues.c.corrects == "",
                issues.c.send_started < correction.at,
            )
            .order_by(issues.c.day.desc())
        )
        newest: dict[str, Issue] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                newest.setdefault(row.edition, _issue(row))
        return tuple(newest[edition] for edition in sorted(newest))

    # -- notices

    def save_notice(self, notice: Issue, revision: Revision) -> bool:
        """Store a correction notice, ready to be sent; False when it is there already."""
        row = {
            "issue": notice.id,
            "number": revision.number,
            "made": revision.made,
            "content": adapter(IssueContent).dump_python(revision.content, mode="json"),
            "rendered": adapter(tuple[Rendered, ...]).dump_python(revision.rendered, mode="json"),
            "sha256": revision.sha256,
            "note": revision.note,
            "subject": revision.rendered[0].subject,
            "preheader": revision.rendered[0].preheader,
            "seconds": revision.content.seconds,
        }
        with self._database.begin() as connection:
            if not insert_new(connection, issues, [values_of(notice)]):
                return False
            connection.execute(insert(issue_revisions).values(**row))
        return True

    def notices(self, correction: Correction) -> tuple[Issue, ...]:
        """The notices about a correction, one an edition, whether sent or not."""
        query = select(issues).where(_notice_about(issues, correction.id)).order_by(issues.c.id)
        with self._database.reading() as connection:
            return tuple(_issue(row) for row in connection.execute(query))

    def readers_of(self, notice: Issue) -> Select[tuple[int, str]]:
        """Who a notice is for: (reader id, segment) of everybody who was sent the story.

        Who had it in several editions gets one notice, the one that was written down first.
        """
        id_ = notice.edition.partition("#")[2]
        other, told_in = issues.alias(), issues.alias()
        served = (
            select(deliveries.c.reader)
            .join(other, other.c.id == deliveries.c.issue)
            .where(_notice_about(other, id_), other.c.id != notice.id)
        )
        return (
            select(deliveries.c.reader, deliveries.c.segment)
            .join(told_in, told_in.c.id == deliveries.c.issue)
            .join(issue_stories, issue_stories.c.issue == told_in.c.id)
            .join(corrections, corrections.c.story == issue_stories.c.story)
            .where(
                corrections.c.id == id_,
                told_in.c.edition == notice.publication,
                told_in.c.send_started < corrections.c.at,
                stands(*GOT),
                deliveries.c.reader.not_in(served),
            )
        )

    def count_readers_of(self, notice: Issue) -> dict[str, int]:
        """How many readers of each segment a notice is for, each reader once."""
        chosen = self.readers_of(notice).subquery()
        once = (
            select(chosen.c.reader, func.min(chosen.c.segment).label("segment"))
            .group_by(chosen.c.reader)
            .subquery()
        )
        query = (
            select(once.c.segment, func.count()).group_by(once.c.segment).order_by(once.c.segment)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def _found(self, condition: ColumnElement[bool] | None) -> tuple[Correction, ...]:
        query = select(corrections).order_by(corrections.c.at.desc(), corrections.c.id)
        if condition is not None:
            query = query.where(condition)
        with self._database.reading() as connection:
            return tuple(_correction(row) for row in connection.execute(query))


def _notice_about(table: FromClause, correction: str) -> ColumnElement[bool]:
    return and_(table.c.corrects != "", table.c.edition.endswith(f"#{correction}"))
