"""The lane of single mails on both databases: once each, never lost, never behind an issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database
from newsletter.database.leases import Holder
from newsletter.database.mails import Mails
from newsletter.database.tables import readers
from newsletter.delivery import mails
from newsletter.delivery.letter import PreparedMail, prepare_issue
from newsletter.delivery.transport import RecordingTransport
from newsletter.delivery.transport.recording import accept
from newsletter.errors import TemplateError, TransportError
from newsletter.model import DeliveryState, Letter, Mail, Outcome, Rendered
from tests.delivery.people import NOON, TAG, Watch, freeze, people, words

D = DeliveryState


def mail(key: str, *, name: str = "confirm", reader: int = 0, to: str = "") -> Mail:
    """A mail to somebody."""
    return Mail(
        key=key,
        word=mails.word_of(key),
        name=name,
        to=to or f"{key}@example.org",
        values={"confirm_url": f"https://news.example.org/confirm/{key}"},
        reader=reader,
    )


def written(one: Mail, batch: str) -> PreparedMail:
    """A short mail with its link."""
    rendered = Rendered(
        subject="Please confirm",
        preheader="",
        html=f"<p>{one.values['confirm_url']}</p>",
        text=f"{one.values['confirm_url']}\n",
        tag=TAG,
    )
    issue = prepare_issue(
        one.name,
        [rendered],
        date=NOON,
        from_email="news@example.org",
        from_name="Both Sides Daily",
        reply_to="",
        base_url="https://news.example.org",
        edition=one.name,
        edition_title="Both Sides Daily",
        single=True,
    )
    return issue.prepared("", batch)


owners = words("own")


def deliver(
    database: Database,
    transport: RecordingTransport,
    watch: Watch,
    *,
    per_second: float = 0,
    write: object = written,
) -> mails.MailReport:
    """One round of the lane."""
    return mails.deliver(
        Mails(database),
        lane=DeliveryLedger(database),
        transport=transport,
        write=write,  # type: ignore[arg-type]  # a double in one test
        clock=watch,
        sleep=watch.sleep,
        owner=owners(),
        base_url="https://news.example.org",
        domain="example.org",
        per_second=per_second,
    )


def test_once(database: Database) -> None:
    """A mail posted twice under one key leaves once, and keeps neither address nor words."""
    box, transport, watch = Mails(database), RecordingTransport(), Watch()
    assert box.post(mail("confirm-1"), now=NOON)
    assert not box.post(mail("confirm-1", to="other@example.org"), now=NOON)
    assert deliver(database, transport, watch).settled == {"accepted": 1}
    assert not box.post(mail("confirm-1"), now=NOON)
    assert deliver(database, transport, watch).settled == {}
    assert [letter.to for letter in transport.letters] == ["confirm-1@example.org"]
    [row] = box.rows()
    assert (row["state"], row["to"]) == ("accepted", "")


def test_an_issue_in_front_does_not_matter(database: Database) -> None:
    """A confirmation leaves at once while an issue holds its pace and its readers are claimed."""
    people(database, 50)
    ledger, watch = DeliveryLedger(database), Watch()
    freeze(ledger)
    ledger.open("busy", now=NOON, stale_seconds=60)
    ledger.claim("daily-2026-05-04", owner="busy", batch="b", limit=50, now=NOON, stale_seconds=60)
    ledger.reserve("recording", seconds=3600, now=NOON)
    Mails(database).post(mail("confirm-1"), now=NOON)
    report = deliver(database, RecordingTransport(), watch, per_second=1)
    assert report.settled == {"accepted": 1}
    assert watch.slept == 0


def test_own_pace(database: Database) -> None:
    """Ten mails at two a second take about five seconds, some of them in the next call."""
    box, transport, watch = Mails(database), RecordingTransport(), Watch()
    for number in range(10):
        box.post(mail(f"confirm-{number}"), now=NOON)
    while deliver(database, transport, watch, per_second=2).waiting:
        pass
    assert len(transport.letters) == 10
    assert watch.slept == pytest.approx(4.5)


def test_a_clock_set_back_and_calls_that_give_up(database: Database) -> None:
    """What waited for a clock a day ahead leaves, and who does not wait takes no turn."""
    box, transport = Mails(database), RecordingTransport()
    ahead, watch = Watch(NOON + timedelta(days=1)), Watch()
    later = RecordingTransport(
        lambda letter: Outcome(key=letter.key, state=D.DEFERRED, reason="later", wait=1)
    )
    box.post(mail("confirm-1"), now=ahead.now)
    assert deliver(database, later, ahead, per_second=0.1).settled == {"deferred": 1}
    assert deliver(database, transport, watch, per_second=0.1).settled == {"accepted": 1}
    box.post(mail("confirm-2"), now=NOON)
    for _ in range(5):
        assert deliver(database, transport, watch, per_second=0.1).waiting == 1
    watch.sleep(10)
    assert deliver(database, transport, watch, per_second=0.1).settled == {"accepted": 1}


def test_in_doubt(database: Database) -> None:
    """A mail without an answer is not sent again by itself, but a person may send it again."""
    box, watch = Mails(database), Watch()
    lost = RecordingTransport(
        lambda letter: Outcome(key=letter.key, state=D.UNKNOWN, reason="reset"), keeps_unknown=False
    )
    box.post(mail("confirm-1"), now=NOON)
    assert deliver(database, lost, watch).unknown == 1
    transport = RecordingTransport()
    assert deliver(database, transport, watch).unknown == 1
    assert transport.letters == []
    assert box.requeue(["confirm-1"], now=watch()) == 1
    assert deliver(database, transport, watch).settled == {"accepted": 1}


def test_found_or_proved_absent(database: Database) -> None:
    """A doubt is settled by what the transport finds, or by its proof that nothing ever came."""
    box, watch = Mails(database), Watch()
    for number in range(2):
        box.post(mail(f"confirm-{number}"), now=NOON + timedelta(seconds=number))
    watch.sleep(5)

    def half(letter: Letter) -> Outcome:
        return Outcome(key=letter.key, state=D.UNKNOWN)

    grid = RecordingTransport(half, keeps_unknown=False, settles_after=10)
    deliver(database, grid, watch)
    grid.letters.append(
        Letter(
            key=mails.word_of("confirm-0"),
            to="",
            to_name="",
            message_id="",
            list_unsubscribe="",
            values={},
        )
    )
    grid.answer = accept
    assert deliver(database, grid, watch).unknown == 1
    watch.sleep(60)
    assert deliver(database, grid, watch).settled == {"accepted": 1}
    assert box.states() == {"accepted": 2}


def test_killed_in_flight(database: Database) -> None:
    """What a process had handed over when it died is in doubt, and only that."""
    gone = Mails(database, holder=Holder(place="elsewhere", pid=1, born="1"))
    for key in ("a", "b"):
        gone.post(mail(key, name=key), now=NOON)
    gone.open("gone", now=NOON, stale_seconds=60)
    [taken] = gone.take(
        "gone", batch="x", transport="recording", limit=5, now=NOON, stale_seconds=60
    )
    transport, watch = RecordingTransport(), Watch()
    deliver(database, transport, watch)
    assert [letter.to for letter in transport.letters] == [
        f"{'b' if taken.key == 'a' else 'a'}@example.org"
    ]
    watch.sleep(120)
    assert deliver(database, transport, watch).unknown == 1
    assert len(transport.letters) == 1


def test_refused_for_now(database: Database) -> None:
    """A mail that cannot leave waits and is tried again, and is given up after three days."""
    box, watch = Mails(database), Watch()

    class Closed(RecordingTransport):
        def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
            raise TransportError("the outbox", "is closed", again=True)

    box.post(mail("confirm-1"), now=NOON)
    report = deliver(database, Closed(), watch)
    assert "is closed" in report.problem
    assert box.states() == {"deferred": 1}
    assert deliver(database, RecordingTransport(), watch).settled == {}
    watch.sleep(mails.TRIED_FOR.total_seconds())
    deliver(database, Closed(), watch)
    assert box.states() == {"rejected": 1}
    assert "given up" in box.rows()[0]["reason"]


def test_a_broken_template_harms_its_own_mails_only(database: Database) -> None:
    """The mails of other templates leave although one template is broken."""
    box, transport, watch = Mails(database), RecordingTransport(), Watch()
    box.post(mail("alert-1", name="alert"), now=NOON)
    box.post(mail("confirm-1"), now=NOON)

    def write(one: Mail, batch: str) -> PreparedMail:
        if one.name == "alert":
            raise TemplateError("email/alert", "does not compile")
        return written(one, batch)

    assert deliver(database, transport, watch, write=write).settled == {
        "deferred": 1,
        "accepted": 1,
    }


def test_who_left_gets_nothing(database: Database) -> None:
    """A mail to a reader who was erased or suppressed while it waited is skipped."""
    people(database, 3)
    box, transport, watch = Mails(database), RecordingTransport(), Watch()
    for number in (1, 2, 77):
        box.post(mail(f"welcome-{number}", reader=number), now=NOON)
    with database.begin() as connection:
        connection.execute(update(readers).where(readers.c.id == 2).values(state="suppressed"))
    deliver(database, transport, watch)
    assert [letter.to for letter in transport.letters] == ["welcome-1@example.org"]
    [letter] = transport.letters
    assert letter.list_unsubscribe == "<https://news.example.org/u/tok000001>"
    assert box.states() == {"accepted": 1, "skipped": 2}


def test_many_of_one_content_travel_together(database: Database) -> None:
    """A correction to many readers is one hand-over a batch, not one a reader."""
    people(database, 30)
    box, transport, watch = Mails(database), RecordingTransport(batch_size=20), Watch()
    same = mail("correction", name="correction")
    for number in range(1, 31):
        key = f"correction-{number}"
        to = f"reader{number}@example.org"
        one = replace(same, key=key, word=mails.word_of(key), to=to, reader=number)
        box.post(one, now=NOON)
    assert deliver(database, transport, watch).settled == {"accepted": 30}
    assert len(transport.mails) == 2


@given(key=st.text(max_size=100), other=st.text(max_size=100))
def test_words_are_opaque_and_tell_keys_apart(key: str, other: str) -> None:
    """Two keys never share a word, and a word shows nothing of its key."""
    assert (mails.word_of(key) == mails.word_of(other)) == (key == other)
    assert mails.word_of(key).isalnum()
    assert len(mails.word_of(key)) == 21
