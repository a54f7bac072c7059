"""One sending process, for a driver that kills it: the real send on the real ledger.

:func:`run` is what a child process does; ``broken`` gives it a ledger that writes down what left
only afterwards, as senders without a promise do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import update

from newsletter.clock import system_clock
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import open_database
from newsletter.database.tables import deliveries
from newsletter.delivery.send import SendSettings, send_issue
from newsletter.delivery.transport.sendgrid import SendGridTransport
from newsletter.model import Delivery, Outcome
from tests.delivery.people import ISSUE, issue_mail

BATCH = 10
ABSENCE = 0.5
"""Seconds after which a letter that the stand-in's log does not have never arrived there."""


class BrokenLedger(DeliveryLedger):
    """A ledger that is told too late."""

    def hand(self, claimed: Sequence[Delivery], **_: Any) -> list[Delivery]:
        """Let the letters go without a word."""
        return list(claimed)

    def take(self, issue_id: str, *, transport: str, **more: Any) -> list[Delivery]:
        """Claim, and let the letters go without a word."""
        return self.claim(issue_id, **more)

    def settle(self, outcomes: Iterable[Outcome], *, batch: str, **more: Any) -> Any:
        """Write down that they were handed over only when their fate is known."""
        with self.database.begin() as connection:
            connection.execute(
                update(deliveries)
                .where(deliveries.c.batch == batch, deliveries.c.state == "claimed")
                .values(state="handed")
            )
        return super().settle(outcomes, batch=batch, **more)


def run(url: str, api_url: str, policy: str, *, broken: bool = False) -> None:
    """Send until nothing is left; exits with 3 when something is."""
    database = open_database(url, busy_seconds=30)
    ledger = BrokenLedger(database) if broken else DeliveryLedger(database)
    settings: dict[str, Any] = {"on_unknown": policy}
    report = send_issue(
        ISSUE,
        ledger=ledger,
        transport=SendGridTransport(
            api_key="SG.good",
            api_url=api_url,
            batch_size=BATCH,
            timeout=5,
            settles_after=ABSENCE if policy == "hold" else None,
        ),
        mail=issue_mail(),
        clock=system_clock,
        sleep=time.sleep,
        owner=uuid4().hex[:16],
        settings=SendSettings(claim_size=50, **settings),
    )
    database.close()
    raise SystemExit(3 if report.needs_person else 0)
