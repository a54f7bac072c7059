"""The send loop, on a real SQLite database with a transport that does as it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from newsletter.database import leases
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database, open_database
from newsletter.database.tables import readers
from newsletter.delivery.reconcile import reconcile
from newsletter.delivery.send import Progress, SendReport, SendSettings, send_issue
from newsletter.delivery.transport.recording import RecordingTransport, accept
from newsletter.errors import DatabaseError, DeliveryError, TransportError
from newsletter.model import Delivery, DeliveryState, Letter, Outcome
from tests.delivery.people import ISSUE, NOON, Watch, addresses, freeze, issue_mail, people, words

OWNERS = words("owner")
EVERYBODY = sorted(f"reader{number}@example.org" for number in range(1, 51))


class Mute(RecordingTransport):
    """A transport that keeps no log."""

    def find(self, letters: Any, *, batch: str) -> dict[str, Outcome]:
        """Nothing is known."""
        return {}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DeliveryLedger]:
    """A ledger with an issue frozen for fifty readers."""
    database = open_database(f"sqlite:///{tmp_path}/news.sqlite")
    people(database, 50)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    yield ledger
    database.close()


def send(ledger: DeliveryLedger, transport: RecordingTransport, **more: Any) -> SendReport:
    """Send with a told clock."""
    watch = more.pop("watch", None) or Watch()
    settings = SendSettings(claim_size=20, **more.pop("settings", {}))
    return send_issue(
        ISSUE,
        ledger=ledger,
        transport=transport,
        mail=issue_mail(),
        clock=watch,
        sleep=watch.sleep,
        owner=OWNERS(),
        settings=settings,
        **more,
    )


def test_everybody_once(ledger: DeliveryLedger) -> None:
    """Every reader of the frozen audience gets one letter, and the report says so."""
    transport = RecordingTransport(batch_size=7)
    report = send(ledger, transport)
    assert addresses(transport.letters) == EVERYBODY
    assert report.finished
    assert not report.needs_person
    assert report.states == {"accepted": 50}


def test_again_is_nothing(ledger: DeliveryLedger) -> None:
    """A second send of the same issue sends nothing."""
    send(ledger, RecordingTransport())
    again = RecordingTransport()
    assert send(ledger, again).finished
    assert again.letters == []


def test_left_since(ledger: DeliveryLedger) -> None:
    """Who unsubscribed after the audience was frozen is skipped, with the reason."""
    with ledger.database.begin() as connection:
        connection.execute(update(readers).where(readers.c.id == 7).values(state="unsubscribed"))
    transport = RecordingTransport()
    report = send(ledger, transport)
    assert "reader7@example.org" not in addresses(transport.letters)
    assert report.states == {"accepted": 49, "skipped": 1}
    assert list(ledger.rows(ISSUE, "skipped")) == [
        {
            "email": "reader7@example.org",
            "state": "skipped",
            "reason": "the reader is unsubscribed",
        }
    ]


def test_one_bad_address(ledger: DeliveryLedger) -> None:
    """One refused reader changes nothing for the others of the batch."""

    def answer(letter: Letter) -> Outcome:
        if letter.to == "reader9@example.org":
            return Outcome(key=letter.key, state=DeliveryState.REJECTED, reason="no such user")
        return accept(letter)

    transport = RecordingTransport(answer)
    report = send(ledger, transport)
    assert report.states == {"accepted": 49, "rejected": 1}
    assert report.finished


def test_deferred_comes_later(ledger: DeliveryLedger) -> None:
    """A letter refused for now is tried again after a while, and the others do not wait for it."""
    tries: list[str] = []

    def answer(letter: Letter) -> Outcome:
        if letter.to == "reader9@example.org":
            tries.append(letter.to)
            if len(tries) < 3:
                return Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason="later")
        return accept(letter)

    transport = RecordingTransport(answer)
    watch = Watch()
    report = send(ledger, transport, watch=watch)
    assert report.states == {"accepted": 50}
    assert len(tries) == 3
    assert transport.letters[-1].to == "reader9@example.org"
    assert 6 <= watch.slept < 8


def test_deadline(ledger: DeliveryLedger) -> None:
    """What is still refused at the deadline stays deferred, and a person is needed."""

    def answer(letter: Letter) -> Outcome:
        if letter.to == "reader9@example.org":
            return Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason="mailbox busy")
        return accept(letter)

    report = send(
        ledger, RecordingTransport(answer), settings={"deadline": NOON + timedelta(minutes=10)}
    )
    assert report.ended == "deadline"
    assert report.states == {"accepted": 49, "deferred": 1}
    assert report.needs_person


def test_send_to_the_rest(ledger: DeliveryLedger) -> None:
    """A later send with a new deadline goes to those who got nothing, and to nobody else."""
    busy = RecordingTransport(
        lambda letter: Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason="busy")
    )
    send(ledger, busy, settings={"deadline": NOON + timedelta(minutes=1)})
    rest = RecordingTransport()
    report = send(ledger, rest, watch=Watch(NOON + timedelta(hours=2)))
    assert addresses(rest.letters) == EVERYBODY
    assert report.finished


def test_lost_answer_found(ledger: DeliveryLedger) -> None:
    """A letter whose answer was lost is accepted once the provider is found to have it."""

    def answer(letter: Letter) -> Outcome:
        if letter.to == "reader9@example.org":
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="time-out")
        return accept(letter)

    transport = RecordingTransport(answer)
    report = send(ledger, transport)
    assert report.states == {"accepted": 50}
    assert addresses(transport.letters) == EVERYBODY


@pytest.mark.parametrize(("policy", "copies"), [("hold", 49), ("resend", 50)])
def test_lost_letter(ledger: DeliveryLedger, policy: str, copies: int) -> None:
    """A letter that may have left is held for a person, or sent again when that is the policy."""
    seen: set[str] = set()

    def answer(letter: Letter) -> Outcome:
        if letter.to == "reader9@example.org" and letter.key not in seen:
            seen.add(letter.key)
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="time-out")
        return accept(letter)

    transport = RecordingTransport(answer, keeps_unknown=False)
    report = send(ledger, transport, settings={"on_unknown": policy})
    assert len(transport.letters) == copies
    assert report.unknown == 50 - copies
    assert report.needs_person == (policy == "hold")


def test_answers_that_are_always_lost(ledger: DeliveryLedger) -> None:
    """Sent again by policy means once, after a while; then a person decides, in this call and later."""

    def answer(letter: Letter) -> Outcome:
        if letter.to in {"reader7@example.org", "reader9@example.org"}:
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="time-out")
        return accept(letter)

    transport, watch = Mute(answer), Watch()
    for _ in range(3):
        report = send(ledger, transport, watch=watch, settings={"on_unknown": "resend"})
        assert report.states == {"accepted": 48, "unknown": 2}
    copies = Counter(letter.to for letter in transport.letters)
    assert copies["reader7@example.org"] == copies["reader9@example.org"] == 2
    assert copies.total() == 52
    assert watch.slept >= 2


def test_an_outage_costs_little(tmp_path: Path) -> None:
    """A provider that answers nothing gets one full request, then single letters, and no haste."""
    database = open_database(f"sqlite:///{tmp_path}/many.sqlite")
    people(database, 400)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    lost = Mute(
        lambda letter: Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="503"),
        batch_size=100,
    )
    watch = Watch()
    with pytest.raises(TransportError, match="does not say what becomes") as caught:
        send(ledger, lost, watch=watch)
    assert caught.value.again
    assert ledger.states(ISSUE) == {"queued": 297, "unknown": 103}
    assert 7 <= watch.slept <= 14
    with pytest.raises(TransportError):
        send(ledger, lost, watch=watch)
    assert ledger.states(ISSUE) == {"queued": 294, "unknown": 106}
    works = RecordingTransport(batch_size=100)
    assert send(ledger, works, watch=watch).states == {"accepted": 294, "unknown": 106}
    assert len(works.mails) == 4
    database.close()


def test_an_outage_costs_little_where_doubts_are_sent_again(ledger: DeliveryLedger) -> None:
    """A call after an outage begins with one letter also where what is in doubt is sent again."""
    lost = Mute(
        lambda letter: Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="503"),
        batch_size=10,
    )
    watch, tried = Watch(), []
    for _ in range(3):
        with pytest.raises(TransportError, match="does not say what becomes"):
            send(ledger, lost, watch=watch, settings={"on_unknown": "resend"})
        watch.sleep(60)
        tried.append(ledger.states(ISSUE)["queued"])
    assert tried == [37, 34, 31]


def test_an_outage_is_heard_beside_a_request_to_wait(ledger: DeliveryLedger) -> None:
    """Answers that are lost count as such also where other letters of the hand-over are put off."""

    def answer(letter: Letter) -> Outcome:
        if letter.to in {f"reader{number}@example.org" for number in range(1, 51, 2)}:
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="503")
        return Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason="later", wait=5)

    deadline = {"deadline": NOON + timedelta(minutes=10)}
    with pytest.raises(TransportError, match="does not say what becomes"):
        send(ledger, Mute(answer, batch_size=10), settings=deadline)
    assert ledger.states(ISSUE)["unknown"] == 8


def test_another_sender_s_doubts_are_settled_in_the_same_call(ledger: DeliveryLedger) -> None:
    """What a sender that died meanwhile leaves in doubt follows the policy before the call ends."""
    gone = leases.Holder(place="another machine", pid=1, born="1")
    other = DeliveryLedger(ledger.database, holder=gone)
    other.open("dead", now=NOON, stale_seconds=60)
    other.take(
        ISSUE,
        owner="dead",
        batch="dead-1",
        transport="recording",
        limit=5,
        now=NOON,
        stale_seconds=60,
    )
    transport = Mute()
    report = send(ledger, transport, settings={"on_unknown": "resend"})
    assert report.states == {"accepted": 50}
    assert addresses(transport.letters) == EVERYBODY


def test_absence_as_proof(ledger: DeliveryLedger) -> None:
    """Where absence proves that a letter never left, it is sent again even under hold."""
    seen: set[str] = set()

    def answer(letter: Letter) -> Outcome:
        if letter.key not in seen:
            seen.add(letter.key)
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="time-out")
        return accept(letter)

    transport = RecordingTransport(answer, keeps_unknown=False, settles_after=0.0)
    report = send(ledger, transport)
    assert addresses(transport.letters) == EVERYBODY
    assert report.finished


@pytest.mark.parametrize("can_look", [False, True])
def test_absence_by_decision_needs_a_log(ledger: DeliveryLedger, can_look: bool) -> None:  # noqa: FBT001
    """Where nothing keeps a log, no decision makes absence a proof, and the report says so."""
    transport = Mute(
        lambda letter: Outcome(key=letter.key, state=DeliveryState.UNKNOWN), batch_size=50
    )
    transport.can_look = can_look
    send(ledger, transport)
    unknown = ledger.states(ISSUE)["unknown"]
    later = Watch(NOON + timedelta(hours=2))
    report = reconcile(
        ISSUE, ledger=ledger, transports=[transport], clock=later, absence_after=3600
    )
    assert (report.queued, report.left) == ((unknown, 0) if can_look else (0, unknown))
    assert ("no log" in report.problem) != can_look


def test_provider_refuses_us(ledger: DeliveryLedger) -> None:
    """When the provider refuses us the send ends with its sentence, and nobody is lost."""

    def answer(letter: Letter) -> Outcome:
        raise TransportError("provider", "the key is wrong", hint="Check the key.")

    with pytest.raises(TransportError, match="the key is wrong"):
        send(ledger, RecordingTransport(answer, batch_size=10))
    assert ledger.states(ISSUE) == {"queued": 40, "deferred": 10}
    rest = RecordingTransport()
    send(ledger, rest, watch=Watch(NOON + timedelta(hours=1)))
    assert addresses(rest.letters) == EVERYBODY


def test_transport_bug(ledger: DeliveryLedger) -> None:
    """A transport that breaks leaves its batch in doubt and everybody else queued."""

    def answer(letter: Letter) -> Outcome:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        send(ledger, RecordingTransport(answer, batch_size=10))
    assert ledger.states(ISSUE) == {"queued": 40, "unknown": 10}


def test_nearly_everybody_refused(tmp_path: Path) -> None:
    """When most letters are refused for good, the send stops, and all wait until that is mended."""
    database = open_database(f"sqlite:///{tmp_path}/many.sqlite")
    people(database, 400)
    ledger = DeliveryLedger(database)
    freeze(ledger)

    def answer(letter: Letter) -> Outcome:
        return Outcome(key=letter.key, state=DeliveryState.REJECTED, reason="554 we know you")

    with pytest.raises(DeliveryError, match="60 of 60 letters were refused"):
        send(ledger, RecordingTransport(answer, batch_size=20))
    assert ledger.states(ISSUE) == {"queued": 340, "deferred": 60}
    reasons = {row["reason"] for row in ledger.rows(ISSUE, "deferred")}
    assert reasons == {"put off, since nearly all were refused: 554 we know you"}
    assert send(ledger, RecordingTransport()).states == {"accepted": 400}
    database.close()


def test_everybody_refused_from_some_moment_on(tmp_path: Path) -> None:
    """Fifty refusals in a row stop a send however many were taken before; single ones stand."""
    database = open_database(f"sqlite:///{tmp_path}/many.sqlite")
    people(database, 400)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    tried: list[str] = []

    def answer(letter: Letter) -> Outcome:
        tried.append(letter.key)
        if len(tried) > 200 or len(tried) % 20 == 0:
            return Outcome(key=letter.key, state=DeliveryState.REJECTED, reason="550 no")
        return accept(letter)

    with pytest.raises(DeliveryError, match="were refused for good"):
        send(ledger, RecordingTransport(answer, batch_size=10))
    states = ledger.states(ISSUE)
    assert states == {"accepted": 190, "deferred": 60, "queued": 150}
    assert send(ledger, RecordingTransport()).states == {"accepted": 400}
    database.close()


def test_a_short_list_that_is_refused_as_a_whole(ledger: DeliveryLedger) -> None:
    """An issue that reached nobody is not called sent, however short its list; one bad address is."""

    def answer(letter: Letter) -> Outcome:
        return Outcome(key=letter.key, state=DeliveryState.REJECTED, reason="550 no relay")

    with ledger.database.begin() as connection:
        connection.execute(update(readers).where(readers.c.id > 3).values(state="unsubscribed"))
    with pytest.raises(DeliveryError, match="3 of 3 letters were refused"):
        send(ledger, RecordingTransport(answer))
    assert ledger.states(ISSUE) == {"deferred": 3, "skipped": 47}
    assert send(ledger, RecordingTransport()).states == {"accepted": 3, "skipped": 47}


def test_the_last_letters_may_be_refused(ledger: DeliveryLedger) -> None:
    """Where others were taken, the refusals of a later call stand."""
    busy = [f"reader{number}@example.org" for number in range(1, 4)]

    def answer(state: DeliveryState) -> Any:
        return lambda letter: (
            Outcome(key=letter.key, state=state) if letter.to in busy else accept(letter)
        )

    deadline = {"deadline": NOON + timedelta(minutes=1)}
    send(ledger, RecordingTransport(answer(DeliveryState.DEFERRED)), settings=deadline)
    later = Watch(NOON + timedelta(hours=1))
    report = send(ledger, RecordingTransport(answer(DeliveryState.REJECTED)), watch=later)
    assert report.states == {"accepted": 47, "rejected": 3}


def test_restored_backup_is_held(ledger: DeliveryLedger) -> None:
    """After a restore nothing is sent by itself, not even where absence is proof otherwise."""
    ledger.doubt(ISSUE, reason="restored from a backup", now=NOON)
    transport = RecordingTransport(settles_after=0.0)
    report = send(ledger, transport, watch=Watch(NOON + timedelta(hours=1)))
    assert transport.letters == []
    assert report.unknown == 50


def test_forgotten_letter(ledger: DeliveryLedger) -> None:
    """A letter that a transport says nothing about is in doubt."""

    class Forgetful(RecordingTransport):
        def send(self, letters: Any, mail: Any) -> list[Outcome]:
            return [accept(letter) for letter in letters[1:]]

    report = send(ledger, Forgetful(batch_size=50))
    assert report.states == {"accepted": 49, "unknown": 1}


def test_pause_within_a_batch(ledger: DeliveryLedger) -> None:
    """A pause takes effect before the next claim, and what was claimed is queued again."""
    transport = RecordingTransport(batch_size=10)
    report = send(ledger, transport, stop=lambda: len(transport.letters) >= 20)
    assert report.ended == "stopped"
    assert 20 <= len(transport.letters) <= 30
    assert set(ledger.states(ISSUE)) == {"accepted", "queued"}


def test_slow_down(ledger: DeliveryLedger) -> None:
    """A provider's "slow down" stops everything for as long as it asks, and no longer."""
    refused: list[str] = []

    def answer(letter: Letter) -> Outcome:
        if len(refused) < 20:
            refused.append(letter.key)
            return Outcome(
                key=letter.key, state=DeliveryState.DEFERRED, reason="slow down", wait=3.0
            )
        return accept(letter)

    transport = RecordingTransport(answer, batch_size=10)
    watch = Watch()
    report = send(ledger, transport, watch=watch)
    assert report.states == {"accepted": 50}
    assert 6 <= watch.slept < 10


