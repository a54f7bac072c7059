"""How PostgreSQL finds its rows: by an index, so that the archive may grow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import event, select

from newsletter.database import periods
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.delivery_events import absorb
from newsletter.database.engine import Database
from newsletter.database.tables import readers
from newsletter.database.waves import only_later
from newsletter.delivery.events import FAREWELLS, STATES
from newsletter.model import DeliveryState, Event, Outcome
from tests.database.words import NOON

READERS = 8_000
LARGE = ("deliveries", "events", "readers", "subscriptions", "suppressions")


@pytest.fixture
def archive(postgres: Database) -> Database:
    """Three issues' deliveries: two of the past and one that is being sent."""
    with postgres.begin() as connection:
        run = connection.exec_driver_sql
        run(
            f"""
            INSERT INTO readers (id, email, address_key, email_domain, name, country, language,
                                 timezone, state, token, joined, source, attributes)
            SELECT n, 'r' || n || '@example.org', 'r' || n || '@example.org', 'example.org', '',
                   '', '', '', 'active', 't' || n, now(), '', '{{}}'
            FROM generate_series(1, {READERS}) n
            """
        )
        run(
            "INSERT INTO subscriptions (reader, edition, state, since)"
            " SELECT id, 'daily', 'active', now() FROM readers"
        )
        run(
            "INSERT INTO suppressions (address_hash, reason, at)"
            " SELECT 'h' || id, 'complaint', now() FROM readers"
        )
        for number, state in ((1, "accepted"), (2, "accepted"), (3, "queued")):
            run(
                "INSERT INTO issues (id, edition, day, state, revision, created, approved_by,"
                f" approved_sha256) VALUES ('i{number}', 'daily', '2026-11-0{number}', 'sending',"
                " 1, now(), '', '')"
            )
            run(
                f"""
                INSERT INTO deliveries (key, issue, reader, segment, variant, state, reason,
                                        attempt, batch, owner, transport, provider_id, changed)
                SELECT 'k{number}x' || id, 'i{number}', id, 'all', '', '{state}', '', 0,
                       'b{number}x' || (id / 1000), '', '', '', now() FROM readers
                """
            )
    with postgres.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    return postgres


@contextmanager
def watched(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is run, with its values."""
    seen: list[tuple[str, Any]] = []

    def note(
        _connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: object
    ) -> None:
        if statement.lstrip()[:6].upper() in {"SELECT", "UPDATE", "DELETE"}:
            seen.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def plans(database: Database, statements: list[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """How the server would run each of them."""
    with database.reading() as connection:
        for statement, values in statements:
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
            yield statement, "\n".join(row[0] for row in rows)


def test_a_batch_never_reads_the_whole_archive(archive: Database) -> None:
    """Claim, hand over, settle and recover find their rows by an index, with all tables full."""
    ledger = DeliveryLedger(archive, address_hash=lambda address: address)
    ledger.open("me", now=NOON, stale_seconds=60)
    with watched(archive) as seen:
        claimed = ledger.claim("i3", owner="me", batch="b", limit=100, now=NOON, stale_seconds=60)
        ledger.hand(claimed, owner="me", batch="b", transport="x", now=NOON, stale_seconds=60)
        ledger.settle(
            [Outcome(key=one.key, state=DeliveryState.ACCEPTED) for one in claimed],
            batch="b",
            now=NOON,
        )
        ledger.recover("i3", now=NOON)
        ledger.next_due("i3")
    assert len(claimed) == 100
    assert len(seen) >= 5
    for statement, plan in plans(archive, seen):
        if plan.startswith("Limit") and "WHERE" not in statement:
            continue  # whether there is any row at all: it ends at the first one
        for table in LARGE:
            assert f"Seq Scan on {table}" not in plan, f"{statement}\n{plan}"


def test_tidying_never_reads_the_whole_archive(archive: Database) -> None:
    """What is too old is found by ids: a night's work is that of one issue, not of the archive."""
    with archive.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE issues SET state = 'sent', day = '2020-01-01' WHERE id = 'i1'"
        )
        connection.exec_driver_sql(
            "INSERT INTO events (delivery_key, kind, at, received, detail)"
            " SELECT 'k1x' || n, 'delivered', now(),"
            " CASE WHEN n <= 1000 THEN timestamptz '2020-01-01' ELSE now() END, ''"
            f" FROM generate_series(1, {READERS}) n"
        )
    with archive.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    with watched(archive) as seen:
        assert periods.drop_deliveries(archive, date(2020, 6, 1)) == READERS
        assert periods.drop_events(archive, datetime(2020, 6, 1, tzinfo=UTC)) == 1000
    for statement, plan in plans(archive, seen):
        for table in LARGE:
            assert f"Seq Scan on {table}" not in plan, f"{statement}\n{plan}"


def test_events_find_their_letters_by_key(archive: Database) -> None:
    """A post of a thousand events reads a thousand deliveries, however many there are."""
    reported = [
        Event(key=f"k3x{number}", kind="delivered", at=NOON, detail="") for number in range(1, 200)
    ]
    with watched(archive) as seen:
        done = absorb(archive, reported, states=STATES, farewells=FAREWELLS, now=NOON)
    assert done.changed == {"delivered": 199}
    for statement, plan in plans(archive, seen):
        for table in LARGE:
            assert f"Seq Scan on {table}" not in plan, f"{statement}\n{plan}"


def test_between_batches_no_letter_is_read(archive: Database) -> None:
    """Whether everybody left waits for later is answered by one batch that waits, by the index."""
    ledger = DeliveryLedger(archive, address_hash=lambda address: address)
    with archive.begin() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries WHERE issue = 'i3'")
    ledger.freeze("i3", select(readers.c.id, readers.c.country), random_word=lambda: "w", now=NOON)
    with watched(archive) as seen:
        assert not only_later(archive, "i3", now=NOON)
        counted = ledger.states("i3")
    assert counted == {"queued": READERS}
    for _, plan in plans(archive, seen[:1]):
        assert "Join" not in plan, plan
        assert "Seq Scan on deliveries" not in plan, plan
