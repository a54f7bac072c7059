"""The ledger as a leader sees it: nothing is claimed for a leader that was replaced."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sqlalchemy import Select

from newsletter.database.batches import NEXT_QUEUED
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.leaders import Fence


class FencedLedger(DeliveryLedger):
    """A ledger whose claims carry an epoch, compared by the claiming statement itself.

    A replaced leader finds nothing to claim. What it had claimed before, the hand-over compares
    with the owner of each row; what it had handed over, it may still write down: that happened.
    """

    def __init__(self, *given: Any, fence: Fence, **named: Any):
        super().__init__(*given, **named)
        self._fence = fence

    def _claimable(self, *given: Any, **named: Any) -> Select[Any]:
        return super()._claimable(*given, **named).where(self._fence.holds)

    @cached_property
    def _next_batch(self) -> Select[Any]:
        return NEXT_QUEUED.where(self._fence.holds)
