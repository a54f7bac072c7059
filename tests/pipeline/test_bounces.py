"""Notifications about letters that came back: believed only with a word that nobody can guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter import pipeline
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries, mails, readers
from newsletter.delivery.letter import message_id
from newsletter.model import Event, Issue, ReaderState
from newsletter.newsroom import Newsroom
from newsletter.pipeline.bounces import take_notice
from newsletter.pipeline.letters import issue_mail
from tests.conftest import StillClock
from tests.delivery.people import delivery
from tests.delivery.test_bounces import notification
from tests.operations.rooms import approved, make_issue, people, sending
from tests.schedule.rooms import configured, room_on

WHO = "reader1@example.org"


@pytest.fixture
def room(database: Database, clock: StillClock, tmp_path: Path) -> Newsroom:
    """A newsroom with two readers."""
    room = room_on(database, clock, tmp_path, zone="UTC")
    people(room, 2, tmp_path)
    return room


def sent(room: Newsroom) -> Issue:
    """Today's issue, sent."""
    issue = approved(room, make_issue(room, "daily", room.local_day("daily")))
    pipeline.send(room, issue.id)
    return room.issues.find(issue.id)


def state(room: Newsroom) -> str:
    """The state of the reader whose mail comes back."""
    found = room.readers.by_email(WHO)
    assert found
    return found.state


def number(room: Newsroom) -> int:
    """The id of that reader."""
    found = room.readers.by_email(WHO)
    assert found
    return found.id


def bounced(original: str) -> bytes:
    """A notification that says the mailbox is gone."""
    return notification(original=original, to=f"rfc822; {WHO}")


def test_a_guessed_message_id_is_not_believed(room: Newsroom) -> None:
    """Who knows how an issue and a reader are numbered can unsubscribe nobody."""
    issue = sent(room)
    guess = message_id(issue.id, number(room), "example.org", "")
    assert not take_notice(room, bounced(guess))
    assert state(room) == ReaderState.ACTIVE
    mail = issue_mail(room, issue, room.issues.revision(issue))
    [letter] = mail.letters([delivery(number(room))])
    assert letter.message_id != guess
    assert take_notice(room, bounced(letter.message_id))
    assert state(room) == ReaderState.SUPPRESSED


def test_an_issue_from_before_the_key_keeps_its_message_ids(
    room: Newsroom, clock: StillClock
) -> None:
    """Bounces in flight when the program was upgraded are read, and a second copy has the same."""
    issue = sent(room)
    before = replace(issue, send_started=clock() - timedelta(hours=1))
    room.issues.change(issue, before)
    old = message_id(issue.id, 7, "example.org", "")
    [letter] = issue_mail(room, before, room.issues.revision(issue)).letters([delivery(7)])
    assert letter.message_id.partition("@")[0] == old.partition("@")[0]
    assert take_notice(room, bounced(message_id(issue.id, number(room), "example.org", "")))
    assert state(room) == ReaderState.SUPPRESSED


def post(room: Newsroom) -> str:
    """A single mail that left; its word."""
    assert pipeline.post_mail(room, "goodbye", WHO, {}, "goodbye-1", reader=number(room))
    with room.database.begin() as connection:
        gone = update(mails).values(state="accepted", to="", values={}).returning(mails.c.word)
        return str(connection.execute(gone).scalar_one())


def test_a_single_mail_that_comes_back_ends_the_readers_mail(room: Newsroom) -> None:
    """Also when the bounce is about a welcome, and not about an issue."""
    post(room)
    guess = message_id("goodbye-1", number(room), "example.org", "")
    assert not take_notice(room, bounced(guess))
    own = message_id("goodbye-1", number(room), "example.org", room.message_key(None))
    assert take_notice(room, bounced(own))
    assert state(room) == ReaderState.SUPPRESSED


def test_a_complaint_about_a_single_mail_counts(room: Newsroom, clock: StillClock) -> None:
    """Who calls a confirmation spam gets no more of anything; a second report changes nothing."""
    word = post(room)
    complaint = Event(key=word, kind="complaint", at=clock())
    assert pipeline.take_events(room, [complaint]).farewells == 1
    assert state(room) == ReaderState.SUPPRESSED
    pipeline.take_events(room, [complaint])
    unknown = Event(key="nobody", kind="complaint", at=clock())
    assert pipeline.take_events(room, [unknown]).farewells == 0


def test_an_address_with_controls_is_read(room: Newsroom) -> None:
    """A notification with a NUL in its address is passed over and breaks no database."""
    assert not take_notice(room, notification(to="rfc822; a\0b@example.org"))
    with room.database.reading() as connection:
        assert connection.execute(readers.select()).all()


def test_an_issue_that_was_resumed_is_judged_by_what_came_since(
    database: Database, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It pauses itself once for the same bounces, and again when as many more come."""
    room = configured(
        room_on(database, clock, tmp_path, zone="UTC"),
        delivery={"judge_after": 5, "bounce_limit": 0.3},
    )
    issue = sending(room, tmp_path, 10)
    with database.begin() as connection:
        connection.execute(update(deliveries).values(state="accepted"))
        keys = list(connection.scalars(select(deliveries.c.key)))

    def bounce(*some: str) -> tuple[str, ...]:
        events = [Event(key=key, kind="blocked", at=clock()) for key in some]
        return pipeline.take_events(room, events).paused

    assert bounce(*keys[:4]) == (issue.id,)
    change = room.issues.change

    def change_and_hear(issue: Issue, to: Issue) -> Issue:
        changed = change(issue, to)
        assert bounce(keys[4]) == (), "an event in the very moment is no reason either"
        return changed

    with monkeypatch.context() as patched:
        patched.setattr(room.issues, "change", change_and_hear)
        pipeline.resume(room, room.issues.find(issue.id))
    assert bounce(keys[5]) == (issue.id,)
    assert "since it was resumed" in room.switches.pause_of(issue.id)
