"""The ledger, on SQLite and on a real PostgreSQL: nobody twice, nobody lost, whatever happens."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, event, insert, select, text, update

from newsletter.database import batches as batch_part
from newsletter.database import leases
from newsletter.database.batches import standing
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.delivery_events import absorb
from newsletter.database.delivery_log import settled_since
from newsletter.database.engine import Database, open_database
from newsletter.database.tables import (
    batches,
    deliveries,
    issues,
    reader_tags,
    readers,
    subscriptions,
    suppressions,
)
from newsletter.database.tables import settings as facts
from newsletter.database.waves import lay_out, waves_of
from newsletter.delivery.events import FAREWELLS, STATES
from newsletter.errors import DatabaseError
from newsletter.model import Delivery, DeliveryState, Event, Outcome
from tests.database.meeting import meet
from tests.delivery.people import ISSUE, NOON, freeze, people, words

GONE = leases.Holder(place="another machine", pid=1, born="1")
OWNERS = words("o")


@pytest.fixture
def ledger(database: Database) -> DeliveryLedger:
    """A ledger with an issue frozen for twelve readers, on either engine."""
    people(database, 12)
    made = DeliveryLedger(database)
    freeze(made)
    return made


def claim(
    ledger: DeliveryLedger, *, owner: str, limit: int = 5, batch: str = "b1", now: datetime = NOON
) -> list[Delivery]:
    """Claim some readers."""
    return ledger.claim(ISSUE, owner=owner, batch=batch, limit=limit, now=now, stale_seconds=60)


def hand(
    ledger: DeliveryLedger, claimed: list[Delivery], *, owner: str, batch: str = "b1"
) -> list[Delivery]:
    """Commit that they are about to leave."""
    return ledger.hand(claimed, owner=owner, batch=batch, transport="t", now=NOON, stale_seconds=60)


def take(
    ledger: DeliveryLedger, *, owner: str, limit: int = 5, batch: str = "b1", now: datetime = NOON
) -> list[Delivery]:
    """Claim some readers and commit that their letters are about to leave."""
    return ledger.take(
        ISSUE, owner=owner, batch=batch, transport="t", limit=limit, now=now, stale_seconds=60
    )


def start(ledger: DeliveryLedger) -> str:
    """A new owner with a lease."""
    owner = OWNERS()
    ledger.open(owner, now=NOON, stale_seconds=60)
    return owner


def accepted(some: list[Delivery]) -> list[Outcome]:
    """What a transport says when all is well."""
    return [Outcome(key=one.key, state=DeliveryState.ACCEPTED, provider_id="m1") for one in some]


# -- freezing


def test_frozen_once(ledger: DeliveryLedger) -> None:
    """Freezing again changes nothing, not even for a reader who came since."""
    late = {"reader": 12, "edition": "weekly", "state": "active", "since": NOON}
    with ledger.database.begin() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.reader == 12))
        connection.execute(insert(subscriptions).values(late))
    before = list(ledger.rows(ISSUE))
    assert freeze(ledger, chunk=5) == 11
    assert list(ledger.rows(ISSUE)) == before


def test_freeze_takes_up_where_it_stopped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A freeze that stopped half-way is completed by the next one, without doubles."""
    people(database, 12)
    ledger = DeliveryLedger(database)
    pieces = 2 if database.dialect == "sqlite" else 1  # PostgreSQL writes all of them at once
    calls, cut = itertools.count(1), batch_part.cut

    def stop(*given: Any, **named: Any) -> None:
        if next(calls) == pieces:
            raise KeyboardInterrupt
        cut(*given, **named)

    monkeypatch.setattr(batch_part, "cut", stop)
    with pytest.raises(KeyboardInterrupt):
        freeze(ledger, chunk=5)
    monkeypatch.setattr(batch_part, "cut", cut)
    assert ledger.states(ISSUE) == ({"queued": 5} if pieces == 2 else {})
    assert freeze(ledger, chunk=4) == 12
    assert len({row["email"] for row in ledger.rows(ISSUE)}) == 12


