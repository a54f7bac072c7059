"""What became of letters: outcomes written down, and letters in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, literal, select, update

from newsletter.database import batches
from newsletter.database.batches import Batch
from newsletter.database.ledger_part import MAX_REASON, LedgerPart, when
from newsletter.database.tables import batches as batch_table
from newsletter.database.tables import deliveries
from newsletter.model import Delivery, Outcome
from newsletter.model import DeliveryState as D

# Where a settling may come from. A late answer for a row that was taken to be unknown still counts.
_SETTLED_FROM = {
    D.ACCEPTED: (D.HANDED, D.UNKNOWN),
    D.REJECTED: (D.HANDED, D.UNKNOWN),
    D.SKIPPED: (D.HANDED, D.UNKNOWN),
    D.DEFERRED: (D.HANDED,),
    D.UNKNOWN: (D.HANDED,),
}

_Said = tuple[D, str, datetime | None]
"""State, reason, and when a deferred letter may be tried again."""

_TAKEN: _Said = (D.ACCEPTED, "", None)
"""The one outcome that all letters of a batch can share without being written one by one."""

SHARING = 20
"""Letters that share a provider's name, at least and on average, where it names requests."""

FORGOTTEN = "the transport said nothing about this letter"

_NO_MOMENTS: Mapping[str, datetime] = MappingProxyType({})

_NAME_LETTER = (
    update(deliveries)
    .where(deliveries.c.key == bindparam("its_key"), deliveries.c.batch == bindparam("its_batch"))
    .values(provider_id=bindparam("its_name"))
)


