"""From the form to being forgotten in a real browser, with mail over a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from newsletter.config import load
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.web.app import create_app
from tests.conftest import ROOT, StillClock
from tests.delivery.servers import MailServer, Postbox
from tests.web.serving import Client, served

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("NEWSLETTER_SCREENSHOTS", "")


def letter(box: Postbox, number: int) -> email.message.EmailMessage:
    """The letter of that number, when it has come."""
    deadline = time.monotonic() + 15
    while len(box.messages) < number:
        assert time.monotonic() < deadline, "no letter came"
        time.sleep(0.02)
    return email.message_from_bytes(box.messages[number - 1][1], policy=email.policy.default)


@pytest.fixture
def sink() -> Iterator[MailServer]:
    """A mail server on a free port, that keeps what it is given."""
    server = MailServer(Postbox())
    server.start()
    yield server
    server.end()


@pytest.fixture
def room(tmp_path: Path, clock: StillClock, sink: MailServer) -> Iterator[Newsroom]:
    """A place that mails over the sink."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    overrides = [
        "collect.sources=[]",
        "delivery.transport=smtp",
        "delivery.smtp.host=127.0.0.1",
        f"delivery.smtp.port={sink.port}",
        "audience.unsubscribe_mailto=leave@news.example.org",
    ]
    found = open_newsroom(load(tmp_path / "config.toml", overrides), clock=clock)
    yield found
    found.close()


@pytest.fixture
def client(room: Newsroom) -> Iterator[Client]:
    """The pages."""
    with served(create_app(room)) as found:
        yield found


def shot(page: Page, name: str) -> None:
    """Keep a picture where a person asked for one."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def path_in(mail: email.message.EmailMessage, start: str) -> str:
    """The path of the link in the text part that begins with this."""
    part = mail.get_body(("plain",))
    assert part
    found = re.search(rf"https?://[^/\s]+({start}\S+)", part.get_content())
    assert found, part.get_content()
    return found[1]


def test_the_whole_journey_in_a_browser(
    chromium: Browser, client: Client, room: Newsroom, clock: StillClock, sink: MailServer
) -> None:
    """Sign up, confirm, choose, leave with one click, take a copy, be forgotten; nothing is fetched."""
    here = f"http://127.0.0.1:{client.port}"
    asked: list[str] = []
    context = chromium.new_context(accept_downloads=True, viewport={"width": 720, "height": 900})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{here}/")
    page.fill("#email", "ada@example.org")
    clock.pass_(seconds=4)
    shot(page, "1-form")
    page.click("text=Sign up >> nth=-1")
    page.wait_for_selector("text=Look into your mail")
    shot(page, "2-look-into-your-mail")

    page.goto(here + path_in(letter(sink.box, 1), "/confirm/"))
    shot(page, "3-confirm")
    page.click("text=Yes, send it to me")
    page.wait_for_selector("text=You are in")
    shot(page, "4-you-are-in")
    welcome = letter(sink.box, 2)
    own = path_in(welcome, "/p/")

    page.goto(here + own)
    assert page.is_checked('input[value="daily"]')
    assert not page.is_checked('input[name="tracking"]')
    page.check('input[value="politics"]')
    page.check('input[value="weekdays"]')
    page.check('input[value="text"]')
    page.fill("#send_at", "07:30")
    page.select_option("#timezone", "Europe/London")
    shot(page, "5-preferences")
    page.click("text=Keep these choices")
    page.wait_for_selector("text=Your choices are kept")
    page.select_option("#pause", "14")
    page.click("text=Keep these choices")
    page.wait_for_selector("text=Your mail is paused until")
    shot(page, "6-paused")
    facts = room.readers.show("ada@example.org")
    assert facts
    assert (facts["frequency"], facts["format"], facts["send_at"]) == ("weekdays", "text", "07:30")
    assert (facts["timezone"], facts["topics"]) == ("Europe/London", ["politics"])
    assert facts["state"] == "paused"

    page.set_viewport_size({"width": 390, "height": 800})
    shot(page, "7-phone")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    page.emulate_media(color_scheme="dark")
    shot(page, "7-phone-dark")
    page.set_viewport_size({"width": 1280, "height": 900})
    shot(page, "7-desktop-dark")
    page.emulate_media(color_scheme="light")
    shot(page, "7-desktop")
    page.set_viewport_size({"width": 720, "height": 900})
    with page.expect_download() as download:
        page.click("text=Everything we keep about you")
    copy = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert copy["consents"][0]["action"] == "confirmation-sent"

    page.goto(here + path_in(welcome, "/u/"))
    assert page.get_attribute('a[href^="mailto:"]', "href") == (
        f"mailto:leave@news.example.org?subject=unsubscribe%20{own.removeprefix('/p/')}"
    )
    shot(page, "8-unsubscribe")
    page.click("button:has-text('Unsubscribe')")
    page.wait_for_selector("text=You are unsubscribed")
    shot(page, "9-unsubscribed")
    page.goto(here + own)
    page.click("text=Forget me")
    page.wait_for_selector("a[href='/']")
    shot(page, "10-forgotten")
    assert room.readers.show("ada@example.org") is None
    page.goto(f"{here}/api/v1/docs")
    shot(page, "11-api")
    context.close()
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{client.port}"}
    assert len(sink.box.messages) == 2
