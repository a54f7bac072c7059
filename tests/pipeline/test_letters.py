"""A send under the hand of a person: pause, go on, cancel, stop everything, decide about doubt."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy import select, update

from newsletter import pipeline
from newsletter.config import Config, load
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries
from newsletter.delivery.letter import PreparedMail
from newsletter.delivery.transport.folder import FolderTransport
from newsletter.errors import DeliveryError, NewsletterError, NotApproved
from newsletter.issue import approve as approval
from newsletter.model import IssueState, Letter
from newsletter.newsroom import Newsroom
from newsletter.pipeline import letters
from tests.conftest import StillClock
from tests.pipeline.test_shares import READERS, approved, config, newsroom, received

__all__ = ["config"]

BATCH = 50
"""How many letters the folder transport takes at a time."""


@pytest.fixture
def room(config: Config, sqlite: Database, clock: StillClock) -> Newsroom:
    """A newsroom whose letters become files."""
    return newsroom(config, sqlite, clock)


def move(room: Newsroom, issue: str, act: str) -> None:
    """Press a button, as another process would."""
    found = room.issues.find(issue)
    room.issues.change(found, approval.move(found, act))


def while_it_sends(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], *, batch: int = 1
) -> list[int]:
    """Do something while the ``batch``-th hand-over is with the transport; sizes of hand-overs."""
    sizes: list[int] = []
    send = FolderTransport.send

    def sends(transport: FolderTransport, group: list[Letter], mail: PreparedMail) -> object:
        sizes.append(len(group))
        if len(sizes) == batch:
            act()
        return send(transport, group, mail)

    monkeypatch.setattr(FolderTransport, "send", sends)
    return sizes


@pytest.mark.parametrize("batch", [1, 2])
def test_pause_and_go_on(room: Newsroom, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """A pause lets the batch under way end and no other begin; going on serves the rest once."""
    issue = approved(room)
    sizes = while_it_sends(monkeypatch, lambda: move(room, issue, "pause"), batch=batch)
    report = pipeline.send(room, issue)
    assert report.ended == "stopped"
    assert len(sizes) == batch
    assert room.ledger.states(issue) == {
        "accepted": batch * BATCH,
        "queued": READERS - batch * BATCH,
    }
    assert room.issues.find(issue).state is IssueState.PAUSED
    letters.resume(room, room.issues.find(issue))
    assert pipeline.send(room, issue).finished
    assert set(received(room).values()) == {1}
    assert len(received(room)) == READERS


def test_cancel(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled in mid-send, the batch under way is the last, and no command sends another."""
    issue = approved(room)
    while_it_sends(monkeypatch, lambda: move(room, issue, "cancel"))
    pipeline.send(room, issue)
    assert len(received(room)) == BATCH
    with pytest.raises(NewsletterError, match="cancelled"):
        pipeline.send(room, issue)
    assert len(received(room)) == BATCH
    assert room.issues.find(issue).state is IssueState.CANCELLED


