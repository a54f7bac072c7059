"""What is left of an issue's deliveries when they are too old to be kept: how many ended how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, and_, insert, select, update

from newsletter.database.tables import delivery_counts


def with_counts(
    connection: Connection, issues: Sequence[str], states: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """The states of issues' letters, with those that are no longer kept one by one."""
    found = {issue: dict(states.get(issue, {})) for issue in issues}
    query = select(delivery_counts).where(delivery_counts.c.issue.in_(list(issues)))
    for row in connection.execute(query):
        found[row.issue][row.state] = found[row.issue].get(row.state, 0) + row.letters
    return found


def add_letters(connection: Connection, issue: str, state: str, number: int) -> None:
    """Count letters that are taken away in the same transaction."""
    counted = and_(delivery_counts.c.issue == issue, delivery_counts.c.state == state)
    more = delivery_counts.c.letters + number
    if not connection.execute(update(delivery_counts).where(counted).values(letters=more)).rowcount:
        row = {"issue": issue, "state": state, "letters": number}
        connection.execute(insert(delivery_counts).values(row))
