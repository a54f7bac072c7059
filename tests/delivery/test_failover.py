"""Two transports in one issue: the second takes over, nobody is doubled, one list of farewells."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries, readers
from newsletter.delivery.letter import PreparedMail
from newsletter.delivery.reconcile import reconcile
from newsletter.delivery.send import SendReport, SendSettings, send_issue
from newsletter.delivery.transport import RecordingTransport
from newsletter.delivery.transport.recording import accept
from newsletter.errors import TransportError
from newsletter.model import DeliveryState, Letter, Outcome
from tests.delivery.people import ISSUE, NOON, Watch, addresses, freeze, issue_mail, people, words

EVERYBODY = sorted(f"reader{number}@example.org" for number in range(1, 61))
owners = words("o")


class First(RecordingTransport):
    """The first way out, which works for some letters and then refuses or falls silent."""

    name = "first"

    def __init__(self, works_for: int, *, silent: bool = False, batch_size: int = 10):
        super().__init__(batch_size=batch_size)
        self.works_for = works_for
        self.silent = silent

    def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
        """Take letters for a while."""
        if len(self.letters) < self.works_for:
            return super().send(letters, mail)
        if self.silent:
            return [
                Outcome(key=one.key, state=DeliveryState.DEFERRED, reason="later", wait=5)
                for one in letters
            ]
        raise TransportError("the first provider", "refuses the key")


class Mute(RecordingTransport):
    """A second way out that takes letters, answers nothing and keeps no log."""

    def __init__(self) -> None:
        super().__init__(
            lambda letter: Outcome(key=letter.key, state=DeliveryState.UNKNOWN), batch_size=1
        )

    def find(self, letters: Sequence[Letter], *, batch: str) -> Mapping[str, Outcome]:
        """Nothing is known."""
        return {}


@pytest.fixture
def ledger(database: Database) -> DeliveryLedger:
    """Sixty readers, frozen."""
    people(database, 60)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    return ledger


def send(
    ledger: DeliveryLedger,
    first: RecordingTransport,
    second: RecordingTransport | None,
    *,
    watch: Watch | None = None,
    settings: SendSettings = SendSettings(claim_size=50),  # noqa: B008 - it is frozen
) -> SendReport:
    """Send with a fallback."""
    watch = watch or Watch()
    return send_issue(
        ISSUE,
        ledger=ledger,
        transport=first,
        mail=issue_mail(),
        clock=watch,
        sleep=watch.sleep,
        owner=owners(),
        settings=settings,
        fallback=second,
    )


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("sizes", [(10, 10), (1000, 1), (1, 1000), (500, 500)])
def test_takes_over(ledger: DeliveryLedger, silent: bool, sizes: tuple[int, int]) -> None:  # noqa: FBT001
    """When the first refuses, or takes nothing for a minute, everybody still gets one letter."""
    first = First(20 if sizes[0] < 100 else 0, silent=silent, batch_size=sizes[0])
    second = RecordingTransport(batch_size=sizes[1])
    report = send(ledger, first, second)
    assert report.finished
    assert report.fell_back
    assert addresses([*first.letters, *second.letters]) == EVERYBODY
    assert report.states == {"accepted": 60}


@pytest.mark.parametrize(("workers", "size"), [(2, 10), (4, 10), (2, 100)])
def test_takes_over_once(database: Database, workers: int, size: int) -> None:
    """Refusals that were under way when the second took over are not taken for its own."""
    people(database, 600)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    together = threading.Barrier(workers)

    class Refuses(RecordingTransport):
        name = "first"

        def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
            together.wait(10)
            raise TransportError("the first provider", "refuses the key")

    first, second = Refuses(batch_size=size), RecordingTransport(batch_size=size)
    first.workers = workers
    assert send(ledger, first, second).states == {"accepted": 600}
    assert len(second.letters) == 600


def test_takes_over_in_an_outage(ledger: DeliveryLedger) -> None:
    """A first transport that loses every answer is left; what it may have is not sent again."""
    first = First(1, batch_size=20)
    first.answer = lambda letter: Outcome(key=letter.key, state=DeliveryState.UNKNOWN)
    first.keeps_unknown = False
    second = RecordingTransport()
    report = send(ledger, first, second)
    assert report.states == {"accepted": 37, "unknown": 23}
    assert report.fell_back


def test_a_policy_sends_nothing_again_the_second_way(ledger: DeliveryLedger) -> None:
    """In the call that fell back, what the first may have is not sent again by policy either."""
    first, second = First(1, batch_size=20), RecordingTransport()
    first.answer = lambda letter: Outcome(key=letter.key, state=DeliveryState.UNKNOWN)
    first.keeps_unknown = False
    report = send(ledger, first, second, settings=SendSettings(on_unknown="resend"))
    assert report.fell_back
    assert report.states == {"accepted": 37, "unknown": 23}
    assert len(second.letters) == 37


def test_our_own_pace_is_no_refusal(ledger: DeliveryLedger) -> None:
    """Letters that wait for their domain's turn, however long, do not call for the second way."""
    watch = Watch()

    def answer(letter: Letter) -> Outcome:
        if watch.now < NOON + timedelta(minutes=3):
            return Outcome(key=letter.key, state=DeliveryState.DEFERRED, later=20)
        return accept(letter)

    first, second = RecordingTransport(answer), RecordingTransport()
    report = send(ledger, first, second, watch=watch)
    assert report.states == {"accepted": 60}
    assert not report.fell_back


