"""Moving a whole database to another one, and knowing that it arrived.

::

    children before parents   delete what the old database no longer has
    parents before children   write every row that is missing or differs
    every table               count both sides and compare a fingerprint over all rows

A move that was interrupted is simply started again: what arrived is passed over. That also makes
a move in mid-week short. Move once while the program works, stop it, and move again: the second
run carries only what changed. The old database is read in one transaction, as of one moment, and
is not written to. A database that was worked in since the last move, or that was never moved into,
is not overwritten unless somebody says so.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Integer,
    Row,
    Table,
    delete,
    func,
    select,
    tuple_,
    union,
)

from newsletter.database import leases
from newsletter.database.bulk import bulk_insert
from newsletter.database.engine import Database
from newsletter.database.facts import ARRIVING, fact, set_fact
from newsletter.database.rows import slices, upsert
from newsletter.database.tables import batches, deliveries, metadata, settings
from newsletter.errors import DatabaseError
from newsletter.model import DeliveryState

READ_TOGETHER = 2_000
"""Rows in memory at once; an article may have some tens of kilobytes."""

# The old place's processes and their reservations: the new one has its own.
_LEFT_BEHIND = frozenset({"leases", "pace"})

_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of one table: rows there now, rows written by this run, their fingerprint."""

    table: str
    rows: int
    written: int
    deleted: int
    fingerprint: str


def move(
    old: Database,
    new: Database,
    *,
    now: datetime,
    overwrite: bool = False,
    on_table: Callable[[Moved], None] = lambda _: None,
) -> list[Moved]:
    """Make the new database hold exactly what the old one holds.

    What PostgreSQL cannot hold (NUL and halves of characters in words, NaN in JSON) is left out.

    :param overwrite: also replace what was not brought by a move, or was worked on since.
    :raises DatabaseError: when a letter is on its way in the old database, when the new one holds
        work of its own, when one of the two fails, or when they differ at the end.
    """
    tables = [table for table in metadata.sorted_tables if table.name not in _LEFT_BEHIND]
    done = []
    with old.reading(still=True) as source:
        if old.dialect == "postgresql":
            # It waits while the new one is written and read.
            source.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        _nothing_on_its_way(source, now)
        if not overwrite:
            _no_work_of_its_own(new, tables)
        set_fact(new, ARRIVING, now.isoformat())
        deleted = {table.name: _delete_surplus(source, new, table) for table in reversed(tables)}
        for table in tables:
            written = _write_missing(source, new, table)
            _continue_numbering(new, table)
            with new.reading() as target:
                count, there = _fingerprint(target, table)
            if (count, there) != _fingerprint(source, table):
                raise DatabaseError(
                    table.name,
                    "differs between the two databases after the move",
                    hint="Stop every program that writes into the new one, and move again.",
                    again=True,
                )
            moved = Moved(
                table=table.name,
                rows=count,
                written=written,
                deleted=deleted[table.name],
                fingerprint=there,
            )
            done.append(moved)
            on_table(moved)
    return done


def _nothing_on_its_way(source: Connection, now: datetime) -> None:
    """Refuse while a sender is at work: its next batch would be sent by both databases."""
    under_way = [DeliveryState.CLAIMED.value, DeliveryState.HANDED.value]
    busy = union(
        select(deliveries.c.owner).where(deliveries.c.state.in_(under_way)),
        select(batches.c.owner).where(batches.c.state.in_(under_way)),
    )
    for owner in source.scalars(busy).all():
        if leases.alive(source, owner, now=now):
            raise DatabaseError(
                "the old database",
                "a send is under way, and nothing may be sent from two databases",
                hint='Let it end, or stop it with "newsletter pause", and move again.',
                again=True,
            )


def _no_work_of_its_own(new: Database, tables: Sequence[Table]) -> None:
    """Refuse to delete what only the new database knows."""
    if fact(new, ARRIVING):
        return
    with new.reading() as target:
        for table in tables:
            # An empty database has settings: which programs can work with it.
            if table is not settings and target.execute(select(table).limit(1)).first():
                raise DatabaseError(
                    "the new database",
                    "is in use: it holds what no move brought, and a move would delete that",
                    hint="Are the two the right way round? To replace all of it: --overwrite.",
                )


def _write_missing(source: Connection, new: Database, table: Table) -> int:
    """Write the rows that are missing or differ; how many."""
    with new.reading() as target:
        empty = target.execute(select(*_keys(table)).limit(1)).first() is None
    written = 0
    for rows in _in_parts(source, table):
        try:
            with new.begin() as target:
                if empty:
                    _insert(target, table, rows)
                    written += len(rows)
                    continue
                there: dict[_Key, str] = {}
                for part in slices(rows):
                    wanted = _keyed(table, [_key(table, row) for row in part])
                    for row in target.execute(select(table).where(wanted)):
                        there[_key(table, row)] = _written(row)
                changed = [row for row in rows if there.get(_key(table, row)) != _written(row)]
                _replace(target, table, changed)
                written += len(changed)
        except DatabaseError as error:
            if not error.again:
                _name_the_row(new, table, rows)
            raise
    return written


