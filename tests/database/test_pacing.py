"""The shared pace: never more letters in an hour or a day than allowed, whoever asks."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.database import leases
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database
from newsletter.database.pacing import Limits
from tests.delivery.people import NOON


def ask(
    ledger: DeliveryLedger, letters: int, now: datetime = NOON, **limits: float
) -> tuple[int, datetime]:
    """Ask for a turn with limits of the configuration."""
    given_: dict[str, float] = {"per_second": 0, "per_hour": 0, "per_day": 0, **limits}
    return ledger.take_turn(
        "smtp",
        letters=letters,
        per_second=given_["per_second"],
        per_hour=int(given_["per_hour"]),
        per_day=int(given_["per_day"]),
        now=now,
    )


def test_without_limits(database: Database) -> None:
    """Where nothing is limited everything may leave at once."""
    assert ask(DeliveryLedger(database), 1000) == (1000, NOON)


def test_windows(database: Database) -> None:
    """An hour's letters are granted in part, then none until the next hour, across processes."""
    ledger, other = DeliveryLedger(database), DeliveryLedger(database)
    assert ask(ledger, 1000, per_hour=1500)[0] == 1000
    assert ask(other, 1000, per_hour=1500)[0] == 500
    assert ask(ledger, 1000, per_hour=1500) == (0, NOON + timedelta(hours=1))
    assert ask(other, 1000, NOON + timedelta(hours=1), per_hour=1500)[0] == 1000
    assert ledger.sent_in("smtp", now=NOON + timedelta(hours=1)) == {"hour": 1000, "day": 2500}


def test_day(database: Database) -> None:
    """A day's letters end at midnight UTC."""
    ledger = DeliveryLedger(database)
    assert ask(ledger, 90, per_day=100)[0] == 90
    assert ask(ledger, 90, per_day=100)[0] == 10
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    assert ask(ledger, 90, per_day=100) == (0, midnight)
    assert ask(ledger, 90, midnight, per_day=100)[0] == 90


def test_per_second(database: Database) -> None:
    """Turns follow one another at the pace of the lane, whoever takes them."""
    ledger, other = DeliveryLedger(database), DeliveryLedger(database)
    assert ask(ledger, 50, per_second=10) == (50, NOON)
    assert ask(other, 50, per_second=10) == (50, NOON + timedelta(seconds=5))


def test_warm_up(database: Database) -> None:
    """A plan kept in the database holds day by day, and the stricter of two limits counts."""
    ledger = DeliveryLedger(database)
    ledger.set_limits(
        "smtp", Limits(plan=(50, 100, 5000), plan_begins=NOON.date(), per_hour=10_000)
    )
    assert ledger.limits("smtp").plan == (50, 100, 5000)
    assert ask(ledger, 1000)[0] == 50
    assert ask(ledger, 1000)[0] == 0
    assert ask(ledger, 1000, NOON + timedelta(days=1))[0] == 100
    assert ask(ledger, 9000, NOON + timedelta(days=2), per_day=70)[0] == 70
    assert ask(ledger, 9000, NOON + timedelta(days=3))[0] == 9000


@given(
    plan=st.lists(st.integers(1, 10**6), max_size=5).map(tuple),
    per_day=st.integers(0, 10**6),
    offset=st.integers(-3, 9),
)
def test_plan(plan: tuple[int, ...], per_day: int, offset: int) -> None:
    """No day of a plan allows more than the plan or the limit says; after it the limit stands."""
    first = date(2026, 5, 4)
    limits = Limits(plan=plan, plan_begins=first, per_day=per_day)
    allowed = limits.on(first + timedelta(days=offset))
    if 0 <= offset < len(plan):
        assert allowed == (min(plan[offset], per_day) if per_day else plan[offset])
    else:
        assert allowed == per_day


