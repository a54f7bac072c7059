"""How frozen objects become rows and come back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

# SQLite takes at most 32,766 bound values in one statement; look-ups by id go in slices.
SLICE = 500


_adapters: dict[Any, TypeAdapter[Any]] = {}


def adapter(model: type[T]) -> TypeAdapter[T]:
    """What reads and writes values of a type as plain ones; made when it is first asked for.

    Making them all at the start would cost a short command a tenth of its time.
    """
    if model not in _adapters:
        _adapters[model] = TypeAdapter(model)
    return _adapters[model]


def reader_of(model: type[T]) -> Callable[[Row[Any]], T]:
    """Make a function that turns a row with a model's column names into that model."""
    names = [field.name for field in dataclasses.fields(model)]  # type: ignore[arg-type]  # T is a dataclass

    def read(row: Row[Any]) -> T:
        mapping = row._mapping
        values = {name: mapping[name] for name in names if name in mapping}
        return adapter(model).validate_python(values)

    return read


def values_of(item: Any) -> dict[str, Any]:
    """Turn a flat frozen object into column values."""
    return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows and leave those alone whose key is there already; return how many were new."""
    if not rows:
        return 0
    insert = _insert(connection)(table).on_conflict_do_nothing()
    if connection.dialect.name == "postgresql":
        # psycopg reports no count for an executemany; RETURNING does.
        key = next(iter(table.primary_key.columns))
        return len(connection.execute(insert.returning(key), list(rows)).all())
    return max(0, connection.execute(insert, list(rows)).rowcount)


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Iterable[str] = (),
) -> None:
    """Insert rows, or bring those that are there up to date, except for the columns to keep."""
    if not rows:
        return
    insert = _insert(connection)(table)
    keys = [column.name for column in table.primary_key.columns]
    left_alone = {*keys, *keep}
    changed = {name: getattr(insert.excluded, name) for name in rows[0] if name not in left_alone}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


def slices(items: Iterable[T], size: int = SLICE) -> Iterator[list[T]]:
    """Cut a long sequence into pieces that fit into one statement."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece


def _insert(connection: Connection) -> Any:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