def _name_the_row(new: Database, table: Table, rows: Sequence[Row[Any]]) -> None:
    """Say which of some rows the new database does not take."""
    for row in rows:
        try:
            with new.begin() as target:
                _replace(target, table, [row])
        except DatabaseError as error:
            key = ", ".join(str(part) for part in _key(table, row))
            raise DatabaseError(
                f"{table.name}, row {key}",
                error.sentence,
                hint="Change or delete this row in the old database, and move again.",
            ) from error


def _insert(target: Connection, table: Table, rows: Sequence[Row[Any]]) -> None:
    """Write rows into a table that has none of them, as fast as the engine can."""
    names = table.columns.keys()
    convert = [
        (lambda value: None if value is None else json.dumps(value))
        if isinstance(column.type, JSON)
        else (column.type.dialect_impl(target.dialect).bind_processor(target.dialect) or _as_is)
        for column in table.columns
    ]
    bulk_insert(
        target,
        table,
        names,
        [
            tuple(change(_storable(value)) for change, value in zip(convert, row, strict=True))
            for row in rows
        ],
    )


def _as_is(value: Any) -> Any:
    return value


def _replace(target: Connection, table: Table, rows: Sequence[Row[Any]]) -> None:
    values = [{name: _storable(value) for name, value in row._mapping.items()} for row in rows]
    if values and len(table.primary_key.columns) == len(table.columns):
        target.execute(table.insert(), values)  # nothing but a key: such a row cannot differ
    else:
        upsert(target, table, values)


def _delete_surplus(source: Connection, new: Database, table: Table) -> int:
    """Delete what only the new side has: it was deleted on the old one since the last run."""
    deleted = 0
    keys = _keys(table)
    with new.begin() as target:
        for rows in _in_parts(target, table, keys):
            for part in slices(rows):
                there = {_key(table, row) for row in part}
                here = {
                    _key(table, row)
                    for row in source.execute(select(*keys).where(_keyed(table, list(there))))
                }
                if surplus := list(there - here):
                    target.execute(delete(table).where(_keyed(table, surplus)))
                    deleted += len(surplus)
    return deleted


def _continue_numbering(new: Database, table: Table) -> None:
    """Let PostgreSQL give the next number after those that came with their rows."""
    keys = list(table.primary_key.columns)
    if new.dialect != "postgresql" or len(keys) != 1:
        return
    if not isinstance(keys[0].type, (Integer, BigInteger)):
        return
    with new.begin() as target:
        sequence = func.pg_get_serial_sequence(table.name, keys[0].name)
        highest = select(func.max(keys[0])).scalar_subquery()
        target.execute(select(func.setval(sequence, highest)).where(sequence.is_not(None)))


def _fingerprint(connection: Connection, table: Table) -> tuple[int, str]:
    """How many rows a table has, and one number over all of them, whatever their order is.

    The engines sort words differently, so the rows' SHA-256 are added up.
    """
    total, count = 0, 0
    for rows in _in_parts(connection, table):
        for row in rows:
            total += int.from_bytes(hashlib.sha256(_written(row).encode()).digest())
        count += len(rows)
    return count, f"{total % (1 << 256):064x}"


def _written(row: Row[Any]) -> str:
    """A row as one text that is the same for the same values on every engine."""
    values = [_storable(value) for value in row]
    return json.dumps(values, sort_keys=True, ensure_ascii=True, default=_plain)


def _storable(value: Any) -> Any:
    """A value without what PostgreSQL cannot hold: NUL, halves of characters, NaN in JSON.

    Whole numbers lose their point, because JSON comes back from there with 1e22 written out.
    """
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "ignore").decode()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return value


def _plain(value: Any) -> str:
    """What JSON does not know: bytes, times and dates."""
    return value.hex() if isinstance(value, bytes | memoryview) else str(value.isoformat())


def _in_parts(
    connection: Connection, table: Table, columns: Sequence[Any] | None = None
) -> Iterator[Sequence[Row[Any]]]:
    """A table's rows, some thousands at a time, each part found by the last key before it."""
    keys = _keys(table)
    after: _Key | None = None
    while True:
        query = select(*(columns or table.columns)).order_by(*keys).limit(READ_TOGETHER)
        if table is settings:
            query = query.where(settings.c.name != ARRIVING)  # true of one place only
        if after is not None:
            query = query.where(tuple_(*keys) > tuple_(*after))
        rows = connection.execute(query).all()
        if not rows:
            return
        yield rows
        after = _key(table, rows[-1])


def _keys(table: Table) -> list[Any]:
    return list(table.primary_key.columns)


def _key(table: Table, row: Row[Any]) -> _Key:
    return tuple(row._mapping[column] for column in table.primary_key.columns)


def _keyed(table: Table, keys: Sequence[_Key]) -> Any:
    return tuple_(*_keys(table)).in_(keys)
