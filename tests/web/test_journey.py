"""From the form to being forgotten, over a real connection, with real mail in a folder."""

from __future__ import annotations

import email
import email.policy
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app
from tests.conftest import StillClock
from tests.web.serving import Answer, Client, served


def letters(room: Newsroom, kind: str, expected: int) -> list[email.message.EmailMessage]:
    """The letters of a kind in the outbox; waits a moment, because they leave after the answer."""
    folder = room.config.path(room.config.paths.outbox) / kind
    deadline = time.monotonic() + 10
    while len(files := sorted(folder.glob("*.eml"))) < expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(files) == expected
    return [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files
    ]


def text_of(letter: email.message.EmailMessage) -> str:
    """The text part."""
    part = letter.get_body(("plain",))
    assert part
    return str(part.get_content())


def link_in(letter: email.message.EmailMessage, path: str) -> str:
    """The path of the link that begins with this path."""
    found = re.search(rf"https?://\S+?({path}\S+)", text_of(letter))
    assert found, text_of(letter)
    return found[1]


def settled(room: Newsroom) -> None:
    """Give work that goes on after an answer the time to do harm."""
    time.sleep(0.3)
    with room.database.begin():
        pass


def subscribe(client: Client, clock: StillClock, **fields: str) -> Answer:
    """Open the page with the form, take three seconds to fill it in, send it."""
    shown = re.search(r'name="form" value="([^"]+)"', client.get("/").text)
    assert shown
    clock.pass_(seconds=3)
    return client.post("/subscribe", urlencode({**fields, "form": shown[1]}))


def state(room: Newsroom, address: str = "eve@example.org") -> str:
    """A person's state, or "nobody"."""
    facts = room.readers.show(address)
    return str(facts["state"]) if facts else "nobody"


def test_the_whole_journey(room: Newsroom, client: Client, clock: StillClock) -> None:
    """Sign up, confirm, choose, pause, take a copy, leave with one click, be forgotten."""
    answer = subscribe(client, clock, email="Eve@Example.org", topics="politics")
    assert answer.status == 200
    assert "Look into your mail" in answer.text
    [letter] = letters(room, "confirm", 1)
    assert state(room) == "pending"
    assert letter["To"] == "Eve@example.org"
    assert "Eve" not in text_of(letter)

    link = link_in(letter, "/confirm/")
    assert "Yes, send it to me" in client.get(link).text
    assert state(room) == "pending"
    assert client.post(link).status == 200
    assert state(room) == "active"
    [welcome] = letters(room, "welcome", 1)
    own = link_in(welcome, "/p/")
    assert client.post(link).status == 200
    settled(room)
    letters(room, "welcome", 1)

    page = client.get(own)
    assert 'value="politics" checked' in page.text
    form = urlencode(
        [
            ("topics", "world"),
            ("topics", "My village"),
            ("frequency", "weekdays"),
            ("format", "text"),
            ("send_at", "07:30"),
            ("timezone", "Europe/London"),
            ("pause", "7"),
        ]
    )
    saved = client.post(own, form)
    assert "Your choices are kept" in saved.text
    assert state(room) == "paused"
    assert "29 November 2026" in saved.text
    chosen = room.readers.show("eve@example.org")
    assert chosen
    assert (chosen["frequency"], chosen["format"]) == ("weekdays", "text")
    assert (chosen["send_at"], chosen["timezone"]) == ("07:30", "Europe/London")
    assert chosen["tracking"] is False
    assert client.post(own, urlencode({"timezone": "Mars/Base"})).status == 400
    assert state(room) == "paused"
    clock.pass_(days=7)
    assert room.signups.tidy(clock())["woken"] == 1
    copy = client.get(f"{own}/export")
    assert copy.headers["content-type"].startswith("application/json")
    assert json.loads(copy.text)["topics"] == ["my village", "world"]
    assert json.loads(copy.text)["consents"][0]["action"] == "confirmation-sent"

    one_click = str(welcome["List-Unsubscribe"]).strip("<>")
    assert client.post(urlsplit(one_click).path, "List-Unsubscribe=One-Click").status == 200
    assert state(room) == "unsubscribed"
    assert 'name="topics"' not in client.get(own).text
    assert client.post(f"{own}/forget").status == 200
    assert state(room) == "nobody"
    assert client.get(own).status == 404
    assert client.post(own.replace("/p/", "/u/")).status == 200


def test_every_address_gets_the_same_answer(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """New, pending, active, unsubscribed and suppressed addresses cannot be told apart."""
    bo = room.readers.by_email("bo@example.org")
    assert bo
    room.readers.unsubscribe(bo.token, how="test", now=room.clock())
    room.readers.forget("cy@example.org", now=room.clock())
    answers = [
        subscribe(client, clock, email=f"{who}@example.org")
        for who in ("new", "new", "ada", "bo", "cy")
    ]
    assert len({(answer.status, answer.text) for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers))) for answer in answers}) == 1
    letters(room, "confirm", 3)
    assert state(room, "ada@example.org") == "active"
    assert state(room, "bo@example.org") == "unsubscribed"


