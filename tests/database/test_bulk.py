"""Many rows at once on PostgreSQL: by COPY, or without leaving the server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, func, select

from newsletter.audience.importing import read_rows
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database
from newsletter.database.readers import Readers
from newsletter.database.tables import deliveries, readers
from tests.delivery.people import ISSUE, NOON, freeze, people, words


@contextmanager
def watched(database: Database) -> Iterator[list[str]]:
    """Every statement that is run."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: object) -> None:
        seen.append(" ".join(statement.split()))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_an_import_is_copied(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Readers, topics and subscriptions of a file come by COPY; no reader has an INSERT."""
    copied: list[str] = []
    copy = psycopg.Cursor.copy

    def noted(cursor: Any, statement: Any, *given: Any, **named: Any) -> Any:
        copied.append(str(statement).split("(")[0].strip())
        return copy(cursor, statement, *given, **named)

    monkeypatch.setattr(psycopg.Cursor, "copy", noted)
    people_there = "email,topics\n" + "".join(f"r{n}@example.org,world\n" for n in range(300))
    with watched(postgres) as seen:
        Readers(postgres).import_rows(
            read_rows(io.BytesIO(people_there.encode())),
            source="people.csv",
            consent="paper form",
            editions=("daily",),
            now=NOON,
            token=words("t"),
            refusals=tmp_path / "refused.csv",
        )
    assert {"COPY readers", "COPY subscriptions", "COPY reader_tags"} <= set(copied)
    assert not [one for one in seen if one.startswith("INSERT INTO readers")]
    with postgres.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(readers)) == 300


def test_an_audience_never_leaves_the_server(postgres: Database) -> None:
    """An audience is written down by one statement, in the order of its readers."""
    people(postgres, 30)
    ledger = DeliveryLedger(postgres)
    with watched(postgres) as seen:
        assert freeze(ledger) == 30
    writing = [one for one in seen if "INSERT INTO deliveries" in one]
    assert len(writing) == 1, seen
    assert "row_number()" in writing[0]
    assert not [one for one in seen if one.startswith("SELECT") and "subscriptions" in one]
    with postgres.reading() as connection:
        found = connection.execute(
            select(deliveries.c.reader, deliveries.c.key)
            .where(deliveries.c.issue == ISSUE)
            .order_by(deliveries.c.id)
        ).all()
    assert [row.reader for row in found] == sorted(row.reader for row in found)
    assert found[9].key.endswith("a"), "keys are numbered in base sixteen"