def test_the_frozen_audience_is_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An audience of which a reader is missing in the end is not frozen, and nobody gets a letter."""
    people(database, 12)
    ledger = DeliveryLedger(database)
    cut = batch_part.cut

    def lose(connection: Any, *given: Any, **named: Any) -> None:
        cut(connection, *given, **named)
        connection.execute(delete(deliveries).where(deliveries.c.reader == 7))

    monkeypatch.setattr(batch_part, "cut", lose)
    with pytest.raises(DatabaseError, match="meant for 12 readers, but only 11"):
        freeze(ledger)
    assert not ledger.is_frozen(ISSUE)
    monkeypatch.setattr(batch_part, "cut", cut)
    assert freeze(ledger) == 12
    assert ledger.is_frozen(ISSUE)


def test_freeze_takes_up_what_an_older_program_began(database: Database) -> None:
    """Letters that are there already keep their batch, and the batches of the others begin after."""
    people(database, 12)
    ledger = DeliveryLedger(database)
    some = select(subscriptions.c.reader, subscriptions.c.edition).where(
        subscriptions.c.reader.in_([2, 3, 7])
    )
    ledger.freeze(ISSUE, some, random_word=words("a"), now=NOON)
    with database.begin() as connection:
        connection.execute(delete(facts).where(facts.c.name.startswith("frozen:")))
    assert freeze(ledger) == 12
    with database.reading() as connection:
        first, second = connection.execute(
            select(batches.c.first, batches.c.last).order_by(batches.c.first)
        ).all()
    assert first.last < second.first
    assert len({row["email"] for row in ledger.rows(ISSUE)}) == 12


def test_two_segments_one_letter(database: Database) -> None:
    """A reader of two segments gets one row, with the first segment in the alphabet."""
    people(database, 3)
    with database.begin() as connection:
        connection.execute(
            insert(reader_tags),
            [
                {"reader": reader, "kind": "list", "tag": tag}
                for reader in (1, 2)
                for tag in ("b", "a")
            ],
        )
    ledger = DeliveryLedger(database)
    both = select(reader_tags.c.reader, reader_tags.c.tag)
    ledger.freeze(ISSUE, both, random_word=words("a"), now=NOON)
    assert ledger.states(ISSUE) == {"queued": 2}
    claimed = claim(ledger, owner=start(ledger))
    assert [one.segment for one in claimed] == ["a", "a"]


def test_a_variant_travels(database: Database) -> None:
    """A third column of the selection is the variant that the reader gets."""
    people(database, 2)
    ledger = DeliveryLedger(database)
    chosen = select(readers.c.id, readers.c.source, readers.c.email_domain)
    ledger.freeze(ISSUE, chosen, random_word=words("a"), now=NOON)
    assert {one.variant for one in claim(ledger, owner=start(ledger))} == {"example.org"}


def test_nobody(database: Database) -> None:
    """An issue for nobody is frozen, claimed and counted without complaint."""
    people(database, 0)
    ledger = DeliveryLedger(database)
    assert freeze(ledger) == 0
    assert claim(ledger, owner=start(ledger)) == []
    assert ledger.states(ISSUE) == {}


# -- claiming


def test_claims_do_not_meet(ledger: DeliveryLedger) -> None:
    """Two owners never hold the same reader."""
    one, two = start(ledger), start(ledger)
    first, second = claim(ledger, owner=one, limit=7), claim(ledger, owner=two, limit=7)
    assert len(first) == 7
    assert len(second) == 5
    assert not {row.reader for row in first} & {row.reader for row in second}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (update(readers).values(state="unsubscribed"), "the reader is unsubscribed"),
        (update(readers).values(state="pending"), "the reader is pending"),
        (update(subscriptions).values(state="unsubscribed"), "the subscription is unsubscribed"),
        (delete(subscriptions), "the reader no longer has this edition"),
        (delete(readers), "the reader was erased"),
    ],
)
def test_looked_at_again(ledger: DeliveryLedger, change: object, reason: str) -> None:
    """Who left between the freeze and the claim is skipped with the reason."""
    column = readers.c.id if "readers" in str(change).split()[:3] else subscriptions.c.reader
    with ledger.database.begin() as connection:
        connection.execute(change.where(column == 3))  # type: ignore[attr-defined]
    claimed = claim(ledger, owner=start(ledger), limit=12)
    assert 3 not in {one.reader for one in claimed}
    assert len(claimed) == 11
    assert [row["reason"] for row in ledger.rows(ISSUE, "skipped")] == [reason]


def test_looked_at_again_before_they_leave(ledger: DeliveryLedger) -> None:
    """Who left between the claim and the hand-over is not in it, and is skipped with the reason."""
    owner = start(ledger)
    claimed = claim(ledger, owner=owner, limit=12)
    with ledger.database.begin() as connection:
        connection.execute(update(readers).where(readers.c.id == 3).values(state="suppressed"))
        connection.execute(
            update(subscriptions).where(subscriptions.c.reader == 4).values(state="unsubscribed")
        )
        connection.execute(delete(subscriptions).where(subscriptions.c.reader == 5))
        connection.execute(delete(readers).where(readers.c.id == 5))
        connection.execute(
            update(readers).where(readers.c.id == 6).values(email="moved@example.org")
        )
    handed = hand(ledger, claimed, owner=owner)
    assert [one.reader for one in handed] == [1, 2, *range(6, 13)]
    assert handed[2].email == "moved@example.org"
    assert ledger.states(ISSUE) == {"handed": 9, "skipped": 3}
    assert [row["reason"] for row in ledger.rows(ISSUE, "skipped")] == [
        "the reader is suppressed",
        "the subscription is unsubscribed",
        "the reader was erased",
    ]


def test_suppressed_since(database: Database) -> None:
    """An address that came on the suppression list after the freeze is skipped."""
    people(database, 4)
    ledger = DeliveryLedger(database, address_hash=lambda address: f"#{address}")
    freeze(ledger)
    with database.begin() as connection:
        connection.execute(
            insert(suppressions).values(
                address_hash="#reader2@example.org", reason="complaint", at=NOON
            )
        )
    claimed = claim(ledger, owner=start(ledger))
    assert {one.reader for one in claimed} == {1, 3, 4}
    assert [row["reason"] for row in ledger.rows(ISSUE, "skipped")] == ["the address is suppressed"]


def test_only_erased_readers_are_left(database: Database) -> None:
    """Where nobody of a claim has an address any more, all are skipped, whatever list there is."""
    people(database, 2)
    ledger = DeliveryLedger(database, address_hash=lambda address: f"#{address}")
    freeze(ledger)
    with database.begin() as connection:
        connection.execute(
            insert(suppressions).values(address_hash="#x@example.org", reason="complaint", at=NOON)
        )
        connection.execute(delete(subscriptions))
        connection.execute(delete(readers))
    assert claim(ledger, owner=start(ledger)) == []
    assert ledger.states(ISSUE) == {"skipped": 2}


def test_nobody_is_put_off(ledger: DeliveryLedger) -> None:
    """To put off an empty list of letters changes nothing."""
    assert ledger.put_off(ISSUE, [], reason="refused: ", now=NOON) == 0


def test_deferred_waits(ledger: DeliveryLedger) -> None:
    """A deferred letter is not claimed before its time, and is a new attempt after it."""
    owner = start(ledger)
    [one] = hand(ledger, claim(ledger, owner=owner, limit=1), owner=owner)
    later = NOON + timedelta(minutes=5)
    ledger.settle(
        [Outcome(key=one.key, state=DeliveryState.DEFERRED, reason="busy")],
        batch="b1",
        now=NOON,
        later={one.key: later},
    )
    assert ledger.next_due(ISSUE) == later
    assert len(claim(ledger, owner=owner, limit=50, batch="b2")) == 11
    assert claim(ledger, owner=owner, batch="b3") == []
    [again] = claim(ledger, owner=owner, batch="b4", now=later)
    assert (again.key, again.attempt) == (one.key, 2)


# -- batches


def own_states(ledger: DeliveryLedger) -> Counter[str]:
    """The states that are written in the rows themselves; empty for those that follow a batch."""
    with ledger.database.reading() as connection:
        return Counter(connection.scalars(select(deliveries.c.state)))


def test_a_batch_is_written_once(ledger: DeliveryLedger) -> None:
    """Handing over and accepting a whole batch writes no delivery."""
    owner = start(ledger)
    taken = take(ledger, owner=owner, limit=50)
    assert (len(taken), ledger.states(ISSUE)) == (12, {"handed": 12})
    assert ledger.settle(accepted(taken), batch="b1", now=NOON, whole=True) == {"accepted": 12}
    assert ledger.states(ISSUE) == {"accepted": 12}
    assert own_states(ledger) == {"": 12}
    assert {row["state"] for row in ledger.rows(ISSUE)} == {"accepted"}
    assert len(list(ledger.rows(ISSUE, "accepted"))) == 12
    assert list(ledger.rows(ISSUE, "queued")) == []
    assert ledger.rate(ISSUE, now=NOON) == 12
    with ledger.database.reading() as connection:
        row = connection.execute(select(batches)).one()
    assert (row.state, row.name, row.provider_id, row.attempt) == ("accepted", "b1", "m1", 1)


def test_events_are_no_letters_that_leave(ledger: DeliveryLedger) -> None:
    """An hour after the last letter left nothing leaves, however many are reported delivered."""
    owner = start(ledger)
    taken = take(ledger, owner=owner, limit=50)
    ledger.settle(accepted(taken), batch="b1", now=NOON, whole=True)
    later = NOON + timedelta(hours=1)
    reported = [Event(key=one.key, kind="delivered", at=later) for one in taken[:5]]
    absorb(ledger.database, reported, states=STATES, farewells=FAREWELLS, now=later)
    assert ledger.rate(ISSUE, now=later) == 0
    assert ledger.rate(ISSUE, now=NOON) == 12
    assert settled_since(ledger.database, ISSUE, NOON) == 12


def test_a_slow_pace_cuts_shorter_batches(ledger: DeliveryLedger) -> None:
    """Fewer letters than a batch has leave its front, and the rest stays queued."""
    owner = start(ledger)
    first = take(ledger, owner=owner, limit=5, batch="b1")
    second = take(ledger, owner=owner, limit=3, batch="b2")
    assert [one.reader for one in first + second] == list(range(1, 9))
    ledger.settle(accepted(second), batch="b2", now=NOON, whole=True)
    assert ledger.states(ISSUE) == {"handed": 5, "accepted": 3, "queued": 4}
    assert [one.reader for one in claim(ledger, owner=owner, limit=9, batch="b3")] == [
        9,
        10,
        11,
        12,
    ]
    assert take(ledger, owner=owner, batch="b4") == []


def test_only_what_deviates_is_written(ledger: DeliveryLedger) -> None:
    """In a batch that was taken the refused and the deferred have states of their own."""
    owner = start(ledger)
    taken = take(ledger, owner=owner, limit=12)
    said = accepted(taken)
    said[3] = Outcome(key=taken[3].key, state=DeliveryState.REJECTED, reason="no such address")
    said[7] = Outcome(key=taken[7].key, state=DeliveryState.DEFERRED, reason="busy")
    later = {taken[7].key: NOON + timedelta(minutes=1)}
    done = ledger.settle(said, batch="b1", now=NOON, later=later, whole=True)
    assert done == {"accepted": 10, "rejected": 1, "deferred": 1}
    assert ledger.states(ISSUE) == done
    assert own_states(ledger) == {"": 10, "rejected": 1, "deferred": 1}
    assert list(ledger.rows(ISSUE, "rejected")) == [
        {"email": "reader4@example.org", "state": "rejected", "reason": "no such address"}
    ]
    [again] = take(ledger, owner=owner, batch="b2", now=later[taken[7].key])
    assert (again.key, again.attempt) == (taken[7].key, 2)


def test_a_batch_that_left_in_two_requests_is_written_once(database: Database) -> None:
    """Letters of two variants leave in a request each; with a name each they are kept one by one."""
    people(database, 80)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    owner = start(ledger)
    for batch, names, alone in (("b1", 2, 0), ("b2", 40, 40)):
        taken = take(ledger, owner=owner, limit=40, batch=batch)
        said = [
            Outcome(key=one.key, state=DeliveryState.ACCEPTED, provider_id=f"m{number % names}")
            for number, one in enumerate(taken)
        ]
        assert ledger.settle(said, batch=batch, now=NOON, whole=True) == {"accepted": 40}
        assert own_states(ledger).get("accepted", 0) == alone
    assert ledger.states(ISSUE) == {"accepted": 80}
    with database.reading() as connection:
        assert connection.scalar(select(batches.c.provider_id)) == "m0 m1"


def test_a_batch_that_was_not_taken_is_gone(ledger: DeliveryLedger) -> None:
    """Where nobody was accepted each letter has its own state, and no batch says otherwise."""
    owner = start(ledger)
    taken = take(ledger, owner=owner, limit=12)
    said = [Outcome(key=one.key, state=DeliveryState.DEFERRED, reason="slow") for one in taken]
    ledger.settle(said, batch="b1", now=NOON, whole=True)
    assert ledger.states(ISSUE) == {"deferred": 12}
    with ledger.database.reading() as connection:
        assert connection.execute(select(batches)).all() == []


def test_who_left_is_skipped_in_a_batch(ledger: DeliveryLedger) -> None:
    """A batch is looked through when it is taken; who left since is skipped, also all of it."""
    with ledger.database.begin() as connection:
        connection.execute(
            update(readers).where(readers.c.id.in_([1, 2, 3, 8])).values(state="unsubscribed")
        )
    owner = start(ledger)
    assert take(ledger, owner=owner, limit=3, batch="b1") == []
    assert len(take(ledger, owner=owner, limit=50, batch="b2")) == 8
    assert ledger.states(ISSUE) == {"skipped": 4, "handed": 8}


def test_a_dead_owner_s_batch_is_in_doubt(ledger: DeliveryLedger) -> None:
    """What was handed over in a batch by an owner that died is unknown, row by row."""
    owner = start(ledger)
    taken = take(ledger, owner=owner, limit=5)
    assert ledger.recover(ISSUE, now=NOON) == (0, 0)
    bury(ledger, owner)
    assert ledger.recover(ISSUE, now=NOON) == (0, 5)
    assert ledger.states(ISSUE) == {"unknown": 5, "queued": 7}
    assert [(batch, len(rows)) for batch, rows in ledger.unknown(ISSUE)] == [("b1", 5)]
    assert {one.transport for _, rows in ledger.unknown(ISSUE) for one in rows} == {"t"}
    ledger.settle(accepted(taken), batch="b1", now=NOON, whole=True)
    assert ledger.states(ISSUE) == {"accepted": 5, "queued": 7}


def test_rows_of_an_older_program_are_sent_as_they_are(ledger: DeliveryLedger) -> None:
    """Rows that have a state of their own need no batch: queued ones are claimed one by one."""
    with ledger.database.begin() as connection:
        connection.execute(delete(batches))
        connection.execute(update(deliveries).values(state="queued"))
    owner = start(ledger)
    taken = take(ledger, owner=owner, limit=7)
    ledger.settle(accepted(taken), batch="b1", now=NOON, whole=True)
    assert ledger.states(ISSUE) == {"accepted": 7, "queued": 5}


def test_an_older_program_cannot_begin_to_send(ledger: DeliveryLedger) -> None:
    """A lease without a word about batches, as older programs write it, is refused."""
    with pytest.raises(DatabaseError), ledger.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO leases (owner, place, pid, born, expires)"
                " VALUES ('old', '', 1, '', '2026-05-04 12:00:00')"
            )
        )


# -- owners that are gone


def test_a_dead_claim_is_queued_again(ledger: DeliveryLedger) -> None:
    """What a dead owner had only claimed is queued again; what it had handed is unknown."""
    owner = start(ledger)
    claimed = claim(ledger, owner=owner, limit=6)
    hand(ledger, claimed[:2], owner=owner)
    bury(ledger, owner)
    assert ledger.recover(ISSUE, now=NOON) == (4, 2)
    assert ledger.states(ISSUE) == {"queued": 10, "unknown": 2}


def test_a_living_claim_is_left_alone(ledger: DeliveryLedger) -> None:
    """An owner that lives keeps its claims."""
    owner = start(ledger)
    claim(ledger, owner=owner)
    assert ledger.recover(ISSUE, now=NOON + timedelta(seconds=59)) == (0, 0)


def test_a_distant_owner_has_its_time(ledger: DeliveryLedger) -> None:
    """An owner on another machine is given up only when its lease is over."""
    owner = OWNERS()
    distant = DeliveryLedger(ledger.database, holder=GONE)
    distant.open(owner, now=NOON, stale_seconds=60)
    claim(distant, owner=owner)
    assert ledger.recover(ISSUE, now=NOON + timedelta(seconds=59)) == (0, 0)
    assert ledger.recover(ISSUE, now=NOON + timedelta(seconds=61)) == (5, 0)


def test_a_process_that_died_is_known_at_once(ledger: DeliveryLedger) -> None:
    """On the same machine a dead process is known without waiting, a living one is not dead."""
    living = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        mine = leases.this_process()
        other = leases.Holder(place=mine.place, pid=living.pid, born=leases._born(living.pid))
        owner = OWNERS()
        theirs = DeliveryLedger(ledger.database, holder=other)
        theirs.open(owner, now=NOON, stale_seconds=3600)
        claim(theirs, owner=owner)
        assert ledger.recover(ISSUE, now=NOON) == (0, 0)
    finally:
        living.kill()
        living.wait()
    assert ledger.recover(ISSUE, now=NOON) == (5, 0)


def test_a_number_used_again_is_another_process(ledger: DeliveryLedger) -> None:
    """A process with the same number but another birth is not the holder."""
    mine = leases.this_process()
    owner = OWNERS()
    before = DeliveryLedger(
        ledger.database, holder=leases.Holder(place=mine.place, pid=mine.pid, born="17")
    )
    before.open(owner, now=NOON, stale_seconds=3600)
    claim(before, owner=owner)
    assert ledger.recover(ISSUE, now=NOON) == (5, 0)


def test_who_wakes_up_too_late_sends_nothing(ledger: DeliveryLedger) -> None:
    """An owner whose claims were taken over meanwhile may not hand them over."""
    slow, quick = start(ledger), start(ledger)
    claimed = claim(ledger, owner=slow, limit=6)
    bury(ledger, slow)
    ledger.recover(ISSUE, now=NOON)
    taken = claim(ledger, owner=quick, limit=4, batch="b2")
    hand(ledger, taken, owner=quick, batch="b2")
    assert hand(ledger, claimed, owner=slow) == []
    assert ledger.states(ISSUE) == {"queued": 8, "handed": 4}


def test_who_wakes_up_too_late_has_a_lease_again(ledger: DeliveryLedger) -> None:
    """What an owner takes after its lease was ended is under its lease, and no other's to judge."""
    owner = start(ledger)
    take(ledger, owner=owner)
    late = NOON + timedelta(minutes=2)
    assert ledger.recover(ISSUE, now=late) == (0, 5)
    assert len(take(ledger, owner=owner, batch="b2", now=late)) == 5
    assert ledger.recover(ISSUE, now=late) == (0, 0)
    assert ledger.states(ISSUE) == {"unknown": 5, "handed": 5, "queued": 2}


