"""Who leads: one at a time, with an epoch that only grows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.database import leases
from newsletter.database.engine import Database
from newsletter.database.leaders import Fence, Leaders
from newsletter.errors import Deposed
from tests.conftest import StillClock

ELSEWHERE = leases.Holder(place="another machine", pid=1, born="1")
OFFICE = "scheduler"


def test_one_leads_and_the_other_stands_by(database: Database, clock: StillClock) -> None:
    """The second candidate gets the office when the first gives no sign of life."""
    first = Leaders(database, holder=ELSEWHERE)
    second = Leaders(database, holder=replace(ELSEWHERE, pid=2))
    assert first.lead(OFFICE, "a", now=clock(), seconds=30) == 1
    assert second.lead(OFFICE, "b", now=clock(), seconds=30) is None
    clock.pass_(seconds=20)
    assert first.lead(OFFICE, "a", now=clock(), seconds=30) == 1
    clock.pass_(seconds=20)
    assert second.lead(OFFICE, "b", now=clock(), seconds=30) is None
    clock.pass_(seconds=11)
    assert second.lead(OFFICE, "b", now=clock(), seconds=30) == 2
    assert first.lead(OFFICE, "a", now=clock(), seconds=30) is None


def test_a_leader_that_was_replaced_is_told_so(database: Database, clock: StillClock) -> None:
    """What carries the old epoch ends in its transaction, what carries the new one goes on."""
    leaders = Leaders(database, holder=ELSEWHERE)
    old = leaders.lead(OFFICE, "a", now=clock(), seconds=30)
    clock.pass_(seconds=60)
    new = leaders.lead(OFFICE, "b", now=clock(), seconds=30)
    assert (old, new) == (1, 2)
    with pytest.raises(Deposed), database.begin() as connection:
        Fence(OFFICE, 1)(connection)
    with database.begin() as connection:
        Fence(OFFICE, 2)(connection)
    assert not leaders.holds(Fence(OFFICE, 1))
    assert leaders.holds(Fence(OFFICE, 2))


def test_the_dead_of_this_machine_are_replaced_at_once(
    database: Database, clock: StillClock
) -> None:
    """A killed process is seen to be gone: nobody waits for its lease."""
    gone = replace(leases.this_process(), born="never")
    assert Leaders(database, holder=gone).lead(OFFICE, "a", now=clock(), seconds=30) == 1
    assert Leaders(database).lead(OFFICE, "b", now=clock(), seconds=30) == 2
    found = Leaders(database).current(OFFICE, now=clock())
    assert found is not None
    assert (found.owner, found.alive) == ("b", True)


def test_who_resigns_leaves_no_wait(database: Database, clock: StillClock) -> None:
    """An office given back is free, and its epoch goes on growing."""
    leaders = Leaders(database, holder=ELSEWHERE)
    leaders.lead(OFFICE, "a", now=clock(), seconds=30)
    leaders.resign(OFFICE, "b", now=clock())
    assert leaders.lead(OFFICE, "b", now=clock(), seconds=30) is None
    leaders.resign(OFFICE, "a", now=clock())
    assert leaders.lead(OFFICE, "b", now=clock(), seconds=30) == 2


def test_a_lease_from_a_clock_that_was_ahead_does_not_bind(
    database: Database, clock: StillClock
) -> None:
    """After the clock is set back two hours nobody waits two hours for a dead leader."""
    leaders = Leaders(database, holder=ELSEWHERE)
    clock.pass_(hours=2)
    leaders.lead(OFFICE, "a", now=clock(), seconds=30)
    clock.pass_(hours=-2)
    assert leaders.lead(OFFICE, "b", now=clock(), seconds=30) == 2
