"""The audience of an issue, frozen: a row for each reader, in batches, when a send begins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    String,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.database import batches
from newsletter.database.ledger_part import LedgerPart
from newsletter.database.tables import deliveries, issues
from newsletter.database.tables import settings as facts
from newsletter.errors import DatabaseError


class AudienceSnapshot(LedgerPart):
    """Writes down once who gets an issue."""

    def freeze(
        self,
        issue_id: str,
        selected: Select[Any],
        *,
        random_word: Callable[[], str],
        now: datetime,
        chunk: int = 10_000,
    ) -> None:
        """Write one queued row for each selected reader.

        Safe to repeat: after a crash half-way the rows that are there stay as they are, and once
        it is complete it is never done again, so who signs up later waits for the next issue. The
        selection is read once, as of one moment. On SQLite it is written in transactions of
        ``chunk`` rows, so other writers wait no longer than one of those takes. On PostgreSQL no
        writer waits, and the rows never leave the server. A reader selected twice (by two
        segments) gets one row, with the first segment in alphabetical order.

        :param selected: gives (reader id, segment) or (reader id, segment, variant).
        :param random_word: gives an unguessable word; the keys of the rows begin with one.
        :raises DatabaseError: when fewer readers are written down in the end than were selected.
            The audience then does not count as frozen; the next call completes it.
        """
        if self.is_frozen(issue_id):
            return
        prefix = random_word()[:20]
        rows = selected.subquery()
        columns = list(rows.c)
        reader, segment = columns[0], columns[1]
        variant: ColumnElement[str] = columns[2] if len(columns) > 2 else literal("")
        query = select(
            reader.label("reader"),
            func.min(segment).label("segment"),
            func.min(variant).label("variant"),
        ).group_by(reader)
        if self.database.dialect == "postgresql":
            self._freeze_there(issue_id, query, prefix, now)
        else:
            self._freeze_here(issue_id, query, prefix, now, chunk)

    def _freeze_there(self, issue_id: str, query: Select[Any], prefix: str, now: datetime) -> None:
        """Let PostgreSQL write all rows by itself, in one transaction."""
        chosen = query.subquery()
        number = func.row_number().over(order_by=chosen.c.reader)
        key = literal(prefix, String()) + func.to_hex(number)
        with self.database.begin() as connection:
            before = self._alone(connection, issue_id)
            rows = select(key, chosen.c.reader, chosen.c.segment, chosen.c.variant)
            written = connection.execute(
                _insert_once(postgresql, issue_id, rows.order_by(chosen.c.reader), now),
                execution_options={"preserve_rowcount": True},
            )
            batches.cut(connection, issue_id, after=before, now=now)
            _note_done(postgresql, connection, issue_id, now, readers=written.rowcount)

    def _freeze_here(
        self, issue_id: str, query: Select[Any], prefix: str, now: datetime, chunk: int
    ) -> None:
        """Write the rows in pieces.

        A piece travels as one value that SQLite takes apart: a parameter set for each row costs
        four times as much.
        """
        count = 0
        ordered = query.order_by(query.selected_columns.reader)
        with (
            self.database.reading() as source,
            source.execution_options(yield_per=chunk, stream_results=True).execute(
                ordered
            ) as stream,
        ):
            for part in stream.partitions(chunk):
                values = [
                    (f"{prefix}{number:x}", *one) for number, one in enumerate(part, start=count)
                ]
                given = func.json_each(literal(values, JSON)).table_valued("value")
                rows = select(*(func.json_extract(given.c.value, f"$[{i}]") for i in range(4)))
                with self.database.begin() as connection:
                    before = self._alone(connection, issue_id)
                    connection.execute(_insert_once(sqlite, issue_id, rows, now))
                    batches.cut(connection, issue_id, after=before, now=now)
                count += len(values)
        with self.database.begin() as connection:
            _note_done(sqlite, connection, issue_id, now, readers=count)

    @staticmethod
    def _alone(connection: Connection, issue_id: str) -> int:
        """Wait for others who freeze this issue: the ids of a batch are then its alone.

        :returns: the highest id in a batch so far.
        """
        connection.execute(
            select(issues.c.id).where(issues.c.id == issue_id).with_for_update(key_share=True)
        )
        return batches.last_of(connection, issue_id)

    def is_frozen(self, issue_id: str) -> bool:
        """Whether the whole audience of an issue is written down."""
        with self.database.reading() as connection:
            query = select(facts.c.value).where(facts.c.name == _done(issue_id))
            return connection.scalar(query) is not None

    def audience_before(self, issue_id: str) -> int:
        """How many readers the last issue of the same edition had; 0 when there was none."""
        this, other = issues.alias(), issues.alias()
        last = (
            select(other.c.id)
            .join(this, this.c.edition == other.c.edition)
            .where(this.c.id == issue_id, other.c.id != issue_id, other.c.send_started.isnot(None))
            .order_by(other.c.send_started.desc())
            .limit(1)
        )
        with self.database.reading() as connection:
            found = connection.scalar(last)
        return sum(self.states(found).values()) if found else 0


def _insert_once(dialect: Any, issue_id: str, rows: Select[Any], now: datetime) -> Any:
    """Insert selected (key, reader, segment, variant) rows that are not there yet."""
    constant = {
        "issue": issue_id,
        "state": batches.FOLLOWS,
        "reason": "",
        "attempt": 0,
        "batch": "",
        "owner": "",
        "transport": "",
        "provider_id": "",
        "changed": now,
    }
    query = rows.add_columns(
        *(literal(value, deliveries.c[name].type) for name, value in constant.items())
    ).where(true())  # SQLite cannot tell ON CONFLICT from a join without it
    return (
        dialect.insert(deliveries)
        .from_select(["key", "reader", "segment", "variant", *constant], query)
        .on_conflict_do_nothing(index_elements=["issue", "reader"])
    )


def _note_done(
    dialect: Any, connection: Connection, issue_id: str, now: datetime, *, readers: int
) -> None:
    """Write down that an audience is complete, if it has its readers."""
    frozen = sum(batches.count(connection, issue_id).values())
    # More there may be: of a freeze that stopped half-way, whose readers left meanwhile.
    if frozen < readers:
        raise DatabaseError(
            issue_id,
            f"is meant for {readers:,} readers, but only {frozen:,} of them are written down",
            hint="Nothing was sent; send it again, and look at the disk if this stays.",
        )
    connection.execute(
        dialect.insert(facts)
        .values(name=_done(issue_id), value=now.isoformat())
        .on_conflict_do_nothing()
    )


def _done(issue_id: str) -> str:
    """The name of the fact that an audience is complete."""
    return f"frozen:{hashlib.sha256(issue_id.encode()).hexdigest()[:40]}"