def test_a_late_answer_still_counts(ledger: DeliveryLedger) -> None:
    """An answer for a letter that was taken to be unknown settles it."""
    owner = start(ledger)
    handed = hand(ledger, claim(ledger, owner=owner), owner=owner)
    bury(ledger, owner)
    ledger.recover(ISSUE, now=NOON)
    ledger.settle(accepted(handed), batch="b1", now=NOON)
    assert ledger.states(ISSUE) == {"queued": 7, "accepted": 5}


def test_a_late_answer_for_an_old_batch_is_nothing(ledger: DeliveryLedger) -> None:
    """An answer for a letter that was sent again meanwhile changes nothing."""
    owner = start(ledger)
    handed = hand(ledger, claim(ledger, owner=owner), owner=owner)
    bury(ledger, owner)
    ledger.recover(ISSUE, now=NOON)
    assert ledger.requeue(ISSUE, reason="again", now=NOON) == 5
    rejected = [Outcome(key=one.key, state=DeliveryState.REJECTED, reason="late") for one in handed]
    assert not +ledger.settle(rejected, batch="b1", now=NOON)
    assert ledger.states(ISSUE) == {"queued": 12}


def test_a_release_that_failed_is_made_up_for(
    ledger: DeliveryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who ended while the database was away is no living owner once it is back."""
    owner = start(ledger)
    claim(ledger, owner=owner, limit=5)

    def away() -> None:
        raise DatabaseError("the database", "does not answer", again=True)

    with monkeypatch.context() as patched:
        patched.setattr(ledger.database, "begin", away)
        with pytest.raises(DatabaseError):
            ledger.release(ISSUE, owner, now=NOON)
    assert ledger.states(ISSUE) == {"claimed": 5, "queued": 7}
    start(ledger)
    assert ledger.states(ISSUE) == {"queued": 12}
    assert not ledger.unreleased


def test_release(ledger: DeliveryLedger) -> None:
    """An owner that ends gives back what it only claimed."""
    owner = start(ledger)
    claimed = claim(ledger, owner=owner)
    hand(ledger, claimed[:1], owner=owner)
    ledger.release(ISSUE, owner, now=NOON)
    assert ledger.states(ISSUE) == {"queued": 11, "handed": 1}


# -- doubt


def test_unknown_by_batch(ledger: DeliveryLedger) -> None:
    """Letters in doubt come with the batch they went in, to be looked for."""
    owner = start(ledger)
    for batch in ("b1", "b2"):
        hand(ledger, claim(ledger, owner=owner, limit=3, batch=batch), owner=owner, batch=batch)
    bury(ledger, owner)
    ledger.recover(ISSUE, now=NOON)
    assert [(batch, len(rows)) for batch, rows in ledger.unknown(ISSUE)] == [("b1", 3), ("b2", 3)]
    assert [len(rows) for _, rows in ledger.unknown(ISSUE, chunk=2)] == [2, 1, 2, 1]


def test_requeue_only_what_is_meant(ledger: DeliveryLedger) -> None:
    """Sending again can be bound to letters, to a batch and to their age."""
    owner = start(ledger)
    handed = hand(ledger, claim(ledger, owner=owner), owner=owner)
    bury(ledger, owner)
    ledger.recover(ISSUE, now=NOON)
    early = NOON - timedelta(seconds=1)
    assert ledger.requeue(ISSUE, reason="r", now=NOON, handed_before=early) == 0
    assert ledger.requeue(ISSUE, reason="r", now=NOON, batch="other") == 0
    assert ledger.requeue(ISSUE, reason="r", now=NOON, keys=[handed[0].key]) == 1
    assert ledger.write_off(ISSUE, reason="ed gave up", now=NOON) == 4
    assert ledger.states(ISSUE) == {"queued": 8, "rejected": 4}


def test_a_restored_backup_is_in_doubt(ledger: DeliveryLedger) -> None:
    """After a restore everything that had not ended is in doubt, and nothing is claimed."""
    owner = start(ledger)
    handed = hand(ledger, claim(ledger, owner=owner), owner=owner)
    ledger.settle(accepted(handed[:2]), batch="b1", now=NOON)
    assert ledger.doubt(ISSUE, reason="restored from a backup", now=NOON) == 10
    assert ledger.states(ISSUE) == {"accepted": 2, "unknown": 10}
    assert claim(ledger, owner=owner, limit=50) == []


def test_pace_is_shared(ledger: DeliveryLedger) -> None:
    """Two reservations of one lane follow each other; another lane is free."""
    assert ledger.reserve("smtp", seconds=2, now=NOON) == NOON
    assert ledger.reserve("smtp", seconds=2, now=NOON) == NOON + timedelta(seconds=2)
    assert ledger.reserve("sendgrid", seconds=2, now=NOON) == NOON
    later = NOON + timedelta(minutes=1)
    assert ledger.reserve("smtp", seconds=2, now=later) == later


def bury(ledger: DeliveryLedger, owner: str) -> None:
    """Make an owner's process one that is gone."""
    with ledger.database.begin() as connection:
        connection.execute(
            text("UPDATE leases SET born = 'long ago' WHERE owner = :owner"), {"owner": owner}
        )


# -- several at once


def test_a_letter_that_leaves_does_not_wait_for_a_morning(postgres: Database) -> None:
    """Waves laid out while a batch is being taken leave the letters of that batch alone."""
    people(postgres, 12)
    ledger = DeliveryLedger(postgres)
    freeze(ledger)
    later = NOON + timedelta(hours=3)
    with postgres.begin() as connection:
        batch = connection.execute(batch_part.NEXT_QUEUED, {"its_issue": ISSUE}).one()
        batch_part.hand(
            connection, batch, batch.first + 4, name="b", owner="o", transport="t", now=NOON
        )
        waves = meet(postgres, lambda: lay_out(postgres, ISSUE, {"": later}, now=NOON))
    waves.join(60)
    assert ledger.states(ISSUE) == {"handed": 5, "deferred": 7}


def test_waves_are_not_laid_out_again_by_who_was_slower(postgres: Database) -> None:
    """Of two processes that lay the waves out, the second finds them there and changes nothing."""
    people(postgres, 3)
    ledger = DeliveryLedger(postgres)
    freeze(ledger)
    soon, later = NOON + timedelta(hours=1), NOON + timedelta(hours=3)
    with postgres.begin() as connection:
        connection.execute(batch_part.NEXT_QUEUED, {"its_issue": ISSUE}).one()
        slower = meet(postgres, lambda: lay_out(postgres, ISSUE, {"": later}, now=NOON))
        # What the faster one wrote last, in the moment before the letters began to leave.
        connection.execute(insert(facts).values(name=waves_of(ISSUE), value=soon.isoformat()))
    slower.join(60)
    assert ledger.states(ISSUE) == {"queued": 3}


def test_a_count_is_of_one_moment(postgres: Database) -> None:
    """Letters that change their state while they are counted are counted once."""
    people(postgres, 12)
    ledger = DeliveryLedger(postgres)
    freeze(ledger)
    other = DeliveryLedger(open_database(postgres.url))
    owner = start(other)
    moved = False

    def move(*_: object) -> None:
        nonlocal moved
        if not moved:
            moved = True
            claim(other, owner=owner, limit=12)

    event.listen(postgres.engine, "after_cursor_execute", move)
    try:
        assert ledger.states(ISSUE) == {"queued": 12}
    finally:
        event.remove(postgres.engine, "after_cursor_execute", move)
        other.database.close()
    assert moved
    assert ledger.states(ISSUE) == {"claimed": 12}


def test_an_owner_that_takes_a_batch_is_not_taken_for_dead(postgres: Database) -> None:
    """Who looks for dead owners waits for a take that renews its lease at that moment."""
    people(postgres, 12)
    ledger = DeliveryLedger(postgres)
    freeze(ledger)
    owner = start(ledger)
    take(ledger, owner=owner)
    late = NOON + timedelta(minutes=2)
    found: list[tuple[int, int]] = []
    with postgres.begin() as connection:
        leases.renew(connection, owner, ledger.holder, expires=late + timedelta(minutes=1))
        looking = meet(postgres, lambda: found.append(ledger.recover(ISSUE, now=late)))
    looking.join(60)
    assert found == [(0, 0)]
    assert ledger.states(ISSUE) == {"handed": 5, "queued": 7}


def test_many_at_once(postgres: Database) -> None:
    """Four threads on PostgreSQL claim every reader once between them."""
    people(postgres, 400)
    ledger = DeliveryLedger(postgres)
    freeze(ledger)
    got: list[int] = []

    def work(owner: str) -> None:
        while ledger.states(ISSUE).get("queued"):
            claimed = claim(ledger, owner=owner, limit=13, batch=owner)
            handed = hand(ledger, claimed, owner=owner, batch=owner)
            got.extend(one.reader for one in handed)
            ledger.settle(accepted(handed), batch=owner, now=NOON)

    threads = [threading.Thread(target=work, args=(start(ledger),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert sorted(got) == list(range(1, 401))
    assert ledger.states(ISSUE) == {"accepted": 400}


def test_claim_uses_the_index(sqlite: Database) -> None:
    """A claim walks the index of (issue, state, id): its time does not grow with the archive."""
    people(sqlite, 10)
    ledger = DeliveryLedger(sqlite)
    freeze(ledger)
    query = ledger._claimable(ISSUE, DeliveryState.QUEUED, 10, NOON)
    compiled = query.compile(sqlite.engine, compile_kwargs={"literal_binds": True})
    with sqlite.reading() as connection:
        plan = " | ".join(
            str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
        )
    assert (
        "SEARCH deliveries USING INDEX ix_deliveries_issue_state_id (issue=? AND state=?)" in plan
    )
    assert "TEMP B-TREE" not in plan


# -- the model


class LedgerModel(RuleBasedStateMachine):
    """Owners come, die and come back late; the ledger and what really left must agree.

    ``left`` counts the letters a transport was really given. The promise under hold is that no
    count goes over one, and that nobody is settled as accepted who has none.
    """

    fresh: Callable[[], Database]

    owners: Bundle[str] = Bundle("owners")
    claims: Bundle[tuple[str, str, tuple[Delivery, ...]]] = Bundle("claims")
    flights: Bundle[tuple[str, tuple[Delivery, ...]]] = Bundle("flights")

    def __init__(self) -> None:
        super().__init__()
        self.database = type(self).fresh()
        with self.database.begin() as connection:
            for table in (deliveries, batches, subscriptions, readers, issues):
                connection.execute(delete(table))
            connection.execute(text("DELETE FROM leases"))
            connection.execute(text("DELETE FROM settings"))
        people(self.database, 9)
        self.ledger = DeliveryLedger(self.database)
        freeze(self.ledger)
        self.left: Counter[str] = Counter()
        self.gone: set[int] = set()
        self.batches = 0
        self.now = NOON

    @rule(target=owners)
    def begin(self) -> str:
        """Somebody begins to send."""
        owner = OWNERS()
        self.ledger.open(owner, now=self.now, stale_seconds=60)
        return owner

    @rule(owner=owners)
    def die(self, owner: str) -> None:
        """A process is killed (or so slow that it looks like it)."""
        bury(self.ledger, owner)

    @rule(owner=owners)
    def end(self, owner: str) -> None:
        """A sender ends in good order."""
        self.ledger.release(ISSUE, owner, now=self.now)

    @rule(target=claims, owner=owners, limit=st.integers(1, 5))
    def claim(self, owner: str, limit: int) -> Any:
        """Somebody claims."""
        self.batches += 1
        batch = f"b{self.batches}"
        claimed = claim(self.ledger, owner=owner, limit=limit, batch=batch, now=self.now)
        return (owner, batch, tuple(claimed)) if claimed else multiple()

    @rule(target=flights, one=consumes(claims))
    def hand(self, one: tuple[str, str, tuple[Delivery, ...]]) -> Any:
        """A claim is handed over, and the letters really leave."""
        owner, batch, claimed = one
        handed = hand(self.ledger, list(claimed), owner=owner, batch=batch)
        assert not self.gone & {letter.reader for letter in handed}
        self.left.update(letter.key for letter in handed)
        return (batch, tuple(handed)) if handed else multiple()

    @rule(target=flights, owner=owners, limit=st.integers(1, 5))
    def take(self, owner: str, limit: int) -> Any:
        """Somebody claims and hands over in one step, and the letters really leave."""
        self.batches += 1
        batch = f"b{self.batches}"
        taken = take(self.ledger, owner=owner, limit=limit, batch=batch, now=self.now)
        assert not self.gone & {letter.reader for letter in taken}
        self.left.update(letter.key for letter in taken)
        return (batch, tuple(taken)) if taken else multiple()

    @rule(
        flight=consumes(flights),
        states=st.lists(
            st.sampled_from(
                [DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.UNKNOWN]
            ),
            min_size=5,
            max_size=5,
        ),
        whole=st.booleans(),
    )
    def answer(
        self, flight: tuple[str, tuple[Delivery, ...]], states: list[DeliveryState], *, whole: bool
    ) -> None:
        """An answer comes, be it ever so late: mostly the same for all, or one for each."""
        batch, handed = flight
        if whole:
            states = [DeliveryState.ACCEPTED] * 4 + states[:1]
        self.ledger.settle(
            [Outcome(key=one.key, state=state) for one, state in zip(handed, states, strict=False)],
            batch=batch,
            now=self.now,
            whole=True,
        )

    @rule(flight=consumes(flights))
    def overtaken(self, flight: tuple[str, tuple[Delivery, ...]]) -> None:
        """The provider's event about a letter comes before its answer, which then counts little."""
        batch, handed = flight
        event = Event(key=handed[0].key, kind="delivered", at=self.now)
        absorb(
            self.database,
            [event],
            states={"delivered": DeliveryState.DELIVERED},
            farewells=frozenset(),
            now=self.now,
        )
        self.ledger.settle(accepted(list(handed)), batch=batch, now=self.now, whole=True)

    @rule(reader=st.integers(1, 9))
    def leave(self, reader: int) -> None:
        """A reader unsubscribes; nothing leaves for them any more."""
        self.gone.add(reader)
        with self.database.begin() as connection:
            connection.execute(
                update(readers).where(readers.c.id == reader).values(state="unsubscribed")
            )

    @rule(flight=consumes(flights))
    def defer(self, flight: tuple[str, tuple[Delivery, ...]]) -> None:
        """The provider certainly did not take them; if that is still news, they may go again."""
        batch, handed = flight
        current = self.states_by_key()
        for one in handed:
            if current[one.key] == ("handed", batch):
                self.left[one.key] -= 1
        self.ledger.settle(
            [Outcome(key=one.key, state=DeliveryState.DEFERRED, reason="later") for one in handed],
            batch=batch,
            now=self.now,
            whole=True,
        )

    @rule()
    def recover(self) -> None:
        """Somebody starts and takes over from the dead."""
        self.ledger.recover(ISSUE, now=self.now)

    @rule(seconds=st.sampled_from([1, 61]))
    def wait(self, seconds: int) -> None:
        """Time goes by, perhaps more than a lease holds."""
        self.now += timedelta(seconds=seconds)

    @invariant()
    def nobody_twice(self) -> None:
        """No letter left twice."""
        assert max(self.left.values(), default=0) <= 1

    @invariant()
    def nobody_lost(self) -> None:
        """All rows are there, and who is said to be served, refused or in doubt had a letter."""
        current = self.states_by_key()
        assert len(current) == 9
        for key, (state, _) in current.items():
            if state in {"accepted", "rejected", "unknown", "handed", "delivered"}:
                assert self.left[key] == 1, (key, state)
            else:
                assert self.left[key] == 0, (key, state)

    @invariant()
    def counted(self) -> None:
        """What is counted is what stands in the rows, and each batch is somebody's or settled."""
        current = self.states_by_key()
        assert self.ledger.states(ISSUE) == Counter(state for state, _ in current.values())
        assert Counter(row["state"] for row in self.ledger.rows(ISSUE)) == self.ledger.states(ISSUE)

    def states_by_key(self) -> dict[str, tuple[str, str]]:
        """Each row's state and batch."""
        with self.database.reading() as connection:
            return {
                row.key: (row.state, row.name)
                for row in connection.execute(
                    select(deliveries.c.key, standing("state"), standing("name"))
                )
            }


@pytest.fixture
def shared_sqlite(tmp_path: Path) -> Iterator[Database]:
    """One database for all examples of a model."""
    database = open_database(f"sqlite:///{tmp_path}/model.sqlite")
    # Thousands of commits, none of which has to survive a power cut.
    raw = database.engine.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=OFF")
    raw.close()
    yield database
    database.close()


def test_the_model_on_sqlite(shared_sqlite: Database) -> None:
    """Through any order of claims, deaths, late answers and take-overs nobody is lost or doubled."""
    model = type("SqliteModel", (LedgerModel,), {"fresh": staticmethod(lambda: shared_sqlite)})
    run_state_machine_as_test(model, settings=MODEL)


def test_the_model_on_postgres(postgres: Database) -> None:
    """The same holds on PostgreSQL."""
    model = type("PostgresModel", (LedgerModel,), {"fresh": staticmethod(lambda: postgres)})
    run_state_machine_as_test(model, settings=settings(MODEL, max_examples=5))


MODEL = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
