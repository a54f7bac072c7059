"""How a send behaves, how far it is, and what it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from newsletter import config
from newsletter.delivery.reconcile import ReconcileReport
from newsletter.model import DeliveryState

Ended = Literal["done", "stopped", "deadline"]

PENDING = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.HANDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """How a send behaves.

    ``claim_size`` is how many readers are claimed at once (never fewer than the transport hands
    over at once). ``deadline`` is when deferred letters are given up for this time.
    """

    claim_size: int = 500
    stale_seconds: float = 120
    on_unknown: Literal["hold", "resend"] = "hold"
    deadline: datetime | None = None
    letters_per_second: float = 0
    letters_per_hour: int = 0
    letters_per_day: int = 0

    @classmethod
    def from_config(cls, delivery: config.Delivery, *, started: datetime) -> SendSettings:
        """The settings that ``[delivery]`` describes, for a send that began at some moment."""
        return cls(
            claim_size=delivery.batch_size,
            stale_seconds=delivery.stale_seconds,
            on_unknown=delivery.on_unknown,
            deadline=started + timedelta(hours=delivery.deadline_hours),
            letters_per_second=delivery.letters_per_second,
            letters_per_hour=delivery.letters_per_hour,
            letters_per_day=delivery.letters_per_day,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a send is: what this call settled so far, by state, and in how many seconds."""

    settled: Mapping[str, int]
    seconds: float

    @property
    def letters(self) -> int:
        """All letters settled."""
        return sum(self.settled.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """What a send did and what it left.

    ``states`` counts all deliveries of the issue at the end, which takes a while with a million of
    them, and is empty when the send was stopped; ``settled`` is what this call did.
    ``fell_back`` says why the second transport took over, and is empty when it did not.
    """

    ended: Ended
    states: Mapping[str, int]
    settled: Mapping[str, int] = field(default_factory=dict)
    recovered: int = 0
    reconciled: ReconcileReport = field(default_factory=ReconcileReport)
    seconds: float = 0.0
    fell_back: str = ""

    @property
    def finished(self) -> bool:
        """Nothing is left that this program would still send by itself."""
        waiting = (*PENDING, DeliveryState.DEFERRED)
        return self.ended == "done" and not any(self.states.get(one.value) for one in waiting)

    @property
    def unknown(self) -> int:
        """Letters that may or may not have left: a person should look."""
        return self.states.get(DeliveryState.UNKNOWN.value, 0)

    @property
    def needs_person(self) -> bool:
        """Whether somebody did not get a letter that was meant for them, as far as is known."""
        return not self.finished or self.unknown > 0
