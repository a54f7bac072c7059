"""Waiting is arithmetic: it grows, it ends, and it obeys."""

from __future__ import annotations

from datetime import timedelta

from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database
from newsletter.delivery.throttle import LONGEST_PAUSE, LONGEST_RETRY, pause, retry_after, turn
from tests.delivery.people import NOON


def test_retries_grow_and_end() -> None:
    """Each try waits twice as long as the one before, up to a quarter of an hour."""
    waits = [retry_after(attempt) for attempt in range(1, 40)]
    assert waits[:4] == [2, 4, 8, 16]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY


def test_a_provider_is_believed_at_first() -> None:
    """What a provider asks for is obeyed; one that goes on refusing is asked less often."""
    assert [pause(2, times) for times in (1, 5, 11)] == [2, 2, 2]
    assert pause(2, 20) == 20
    assert pause(2, 500) == LONGEST_PAUSE


def test_no_limit_no_wait(sqlite: Database) -> None:
    """Without a limit nobody waits, and nothing is written down."""
    ledger = DeliveryLedger(sqlite)
    assert turn(ledger, "smtp", letters=9, per_second=0, now=NOON) == 0
    assert ledger.reserve("smtp", seconds=0, now=NOON) == NOON


def test_turns_follow_each_other(sqlite: Database) -> None:
    """Two processes on one lane take turns, and a lane left alone is free at once."""
    one, two = DeliveryLedger(sqlite), DeliveryLedger(sqlite)
    assert turn(one, "smtp", letters=10, per_second=5, now=NOON) == 0
    assert turn(two, "smtp", letters=10, per_second=5, now=NOON) == 2
    assert turn(one, "smtp", letters=10, per_second=5, now=NOON) == 4
    later = NOON + timedelta(minutes=1)
    assert turn(one, "smtp", letters=10, per_second=5, now=later) == 0