def test_without_a_second_way(ledger: DeliveryLedger) -> None:
    """Without a fallback the refusal is stated and the rest waits."""
    with pytest.raises(TransportError, match="refuses the key"):
        send(ledger, First(20), None)
    assert ledger.states(ISSUE)["accepted"] == 20


def test_both_refuse(ledger: DeliveryLedger) -> None:
    """When the second refuses as well, its refusal is stated and nobody is lost."""
    with pytest.raises(TransportError):
        send(ledger, First(20), First(10))
    states = ledger.states(ISSUE)
    assert states["accepted"] == 30
    assert sum(states.values()) == 60


def test_in_doubt_is_not_handed_to_the_other(ledger: DeliveryLedger) -> None:
    """A letter that may be with the first transport never goes to the second by itself."""
    lost = 0

    def answer(letter: Letter) -> Outcome:
        nonlocal lost
        lost += 1
        if lost <= 5:
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN)
        return accept(letter)

    first = First(20)
    first.answer = answer
    first.keeps_unknown = False
    second = RecordingTransport()
    report = send(ledger, first, second)
    assert report.unknown == 5
    assert len(first.letters) + len(second.letters) == 55
    with ledger.database.reading() as connection:
        ways = connection.execute(
            deliveries.select().where(deliveries.c.state == "unknown")
        ).fetchall()
    assert {row.transport for row in ways} == {"first"}


def test_a_claim_that_left_two_ways_is_looked_for_where_each_letter_went(
    ledger: DeliveryLedger,
) -> None:
    """The log of the first transport proves nothing about what the second took of the same claim."""
    first = First(0)
    first.settles_after = 60.0
    asked = 0

    def answer(letter: Letter) -> Outcome:
        nonlocal asked
        asked += 1
        if asked > 10:
            raise TransportError("the first provider", "refuses the key")
        return Outcome(key=letter.key, state=DeliveryState.UNKNOWN)

    first.works_for, first.answer, first.keeps_unknown = 1, answer, False
    second = Mute()
    with pytest.raises(TransportError, match="does not say"):
        send(ledger, first, second)
    taken = len(second.letters)
    assert taken
    later = Watch(NOON + timedelta(minutes=10))
    report = reconcile(ISSUE, ledger=ledger, transports=[first, second], clock=later)
    assert report.queued == 10
    assert ledger.states(ISSUE)["unknown"] == taken


def test_one_list_of_farewells(ledger: DeliveryLedger) -> None:
    """Who was suppressed through the first way out gets nothing through the second."""
    with ledger.database.begin() as connection:
        connection.execute(update(readers).where(readers.c.id <= 30).values(state="suppressed"))
    first, second = First(0), RecordingTransport()
    report = send(ledger, first, second)
    assert report.states == {"accepted": 30, "skipped": 30}
    assert len(second.letters) == 30
