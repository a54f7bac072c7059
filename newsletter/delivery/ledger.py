"""What the send needs of the database; newsletter.database.deliveries satisfies it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from newsletter.delivery.reconcile import DoubtLedger
from newsletter.delivery.throttle import Lane
from newsletter.model import Delivery, DeliveryState


class Ledger(DoubtLedger, Lane, Protocol):
    """Where every letter of every issue stands."""

    def open(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Begin to send under an owner's name."""
        ...

    def renew(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Show that the owner is alive."""
        ...

    def release(self, issue_id: str, owner: str, *, now: datetime) -> None:
        """End an owner and queue again what it claimed."""
        ...

    def recover(self, issue_id: str, *, now: datetime) -> tuple[int, int]:
        """Take over from owners that are gone: rows queued again, rows unknown."""
        ...

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
        """Claim some rows whose readers may have a letter now."""
        ...

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
        """Commit that these letters are about to leave; the ones that may."""
        ...

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
        """Claim some rows and commit that their letters are about to leave."""
        ...

    def put_off(
        self, issue_id: str, keys: Sequence[str], *, reason: str, now: datetime, due: datetime
    ) -> int:
        """Let letters that were refused for good be tried again; how many."""
        ...

    def states(self, issue_id: str) -> dict[str, int]:
        """How many deliveries are in each state."""
        ...

    def any_in(self, issue_id: str, *states: DeliveryState) -> bool:
        """Whether any delivery is in one of some states."""
        ...

    def next_due(self, issue_id: str) -> datetime | None:
        """When the first deferred letter may be tried again."""
        ...
