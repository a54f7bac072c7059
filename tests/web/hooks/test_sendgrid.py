"""``/hooks/sendgrid`` over a real connection: only signed posts count, and they count once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from newsletter.database.tables import deliveries
from newsletter.delivery.events import MAX_BYTES
from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app
from tests.conftest import StillClock
from tests.delivery.people import ISSUE, people, words
from tests.delivery.test_events import PUBLIC, posted, signed
from tests.web.serving import Answer, Client, served


@pytest.fixture
def grid(room: Newsroom) -> Iterator[Client]:
    """An application that knows SendGrid's key, and an issue with four hundred letters out."""
    with room.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM readers")
    people(room.database, 400)
    room.ledger.freeze(
        ISSUE, room.readers.audience("daily", {}), random_word=words("k"), now=room.clock()
    )
    with room.database.begin() as connection:
        connection.execute(update(deliveries).values(state="accepted"))
        connection.exec_driver_sql("UPDATE issues SET state = 'sending'")
    (room.config.root / "sendgrid.key").write_text(PUBLIC + "\n")
    grid = room.config.delivery.sendgrid.model_copy(
        update={"webhook_public_key_file": "sendgrid.key"}
    )
    delivery = room.config.delivery.model_copy(update={"sendgrid": grid})
    config = room.config.model_copy(update={"delivery": delivery})
    with served(create_app(replace(room, config=config))) as client:
        yield client


def key_of(room: Newsroom, reader: int) -> str:
    """The key of a reader's letter."""
    with room.database.reading() as connection:
        return str(connection.scalar(select(deliveries.c.key).where(deliveries.c.reader == reader)))


def tell(room: Newsroom, client: Client, *events: dict[str, object]) -> Answer:
    """Post events as SendGrid does."""
    now = int(room.clock().timestamp())
    body = posted(*({"timestamp": now, **one} for one in events))
    return client.ask("POST", "/hooks/sendgrid", body, signed(body, stamp=str(now)))


def test_complaint(room: Newsroom, grid: Client) -> None:
    """Who calls a letter spam is never written to again, however often and late it is said."""
    key = key_of(room, 7)
    for kind in ("spamreport", "delivered", "spamreport", "processed", "delivered"):
        assert tell(room, grid, {"event": kind, "delivery": key}).status == 200
    assert room.ledger.states(ISSUE) == {"accepted": 399, "complained": 1}
    reader = room.readers.by_email("reader7@example.org")
    assert reader is not None
    assert reader.state == "suppressed"


@pytest.mark.parametrize(
    ("kind", "state", "reader_state"),
    [
        ("bounce", "bounced", "suppressed"),
        ("unsubscribe", "unsubscribed", "unsubscribed"),
        ("delivered", "delivered", "active"),
    ],
)
def test_kinds(room: Newsroom, grid: Client, kind: str, state: str, reader_state: str) -> None:
    """Each kind of event ends letter and reader where it must."""
    answer = tell(
        room, grid, {"event": kind, "delivery": key_of(room, 3), "type": kind, "reason": "550 no"}
    )
    assert answer.status == 200
    assert room.ledger.states(ISSUE)[state] == 1
    reader = room.readers.by_email("reader3@example.org")
    assert reader is not None
    assert reader.state == reader_state


def test_forged_old_and_large_posts_change_nothing(
    room: Newsroom, grid: Client, clock: StillClock
) -> None:
    """A post that is unsigned, altered, kept for an hour or huge is refused, and nothing stays."""
    now = str(int(clock().timestamp()))
    body = posted({"event": "spamreport", "delivery": key_of(room, 7), "timestamp": int(now)})
    headers = signed(body, stamp=now)
    assert grid.ask("POST", "/hooks/sendgrid", body).status == 403
    assert (
        grid.ask("POST", "/hooks/sendgrid", body.replace(b"spam", b"SPAM"), headers).status == 403
    )
    assert grid.ask("POST", "/hooks/sendgrid", body + b"\n", headers).status == 403
    assert grid.ask("POST", "/hooks/sendgrid", b" " * (MAX_BYTES + 1), headers).status == 413
    clock.pass_(hours=1)
    assert grid.ask("POST", "/hooks/sendgrid", body, headers).status == 403
    assert room.ledger.states(ISSUE) == {"accepted": 400}


def test_without_a_key_nothing_is_believed(room: Newsroom, client: Client) -> None:
    """Where no key is configured the provider is told to come again later."""
    assert tell(room, client, {"event": "spamreport", "delivery": "k"}).status == 503


def test_too_many_complaints_pause_the_issue(room: Newsroom, grid: Client) -> None:
    """A send whose readers call it spam pauses itself and says why; below the limit it goes on."""
    tell(room, grid, {"event": "spamreport", "delivery": key_of(room, 1)})
    assert room.issues.find(ISSUE).state == "sending"
    tell(room, grid, {"event": "spamreport", "delivery": key_of(room, 2)})
    assert room.issues.find(ISSUE).state == "paused"
    assert "called spam" in room.switches.pause_of(ISSUE)


def test_too_many_bounces_pause_the_issue(room: Newsroom, grid: Client) -> None:
    """Twenty bounces in four hundred are the limit; with one more the send pauses itself."""
    bounces: list[dict[str, object]] = [
        {"event": "bounce", "type": "bounce", "delivery": key_of(room, n)} for n in range(1, 22)
    ]
    tell(room, grid, *bounces[:20], *bounces[:20])
    assert room.issues.find(ISSUE).state == "sending"
    tell(room, grid, bounces[20])
    assert room.issues.find(ISSUE).state == "paused"
    assert "21 of 400 letters bounced" in room.switches.pause_of(ISSUE)


def test_signed_posts_of_the_same_event_are_kept_once(room: Newsroom, grid: Client) -> None:
    """The same event in three posts is one row, also when its id differs."""
    key = key_of(room, 5)
    for number in range(3):
        tell(room, grid, {"event": "delivered", "delivery": key, "sg_event_id": f"id{number}"})
    with room.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar() == 1


def test_the_answer_says_nothing_of_readers(room: Newsroom, grid: Client) -> None:
    """What comes back is the same for known and unknown letters."""
    known = tell(room, grid, {"event": "delivered", "delivery": key_of(room, 5)})
    unknown = tell(room, grid, {"event": "delivered", "delivery": "nobody"})
    assert json.loads(known.text) == json.loads(unknown.text)
