"""A move from one engine to the other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    String,
    func,
    insert,
    select,
    update,
)

from newsletter.database.articles import Articles
from newsletter.database.briefs import Briefs
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database, open_database
from newsletter.database.facts import take_into_use
from newsletter.database.moving import move
from newsletter.database.stories import Stories
from newsletter.database.tables import (
    UtcTime,
    arrangements,
    audit,
    consents,
    deliveries,
    issues,
    metadata,
    readers,
)
from newsletter.errors import DatabaseError
from tests.database.words import NOON, article, brief, feed, outlet, story


@pytest.fixture
def old(sqlite: Database) -> Database:
    """A SQLite database with something in most of its tables."""
    articles = Articles(sqlite)
    articles.sync_sources([outlet("left"), outlet("Rechts")], [feed("left")])
    articles.save_visits([(feed("left"), [article(f"a{n}", "left", hours=n) for n in range(1, 9)])])
    Stories(sqlite).save([story("s1", "a1", "a2"), story("S2", "a3")], NOON)
    Briefs(sqlite).save(brief("s1"), sources_sha256="x", made=NOON)
    with sqlite.begin() as connection:
        connection.execute(
            insert(readers),
            [
                {
                    "id": number, "email": f"reader{number}@example.org", "address_key": f"r{number}",
                    "email_domain": "example.org", "name": "Zoë 漢字 😀", "country": "IE",
                    "language": "en", "timezone": "Europe/Dublin", "state": "active",
                    "token": f"t{number}", "joined": NOON, "source": "test",
                    "attributes": {"b": 1.5, "a": [None, True]},
                }
                for number in range(1, 4321)
            ],
        )  # fmt: skip
        connection.execute(
            insert(consents).values(
                reader=1, action="signed up", at=NOON, source="form", detail="", origin=""
            )
        )
    return sqlite


def test_everything_arrives_and_is_counted(old: Database, postgres: Database) -> None:
    """Every table has the same rows on the other side, and says how many."""
    moved = {one.table: one for one in move(old, postgres, now=NOON)}
    assert moved["readers"].rows == moved["readers"].written == 4320
    assert moved["articles"].rows == 8
    assert Stories(postgres).by_slug("slug-s1") == Stories(old).by_slug("slug-s1")
    assert Briefs(postgres).newest(["s1"]) == Briefs(old).newest(["s1"])
    assert set(moved) == {table.name for table in metadata.sorted_tables} - {"leases", "pace"}


def _value(column: Column[Any], number: int) -> Any:
    """A value that is awkward for its type and differs from row to row."""
    awkward: tuple[tuple[Any, Any], ...] = (
        (UtcTime, NOON + timedelta(days=number, microseconds=number)),
        (Boolean, bool(number % 2)),
        (JSON, {"b": [1.5, None, "é😀"], "a": {"n": number}}),
        (LargeBinary, bytes([0, 255, number])),
        (Date, NOON.date() + timedelta(days=number)),
        (Integer, number),
        (Float, number / 3),
        (String, f"ü{number}"),
    )
    return next(value for kind, value in awkward if isinstance(column.type, kind))


def test_every_table_arrives_whatever_its_columns_hold(
    sqlite: Database, postgres: Database
) -> None:
    """Rows of every table, also of tables to come: bytes, numbers, dates, words and nothing."""
    with sqlite.begin() as connection:
        for table in metadata.sorted_tables:
            rows = [
                {
                    column.name: None if column.nullable and number == 2 else _value(column, number)
                    for column in table.columns
                }
                for number in (1, 2)
            ]
            connection.execute(table.delete())
            connection.execute(insert(table), rows)
    first = {one.table: (one.rows, one.written) for one in move(sqlite, postgres, now=NOON)}
    assert {one: counts for one, counts in first.items() if counts != (2, 2)} == {}
    second = [one for one in move(sqlite, postgres, now=NOON) if one.written or one.deleted]
    assert second == []


def test_a_second_move_carries_only_what_changed(old: Database, postgres: Database) -> None:
    """Added, changed and deleted rows are carried over; all others are passed over."""
    move(old, postgres, now=NOON)
    with old.begin() as connection:
        connection.execute(update(readers).where(readers.c.id == 7).values(country="FR"))
        connection.execute(readers.delete().where(readers.c.id == 8))
        connection.execute(
            insert(consents).values(
                reader=7, action="moved", at=NOON, source="form", detail="", origin=""
            )
        )
    moved = {one.table: (one.written, one.deleted) for one in move(old, postgres, now=NOON)}
    assert moved.pop("readers") == (1, 1)
    assert moved.pop("consents") == (1, 0)
    assert set(moved.values()) == {(0, 0)}


def test_an_interrupted_move_is_taken_up(
    old: Database, postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrived before the interruption is not written again."""

    def stop(moved: object) -> None:
        if getattr(moved, "table", "") == "readers":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(old, postgres, now=NOON, on_table=stop)
    written = {one.table: one.written for one in move(old, postgres, now=NOON)}
    assert written["readers"] == 0
    assert written["consents"] == 1


