"""What the parts of the ledger share: the database, who holds it, and how rows are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Select,
    String,
    any_,
    bindparam,
    func,
    literal,
    select,
    type_coerce,
    update,
)

from newsletter.database import batches, leases
from newsletter.database.counts import with_counts
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries, readers
from newsletter.model import DeliveryState

WRITTEN_OFF = "written off by "
"""How the reason begins of a letter that a person gave up; an event may show that it left."""
MAX_REASON = 300

AddressHash = Callable[[str], str]
"""Turns an address (``readers.address_key``) into what ``suppressions`` keeps of it."""


class LedgerPart:
    """A part of the ledger.

    :param address_hash: how the suppression list hides addresses. Without it the check at claim
        rests on the states of reader and subscription alone.
    :param holder: the process that leases are written for.
    """

    def __init__(
        self,
        database: Database,
        *,
        address_hash: AddressHash | None = None,
        holder: leases.Holder | None = None,
    ):
        self.database = database
        self.address_hash = address_hash
        self.holder = holder or leases.this_process()
        self.unreleased: set[tuple[str, str]] = set()
        """Issue and owner of sends of this process that ended while the database was away."""

    def states(self, issue_id: str) -> dict[str, int]:
        """How many deliveries of an issue are in each state; states without any are left out."""
        with self.database.reading(still=True) as connection:
            found = {issue_id: batches.count(connection, issue_id)}
            return with_counts(connection, [issue_id], found)[issue_id]

    def _with_reader(self, *more: ColumnElement[Any]) -> Select[Any]:
        # What the driver gives, text or a time, is read by `when`: the general way costs ten times
        # as much, for every reader of an issue.
        given = String() if self.database.dialect == "sqlite" else DateTime(timezone=True)
        joined: ColumnElement[Any] = type_coerce(readers.c.joined, given).label("joined")
        return select(
            deliveries.c.id,
            deliveries.c.key,
            deliveries.c.reader,
            deliveries.c.segment,
            deliveries.c.variant,
            deliveries.c.attempt,
            readers.c.email,
            readers.c.address_key,
            readers.c.name,
            readers.c.token,
            joined,
            *more,
        ).select_from(deliveries.outerjoin(readers, readers.c.id == deliveries.c.reader))

    def _among(
        self, values: Sequence[Any], column: ColumnElement[Any] = deliveries.c.id
    ) -> ColumnElement[bool]:
        """``column IN (values)`` with one parameter, however many values there are."""
        if self.database.dialect == "postgresql":
            # Told by the column: an empty list says nothing about its kind.
            kind = String() if isinstance(column.type, String) else BigInteger()
            return column == any_(literal(list(values), ARRAY(kind)))
        listed = func.json_each(literal(list(values), JSON)).table_valued("value")
        return column.in_(select(listed.c.value))

    @property
    def _these(self) -> ColumnElement[bool]:
        """The deliveries whose ids are given as ``its_ids``: for statements put together once."""
        if self.database.dialect == "postgresql":
            return deliveries.c.id == any_(bindparam("its_ids", type_=ARRAY(BigInteger())))
        listed = func.json_each(bindparam("its_ids", type_=JSON)).table_valued("value")
        return deliveries.c.id.in_(select(listed.c.value))

    @staticmethod
    def _change(
        connection: Connection,
        which: ColumnElement[bool],
        state: DeliveryState,
        reason: str,
        now: datetime,
        **more: Any,
    ) -> int:
        result = connection.execute(
            update(deliveries)
            .where(which)
            .values(state=state.value, reason=reason[:MAX_REASON], changed=now, **more)
        )
        return int(result.rowcount)


def when(value: str | datetime) -> datetime:
    """A time of either engine in UTC: SQLite's text is that without saying so."""
    if isinstance(value, str):
        return datetime.fromisoformat(f"{value}+00:00")
    return value if value.tzinfo is UTC else value.astimezone(UTC)