def test_stop_all(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch that stops everything ends a send within its batch, without touching its state."""
    issue = approved(room)
    while_it_sends(monkeypatch, lambda: room.switches.stop_all("wrong sponsor"))
    pipeline.send(room, issue)
    assert len(received(room)) == BATCH
    with pytest.raises(DeliveryError, match="wrong sponsor"):
        pipeline.send(room, issue)
    room.switches.start_again()
    assert pipeline.send(room, issue).finished
    assert set(received(room).values()) == {1}
    assert len(received(room)) == READERS


def test_one_changed_byte(room: Newsroom) -> None:
    """Where one stored byte is not the approved one, nothing leaves and nobody is frozen."""
    issue = approved(room)
    with room.database.begin() as connection:
        changed = connection.exec_driver_sql(
            "UPDATE issue_revisions SET rendered = replace(rendered, 'the', 'teh')"
        )
    assert changed.rowcount == 1
    with pytest.raises(NotApproved):
        pipeline.send(room, issue)
    assert not room.ledger.is_frozen(issue)
    assert not received(room)


@pytest.mark.parametrize("hours", [1, 25])
def test_absence_by_decision(
    room: Newsroom, clock: StillClock, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Told how long absence must last to count, reconcile queues what is older, and only that."""
    issue = approved(room)
    pipeline.send(room, issue)
    monkeypatch.setattr(FolderTransport, "settles_after", None)
    with room.database.begin() as connection:
        lost = list(connection.scalars(select(deliveries.c.key).limit(3)))
        connection.execute(
            update(deliveries).where(deliveries.c.key.in_(lost)).values(state="unknown")
        )
        connection.exec_driver_sql("UPDATE issues SET state = 'partly_sent'")
    for key in lost[:2]:
        for file in room.config.path(room.config.paths.outbox).rglob(f"{key}.eml"):
            file.unlink()
    clock.pass_(hours=hours)
    found = room.issues.find(issue)
    assert letters.reconcile(room, found).left == 2, "absence alone proves nothing"
    report = letters.reconcile(room, found, absent_after=24 * 3600)
    assert (report.queued, report.left) == ((2, 0) if hours > 24 else (0, 2))
    pipeline.send(room, issue, by_hand=True)
    assert len(received(room)) == (READERS if hours > 24 else READERS - 2)
    assert set(received(room).values()) == {1}


@pytest.mark.parametrize(("policy", "again"), [("hold", 0), ("resend", 1)])
def test_policy_for_doubt(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch, policy: str, again: int
) -> None:
    """What stays in doubt is held, or sent again, as ``on_unknown`` says and not otherwise."""
    config = load(
        room.config.file,
        ["collect.sources=[]", f'delivery.on_unknown="{policy}"'],
    )
    room = Newsroom(config=config, database=room.database, clock=room.clock, random=room.random)
    issue = approved(room)
    pipeline.send(room, issue)
    monkeypatch.setattr(FolderTransport, "settles_after", None)
    with room.database.begin() as connection:
        key = connection.scalar(select(deliveries.c.key).limit(1))
        connection.execute(
            update(deliveries).where(deliveries.c.key == key).values(state="unknown")
        )
        connection.exec_driver_sql("UPDATE issues SET state = 'partly_sent'")
    [file] = room.config.path(room.config.paths.outbox).rglob(f"{key}.eml")
    file.unlink()
    report = pipeline.send(room, issue)
    assert file.exists() == bool(again)
    assert report.unknown == 1 - again
    assert report.needs_person == (policy == "hold")


def test_the_rest_after_the_deadline(
    room: Newsroom, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the deadline gave up waits for a person, who can send it at any later time."""
    issue = approved(room)
    while_it_sends(monkeypatch, lambda: clock.pass_(hours=13))
    assert pipeline.send(room, issue).ended == "deadline"
    assert room.issues.find(issue).state is IssueState.PARTLY_SENT
    clock.pass_(hours=5)
    assert pipeline.send(room, issue).ended == "deadline", "nobody asked for it"
    assert len(received(room)) == BATCH
    assert pipeline.send(room, issue, by_hand=True).finished
    assert room.issues.find(issue).state is IssueState.SENT
    assert set(received(room).values()) == {1}
    assert len(received(room)) == READERS


def test_why_in_the_language_of_the_letters(
    config: Config, sqlite: Database, clock: StillClock
) -> None:
    """A Spanish issue says in Spanish why it came, and nothing in English stands beside it."""
    spanish = load(config.file, ["collect.sources=[]", 'site.language="es"'])
    room = newsroom(spanish, sqlite, clock)
    pipeline.send(room, approved(room))
    file = next(room.config.path(room.config.paths.outbox).rglob("*.eml"))
    part = message_from_bytes(file.read_bytes(), policy=default).get_body(("plain",))
    assert part is not None
    text = part.get_content()
    assert "porque te suscribiste el 22 de noviembre de 2026." in text
    assert "because" not in text
