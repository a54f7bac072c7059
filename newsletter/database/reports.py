"""What readers say is wrong with a story, and what became of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from newsletter.database.engine import Database
from newsletter.database.rows import reader_of
from newsletter.database.tables import reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. ``number`` is random, so that only who made it can look it up."""

    number: str
    kind: str
    slug: str
    story: str
    details: str
    email: str
    made: datetime
    state: str = "open"
    answer: str = ""


_report = reader_of(Report)


class Reports:
    """All reports."""

    def __init__(self, database: Database):
        self._database = database

    def add(self, report: Report) -> None:
        """Keep a report."""
        with self._database.begin() as connection:
            connection.execute(insert(reports).values(**asdict(report)))

    def get(self, number: str) -> Report | None:
        """The report of a number."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(reports).where(reports.c.number == number)
            ).one_or_none()
        return None if row is None else _report(row)

    def settle(self, number: str, *, state: str, answer: str) -> bool:
        """Say what became of a report; False when there is none of that number."""
        statement = (
            update(reports).where(reports.c.number == number).values(state=state, answer=answer)
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def open(self) -> list[Report]:
        """The reports that wait for an editor, oldest first."""
        query = select(reports).where(reports.c.state == "open").order_by(reports.c.made)
        with self._database.reading() as connection:
            return [_report(row) for row in connection.execute(query)]

    def answered(self, limit: int = 20) -> list[Report]:
        """The reports that were answered, the newest reports first."""
        query = (
            select(reports)
            .where(reports.c.state != "open")
            .order_by(reports.c.made.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_report(row) for row in connection.execute(query)]