def test_pace(ledger: DeliveryLedger) -> None:
    """With a limit of ten letters a second, fifty letters take the time of forty."""
    watch = Watch()
    report = send(
        ledger,
        RecordingTransport(batch_size=10),
        watch=watch,
        settings={"letters_per_second": 10},
    )
    assert report.finished
    assert 4.0 <= watch.slept <= 4.5


def test_progress(ledger: DeliveryLedger) -> None:
    """Progress is told after every batch and never goes back."""
    told: list[Progress] = []
    send(ledger, RecordingTransport(batch_size=10), on_progress=told.append)
    assert [one.letters for one in told] == [10, 20, 30, 40, 50]


def test_variants(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """A reader who was promised a variant that was not rendered stops the send before any byte."""
    with ledger.database.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET variant = 'sports' WHERE reader = 1")
    transport = RecordingTransport()
    with pytest.raises(Exception, match='no variant "sports"'):
        send(ledger, transport)
    assert transport.letters == []
    assert ledger.states(ISSUE) == {"deferred": 50}


def test_two_at_once(ledger: DeliveryLedger, tmp_path: Path) -> None:
    """Two senders at work on one database send every letter once."""
    import threading

    other: Database = open_database(f"sqlite:///{tmp_path}/news.sqlite")
    transports = [RecordingTransport(batch_size=3), RecordingTransport(batch_size=4)]
    ledgers = [ledger, DeliveryLedger(other)]
    reports: list[SendReport] = []
    threads = [
        threading.Thread(target=lambda pair=pair: reports.append(send(*pair)))
        for pair in zip(ledgers, transports, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other.close()
    sent = addresses(transports[0].letters + transports[1].letters)
    assert sent == EVERYBODY
    assert [report.finished for report in reports] == [True, True]


class Interrupted(DeliveryLedger):
    """A ledger during whose steps something happens, once each."""

    def __init__(self, database: Database, **happens: list[Callable[[], object]]):
        super().__init__(database)
        self.happens = happens

    def take(self, *given: Any, **named: Any) -> list[Delivery]:
        """Take, and then something happens."""
        taken = super().take(*given, **named)
        self._happen("after_take")
        return taken

    def settle(self, *given: Any, **named: Any) -> Counter[str]:
        """Something happens, and then settle."""
        self._happen("before_settle")
        return super().settle(*given, **named)

    def _happen(self, name: str) -> None:
        if self.happens.get(name):
            self.happens[name].pop(0)()


def away() -> None:
    """A database that does not answer."""
    raise DatabaseError("the database", "does not answer", again=True)


def test_answers_wait_for_a_database_that_is_away(ledger: DeliveryLedger) -> None:
    """What the provider said is written down when the database is back; nothing is in doubt."""
    transport = RecordingTransport(batch_size=10)
    restarting = Interrupted(ledger.database, before_settle=[away, away, away])
    report = send(restarting, transport)
    assert report.states == {"accepted": 50}
    assert addresses(transport.letters) == EVERYBODY


def test_a_database_that_stays_away_ends_the_send(ledger: DeliveryLedger) -> None:
    """After half the lease the send gives up; what had left is looked for and not sent again."""
    transport = RecordingTransport(batch_size=10)
    watch = Watch()
    with pytest.raises(DatabaseError):
        send(
            Interrupted(ledger.database, before_settle=[away] * 1000),
            transport,
            watch=watch,
            settings={"stale_seconds": 60},
        )
    assert 30 <= watch.slept <= 90
    assert ledger.states(ISSUE)["handed"] == len(transport.letters) == 10
    report = send(ledger, transport)
    assert report.states == {"accepted": 50}
    assert addresses(transport.letters) == EVERYBODY


def test_who_slept_after_the_commit_holds_the_letters_back(ledger: DeliveryLedger) -> None:
    """A sender that was stopped between commit and hand-over does not hand over what it held."""
    watch = Watch()
    transport = RecordingTransport(batch_size=1000)
    sleepy = Interrupted(ledger.database, after_take=[lambda: watch.sleep(100)])
    report = send(sleepy, transport, watch=watch)
    assert report.states == {"accepted": 50}
    assert report.settled["deferred"] == 50, "they came again, with a new commit"
    assert addresses(transport.letters) == EVERYBODY


def test_who_slept_while_others_went_on_sends_nothing_twice(ledger: DeliveryLedger) -> None:
    """Others took a sleeping sender for dead and sent its letters: it wakes up and sends none."""
    watch = Watch()
    transport = RecordingTransport(batch_size=1000, settles_after=0)

    def others_go_on() -> None:
        watch.sleep(300)
        elsewhere = DeliveryLedger(ledger.database, holder=leases.Holder(place="", pid=2, born=""))
        assert send(elsewhere, transport, watch=watch).states == {"accepted": 50}

    report = send(Interrupted(ledger.database, after_take=[others_go_on]), transport, watch=watch)
    assert report.states == {"accepted": 50}
    assert addresses(transport.letters) == EVERYBODY


def test_a_pace_counts_only_what_left(ledger: DeliveryLedger) -> None:
    """A turn for a full batch that found fifty letters, or none, leaves the rest to others."""
    watch, pace = Watch(), {"letters_per_day": 5000, "letters_per_second": 10}
    for _ in range(3):
        send(ledger, RecordingTransport(batch_size=1000), watch=watch, settings=pace)
    assert ledger.sent_in("recording", now=watch.now)["day"] == 50
    free = ledger.reserve("recording", seconds=0, now=watch.now)
    assert (free - watch.now).total_seconds() <= 5
