"""The audience of an issue, frozen: a row for each reader, in batches, when a send begins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
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
        on_progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write one queued row for each selected reader, and say how many rows the issue has.

        Safe to repeat: after a crash half-way the rows that are there stay as they are, and once
        it is complete it is never done again, so who signs up later waits for the next issue. The
        selection is read once, as of one moment, and written in transactions of ``chunk`` rows,
        so other writers wait no longer than one of those takes. A reader selected twice (by two
        segments) gets one row, with the first segment in alphabetical order.

        :param selected: gives (reader id, segment) or (reader id, segment, variant).
        :param random_word: gives an unguessable word; the keys of the rows begin with one.
        :raises DatabaseError: when fewer readers are written down in the end than were selected.
            The audience then does not count as frozen; the next call completes it.
        """
        done = _done(issue_id)
        if self.is_frozen(issue_id):
            return sum(self.states(issue_id).values())
        prefix = random_word()[:20]
        rows = selected.subquery()
        columns = list(rows.c)
        reader, segment = columns[0], columns[1]
        variant: ColumnElement[str] = columns[2] if len(columns) > 2 else literal("")
        query = (
            select(reader, func.min(segment), func.min(variant)).group_by(reader).order_by(reader)
        )
        count = 0
        with (
            self.database.reading() as source,
            source.execution_options(yield_per=chunk, stream_results=True).execute(query) as stream,
        ):
            for part in stream.partitions(chunk):
                values = [
                    (f"{prefix}{number:x}", *one) for number, one in enumerate(part, start=count)
                ]
                with self.database.begin() as connection:
                    # One at a time for an issue: the ids of a batch are then its alone.
                    connection.execute(
                        select(issues.c.id)
                        .where(issues.c.id == issue_id)
                        .with_for_update(key_share=True)
                    )
                    before = batches.last_of(connection, issue_id)
                    connection.execute(self._insert_once(issue_id, values, now))
                    batches.cut(connection, issue_id, after=before, now=now)
                count += len(values)
                if on_progress:
                    on_progress(count)
        dialect: Any = postgresql if self.database.dialect == "postgresql" else sqlite
        with self.database.begin() as connection:
            frozen = sum(batches.count(connection, issue_id).values())
            # More there may be: of a freeze that stopped half-way, whose readers left meanwhile.
            if frozen < count:
                raise DatabaseError(
                    issue_id,
                    f"is meant for {count:,} readers, but only {frozen:,} of them are written down",
                    hint="Nothing was sent; send it again, and look at the disk if this stays.",
                )
            connection.execute(
                dialect.insert(facts)
                .values(name=done, value=now.isoformat())
                .on_conflict_do_nothing()
            )
        return frozen

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

    def _insert_once(
        self, issue_id: str, rows: Sequence[tuple[str, int, str, str]], now: datetime
    ) -> Any:
        """Insert (key, reader, segment, variant) rows that are not there yet.

        The rows travel as one value that the database takes apart: a parameter set for each row
        costs four times as much, and half a million rows are waited for.
        """
        changing = ["key", "reader", "segment", "variant"]
        columns: list[ColumnElement[Any]]
        dialect: Any
        if self.database.dialect == "postgresql":
            dialect = postgresql
            keys, numbers, segments, variants = zip(*rows, strict=True)
            arrays = [
                literal(list(keys), ARRAY(String())),
                literal(list(numbers), ARRAY(BigInteger())),
                literal(list(segments), ARRAY(String())),
                literal(list(variants), ARRAY(String())),
            ]
            given = func.unnest(*arrays).table_valued(*changing).render_derived()
            columns = [given.c[name] for name in changing]
        else:
            dialect = sqlite
            given = func.json_each(literal(rows, JSON)).table_valued("value")
            columns = [func.json_extract(given.c.value, f"$[{index}]") for index in range(4)]
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
        query = select(
            *columns,
            *(literal(value, deliveries.c[name].type) for name, value in constant.items()),
        ).where(true())  # SQLite cannot tell ON CONFLICT from a join without it
        return (
            dialect.insert(deliveries)
            .from_select([*changing, *constant], query)
            .on_conflict_do_nothing(index_elements=["issue", "reader"])
        )


def _done(issue_id: str) -> str:
    """The name of the fact that an audience is complete."""
    return f"frozen:{hashlib.sha256(issue_id.encode()).hexdigest()[:40]}"
