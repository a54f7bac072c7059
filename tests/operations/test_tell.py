"""Ways of telling, to a real web server, a real program and a real mail."""

from __future__ import annotations

import email
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from newsletter.config import load
from newsletter.errors import DatabaseError, DeliveryError
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.operations.tell import ByCommand, ByMail, ByWebhook, Notice, summary, tell, ways
from tests.conftest import ROOT, StillClock
from tests.operations.rooms import make_issue


@pytest.fixture
def room(tmp_path: Path, clock: StillClock) -> Iterator[Newsroom]:
    """A place that writes its mail to files."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    words = ["collect.sources=[]", "alerts.email=ops@example.org, chief@example.org"]
    made = open_newsroom(load(tmp_path / "config.toml", words), clock=clock)
    yield made
    made.close()


def notice(room: Newsroom, key: str = "disk:data", *, over: bool = False) -> Notice:
    """A full disk."""
    return Notice(
        key=key,
        sentence="Only 3 MB are free",
        hint="Free some space.",
        since=room.clock(),
        over=over,
    )


def mails(room: Newsroom) -> list[email.message.Message]:
    """What lies in the outbox."""
    found = sorted(room.config.path(room.config.paths.outbox).rglob("*.eml"))
    return [email.message_from_bytes(file.read_bytes()) for file in found]


class Hook(BaseHTTPRequestHandler):
    """Remembers what is posted."""

    def do_POST(self) -> None:
        """Take it, or not."""
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]  # our own list
        self.send_response(self.server.answer)  # type: ignore[attr-defined]  # our own word
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    """A web address that takes alerts."""
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.bodies = []  # type: ignore[attr-defined]  # our own list
    server.answer = 200  # type: ignore[attr-defined]  # our own word
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_mail_to_everybody_named(room: Newsroom) -> None:
    """Each gets one mail with the sentence, the hint and the desk; the same news comes once."""
    for _ in range(2):
        ByMail().tell(room, [notice(room)])
    found = mails(room)
    assert sorted(str(one["To"]) for one in found) == ["chief@example.org", "ops@example.org"]
    text = found[0].as_string()
    assert "Only 3 MB are free" in str(found[0]["Subject"])
    assert "Free some space" in text
    ByMail().tell(room, [notice(room, over=True)])
    assert len(mails(room)) == 4


def test_a_reminder_shows_the_draft(room: Newsroom) -> None:
    """Editors read until when, and what the checks say."""
    issue = make_issue(room, "daily", room.local_day("daily"))
    ByMail().tell(room, [notice(room, f"approve:{issue.id}")])
    assert "06:30 EST" in mails(room)[0].as_string().replace("=\n", "")


def test_mail_goes_past_a_database_that_is_down(room: Newsroom) -> None:
    """When nothing can be posted, the transport is used directly."""
    with room.database.begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    ByMail().tell(room, [notice(room, "database:down")])
    assert len(mails(room)) == 2


def test_a_web_address_gets_the_facts(room: Newsroom, hook: HTTPServer) -> None:
    """Plain JSON has every fact, the other form is one text; a refusal is stated without secrets."""
    address = f"http://127.0.0.1:{hook.server_port}/secret"
    ByWebhook(address).tell(room, [notice(room)])
    ByWebhook(address, slack=True).tell(room, [notice(room), notice(room, "x:y", over=True)])
    plain, slack = hook.bodies  # type: ignore[attr-defined]  # our own list
    assert plain["alerts"][0]["key"] == "disk:data"
    assert plain["alerts"][0]["state"] == "trouble"
    assert set(slack) == {"text"}
    assert "OVER" in slack["text"]
    hook.answer = 500  # type: ignore[attr-defined]  # our own word
    with pytest.raises(DeliveryError) as caught:
        ByWebhook(address).tell(room, [notice(room)])
    assert "secret" not in str(caught.value)
    assert not tell(room, ByWebhook("http://127.0.0.1:1/x"), [notice(room)])


def test_a_program_gets_the_facts(room: Newsroom, tmp_path: Path) -> None:
    """It reads JSON on its input; one that fails or is not there is stated."""
    out = tmp_path / "told.json"
    words = [sys.executable, "-c", f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read())"]
    ByCommand(words).tell(room, [notice(room)])
    assert json.loads(out.read_text())["summary"] == "Only 3 MB are free"
    for broken in ([sys.executable, "-c", "raise SystemExit(4)"], ["/nowhere/at/all"]):
        with pytest.raises(DeliveryError):
            ByCommand(broken).tell(room, [notice(room)])


def test_the_ways_that_are_configured(room: Newsroom, caplog: pytest.LogCaptureFixture) -> None:
    """A webhook whose variable is not set is said and left out."""
    alerts = room.config.alerts.model_copy(update={"webhook_env": "HOOK", "command": ("true",)})
    made = replace(room, config=room.config.model_copy(update={"alerts": alerts}))
    names = [way.name for way in ways(made, {"HOOK": "http://127.0.0.1:1/"})]
    assert names == ["mail", "webhook", "command"]
    assert [way.name for way in ways(made, {})] == ["mail", "command"]
    assert "HOOK, which is not set" in caplog.text


def test_a_summary_is_one_sentence(room: Newsroom) -> None:
    """One trouble is its own sentence; several are counted; an end says that it is over."""
    one, end = notice(room), notice(room, over=True)
    assert summary([one]) == "Only 3 MB are free"
    assert summary([end]) == "Over: Only 3 MB are free"
    assert summary([one, one]).startswith("2 things need you")
    assert summary([end, end]) == "2 troubles are over"
    assert issubclass(DatabaseError, Exception)


def test_an_address_that_talks_nonsense_silences_no_other(
    room: Newsroom, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A web address that is no address, and a way that breaks, are not told by; a program is."""

    class Broken:
        name = "broken"

        def tell(self, *_: object) -> None:
            raise KeyError("way")

    program = ByCommand([sys.executable, "-c", f"open({str(tmp_path / 'told')!r}, 'w')"])
    odd = ByWebhook("http://127.0.0.1:port /")
    took = [tell(room, way, [notice(room)]) for way in (odd, Broken(), program)]
    assert took == [False, False, True]
    assert (tmp_path / "told").exists()
    assert "did not take the alert (InvalidURL)" in caplog.text


def test_a_reminder_of_an_edition_that_is_gone_is_told_plainly(room: Newsroom) -> None:
    """Its mail and all others in the bundle go out, in the words of any alert."""
    ByMail().tell(room, [notice(room), notice(room, "approve:gone-2026-11-22")])
    assert len(mails(room)) == 2
    assert all("Only 3 MB are free" in str(mail) for mail in mails(room))
