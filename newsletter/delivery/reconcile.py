"""Letters in doubt: ask the transport what it knows, and settle what can be settled.

A letter is in doubt when it was handed over and no answer was heard. Its provider may know: a
file lies in the outbox, a log has the batch. Found means accepted. Not found means nothing,
unless the transport says after how many seconds its absence is proof; then the letter never left
and may be sent again. What is left is a matter of policy, or of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from newsletter.clock import Clock
from newsletter.delivery.letter import letters_for
from newsletter.delivery.transport.contract import Transport
from newsletter.errors import TransportError
from newsletter.model import Delivery, Outcome

NEVER_LEFT = "looked for and not found: it never left"


class DoubtLedger(Protocol):
    """What settling doubts needs of the ledger."""

    def unknown(self, issue_id: str) -> Iterator[tuple[str, list[Delivery]]]:
        """The letters in doubt, by batch; those of one lot went through one transport."""
        ...

    def settle(
        self,
        outcomes: Iterable[Outcome],
        *,
        batch: str,
        now: datetime,
        later: Mapping[str, datetime] = ...,
        whole: bool = False,
    ) -> Mapping[str, int]:
        """Write what was found out."""
        ...

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
        """Let letters in doubt be sent again."""
        ...

    def resend(self, issue_id: str, *, reason: str, now: datetime, due: datetime) -> int:
        """Let letters in doubt that left once be sent once more, from a moment on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileReport:
    """What became of the letters in doubt; ``problem`` says why some could not be looked for."""

    found: int = 0
    queued: int = 0
    left: int = 0
    problem: str = ""


def reconcile(
    issue_id: str,
    *,
    ledger: DoubtLedger,
    transports: Sequence[Transport],
    clock: Clock,
    absence_after: float | None = None,
) -> ReconcileReport:
    """Settle the letters of an issue that are in doubt, as far as the transport knows.

    :param transports: each is asked about the letters it was given; letters of which nobody knows
        how they may have left are looked for in the first one.
    :param absence_after: seconds after which not being found counts as never having left, by a
        person's decision, where the transport itself promises nothing but has a place to look.
    """
    by_name = {one.name: one for one in transports}
    found = queued = left = 0
    problem = ""
    for batch, deliveries in ledger.unknown(issue_id):
        used = deliveries[0].transport
        transport = by_name.get(used or transports[0].name)
        if transport is None:
            left += len(deliveries)
            problem = f"{used}: is not in use any more, so its letters cannot be looked for"
            continue
        if absence_after is not None and not transport.can_look:
            left += len(deliveries)
            problem = (
                f"{transport.name}: keeps no log, so that a letter is not found proves nothing"
            )
            continue
        proof = transport.settles_after if absence_after is None else absence_after
        letters = letters_for(
            deliveries, issue=issue_id, base_url="", edition_title="", domain="localhost"
        )
        try:
            known = transport.find(letters, batch=batch)
        except TransportError as error:
            left += len(deliveries)
            problem = f"{error.subject}: {error.sentence}"
            continue
        now = clock()
        ledger.settle(known.values(), batch=batch, now=now)
        found += len(known)
        missing = [one.key for one in deliveries if one.key not in known]
        sent_again = 0
        # Without a batch nobody knows when or how they may have left (a restored backup), so not
        # finding them proves nothing.
        if missing and batch and proof is not None:
            sent_again = ledger.requeue(
                issue_id,
                reason=NEVER_LEFT,
                now=now,
                handed_before=now - timedelta(seconds=proof),
                keys=missing,
                batch=batch,
            )
        queued += sent_again
        left += len(missing) - sent_again
    return ReconcileReport(found=found, queued=queued, left=left, problem=problem)
