"""The newsletter command line with a ledger that is broken on purpose.

It does what a sender without a promise does: it writes down what left only afterwards, so what
was in flight when it is killed counts as queued. A crash driver that finds no fault with this
finds nothing; the tests run it to show that theirs does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import update

from newsletter.cli.app import main
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.tables import deliveries
from newsletter.model import Delivery, Outcome

_settle = DeliveryLedger.settle


def hand(_: DeliveryLedger, claimed: Sequence[Delivery], **__: Any) -> list[Delivery]:
    """Let the letters go without a word."""
    return list(claimed)


def take(ledger: DeliveryLedger, issue: str, *, transport: str, **more: Any) -> list[Delivery]:
    """Claim, and let the letters go without a word."""
    return ledger.claim(issue, **more)


def settle(ledger: DeliveryLedger, outcomes: Iterable[Outcome], **more: Any) -> Any:
    """Write down that they were handed over only when their fate is known."""
    with ledger.database.begin() as connection:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.batch == more["batch"], deliveries.c.state == "claimed")
            .values(state="handed")
        )
    return _settle(ledger, outcomes, **more)


if __name__ == "__main__":
    setattr(DeliveryLedger, "hand", hand)  # noqa: B010 - the fault itself
    setattr(DeliveryLedger, "take", take)  # noqa: B010 - the fault itself
    setattr(DeliveryLedger, "settle", settle)  # noqa: B010 - the fault itself
    main()
