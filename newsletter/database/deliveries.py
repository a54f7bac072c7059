"""The ledger of deliveries: one row per (issue, reader), and who may change it how.

::

    freeze           claim            hand            settle
      └─> queued ──────> claimed ───────> handed ───────> accepted | rejected | skipped
             │  ^           │               │ │ └───────> deferred ──claim──> claimed ...
             │  └──release──┘               │ └─────────> unknown ──settle──> accepted | rejected
             └──claim──> skipped            └──recover──>    └────requeue───> queued (a new attempt)

``handed`` is committed before a byte leaves; with SQLite in FULL and PostgreSQL by default that
means it is on disk. A row whose owner died is therefore in one of two states: ``claimed``, and
certainly nothing left, so it goes back to ``queued``; or ``handed``, and nobody knows, so it
becomes ``unknown`` and never ``queued`` by itself.

Every step names the state and owner it expects and looks at what it really changed. Two senders
on one database cannot hold the same row: SQLite runs one writer at a time (BEGIN IMMEDIATE), and
PostgreSQL skips rows that another sender has locked (SKIP LOCKED).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.database import leases
from newsletter.database.engine import Database
from newsletter.database.tables import (
    deliveries,
    issues,
    pace,
    readers,
    subscriptions,
    suppressions,
)
from newsletter.database.tables import settings as facts
from newsletter.model import Delivery, DeliveryState, Outcome, ReaderState

D = DeliveryState
MAX_REASON = 300

# Where a settling may come from. A late answer for a row that was taken to be unknown still counts.
_SETTLED_FROM = {
    D.ACCEPTED: (D.HANDED, D.UNKNOWN),
    D.REJECTED: (D.HANDED, D.UNKNOWN),
    D.SKIPPED: (D.HANDED, D.UNKNOWN),
    D.DEFERRED: (D.HANDED,),
    D.UNKNOWN: (D.HANDED,),
}

AddressHash = Callable[[str], str]
"""Turns an address (``readers.address_key``) into what ``suppressions`` keeps of it."""


class DeliveryLedger:
    """All deliveries of all issues.

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

    # -- the audience

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
        """
        done = f"frozen:{hashlib.sha256(issue_id.encode()).hexdigest()[:40]}"
        with self.database.reading() as connection:
            if connection.scalar(select(facts.c.value).where(facts.c.name == done)):
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
                    connection.execute(self._insert_once(issue_id, values, now))
                count += len(values)
                if on_progress:
                    on_progress(count)
        dialect: Any = postgresql if self.database.dialect == "postgresql" else sqlite
        with self.database.begin() as connection:
            connection.execute(
                dialect.insert(facts)
                .values(name=done, value=now.isoformat())
                .on_conflict_do_nothing()
            )
        return sum(self.states(issue_id).values())

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
            "state": D.QUEUED.value,
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

    # -- leases

    def open(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Begin to send under an owner's name, which nobody used before."""
        with self.database.begin() as connection:
            leases.take(
                connection, owner, self.holder, expires=now + timedelta(seconds=stale_seconds)
            )

    def renew(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Show that the owner is alive."""
        with self.database.begin() as connection:
            leases.renew(connection, owner, expires=now + timedelta(seconds=stale_seconds))

    def release(self, issue_id: str, owner: str, *, now: datetime) -> None:
        """End an owner: what it claimed and did not hand over is queued again."""
        with self.database.begin() as connection:
            self._change(
                connection,
                and_(
                    deliveries.c.issue == issue_id,
                    deliveries.c.state == D.CLAIMED.value,
                    deliveries.c.owner == owner,
                ),
                D.QUEUED,
                "",
                now,
                owner="",
                batch="",
            )
            leases.end(connection, owner)

    def recover(self, issue_id: str, *, now: datetime) -> tuple[int, int]:
        """Take over from owners that are gone: how many rows are queued again, how many unknown."""
        queued = unknown = 0
        held = and_(
            deliveries.c.issue == issue_id,
            deliveries.c.state.in_([D.CLAIMED.value, D.HANDED.value]),
        )
        with self.database.reading() as connection:
            owners = list(connection.scalars(select(deliveries.c.owner).where(held).distinct()))
        if not owners:
            return 0, 0
        with self.database.begin() as connection:
            for owner in owners:
                if leases.alive(connection, owner, now=now):
                    continue
                mine = and_(deliveries.c.issue == issue_id, deliveries.c.owner == owner)
                queued += self._change(
                    connection,
                    and_(mine, deliveries.c.state == D.CLAIMED.value),
                    D.QUEUED,
                    "",
                    now,
                    owner="",
                    batch="",
                )
                unknown += self._change(
                    connection,
                    and_(mine, deliveries.c.state == D.HANDED.value),
                    D.UNKNOWN,
                    "the sender stopped after handing this letter over and before the answer",
                    now,
                    owner="",
                )
                leases.end(connection, owner)
        return queued, unknown

    # -- one batch

    def claim(
        self,
        issue_id: str,
        *,
        owner: str,
        batch: str,
        limit: int,
        now: datetime,
        stale_seconds: float,
    ) -> list[Delivery]:
        """Claim up to ``limit`` rows for an owner, oldest first.

        Every reader is looked at again: who unsubscribed, was suppressed or erased since the
        audience was frozen is skipped with the reason, and is not in the answer. An answer can be
        empty while work remains (everything looked at was skipped, or is held by others).
        """
        with self.database.begin() as connection:
            leases.renew(connection, owner, expires=now + timedelta(seconds=stale_seconds))
            found = connection.execute(self._claimable(issue_id, D.QUEUED, limit, now)).all()
            if not found:
                found = connection.execute(self._claimable(issue_id, D.DEFERRED, limit, now)).all()
            if not found:
                return []
            suppressed = self._suppressed(connection, found)
            claimed: list[Delivery] = []
            skipped: dict[str, list[int]] = {}
            active = ReaderState.ACTIVE.value
            # Rows are taken apart by position: by name costs as much again, a thousand times.
            for (
                id_,
                key,
                reader,
                segment,
                variant,
                attempt,
                email,
                _,
                name,
                token,
                joined,
                reader_state,
                subscription_state,
            ) in found:
                if (
                    reader_state != active
                    or subscription_state != active
                    or (suppressed and id_ in suppressed)
                ):
                    reason = _why_not(reader_state, subscription_state)
                    skipped.setdefault(reason, []).append(id_)
                    continue
                claimed.append(
                    Delivery(
                        id=id_,
                        key=key,
                        issue=issue_id,
                        reader=reader,
                        email=email,
                        name=name,
                        token=token,
                        segment=segment,
                        joined=_when(joined),
                        variant=variant,
                        attempt=attempt + 1,
                    )
                )
            for reason, ids in skipped.items():
                self._change(connection, self._among(ids), D.SKIPPED, reason, now, owner="")
            if claimed:
                self._change(
                    connection,
                    self._among([one.id for one in claimed]),
                    D.CLAIMED,
                    "",
                    now,
                    owner=owner,
                    batch=batch,
                    not_before=None,
                )
            return claimed

    def hand(
        self,
        claimed: Sequence[Delivery],
        *,
        owner: str,
        batch: str,
        transport: str,
        now: datetime,
        stale_seconds: float,
    ) -> list[Delivery]:
        """Commit that these letters are about to leave; the ones that may.

        A row that is no longer claimed by this owner in this batch (its lease ran out and another
        sender took over) is not in the answer, and its letter must not leave.
        """
        ids = [one.id for one in claimed]
        with self.database.begin() as connection:
            leases.renew(connection, owner, expires=now + timedelta(seconds=stale_seconds))
            held = set(
                connection.scalars(
                    update(deliveries)
                    .where(
                        self._among(ids),
                        deliveries.c.state == D.CLAIMED.value,
                        deliveries.c.owner == owner,
                        deliveries.c.batch == batch,
                    )
                    .values(
                        state=D.HANDED.value,
                        transport=transport,
                        attempt=deliveries.c.attempt + 1,
                        changed=now,
                    )
                    .returning(deliveries.c.id)
                )
            )
        return [one for one in claimed if one.id in held]

    def settle(
        self,
        outcomes: Iterable[Outcome],
        *,
        batch: str,
        now: datetime,
        not_before: datetime | None = None,
    ) -> Counter[str]:
        """Write what the transport said of the letters of one batch; how many rows of each state.

        A row that meanwhile belongs to another batch (it was sent again) is left alone.

        :param not_before: when deferred letters may be tried again.
        """
        groups: dict[tuple[DeliveryState, str, str], list[str]] = {}
        for one in outcomes:
            where = (one.state, one.reason[:MAX_REASON], one.provider_id)
            groups.setdefault(where, []).append(one.key)
        done: Counter[str] = Counter()
        if not groups:
            return done
        with self.database.begin() as connection:
            for (state, reason, provider_id), keys in groups.items():
                changes: dict[str, Any] = {"owner": ""}
                if provider_id:
                    changes["provider_id"] = provider_id
                if state is D.DEFERRED:
                    changes["not_before"] = not_before or now
                done[state.value] += self._change(
                    connection,
                    and_(
                        self._among(keys, deliveries.c.key),
                        deliveries.c.batch == batch,
                        deliveries.c.state.in_([one.value for one in _SETTLED_FROM[state]]),
                    ),
                    state,
                    reason,
                    now,
                    **changes,
                )
        return done

    # -- doubt

    def unknown(self, issue_id: str, *, chunk: int = 1000) -> Iterator[tuple[str, list[Delivery]]]:
        """The letters in doubt, by the batch they were handed over in."""
        query = (
            select(
                deliveries.c.batch,
                func.min(deliveries.c.id).label("first"),
            )
            .where(deliveries.c.issue == issue_id, deliveries.c.state == D.UNKNOWN.value)
            .group_by(deliveries.c.batch)
            .order_by("first")
        )
        with self.database.reading() as connection:
            batches = [row.batch for row in connection.execute(query)]
        for batch in batches:
            after = 0
            while True:
                with self.database.reading() as connection:
                    rows = connection.execute(
                        self._with_reader(deliveries.c.changed)
                        .where(
                            deliveries.c.issue == issue_id,
                            deliveries.c.state == D.UNKNOWN.value,
                            deliveries.c.batch == batch,
                            deliveries.c.id > after,
                        )
                        .order_by(deliveries.c.id)
                        .limit(chunk)
                    ).all()
                if not rows:
                    break
                after = rows[-1].id
                yield (
                    batch,
                    [
                        Delivery(
                            id=row.id,
                            key=row.key,
                            issue=issue_id,
                            reader=row.reader,
                            email=row.email or "",
                            name=row.name or "",
                            token=row.token or "",
                            segment=row.segment,
                            joined=_when(row.joined) if row.joined else row.changed,
                            variant=row.variant,
                            attempt=row.attempt,
                        )
                        for row in rows
                    ],
                )

    def requeue(
        self,
        issue_id: str,
        *,
        reason: str,
        now: datetime,
        handed_before: datetime | None = None,
        keys: Sequence[str] | None = None,
        batch: str | None = None,
    ) -> int:
        """Let letters in doubt be sent again; how many.

        This is the only way from ``unknown`` back to ``queued``. It is for proof that they never
        left, for the policy ``resend``, and for a person's decision.

        :param handed_before: only letters whose state is older than this.
        :param keys: only these letters; ``batch``: only letters of this batch.
        """
        which = [deliveries.c.issue == issue_id, deliveries.c.state == D.UNKNOWN.value]
        if handed_before is not None:
            which.append(deliveries.c.changed <= handed_before)
        if keys is not None:
            which.append(self._among(list(keys), deliveries.c.key))
        if batch is not None:
            which.append(deliveries.c.batch == batch)
        with self.database.begin() as connection:
            return self._change(connection, and_(*which), D.QUEUED, reason, now, owner="", batch="")

    def write_off(self, issue_id: str, *, reason: str, now: datetime) -> int:
        """Settle letters in doubt as rejected, by a person's decision; how many."""
        with self.database.begin() as connection:
            return self._change(
                connection,
                and_(deliveries.c.issue == issue_id, deliveries.c.state == D.UNKNOWN.value),
                D.REJECTED,
                reason,
                now,
            )

    def doubt(self, issue_id: str, *, reason: str, now: datetime) -> int:
        """Put everything that has not ended in doubt; how many.

        For a database that was restored from a backup: a row that says ``queued`` may have been
        sent after the backup was made, in a batch that nobody remembers.
        """
        open_states = [D.QUEUED.value, D.CLAIMED.value, D.HANDED.value, D.DEFERRED.value]
        with self.database.begin() as connection:
            return self._change(
                connection,
                and_(deliveries.c.issue == issue_id, deliveries.c.state.in_(open_states)),
                D.UNKNOWN,
                reason,
                now,
                owner="",
                batch="",
            )

    # -- pace

    def reserve(self, lane: str, *, seconds: float, now: datetime) -> datetime:
        """Reserve time on a lane that all processes share; when the reservation begins.

        The lane is then taken for ``seconds`` from that moment.
        """
        dialect = postgresql if self.database.dialect == "postgresql" else sqlite
        with self.database.begin() as connection:
            connection.execute(
                dialect.insert(pace).values(lane=lane, free_at=now).on_conflict_do_nothing()
            )
            free_at: datetime = connection.execute(
                select(pace.c.free_at).where(pace.c.lane == lane).with_for_update()
            ).scalar_one()
            begin = max(free_at, now)
            connection.execute(
                update(pace)
                .where(pace.c.lane == lane)
                .values(free_at=begin + timedelta(seconds=seconds))
            )
            return begin

    # -- looking

    def states(self, issue_id: str) -> dict[str, int]:
        """How many deliveries of an issue are in each state; states without any are left out."""
        query = (
            select(deliveries.c.state, func.count())
            .where(deliveries.c.issue == issue_id)
            .group_by(deliveries.c.state)
        )
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def segments(self, issue_id: str) -> dict[str, int]:
        """How many deliveries of an issue each segment has."""
        query = (
            select(deliveries.c.segment, func.count())
            .where(deliveries.c.issue == issue_id)
            .group_by(deliveries.c.segment)
            .order_by(deliveries.c.segment)
        )
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def rows(self, issue_id: str, state: str | None = None) -> Iterator[dict[str, str]]:
        """Each delivery of an issue as ``{email, state, reason}``, oldest first.

        The address of a reader who was erased is empty.
        """
        after = 0
        while True:
            query = (
                select(deliveries.c.id, readers.c.email, deliveries.c.state, deliveries.c.reason)
                .select_from(deliveries.outerjoin(readers, readers.c.id == deliveries.c.reader))
                .where(deliveries.c.issue == issue_id, deliveries.c.id > after)
                .order_by(deliveries.c.id)
                .limit(2000)
            )
            if state is not None:
                query = query.where(deliveries.c.state == state)
            with self.database.reading() as connection:
                found = connection.execute(query).all()
            if not found:
                return
            after = found[-1].id
            for row in found:
                yield {"email": row.email or "", "state": row.state, "reason": row.reason}

    def next_due(self, issue_id: str) -> datetime | None:
        """When the first deferred letter may be tried again; None when there is none."""
        query = select(func.min(deliveries.c.not_before)).where(
            deliveries.c.issue == issue_id, deliveries.c.state == D.DEFERRED.value
        )
        with self.database.reading() as connection:
            found: datetime | None = connection.scalar(query)
        return found

    # -- inside

    def _with_reader(self, *more: ColumnElement[Any]) -> Select[Any]:
        # A time of SQLite is text; _when reads it ten times faster than the general way.
        text_times = self.database.dialect == "sqlite"
        joined: ColumnElement[Any] = type_coerce(readers.c.joined, String()).label("joined")
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
            joined if text_times else readers.c.joined,
            *more,
        ).select_from(deliveries.outerjoin(readers, readers.c.id == deliveries.c.reader))

    def _claimable(
        self, issue_id: str, state: DeliveryState, limit: int, now: datetime
    ) -> Select[Any]:
        # A correction notice goes by the subscription to the edition of the issue it corrects.
        own = issues.alias()
        edition = (
            select(func.coalesce(issues.c.edition, own.c.edition))
            .select_from(own)
            .outerjoin(issues, issues.c.id == own.c.corrects)
            .where(own.c.id == issue_id)
            .scalar_subquery()
        )
        subscribed = and_(
            subscriptions.c.reader == deliveries.c.reader, subscriptions.c.edition == edition
        )
        query = (
            self._with_reader(
                readers.c.state.label("reader_state"),
                subscriptions.c.state.label("subscription_state"),
            )
            .outerjoin(subscriptions, subscribed)
            .where(deliveries.c.issue == issue_id, deliveries.c.state == state.value)
            .order_by(deliveries.c.id)
            .limit(limit)
            .with_for_update(of=deliveries, skip_locked=True)
        )
        if state is D.DEFERRED:
            query = query.where(
                or_(deliveries.c.not_before.is_(None), deliveries.c.not_before <= now)
            )
        return query

    def _suppressed(self, connection: Connection, found: Sequence[Any]) -> set[int]:
        """The ids of rows whose address is on the suppression list."""
        if self.address_hash is None:
            return set()
        hashes = {self.address_hash(row.address_key): row.id for row in found if row.address_key}
        listed = connection.scalars(
            select(suppressions.c.address_hash).where(
                self._among(list(hashes), suppressions.c.address_hash)
            )
        )
        return {hashes[one] for one in listed}

    def _among(
        self, values: Sequence[Any], column: ColumnElement[Any] = deliveries.c.id
    ) -> ColumnElement[bool]:
        """``column IN (values)`` with one parameter, however many values there are."""
        if self.database.dialect == "postgresql":
            kind = String() if values and isinstance(values[0], str) else BigInteger()
            return column == any_(literal(list(values), ARRAY(kind)))
        listed = func.json_each(literal(list(values), JSON)).table_valued("value")
        return column.in_(select(listed.c.value))

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


def _when(value: str | datetime) -> datetime:
    """A time of either engine: SQLite's text is UTC without saying so."""
    return datetime.fromisoformat(f"{value}+00:00") if isinstance(value, str) else value


def _why_not(reader_state: str | None, subscription_state: str | None) -> str:
    """Why a reader must not get this letter now."""
    if reader_state is None:
        return "the reader was erased"
    if reader_state != ReaderState.ACTIVE.value:
        return f"the reader is {reader_state}"
    if subscription_state is None:
        return "the reader no longer has this edition"
    if subscription_state != ReaderState.ACTIVE.value:
        return f"the subscription is {subscription_state}"
    return "the address is suppressed"
