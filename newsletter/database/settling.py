"""What became of letters: outcomes written down, and letters in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select, update

from newsletter.database.ledger_part import MAX_REASON, LedgerPart, when
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
        not_before: datetime | None = None,
        whole: str = "",
    ) -> Counter[str]:
        """Write what the transport said of the letters of one batch; how many rows of each state.

        A row that meanwhile belongs to another batch (it was sent again) is left alone.

        :param not_before: when deferred letters may be tried again.
        :param whole: the issue, when these are the outcomes of all letters that were handed over
            in this batch; where they are all the same, rows then need not be named one by one.
        """
        groups: dict[tuple[D, str], dict[str, str]] = {}
        for one in outcomes:
            where = (one.state, one.reason[:MAX_REASON])
            groups.setdefault(where, {})[one.key] = one.provider_id
        done: Counter[str] = Counter()
        if not groups:
            return done
        with self.database.begin() as connection:
            for (state, reason), given in groups.items():
                changes: dict[str, Any] = {"owner": ""}
                identities = set(given.values()) - {""}
                if len(identities) == 1:
                    changes["provider_id"] = identities.pop()
                if state is D.DEFERRED:
                    changes["not_before"] = not_before or now
                done[state.value] += self._change(
                    connection,
                    and_(
                        deliveries.c.issue == whole
                        if whole and len(groups) == 1
                        else self._among(list(given), deliveries.c.key),
                        deliveries.c.batch == batch,
                        deliveries.c.state.in_([one.value for one in _SETTLED_FROM[state]]),
                    ),
                    state,
                    reason,
                    now,
                    **changes,
                )
                if identities:
                    # An SMTP server has a name of its own for each letter.
                    connection.execute(
                        _NAME_LETTER,
                        [
                            {"its_key": key, "its_batch": batch, "its_name": name}
                            for key, name in given.items()
                        ],
                    )
        return done

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
                        self._with_reader(deliveries.c.changed, deliveries.c.transport)
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
                            joined=when(row.joined) if row.joined else row.changed,
                            variant=row.variant,
                            attempt=row.attempt,
                            transport=row.transport,
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
