"""Rows as the driver takes them, for the tables that a round of visits reads and writes in bulk.

SQLAlchemy makes the statements of everything else. Here it would take several times as long as the
database itself: a thousand unchanged feeds are a thousand rows in and out, many times an hour.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Boolean, Connection, Table

from newsletter.database.tables import UtcTime

T = TypeVar("T")

FETCHED_TOGETHER = 2_000
"""Rows that are held at once, so that memory stays flat."""


def plain_rows(
    connection: Connection, query: str, parameters: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """What a query of our own finds, as tuples, read by and by.

    On SQLite they are the driver's own, since taking SQLAlchemy's rows apart takes longer than
    reading them from the disk.
    """
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(query, parameters)
        cursor: Any = found.cursor
        while part := cursor.fetchmany(FETCHED_TOGETHER):
            yield from part
        found.close()
        return
    options = {"yield_per": FETCHED_TOGETHER}
    yield from map(tuple, connection.exec_driver_sql(query, parameters, execution_options=options))


class Direct(Generic[T]):
    """One model and its table, column by column in the model's order.

    :param enums: the columns whose values are members of an enumeration.
    """

    def __init__(self, model: type[T], table: Table, **enums: type[Enum]):
        self._model = model
        self._table = table
        self.names = [field.name for field in dataclasses.fields(model)]  # type: ignore[arg-type]  # T is a dataclass
        self._times = self._places(UtcTime)
        self._flags = self._places(Boolean)
        self._values = attrgetter(*self.names)
        self._enums = [(self.names.index(name), kind) for name, kind in enums.items()]
        self._words = [
            (place, {member: str(member.value) for member in kind}) for place, kind in self._enums
        ]

    def _places(self, kind: type[Any]) -> list[int]:
        columns = self._table.columns
        return [
            place for place, name in enumerate(self.names) if isinstance(columns[name].type, kind)
        ]

    def select(self, connection: Connection, where: str = "") -> list[T]:
        """All rows as the model; ``where`` is SQL of our own, never anybody's words."""
        columns = _named(connection, self.names)
        query = f"SELECT {columns} FROM {self._table.name} {where}"  # noqa: S608 - our own names
        return [self.read(row) for row in plain_rows(connection, query)]

    def among(self, connection: Connection, column: str, wanted: Sequence[Any]) -> list[T]:
        """The rows whose column, one of our own names, has one of some values."""
        if not wanted:
            return []
        marks = ", ".join([_mark(connection)] * len(wanted))
        query = (
            f"SELECT {_named(connection, self.names)} FROM {self._table.name} "  # noqa: S608 - our own names
            f"WHERE {column} IN ({marks})"
        )
        return [self.read(row) for row in connection.exec_driver_sql(query, tuple(wanted))]

    def read(self, row: Sequence[Any]) -> T:
        """A row of the driver's as the model."""
        values = list(row)
        for place in self._times:
            values[place] = moment_of(values[place])
        for place in self._flags:
            values[place] = bool(values[place])
        for place, kind in self._enums:
            values[place] = kind(values[place])
        return self._model(**dict(zip(self.names, values, strict=True)))

    def insert_new(self, connection: Connection, items: Iterable[T]) -> int:
        """Insert, and leave those alone that are there already; return how many were new."""
        return self._write(connection, items, "ON CONFLICT DO NOTHING")

    def upsert(
        self, connection: Connection, items: Iterable[T], *, keep: Collection[str], where: str
    ) -> None:
        """Insert, or bring those that are there up to date, except for the columns to keep.

        :param where: SQL of our own: which rows may be changed. "excluded" is the new row.
        """
        quoted = _quote(connection)
        keys = [column.name for column in self._table.primary_key.columns]
        changed = ", ".join(
            f"{quoted(name)} = excluded.{quoted(name)}"
            for name in self.names
            if name not in keys and name not in keep
        )
        conflict = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed} WHERE {where}"
        self._write(connection, items, conflict)

    def _write(self, connection: Connection, items: Iterable[T], conflict: str) -> int:
        names = self.names
        rows = self._rows(connection, items)
        if not rows:
            return 0
        statement = (
            f"INSERT INTO {self._table.name} ({_named(connection, names)}) "  # noqa: S608 - our own names
            f"VALUES ({', '.join([_mark(connection)] * len(names))}) {conflict}"
        )
        return max(0, connection.exec_driver_sql(statement, rows).rowcount)

    def _rows(self, connection: Connection, items: Iterable[T]) -> list[tuple[Any, ...]]:
        """Values as this driver takes them: enumerations as words, times as the tables keep them.

        Only those columns are looked at, each as a whole; the others are stored as they are.
        """
        columns: list[Sequence[Any]] = list(zip(*map(self._values, items), strict=True))
        if not columns:
            return []
        for place, words in self._words:
            columns[place] = [words[value] for value in columns[place]]
        for place in self._times:
            columns[place] = _stored(columns[place], as_text=connection.dialect.name == "sqlite")
        return list(zip(*columns, strict=True))


def _stored(times: Sequence[datetime | None], *, as_text: bool) -> list[str | datetime | None]:
    """Times as the tables keep them, the same as SQLAlchemy writes them, so that both may compare.

    Many rows have the same moment, which is written once.
    """
    found: list[str | datetime | None] = []
    last: datetime | None = None
    kept: str | datetime | None = None
    for when in times:
        if when is not last:
            last, kept = when, when
            if when is not None:
                if when.tzinfo is None:
                    raise ValueError(f"a time without a zone: {when!r}")
                utc = when if when.tzinfo is UTC else when.astimezone(UTC)
                kept = utc.isoformat(" ", "microseconds")[: -len("+00:00")] if as_text else utc
        found.append(kept)
    return found


def moment_of(value: Any) -> datetime | None:
    """A time as any driver hands it out, aware and in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    aware: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC)


def _named(connection: Connection, names: Iterable[str]) -> str:
    return ", ".join(map(_quote(connection), names))


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"


def _quote(connection: Connection) -> Callable[[str], str]:
    return connection.dialect.identifier_preparer.quote
