"""Many rows at once: the driver's own executemany, look-ups with one parameter, numbers ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.exc import DBAPIError

from newsletter.database.rows import upsert
from newsletter.database.tables import readers, settings

_LAST_READER = "last_reader_id"


def bulk_insert(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    constant: Mapping[str, Any] | None = None,
) -> None:
    """Insert rows as the driver takes them; SQLAlchemy is asked about types and names only.

    :param names: the columns of the tuples, in order; their values go to the driver as they are.
    :param constant: values that are the same in every row; these are converted, once.
    """
    if not rows:
        return
    fixed = dict(constant or {})
    dialect = connection.dialect
    tail = []
    for name, value in fixed.items():
        convert = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        tail.append(convert(value) if convert else value)
    columns = [*names, *fixed]
    if dialect.name == "postgresql":
        _copy(connection, table, columns, rows, tail)
        return
    rest = tuple(tail)
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {_named(connection, table, columns)} VALUES ({marks})"  # noqa: S608
    connection.exec_driver_sql(statement, [row + rest for row in rows] if rest else list(rows))


def _copy(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    tail: Sequence[Any],
) -> None:
    """Use COPY, six times as fast as INSERT with parameters on this engine."""
    statement = f"COPY {_named(connection, table, columns)} FROM STDIN"
    driver: Any = connection.connection.driver_connection
    rest = tuple(tail)
    errors = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row + rest)
    except errors as error:
        # SQLAlchemy was not asked, so it does not see this, and neither would who states errors.
        raise DBAPIError.instance(
            statement, None, error, errors, dialect=connection.dialect
        ) from error


@contextmanager
def roomy(connection: Connection) -> Iterator[None]:
    """Let SQLite keep a large index in memory (96 MB at most) while many rows go in."""
    if connection.dialect.name != "sqlite":
        yield
        return
    usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql("PRAGMA cache_size=-96000")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size={int(usual)}")


def _named(connection: Connection, table: Table, columns: Sequence[str]) -> str:
    """``table (column, ...)`` as the engine wants names written; all of them are our own."""
    quote = connection.dialect.identifier_preparer.quote
    return f"{quote(table.name)} ({', '.join(quote(name) for name in columns)})"


def matching(
    connection: Connection, column: Column[Any], values: Sequence[str] | Sequence[int]
) -> ColumnElement[bool]:
    """``column IN values`` with one bound parameter, for any number of values."""
    if connection.dialect.name == "postgresql":
        kind = BigInteger() if values and isinstance(values[0], int) else Text()
        return column == any_(bindparam(None, list(values), type_=ARRAY(kind)))
    listed = func.json_each(literal(json.dumps(list(values)), String())).table_valued("value")
    return column.in_(select(listed.c.value))


def new_ids(connection: Connection, count: int) -> list[int]:
    """Take numbers for new readers; a number that was ever given is not given again.

    Deliveries keep the number of a reader after the reader is erased, so another person must
    never get it. PostgreSQL's sequence sees to that; SQLite would give the highest number again
    after its reader went, so the highest one ever is kept in ``settings`` (:func:`remember_id`).
    """
    if connection.dialect.name == "postgresql":
        sequence = func.nextval(func.pg_get_serial_sequence("readers", "id"))
        query = select(sequence).select_from(func.generate_series(1, count))
        return list(connection.execute(query).scalars())
    highest = connection.execute(select(func.max(readers.c.id))).scalar() or 0
    kept = connection.execute(
        select(cast(settings.c.value, BigInteger)).where(settings.c.name == _LAST_READER)
    ).scalar()
    start = max(highest, kept or 0) + 1
    return list(range(start, start + count))


def remember_id(connection: Connection) -> None:
    """Keep the highest number in use, before a reader is erased."""
    highest = connection.execute(select(func.max(readers.c.id))).scalar()
    kept = connection.execute(
        select(cast(settings.c.value, BigInteger)).where(settings.c.name == _LAST_READER)
    ).scalar()
    number = max(highest or 0, kept or 0)
    upsert(connection, settings, [{"name": _LAST_READER, "value": str(number)}])