@pytest.mark.parametrize("letters", [1, 7, 1000])
def test_never_more_than_asked(database: Database, letters: int) -> None:
    """A grant is never larger than the wish, nor than a minute's letters."""
    granted = ask(DeliveryLedger(database), letters, per_hour=10**6, per_second=5)[0]
    assert granted == min(letters, 300)


def test_what_did_not_leave_is_given_back(database: Database) -> None:
    """The rest of a turn takes neither the lane nor the day from the others."""
    ledger = DeliveryLedger(database)
    for _ in range(3):
        assert ask(ledger, 250, per_second=5, per_day=300) == (250, NOON)
        ledger.give_back("smtp", letters=250, per_second=5, taken=NOON, now=NOON)
    assert ledger.sent_in("smtp", now=NOON) == {"hour": 0, "day": 0}
    assert ask(ledger, 50, per_second=5, per_day=300) == (50, NOON)
    ledger.give_back("smtp", letters=10, per_second=5, taken=NOON, now=NOON)
    assert ledger.sent_in("smtp", now=NOON) == {"hour": 40, "day": 40}
    assert ask(ledger, 50, per_second=5, per_day=300) == (50, NOON + timedelta(seconds=8))


def test_an_old_turn_that_is_given_back_keeps_the_line(database: Database) -> None:
    """However old a turn is, to give its rest back does not free a lane that others hold."""
    ledger, later = DeliveryLedger(database), NOON + timedelta(minutes=70)
    assert ask(ledger, 250, per_second=5) == (250, NOON)
    assert ask(ledger, 300, later, per_second=5) == (300, later)
    ledger.give_back("smtp", letters=5, per_second=5, taken=NOON, now=later)
    assert ask(ledger, 5, later, per_second=5) == (5, later + timedelta(seconds=59))


def test_a_clock_that_was_a_day_ahead_stops_nothing(database: Database) -> None:
    """When it is right again, lanes, places and turns of a domain are free at once."""
    ledger, ahead = DeliveryLedger(database), NOON + timedelta(days=1)
    assert ask(ledger, 50, ahead, per_second=10)[1] == ahead
    assert ask(ledger, 50, per_second=10) == (50, NOON)
    assert ask(ledger, 50, per_second=10) == (50, NOON + timedelta(seconds=5))
    assert ledger.reserve("mail", seconds=1, now=ahead, within=5) == ahead
    assert ledger.reserve("mail", seconds=1, now=NOON, within=5) == NOON
    assert ledger.reserve("mail", seconds=1, now=NOON, within=5) == NOON + timedelta(seconds=1)
    place = ledger.take_place("@a", places=1, seconds=130, now=ahead)
    again = ledger.take_place("@a", places=1, seconds=130, now=NOON)
    assert place
    assert again
    assert ledger.take_place("@a", places=1, seconds=130, now=NOON) is None
    # A machine whose clock is a little behind believes the others.
    assert ledger.take_place("@a", places=1, seconds=130, now=NOON - timedelta(minutes=1)) is None


def test_a_long_line_is_no_wrong_clock(database: Database) -> None:
    """Forty senders in a very slow lane follow one another."""
    ledger = DeliveryLedger(database)
    begins = [ask(ledger, 5, per_second=0.01)[1] for _ in range(40)]
    assert begins == [NOON + timedelta(seconds=100 * number) for number in range(40)]


def test_a_lease_from_a_clock_ahead_proves_nothing(database: Database) -> None:
    """On another machine it is over; here the process is looked up, as ever."""
    here = leases.this_process()
    away = leases.Holder(place="there", pid=1, born="1")
    with database.begin() as connection:
        leases.take(connection, "away", away, expires=NOON + timedelta(days=1))
        leases.take(connection, "here", here, expires=NOON + timedelta(days=1))
        leases.take(connection, "usual", away, expires=NOON + timedelta(minutes=2))
        assert not leases.alive(connection, "away", now=NOON)
        assert leases.alive(connection, "here", now=NOON)
        assert leases.alive(connection, "usual", now=NOON)
