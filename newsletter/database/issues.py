"""Issues, their revisions, and the bells that were rung for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from newsletter.database.engine import Database
from newsletter.database.rows import adapter, insert_new, reader_of, values_of
from newsletter.database.switches import ALL
from newsletter.database.tables import (
    bells,
    issue_corrections,
    issue_revisions,
    issue_stories,
    issues,
    settings,
)
from newsletter.errors import IssueError, NotFound
from newsletter.model import Issue, IssueContent, IssueState, Rendered, Revision

_issue = reader_of(Issue)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAY_LEAVE = select(issues.c.id).where(
    issues.c.id == bindparam("its_id"),
    issues.c.state == IssueState.SENDING.value,
    ~exists().where(settings.c.name == ALL, settings.c.value != ""),
)


class Issues:
    """Every edition's issue of a local date, in all its revisions.

    :param fence: raises inside a write transaction when the leader that writes was replaced.
    """

    def __init__(self, database: Database, *, fence: Callable[[Connection], None] | None = None):
        self._database = database
        self._fence = fence

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """A write transaction that ends at once when its leader was replaced meanwhile."""
        with self._database.begin() as connection:
            if self._fence:
                self._fence(connection)
            yield connection

    def find(self, name: str, *, edition: str = "") -> Issue:
        """An issue by its id, by its date, or the ``latest`` one.

        :raises NotFound: when there is none.
        """
        query = select(issues).order_by(issues.c.day.desc(), issues.c.created.desc()).limit(1)
        if name == "latest" or _DAY.fullmatch(name):
            query = query.where(issues.c.corrects == "")  # a notice is asked for by its id
        if edition:
            query = query.where(issues.c.edition == edition)
        if _DAY.fullmatch(name):
            try:
                query = query.where(issues.c.day == date.fromisoformat(name))
            except ValueError:
                raise NotFound(name, "is not a date", hint="Write it as 2026-11-22.") from None
        elif name != "latest":
            query = query.where(issues.c.id == name)
        found = self._first(query)
        if found is None:
            hint = 'Make one with "newsletter draft" or "newsletter today".'
            if name == "latest":
                raise NotFound("", "there is no issue yet", hint=hint)
            raise NotFound(name, "there is no such issue", hint=hint)
        return found

    def may_leave(self, issue_id: str) -> bool:
        """Whether letters of an issue may leave now: it is being sent, and nothing is stopped.

        Asked before every batch of every sender, so it is one look.
        """
        with self._database.reading() as connection:
            return connection.scalar(_MAY_LEAVE, {"its_id": issue_id}) is not None

    def of_day(self, edition: str, day: date) -> Issue | None:
        """The issue of an edition on a local date, if there is one."""
        return self._first(select(issues).where(issues.c.edition == edition, issues.c.day == day))

    def newest(self, edition: str) -> Issue | None:
        """The issue of an edition's latest date."""
        query = select(issues).where(issues.c.edition == edition)
        return self._first(query.order_by(issues.c.day.desc()).limit(1))

    def recent(self, limit: int = 30) -> list[Issue]:
        """The newest issues, newest first."""
        query = (
            select(issues)
            .where(issues.c.corrects == "")
            .order_by(issues.c.day.desc(), issues.c.created.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_issue(row) for row in connection.execute(query)]

    def in_states(self, states: Collection[IssueState], *, notices: bool = False) -> list[Issue]:
        """Issues and correction notices in some states, or notices alone; oldest first."""
        query = (
            select(issues)
            .where(issues.c.state.in_([one.value for one in states]))
            .order_by(issues.c.created, issues.c.id)
        )
        if notices:
            query = query.where(issues.c.corrects != "")
        with self._database.reading() as connection:
            return [_issue(row) for row in connection.execute(query)]

    def revision(self, issue: Issue, number: int | None = None) -> Revision:
        """One saved state of an issue, the current one unless a number is given."""
        query = select(issue_revisions).where(
            issue_revisions.c.issue == issue.id,
            issue_revisions.c.number == (issue.revision if number is None else number),
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(issue.id, f"has no revision {number or issue.revision}")
        return Revision(
            issue=row.issue,
            number=row.number,
            made=row.made,
            content=adapter(IssueContent).validate_python(row.content),
            rendered=adapter(tuple[Rendered, ...]).validate_python(row.rendered),
            sha256=row.sha256,
            note=row.note,
        )

    def save_draft(
        self,
        content: IssueContent,
        rendered: tuple[Rendered, ...],
        *,
        sha256: str,
        made: datetime,
        note: str = "",
    ) -> Issue:
        """Store a new revision of a draft, making the issue when it is the first.

        :raises IssueError: when the issue has left the draft state meanwhile.
        """
        issue_id = f"{content.edition}-{content.day.isoformat()}"
        with self._begin() as connection:
            row = connection.execute(select(issues).where(issues.c.id == issue_id)).one_or_none()
            if row is None:
                issue = Issue(
                    id=issue_id,
                    edition=content.edition,
                    day=content.day,
                    state=IssueState.DRAFT,
                    revision=1,
                    created=made,
                )
                connection.execute(insert(issues).values(**values_of(issue)))
            else:
                issue = _issue(row)
                if issue.state is not IssueState.DRAFT:
                    raise IssueError(
                        issue_id,
                        f"is {issue.state.replace('_', ' ')} and takes no new draft",
                        hint="Only a draft changes; a sent issue gets a correction instead.",
                    )
                issue = _issue(
                    connection.execute(
                        update(issues)
                        .where(issues.c.id == issue_id)
                        .values(revision=issue.revision + 1)
                        .returning(*issues.columns)
                    ).one()
                )
            connection.execute(
                insert(issue_revisions).values(
                    issue=issue_id,
                    number=issue.revision,
                    made=made,
                    content=adapter(IssueContent).dump_python(content, mode="json"),
                    rendered=adapter(tuple[Rendered, ...]).dump_python(rendered, mode="json"),
                    sha256=sha256,
                    note=note,
                    subject=rendered[0].subject,
                    preheader=rendered[0].preheader,
                    seconds=content.seconds,
                )
            )
            _save_stories(connection, issue_id, content)
            _save_corrections(connection, issue_id, content)
        return issue

    def change(self, before: Issue, after: Issue) -> Issue:
        """Store a new state of an issue, if nobody else changed it since it was read.

        :raises IssueError: when somebody did; reading it again shows what changed.
        """
        statement = (
            update(issues)
            .where(
                issues.c.id == before.id,
                issues.c.state == before.state,
                issues.c.revision == before.revision,
            )
            .values(**values_of(after))
        )
        with self._begin() as connection:
            changed = connection.execute(statement).rowcount
        if changed != 1:
            raise IssueError(
                before.id,
                "was changed by somebody else in the meantime",
                hint="Look at it again before you go on.",
                again=True,
            )
        return after

    def stories_of(self, issue: Issue) -> tuple[str, ...]:
        """The ids of the stories in an issue, in order."""
        query = (
            select(issue_stories.c.story)
            .where(issue_stories.c.issue == issue.id)
            .order_by(issue_stories.c.position)
        )
        with self._database.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def ring(self, edition: str, day: date, bell: str, now: datetime) -> bool:
        """Claim a bell of a local date; False when it was rung before, here or elsewhere."""
        row = {"edition": edition, "day": day, "bell": bell, "rung": now}
        with self._begin() as connection:
            return insert_new(connection, bells, [row]) == 1

    def rung(self, edition: str, day: date) -> set[str]:
        """The bells that were rung for a local date."""
        query = select(bells.c.bell).where(bells.c.edition == edition, bells.c.day == day)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def rung_since(self, edition: str, first: date) -> dict[date, set[str]]:
        """The bells that were rung from a local date on."""
        query = select(bells.c.day, bells.c.bell).where(
            bells.c.edition == edition, bells.c.day >= first
        )
        found: dict[date, set[str]] = {}
        with self._database.reading() as connection:
            for day, bell in connection.execute(query):
                found.setdefault(day, set()).add(bell)
        return found

    def first_rung(self, edition: str) -> datetime | None:
        """When a bell of an edition was rung first; None for an edition that is new here."""
        query = select(func.min(bells.c.rung)).where(bells.c.edition == edition)
        with self._database.reading() as connection:
            found: datetime | None = connection.scalar(query)
        return found

    def _first(self, query: Select[tuple[object, ...]] | Select[object]) -> Issue | None:
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _issue(row)


def _save_stories(connection: Connection, issue_id: str, content: IssueContent) -> None:
    connection.execute(delete(issue_stories).where(issue_stories.c.issue == issue_id))
    rows = [
        {"issue": issue_id, "story": item.story, "place": item.place, "position": position}
        for position, item in enumerate(content.stories)
    ]
    if rows:
        connection.execute(insert(issue_stories), rows)


def _save_corrections(connection: Connection, issue_id: str, content: IssueContent) -> None:
    connection.execute(delete(issue_corrections).where(issue_corrections.c.issue == issue_id))
    rows = [{"issue": issue_id, "correction": entry.id} for entry in content.corrections]
    if rows:
        connection.execute(insert(issue_corrections), rows)
