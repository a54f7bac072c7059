"""What editors decided about an issue: order, what is in and out, and who approved which bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from newsletter.database.engine import Database
from newsletter.database.rows import insert_new, reader_of
from newsletter.database.tables import approvals, arrangements, candidates
from newsletter.errors import Conflict
from newsletter.model import Arrangement, Change, Issue

HELD_FOR = timedelta(days=3)
"""How far back a story that was held for the next issue is looked for."""

_change = reader_of(Change)
_LISTS = ("order", "pinned", "dropped", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A story an issue could have, as a list names it."""

    story: str
    headline: str
    section: str
    articles: int
    position: int


class Arrangements:
    """Every arrangement of every issue, and the stories it was chosen from."""

    def __init__(self, database: Database):
        self._database = database

    def get(self, edition: str, day: date) -> Arrangement:
        """The arrangement as it stands; one of number 0 where nobody decided anything."""
        with self._database.reading() as connection:
            return _newest(connection, edition, day)

    def add(self, wanted: Arrangement, *, by: str, at: datetime, sentence: str) -> Arrangement:
        """Store a change made to the arrangement of ``wanted.number``; return it with its number.

        :raises Conflict: when it was changed meanwhile; the sentence says by whom and how.
        """
        with self._database.begin() as connection:
            newest = _newest(connection, wanted.edition, wanted.day)
            stored = replace(wanted, number=wanted.number + 1)
            if newest.number != wanted.number or not _insert(
                connection, stored, by=by, at=at, sentence=sentence
            ):
                raise _overtaken(_since(connection, wanted))
        return stored

    def changes(self, edition: str, day: date, *, since: int = 0) -> list[Change]:
        """What was changed after a number, oldest first."""
        with self._database.reading() as connection:
            return _since(connection, Arrangement(edition=edition, day=day, number=since))

    def held_over(self, edition: str, day: date) -> tuple[str, ...]:
        """The stories that the issue before this day left for the next one."""
        query = (
            select(arrangements.c.day, arrangements.c.body)
            .where(
                arrangements.c.edition == edition,
                arrangements.c.day < day,
                arrangements.c.day >= day - HELD_FOR,
            )
            .order_by(arrangements.c.day.desc(), arrangements.c.number.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return () if row is None else tuple(row.body.get("held", ()))

    # -- the stories an issue could have

    def keep_candidates(self, edition: str, day: date, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep the ranked stories an issue is chosen from, in place of those before.

        :param rows: ``story``, ``headline``, ``section``, ``articles``, ``body``, best first.
        """
        here = {"edition": edition, "day": day}
        with self._database.begin() as connection:
            connection.execute(
                delete(candidates).where(candidates.c.edition == edition, candidates.c.day == day)
            )
            if rows:
                connection.execute(
                    insert(candidates),
                    [{**here, "position": at, **row} for at, row in enumerate(rows)],
                )

    def candidates(self, edition: str, day: date) -> list[dict[str, Any]]:
        """The bodies of those stories, best first."""
        query = (
            select(candidates.c.body)
            .where(candidates.c.edition == edition, candidates.c.day == day)
            .order_by(candidates.c.position)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def waiting(self, edition: str, day: date) -> list[Waiting]:
        """Those stories as a list names them, without their sources."""
        columns = [
            column for column in candidates.c if column.name not in {"body", "edition", "day"}
        ]
        query = (
            select(*columns)
            .where(candidates.c.edition == edition, candidates.c.day == day)
            .order_by(candidates.c.position)
        )
        with self._database.reading() as connection:
            return [Waiting(**row._mapping) for row in connection.execute(query)]

    # -- approvals, where more than one is needed

    def vote(self, issue: Issue, sha256: str, *, by: str, at: datetime) -> list[str]:
        """Write down that somebody approves exactly these bytes; everybody who did, in order."""
        with self._database.begin() as connection:
            row = {"issue": issue.id, "sha256": sha256, "by": by, "at": at}
            insert_new(connection, approvals, [row])
            return _votes(connection, issue, sha256)

    def votes(self, issue: Issue, sha256: str) -> list[str]:
        """Who approved exactly these bytes, in order."""
        with self._database.reading() as connection:
            return _votes(connection, issue, sha256)


def _newest(connection: Connection, edition: str, day: date) -> Arrangement:
    query = (
        select(arrangements.c.number, arrangements.c.body)
        .where(arrangements.c.edition == edition, arrangements.c.day == day)
        .order_by(arrangements.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return Arrangement(edition=edition, day=day)
    lists = {name: tuple(row.body.get(name, ())) for name in _LISTS}
    return Arrangement(edition=edition, day=day, number=row.number, **lists)


def _insert(
    connection: Connection, stored: Arrangement, *, by: str, at: datetime, sentence: str
) -> bool:
    body = {name: list(getattr(stored, name)) for name in _LISTS}
    row = {
        "edition": stored.edition,
        "day": stored.day,
        "number": stored.number,
        "body": body,
        "by": by,
        "at": at,
        "sentence": sentence,
    }
    # On PostgreSQL two may have read the same number; the key lets one of them in.
    return insert_new(connection, arrangements, [row]) == 1


def _since(connection: Connection, seen: Arrangement) -> list[Change]:
    query = (
        select(arrangements)
        .where(
            arrangements.c.edition == seen.edition,
            arrangements.c.day == seen.day,
            arrangements.c.number > seen.number,
        )
        .order_by(arrangements.c.number)
    )
    return [_change(row) for row in connection.execute(query)]


def _overtaken(changes: Sequence[Change]) -> Conflict:
    said = "; ".join(f"{one.by} {one.sentence} at {one.at:%H:%M} UTC" for one in changes[-3:])
    more = f" and {len(changes) - 3} changes before that" if len(changes) > 3 else ""
    return Conflict(
        "",
        f"this was changed since you looked at it: {said or 'somebody was faster'}{more}",
        hint="Nothing of yours was stored. Look at the list as it is now and decide again.",
    )


def _votes(connection: Connection, issue: Issue, sha256: str) -> list[str]:
    query = (
        select(approvals.c.by)
        .where(approvals.c.issue == issue.id, approvals.c.sha256 == sha256)
        .order_by(approvals.c.at, approvals.c.by)
    )
    return list(connection.execute(query).scalars())