class Settling(LedgerPart):
    """Ends rows, and holds those of which nobody knows."""

    def settle(
        self,
        outcomes: Iterable[Outcome],
        *,
        batch: str,
        now: datetime,
        later: Mapping[str, datetime] = _NO_MOMENTS,
        whole: bool = False,
    ) -> Counter[str]:
        """Write what the transport said of the letters of one batch; how many rows of each state.

        A row that meanwhile belongs to another batch (it was sent again) is left alone.

        :param later: when deferred letters may be tried again, by key; who is not named may now.
        :param whole: True when these are the outcomes of all letters that were handed over in
            this batch; those that were accepted then need not be written one by one.
        """
        groups: dict[_Said, dict[str, str]] = {}
        for one in outcomes:
            deferred = one.state is D.DEFERRED
            moment = later.get(one.key, now) if deferred else None
            where = (one.state, one.reason[:MAX_REASON], moment)
            groups.setdefault(where, {})[one.key] = one.provider_id
        alike = groups.get(_TAKEN, {}) if whole else {}
        names = set(alike.values())
        done: Counter[str] = Counter()
        with self.database.begin() as connection:
            handed = batches.handed(connection, batch)
            # A name is that of a request (a batch leaves in some), or else of a letter, to be kept.
            together = handed is not None and 0 < len(names) <= max(1, len(alike) // SHARING)
            for said, given in groups.items():
                if not (together and said == _TAKEN):
                    done[said[0].value] += self._settle(
                        connection, batch, handed, said, given, now=now
                    )
            if handed is not None and together:
                batches.accept(connection, handed, provider_id=" ".join(sorted(names)), now=now)
                done[D.ACCEPTED.value] += len(alike)
            elif handed is not None and whole:
                done[D.UNKNOWN.value] += batches.part(
                    connection, handed, D.UNKNOWN, reason=FORGOTTEN, now=now
                )
                batches.drop(connection, handed)
        return +done

    def _settle(
        self,
        connection: Connection,
        batch: str,
        handed: Batch | None,
        said: _Said,
        given: Mapping[str, str],
        *,
        now: datetime,
    ) -> int:
        """Give letters of which the same was said a state of their own; how many."""
        state, reason, moment = said
        changes: dict[str, Any] = {"owner": ""}
        identities = set(given.values()) - {""}
        if len(identities) == 1:
            changes["provider_id"] = identities.pop()
        if moment is not None:
            changes["not_before"] = moment
        named = self._among(list(given), deliveries.c.key)
        number = 0
        if handed is not None:
            number = batches.part(
                connection, handed, state, reason=reason, now=now, which=named, **changes
            )
        if number < len(given):
            own = [one.value for one in _SETTLED_FROM[state]]
            which = and_(named, deliveries.c.batch == batch, deliveries.c.state.in_(own))
            number += self._change(connection, which, state, reason, now, **changes)
        if identities:
            # An SMTP server has a name of its own for each letter.
            connection.execute(
                _NAME_LETTER,
                [
                    {"its_key": key, "its_batch": batch, "its_name": name}
                    for key, name in given.items()
                ],
            )
        return number

    def unknown(self, issue_id: str, *, chunk: int = 1000) -> Iterator[tuple[str, list[Delivery]]]:
        """The letters in doubt, by the batch they were handed over in; each lot went one way.

        A claim that outlived its transport left in part through the next one, under one name.
        """
        query = (
            select(
                deliveries.c.batch,
                deliveries.c.transport,
                func.min(deliveries.c.id).label("first"),
            )
            .where(deliveries.c.issue == issue_id, deliveries.c.state == D.UNKNOWN.value)
            .group_by(deliveries.c.batch, deliveries.c.transport)
            .order_by("first")
        )
        with self.database.reading() as connection:
            lots = [(row.batch, row.transport) for row in connection.execute(query)]
        for batch, transport in lots:
            after = 0
            while True:
                with self.database.reading() as connection:
                    rows = connection.execute(
                        self._with_reader(deliveries.c.changed)
                        .where(
                            deliveries.c.issue == issue_id,
                            deliveries.c.state == D.UNKNOWN.value,
                            deliveries.c.batch == batch,
                            deliveries.c.transport == transport,
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
                            joined=when(row.joined) if row.joined else row.changed,
                            variant=row.variant,
                            attempt=row.attempt,
                            transport=transport,
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
        left, and for a person's decision.

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

    def resend(self, issue_id: str, *, reason: str, now: datetime, due: datetime) -> int:
        """Let letters in doubt be sent once more by policy, from a moment on; how many.

        Only such as left at most once: who goes on hearing nothing would send copies without end.
        Left out is also what is in doubt because a backup was put back: nearly all of it may have
        left, which no policy but only a person can decide about.
        """
        which = and_(
            deliveries.c.issue == issue_id,
            deliveries.c.state == D.UNKNOWN.value,
            deliveries.c.attempt < 2,
            deliveries.c.batch != "",
        )
        with self.database.begin() as connection:
            return self._change(
                connection, which, D.DEFERRED, reason, now, owner="", batch="", not_before=due
            )

    def put_off(
        self, issue_id: str, keys: Sequence[str], *, reason: str, now: datetime, due: datetime
    ) -> int:
        """Let letters that were refused for good be tried again from a moment on; how many.

        A refusal is certain, so nobody can get two. What a person wrote off stays as it is.

        :param reason: comes before the reason of the refusal.
        """
        with self.database.begin() as connection:
            found = connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.issue == issue_id,
                    deliveries.c.state == D.REJECTED.value,
                    self._among(list(keys), deliveries.c.key),
                )
                .values(
                    state=D.DEFERRED.value,
                    reason=func.substr(literal(reason).concat(deliveries.c.reason), 1, MAX_REASON),
                    not_before=due,
                    changed=now,
                )
            )
            return int(found.rowcount)

    def write_off(
        self, issue_id: str, *, reason: str, now: datetime, keys: Sequence[str] | None = None
    ) -> int:
        """Settle letters in doubt as rejected, by a person's decision; how many.

        :param keys: only these letters.
        """
        which = [deliveries.c.issue == issue_id, deliveries.c.state == D.UNKNOWN.value]
        if keys is not None:
            which.append(self._among(list(keys), deliveries.c.key))
        with self.database.begin() as connection:
            return self._change(
                connection,
                and_(*which),
                D.REJECTED,
                reason,
                now,
            )

    def doubt(self, issue_id: str, *, reason: str, now: datetime) -> int:
        """Put everything that has not ended in doubt; how many.

        For a database that was restored from a backup: a row that says ``queued`` may have been
        sent after the backup was made, in a batch that nobody remembers.
        """
        open_states = [
            *(D.QUEUED.value, D.CLAIMED.value, D.HANDED.value, D.DEFERRED.value),
            # In doubt when the backup was made, and perhaps sent since then in another batch: that
            # the one it knows is not with the provider proves nothing any more.
            D.UNKNOWN.value,
        ]
        unsettled = and_(batch_table.c.issue == issue_id, batch_table.c.state != D.ACCEPTED.value)
        with self.database.begin() as connection:
            number = self._change(
                connection,
                and_(deliveries.c.issue == issue_id, deliveries.c.state.in_(open_states)),
                D.UNKNOWN,
                reason,
                now,
                owner="",
                batch="",
            )
            query = select(batch_table).where(unsettled)
            for batch in connection.execute(query.with_for_update()).all():
                number += batches.part(
                    connection, batch, D.UNKNOWN, reason=reason[:MAX_REASON], now=now, batch=""
                )
                batches.drop(connection, batch)
            return number
