"""Sendings that a person set for a moment of their own, in place of their edition's hour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from newsletter.database.engine import Database
from newsletter.database.rows import reader_of, upsert
from newsletter.database.tables import issues, planned_sends
from newsletter.model import IssueState


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When one issue is to go out; without a moment it goes out by hand only."""

    issue: str
    at: datetime | None
    by: str
    made: datetime


_plan = reader_of(Plan)


class Plans:
    """At most one plan an issue; an issue without one follows its edition."""

    def __init__(self, database: Database):
        self._database = database

    def set(self, plan: Plan) -> None:
        """Plan a sending, or move it."""
        row = {"issue": plan.issue, "at": plan.at, "by": plan.by, "made": plan.made}
        with self._database.begin() as connection:
            upsert(connection, planned_sends, [row])

    def drop(self, issue: str) -> bool:
        """Let an issue follow its edition again; whether it had a plan."""
        with self._database.begin() as connection:
            found = connection.execute(delete(planned_sends).where(planned_sends.c.issue == issue))
        return found.rowcount > 0

    def of(self, issue: str) -> Plan | None:
        """The plan of one issue."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(planned_sends).where(planned_sends.c.issue == issue)
            ).one_or_none()
        return None if row is None else _plan(row)

    def open(self, states: Iterable[IssueState]) -> list[Plan]:
        """The plans of issues in some states, the soonest first."""
        query = (
            select(planned_sends)
            .join(issues, issues.c.id == planned_sends.c.issue)
            .where(issues.c.state.in_([state.value for state in states]))
            .order_by(planned_sends.c.at)
        )
        with self._database.reading() as connection:
            return [_plan(row) for row in connection.execute(query)]
