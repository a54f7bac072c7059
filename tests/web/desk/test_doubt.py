"""The desk's buttons for a send: hold and go on, cancel, and four answers to doubt."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email import message_from_bytes

import pytest
from sqlalchemy import select

from newsletter import pipeline
from newsletter.database.tables import deliveries
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from newsletter.pipeline.letters import begin_send
from tests.web.desk.person import Person
from tests.web.desk.test_desk import HERE, ISSUE, day, desk, room, somebody
from tests.web.serving import Client

__all__ = ["day", "desk", "room"]

THERE = f"/desk/sending/{ISSUE}"
READERS = 12


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def mailed(room: Newsroom) -> list[str]:
    """Who has a file in the outbox."""
    folder = room.config.path(room.config.paths.outbox)
    files = folder.rglob("*.eml")
    return sorted(str(message_from_bytes(one.read_bytes())["To"]) for one in files)


@pytest.fixture
def publisher(desk: Client, room: Newsroom) -> Person:
    """Somebody who may send, and an approved issue."""
    person = somebody(desk, "admin")
    page = person.get(f"{HERE}/approve").text
    [seen] = re.findall(r'name="sha256" value="([0-9a-f]{64})"', page)
    person.post(f"{HERE}/approve", {"sha256": seen})
    return person


@pytest.fixture
def doubtful(publisher: Person, room: Newsroom) -> list[str]:
    """Three letters of a sent issue are in doubt, and of two of them no file is there."""
    pipeline.send(room, ISSUE)
    with room.database.begin() as connection:
        rows = list(connection.execute(select(deliveries.c.key, deliveries.c.id).limit(3)))
        connection.exec_driver_sql(
            f"UPDATE deliveries SET state='unknown', batch='' WHERE id <= {rows[-1].id}"
        )
        connection.exec_driver_sql("UPDATE issues SET state='partly_sent'")
    keys = [row.key for row in rows]
    for key in keys[:2]:
        for file in room.config.path(room.config.paths.outbox).rglob(f"{key}.eml"):
            file.unlink()
    publisher.get(THERE)
    return keys


def test_wait(publisher: Person, room: Newsroom, doubtful: list[str]) -> None:
    """To wait changes no letter; the page says who chose it."""
    before = room.ledger.states(ISSUE)
    assert publisher.post(THERE, {"act": "wait"}).status == 303
    assert room.ledger.states(ISSUE) == before == {"accepted": 9, "unknown": len(doubtful)}
    assert "admin@example.org decided to wait" in publisher.get(THERE).text


def test_check(publisher: Person, room: Newsroom, doubtful: list[str]) -> None:
    """To check settles what the transport has, and sends nothing."""
    assert publisher.post(THERE, {"act": "check"}).status == 303
    assert room.ledger.states(ISSUE) == {"accepted": 10, "unknown": 2}
    assert len(mailed(room)) == READERS - 2


def test_send_again(publisher: Person, room: Newsroom, doubtful: list[str]) -> None:
    """To send again sends what is in doubt and nothing else, and closes the issue."""
    assert publisher.post(THERE, {"act": "again"}).status == 303
    until(lambda: room.issues.find(ISSUE).state is IssueState.SENT)
    assert room.ledger.states(ISSUE) == {"accepted": READERS}
    assert len(mailed(room)) == len(set(mailed(room))) == READERS
    with room.database.reading() as connection:
        rows = connection.execute(select(deliveries.c.key, deliveries.c.attempt))
        attempts = {row.key: row.attempt for row in rows}
    assert {key for key, attempt in attempts.items() if attempt > 1} == set(doubtful)


def test_write_off(publisher: Person, room: Newsroom, doubtful: list[str]) -> None:
    """To write off closes the issue without another letter, and says by whom."""
    assert publisher.post(THERE, {"act": "write_off"}).status == 303
    assert room.issues.find(ISSUE).state is IssueState.SENT
    assert len(mailed(room)) == READERS - 2
    log = publisher.get(f"{THERE}?state=rejected").text
    assert log.count("decided by") == len(doubtful)


def test_only_who_may_send(desk: Client, room: Newsroom, doubtful: list[str]) -> None:
    """An editor sees the doubt and decides nothing about it."""
    editor = somebody(desk, "editor")
    assert "in doubt" in editor.get(THERE).text
    for act in ("again", "write_off", "wait", "check", "rest", "cancel"):
        assert editor.post(THERE, {"act": act}).status == 403
    assert room.ledger.states(ISSUE)["unknown"] == len(doubtful)


def test_hold_and_go_on(publisher: Person, room: Newsroom) -> None:
    """A paused send sends nothing; going on forgets why it paused itself and serves everybody."""
    begin_send(room, ISSUE)
    publisher.get(THERE)
    assert publisher.post(THERE, {"act": "pause"}).status == 303
    assert room.issues.find(ISSUE).state is IssueState.PAUSED
    assert mailed(room) == []
    room.switches.note_pause(ISSUE, "too many bounces")
    publisher.get(THERE)
    assert publisher.post(THERE, {"act": "resume"}).status == 303
    until(lambda: room.issues.find(ISSUE).state is IssueState.SENT)
    assert room.switches.pause_of(ISSUE) == ""
    assert len(mailed(room)) == READERS


def test_cancel(publisher: Person, room: Newsroom) -> None:
    """A cancelled send is over: no button and no command sends the rest."""
    begin_send(room, ISSUE)
    publisher.get(THERE)
    assert publisher.post(THERE, {"act": "cancel"}).status == 303
    publisher.get(THERE)
    assert publisher.post(THERE, {"act": "rest"}).status == 409
    assert room.issues.find(ISSUE).state is IssueState.CANCELLED
    assert mailed(room) == []
