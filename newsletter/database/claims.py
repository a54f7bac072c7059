"""Who may send what: leases, claims, and the commit before a byte leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select, update

from newsletter.database import leases
from newsletter.database.ledger_part import LedgerPart, when
from newsletter.database.tables import deliveries, issues, readers, subscriptions, suppressions
from newsletter.model import Delivery, ReaderState
from newsletter.model import DeliveryState as D


class Claims(LedgerPart):
    """Takes rows for an owner, and takes them back from owners that are gone."""

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
        return self._claimed(
            issue_id,
            owner,
            now,
            stale_seconds,
            limit=limit,
            state=D.HANDED,
            changes={"batch": batch, "transport": transport, "attempt": deliveries.c.attempt + 1},
        )

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
        return self._claimed(
            issue_id,
            owner,
            now,
            stale_seconds,
            limit=limit,
            state=D.CLAIMED,
            changes={"batch": batch},
        )

    def _claimed(
        self,
        issue_id: str,
        owner: str,
        now: datetime,
        stale_seconds: float,
        *,
        limit: int,
        state: D,
        changes: dict[str, Any],
    ) -> list[Delivery]:
        with self.database.begin() as connection:
            leases.renew(connection, owner, expires=now + timedelta(seconds=stale_seconds))
            found: Sequence[Any] = ()
            for origin in (D.QUEUED, D.DEFERRED):
                found = connection.execute(self._claimable(issue_id, origin, limit, now)).all()
                if found:
                    break
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
                        joined=when(joined),
                        variant=variant,
                        attempt=attempt + 1,
                    )
                )
            for reason, ids in skipped.items():
                self._change(connection, self._among(ids), D.SKIPPED, reason, now, owner="")
            if claimed:
                if self.database.dialect == "sqlite" and origin is D.QUEUED:
                    # One writer at a time: what is still queued between the first and the last
                    # is exactly what was found and not skipped. A range costs half of a list.
                    which = and_(
                        deliveries.c.issue == issue_id,
                        deliveries.c.state == D.QUEUED.value,
                        deliveries.c.id.between(claimed[0].id, claimed[-1].id),
                    )
                else:
                    which = self._among([one.id for one in claimed])
                changed = self._change(
                    connection, which, state, "", now, owner=owner, not_before=None, **changes
                )
                if changed != len(claimed):
                    raise AssertionError(f"{changed} rows changed where {len(claimed)} were found")
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

    def _claimable(self, issue_id: str, state: D, limit: int, now: datetime) -> Select[Any]:
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