def test_a_robot_that_fills_in_everything_gets_a_friendly_answer(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """The hidden field makes a sign-up a sham that changes nothing."""
    honest = subscribe(client, clock, email="eve@example.org")
    robot = subscribe(client, clock, email="robot@example.org", website="https://example.org")
    assert (robot.status, robot.text) == (honest.status, honest.text)
    letters(room, "confirm", 1)
    settled(room)
    assert state(room, "robot@example.org") == "nobody"


def test_a_form_that_comes_back_at_once_is_shown_once_more(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """Too quick, without our word, with an old or another page's: the form again, and no mail."""
    page = client.get("/").text
    shown = re.search(r'name="form" value="([^"]+)"', page)
    assert shown
    other = room.signer("confirm").sign({"at": 0}, expires=clock().replace(year=2030))
    words = ["", shown[1], shown[1][:-2] + "xx", other]
    answers = [
        client.post("/subscribe", urlencode({"email": "eve@example.org", "form": word}))
        for word in words
    ]
    assert [answer.status for answer in answers] == [400] * 4
    assert "quicker than people type" in answers[0].text
    assert 'value="eve@example.org"' in answers[0].text
    clock.pass_(days=2, seconds=1)
    late = urlencode({"email": "eve@example.org", "form": shown[1]})
    assert client.post("/subscribe", late).status == 400
    settled(room)
    assert state(room) == "nobody"
    assert subscribe(client, clock, email="eve@example.org").status == 200


def test_a_mistyped_address_is_said_and_need_not_be_typed_again(
    client: Client, clock: StillClock
) -> None:
    """The form comes back with what was typed, escaped, and one sentence."""
    answer = subscribe(client, clock, email='ada@"><script>alert(1)</script>')
    assert answer.status == 400
    assert "This is not an address we can write to" in answer.text
    assert "<script>" not in answer.text
    assert subscribe(client, clock).status == 400
    assert client.post("/subscribe", "\x00%ff&&&=", "multipart/form-data").status == 400


def test_throw_away_mailboxes_are_refused_where_the_operator_lists_them(
    room: Newsroom, clock: StillClock
) -> None:
    """By page and by API, in any letter case; without a list every domain may sign up."""
    file = room.config.path("throw-away.txt")
    file.write_text("# mailboxes that last ten minutes\nten-minutes.example.com # gone\n")
    audience = room.config.audience.model_copy(update={"disposable_domains": file.name})
    config = room.config.model_copy(update={"audience": audience})
    with served(create_app(replace(room, config=config))) as client:
        answer = subscribe(client, clock, email="eve@Ten-Minutes.Example.Com")
        assert answer.status == 400
        assert "mailboxes of ten-minutes.example.com are thrown away" in answer.text
        body = json.dumps({"email": "eve@ten-minutes.example.com"})
        assert client.post("/api/v1/subscribers", body, "application/json").status == 400
        assert subscribe(client, clock, email="eve@example.org").status == 200
    with served(create_app(room)) as client:
        assert subscribe(client, clock, email="eve@ten-minutes.example.com").status == 200


def test_one_place_cannot_sign_up_the_world(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """From one internet address a few sign-ups are taken, and after a while a few more."""
    answers = [
        subscribe(client, clock, email=f"eve{number}@example.org").status for number in range(7)
    ]
    assert answers == [200] * 5 + [429] * 2
    clock.pass_(minutes=11)
    assert subscribe(client, clock, email="late@example.org").status == 200


def test_a_confirmation_is_worthless_when_changed_old_or_for_something_else(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """Forged, expired and cross-purpose links get one and the same page."""
    subscribe(client, clock, email="eve@example.org")
    [letter] = letters(room, "confirm", 1)
    link = link_in(letter, "/confirm/")
    other = room.signer("another purpose").sign(
        {"r": 1, "c": 1, "e": "daily"}, expires=clock().replace(year=2030)
    )
    pages = [client.get(path) for path in (link[:-3] + "abc", f"/confirm/{other}", "/confirm/x")]
    clock.pass_(days=7, seconds=1)
    pages += [client.get(link), client.post(link)]
    assert {(page.status, page.text) for page in pages} == {(404, pages[0].text)}
    assert state(room) == "pending"


def test_mail_that_cannot_leave_is_for_the_log_and_not_for_the_visitor(
    room: Newsroom, client: Client, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The visitor's answer is the same when the outbox cannot be written."""
    Path(room.config.path(room.config.paths.outbox)).write_text("a file in the way")
    assert subscribe(client, clock, email="eve@example.org").status == 200
    deadline = time.monotonic() + 10
    while "did not go out" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "did not go out" in caplog.text
    assert "eve@" not in caplog.text