def test_numbers_go_on_after_the_move(old: Database, postgres: Database) -> None:
    """A new reader gets a number that nobody had."""
    move(old, postgres, now=NOON)
    with postgres.begin() as connection:
        values = {
            column.name: value
            for column, value in zip(
                readers.columns, connection.execute(select(readers).limit(1)).one(), strict=True
            )
        } | {"address_key": "new", "token": "new"}
        del values["id"]
        connection.execute(insert(readers).values(**values))
        assert connection.scalar(select(func.max(readers.c.id))) == 4321


def test_nothing_is_moved_under_a_send(old: Database, postgres: Database) -> None:
    """While a sender is alive, two databases could send the same letter: refused."""
    ledger = DeliveryLedger(old)
    with old.begin() as connection:
        connection.execute(
            insert(issues).values(
                id="i", edition="daily", day=NOON.date(), state="sending", revision=1,
                created=NOON, approved_by="", approved_sha256="",
            )
        )  # fmt: skip
    ledger.freeze("i", select(readers.c.id, readers.c.country), random_word=lambda: "w", now=NOON)
    ledger.open("me", now=NOON, stale_seconds=60)
    with old.begin() as connection:
        connection.execute(update(deliveries).values(state="handed", owner="me"))
    with pytest.raises(DatabaseError, match="a send is under way"):
        move(old, postgres, now=NOON)
    moved = move(old, postgres, now=NOON + timedelta(minutes=2))
    assert sum(one.rows for one in moved if one.table == "deliveries") == 4320
    queued, unknown = DeliveryLedger(postgres).recover("i", now=NOON)
    assert (queued, unknown) == (0, 4320)


def test_the_way_back_is_the_same_way(old: Database, postgres: Database, tmp_path: Path) -> None:
    """From PostgreSQL to SQLite works as well, and both sides have one fingerprint."""
    there = {one.table: one.fingerprint for one in move(old, postgres, now=NOON)}
    third = open_database(f"sqlite:///{tmp_path}/third.sqlite")
    assert {one.table: one.fingerprint for one in move(postgres, third, now=NOON)} == there
    third.close()


def test_a_database_that_was_worked_in_is_not_overwritten(
    old: Database, postgres: Database
) -> None:
    """Once something works in the new place, a move by mistake is refused and deletes nothing."""
    move(old, postgres, now=NOON)
    move(old, postgres, now=NOON)
    take_into_use(postgres)
    with postgres.begin() as connection:
        connection.execute(update(readers).where(readers.c.id == 7).values(country="FR"))
        connection.execute(readers.delete().where(readers.c.id == 8))
    with pytest.raises(DatabaseError, match="is in use"):
        move(old, postgres, now=NOON)
    with postgres.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(readers)) == 4319
        assert connection.scalar(select(readers.c.country).where(readers.c.id == 7)) == "FR"
    moved = {one.table: one.written for one in move(old, postgres, now=NOON, overwrite=True)}
    assert moved["readers"] == 2


def _arranged(body: object) -> dict[str, object]:
    day = NOON.date()
    return {
        "edition": "d", "day": day, "number": 1, "body": body, "by": "b", "at": NOON, "sentence": "s"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "arrived"),
    [
        ({"held": ["a\x00b", "\ud800c"], "x\x00": 1}, {"held": ["ab", "c"], "x": 1}),
        ({"x": float("nan"), "y": float("inf")}, {"x": None, "y": None}),
        ({"x": 1e22, "y": -0.0, "z": 1.0, "w": 0.1}, {"x": 10**22, "y": 0, "z": 1, "w": 0.1}),
    ],
)
def test_what_postgresql_cannot_hold_is_left_out(
    sqlite: Database, postgres: Database, body: object, arrived: object
) -> None:
    """NUL, halves of characters and NaN stop no move, and numbers are the same as before."""
    with sqlite.begin() as connection:
        connection.execute(insert(arrangements).values(_arranged(body)))
        connection.execute(
            insert(audit).values(at=NOON, actor="a", action="x", subject="s\x00t", detail="")
        )
    first = {one.table: one.written for one in move(sqlite, postgres, now=NOON)}
    assert (first["arrangements"], first["audit"]) == (1, 1)
    with postgres.reading() as connection:
        assert connection.scalar(select(arrangements.c.body)) == arrived
        assert connection.scalar(select(audit.c.subject)) == "st"
    assert not [one for one in move(sqlite, postgres, now=NOON) if one.written or one.deleted]


def test_a_row_that_cannot_arrive_is_named(sqlite: Database, postgres: Database) -> None:
    """One sentence with the table and the row, and the move can be repeated when it is mended."""
    with sqlite.begin() as connection:
        for action in ("x", "y" * 600):
            connection.execute(
                insert(audit).values(at=NOON, actor="a", action=action, subject="s", detail="")
            )
    with pytest.raises(DatabaseError, match=r"audit.*row 2.*too long"):
        move(sqlite, postgres, now=NOON)
    with sqlite.begin() as connection:
        connection.execute(update(audit).where(audit.c.id == 2).values(action="z"))
    assert {one.table: one.rows for one in move(sqlite, postgres, now=NOON)}["audit"] == 2
