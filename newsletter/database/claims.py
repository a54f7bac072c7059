"""Who may send what: leases, claims, and the commit before a byte leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)

from newsletter.database import batches, leases
from newsletter.database.batches import FOLLOWS, Batch
from newsletter.database.ledger_part import LedgerPart, when
from newsletter.database.tables import batches as batch_table
from newsletter.database.tables import deliveries, issues, readers, subscriptions, suppressions
from newsletter.model import Delivery, ReaderState
from newsletter.model import DeliveryState as D

STOPPED = "the sender stopped after handing this letter over and before the answer"

_ANY_LISTED = select(literal(1)).select_from(suppressions).limit(1)

_CLAIMABLE = (FOLLOWS, D.QUEUED.value, D.DEFERRED.value)
_OPEN = (*_CLAIMABLE, D.CLAIMED.value)


class Claims(LedgerPart):
    """Takes rows for an owner, and takes them back from owners that are gone."""

    def open(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Begin to send under an owner's name, which nobody used before."""
        self._release_all(now)
        with self.database.begin() as connection:
            leases.take(
                connection, owner, self.holder, expires=now + timedelta(seconds=stale_seconds)
            )

    def renew(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Show that the owner is alive."""
        with self.database.begin() as connection:
            until = now + timedelta(seconds=stale_seconds)
            leases.renew(connection, owner, self.holder, expires=until)

    def release(self, issue_id: str, owner: str, *, now: datetime) -> None:
        """End an owner: what it claimed and did not hand over is queued again.

        Where the database does not answer, the next call or the next owner makes up for it.
        Otherwise others would wait for this owner until its lease is over.
        """
        self.unreleased.add((issue_id, owner))
        self._release_all(now)

    def _release_all(self, now: datetime) -> None:
        for issue_id, owner in sorted(self.unreleased):
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
            self.unreleased.discard((issue_id, owner))

    def recover(self, issue_id: str, *, now: datetime) -> tuple[int, int]:
        """Take over from owners that are gone: how many rows are queued again, how many unknown."""
        queued = unknown = 0
        held = and_(
            deliveries.c.issue == issue_id,
            deliveries.c.state.in_([D.CLAIMED.value, D.HANDED.value]),
        )
        handed = and_(batch_table.c.issue == issue_id, batch_table.c.state == D.HANDED.value)
        with self.database.reading() as connection:
            owners = {
                *connection.scalars(select(deliveries.c.owner).where(held).distinct()),
                *connection.scalars(select(batch_table.c.owner).where(handed).distinct()),
            }
        if not owners:
            return 0, 0
        with self.database.begin() as connection:
            for owner in sorted(owners):
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
                    STOPPED,
                    now,
                    owner="",
                )
                query = select(batch_table).where(handed, batch_table.c.owner == owner)
                for batch in connection.execute(query.with_for_update()).all():
                    unknown += batches.part(connection, batch, D.UNKNOWN, reason=STOPPED, now=now)
                    batches.drop(connection, batch)
                leases.end(connection, owner)
        return queued, unknown

    def take(
        self,
        issue_id: str,
        *,
        owner: str,
        batch: str,
        transport: str,
        limit: int,
        now: datetime,
        stale_seconds: float,
    ) -> list[Delivery]:
        """Claim rows and commit that their letters are about to leave, all in one transaction.

        For transports that take a whole claim at once. Readers are looked at again as in
        :meth:`claim`, in the same moment in which the letters are handed over.
        """
        with self.database.begin() as connection:
            until = now + timedelta(seconds=stale_seconds)
            leases.renew(connection, owner, self.holder, expires=until)
            queue, found = self._next(connection, issue_id, limit, now, lock=False)
            taken = self._fit(connection, issue_id, found, now)
            if queue is None:
                self._put(
                    connection,
                    taken,
                    D.HANDED,
                    now,
                    owner=owner,
                    batch=batch,
                    transport=transport,
                    attempt=deliveries.c.attempt + 1,
                )
            elif taken:
                last = _last(queue, found, limit)
                batches.hand(
                    connection,
                    queue,
                    last,
                    name=batch,
                    owner=owner,
                    transport=transport,
                    now=now,
                )
            else:
                batches.shorten(connection, queue, _last(queue, found, limit))
            return taken

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
            until = now + timedelta(seconds=stale_seconds)
            leases.renew(connection, owner, self.holder, expires=until)
            queue, found = self._next(connection, issue_id, limit, now, lock=True)
            claimed = self._fit(connection, issue_id, found, now)
            self._put(connection, claimed, D.CLAIMED, now, owner=owner, batch=batch)
            if queue is not None:
                batches.shorten(connection, queue, _last(queue, found, limit))
            return claimed

    def _next(
        self, connection: Connection, issue_id: str, limit: int, now: datetime, *, lock: bool
    ) -> tuple[Batch | None, Sequence[Any]]:
        """The next rows that may be claimed: of a batch, or else such as have their own state.

        :param lock: True where the rows of a batch are about to be written one by one.
        """
        query = self._of_batch.with_for_update(of=deliveries) if lock else self._of_batch
        wanted = {"its_issue": issue_id, "most": limit}
        while batch := connection.execute(self._next_batch, wanted).one_or_none():
            wanted |= {"first": batch.first, "last": batch.last}
            if found := connection.execute(query, wanted).all():
                return batch, found
            batches.drop(connection, batch)
        for origin in (D.QUEUED, D.DEFERRED):
            if found := connection.execute(self._claimable(issue_id, origin, limit, now)).all():
                return None, found
        return None, ()

    @cached_property
    def _next_batch(self) -> Select[Any]:
        return batches.NEXT_QUEUED

    @cached_property
    def _of_batch(self) -> Select[Any]:
        """The deliveries of a batch that have no state of their own, with their readers."""
        return (
            self._with_standing(bindparam("its_issue"))
            .where(
                deliveries.c.issue == bindparam("its_issue"),
                deliveries.c.state == FOLLOWS,
                deliveries.c.id.between(bindparam("first"), bindparam("last")),
            )
            .order_by(deliveries.c.id)
            .limit(bindparam("most"))
        )

    def _fit(
        self, connection: Connection, issue_id: str, found: Sequence[Any], now: datetime
    ) -> list[Delivery]:
        """The deliveries whose readers may have a letter now; the others are skipped."""
        suppressed = self._suppressed(connection, found)
        fit: list[Delivery] = []
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
            fit.append(
                Delivery(
                    id_,
                    key,
                    issue_id,
                    reader,
                    email,
                    name,
                    token,
                    segment,
                    when(joined),
                    variant,
                    attempt + 1,
                )
            )
        for reason, ids in skipped.items():
            which = and_(self._among(ids), deliveries.c.state.in_(_OPEN))
            self._change(connection, which, D.SKIPPED, reason, now, owner="")
        return fit

    def _put(
        self,
        connection: Connection,
        claimed: Sequence[Delivery],
        state: D,
        now: datetime,
        **changes: Any,
    ) -> None:
        """Give claimed deliveries a state of their own."""
        if not claimed:
            return
        which = and_(self._among([one.id for one in claimed]), deliveries.c.state.in_(_CLAIMABLE))
        changed = self._change(connection, which, state, "", now, not_before=None, **changes)
        if changed != len(claimed):
            raise AssertionError(f"{changed} rows changed where {len(claimed)} were found")

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
        """Commit that these letters are about to leave; those that may now.

        A row that is no longer claimed by this owner in this batch (its lease ran out and another
        sender took over) is not in the answer, and its letter must not leave. Readers are looked
        at again as in :meth:`claim`, because a slow pace can lie hours between the two.
        """
        if not claimed:
            return []
        issue_id = claimed[0].issue
        wanted = {"its_issue": issue_id, "its_owner": owner, "its_batch": batch}
        with self.database.begin() as connection:
            until = now + timedelta(seconds=stale_seconds)
            leases.renew(connection, owner, self.holder, expires=until)
            ids = [one.id for one in claimed]
            found = connection.execute(self._held, wanted | {"its_ids": ids}).all()
            handed = self._fit(connection, issue_id, found, now)
            if handed:
                given = {"its_ids": [one.id for one in handed], "its_transport": transport}
                connection.execute(self._hand, given | {"its_time": now})
        return handed

    @cached_property
    def _held(self) -> Select[Any]:
        """Deliveries that an owner still holds in a batch, with their readers."""
        return (
            self._with_standing(bindparam("its_issue"))
            .where(
                self._these,
                deliveries.c.state == D.CLAIMED.value,
                deliveries.c.owner == bindparam("its_owner"),
                deliveries.c.batch == bindparam("its_batch"),
            )
            .order_by(deliveries.c.id)
            .with_for_update(of=deliveries)
        )

    @cached_property
    def _hand(self) -> Update:
        return (
            update(deliveries)
            .where(self._these)
            .values(
                state=D.HANDED.value,
                transport=bindparam("its_transport"),
                attempt=deliveries.c.attempt + 1,
                changed=bindparam("its_time", type_=deliveries.c.changed.type),
            )
        )

    def _with_standing(self, issue_id: str | BindParameter[str]) -> Select[Any]:
        """Deliveries with what has to be known of their readers when they are claimed."""
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
        return self._with_reader(
            readers.c.state.label("reader_state"),
            subscriptions.c.state.label("subscription_state"),
        ).outerjoin(subscriptions, subscribed)

    def _claimable(self, issue_id: str, state: D, limit: int, now: datetime) -> Select[Any]:
        query = (
            self._with_standing(issue_id)
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
        # Without a list nothing has to be hashed, which would cost as much as reading the rows.
        if self.address_hash is None or not found or connection.scalar(_ANY_LISTED) is None:
            return set()
        hashes = {self.address_hash(row.address_key): row.id for row in found if row.address_key}
        listed = connection.scalars(
            select(suppressions.c.address_hash).where(
                self._among(list(hashes), suppressions.c.address_hash)
            )
        )
        return {hashes[one] for one in listed}


def _last(batch: Batch, found: Sequence[Any], limit: int) -> int:
    """The id up to which the rows that were found use a batch up."""
    return int(batch.last if len(found) < limit else found[-1].id)


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
