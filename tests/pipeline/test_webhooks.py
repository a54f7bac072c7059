"""News is posted to a real server on this machine, signed, again after failures, nowhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.config import load
from newsletter.database.signups import Wish
from newsletter.errors import AudienceError
from newsletter.newsroom import Newsroom, open_newsroom
from tests.conftest import ROOT, StillClock
from tests.pipeline.test_corrections import sent


@dataclass
class Receiver:
    """The other side: answers what it is told to, and remembers what came."""

    port: int
    answers: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://127.0.0.1:{self.port}/news"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.came.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status = found.answers.pop(0) if found.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def room(tmp_path: Path, clock: StillClock, receiver: Receiver) -> Iterator[Newsroom]:
    """A place that may post to the receiver."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    allow = f'audience.webhook_allow_hosts=["127.0.0.1:{receiver.port}"]'
    found = open_newsroom(
        load(tmp_path / "config.toml", ["collect.sources=[]", allow]), clock=clock
    )
    yield found
    found.close()


def join(room: Newsroom, who: str = "ada") -> str:
    """Sign up and confirm; the reader's word."""
    key = f"{who}@example.org"
    wish = Wish(email=key, key=key, domain="example.org", editions=("daily",))
    asked = room.signups.sign_up(wish, now=room.clock(), token=room.token)
    assert asked
    done = room.signups.confirm(asked.reader, asked.consent, now=room.clock())
    assert done
    return done.token


def test_news_of_a_reader_is_posted_once_each_and_signed(
    room: Newsroom, receiver: Receiver
) -> None:
    """Subscribed, confirmed, unsubscribed: three messages whose signatures the other side checks."""
    hook = pipeline.add_webhook(room, "crm", receiver.url, ())
    room.readers.unsubscribe(join(room), how="one-click", now=room.clock())
    assert pipeline.deliver_webhooks(room).taken == 3
    assert pipeline.deliver_webhooks(room).taken == 0
    bodies = [json.loads(body) for _, body in receiver.came]
    assert {body["type"] for body in bodies} == {
        "subscriber.subscribed",
        "subscriber.confirmed",
        "subscriber.unsubscribed",
    }
    assert {body["data"]["email"] for body in bodies} == {"ada@example.org"}
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    for headers, body in receiver.came:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
        digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 3


def test_a_failure_is_tried_again_later_under_the_same_id(
    room: Newsroom, receiver: Receiver, clock: StillClock
) -> None:
    """500, a redirect and silence count as failures; 410 ends the tries, a person may begin anew."""
    pipeline.add_webhook(room, "crm", receiver.url, ["subscriber.confirmed"])
    join(room)
    receiver.answers += [500, 302, 410]
    for wait in (0, 5, 60):
        clock.pass_(seconds=wait)
        report = pipeline.deliver_webhooks(room)
        assert report.taken == 0
        assert pipeline.deliver_webhooks(room) == pipeline.PostReport()
    assert report.failed == 1
    assert room.webhooks.listed()[0].failed == 1
    assert room.webhooks.retry_failed(now=clock()) == 1
    assert pipeline.deliver_webhooks(room).taken == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert len(receiver.came) == 4
    clock.pass_(days=31)
    assert room.webhooks.tidy(clock()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:1/",
        "http://10.0.0.1/",
        "https://user:word@example.org/",
        "file:///etc/passwd",
        "http://[::ffff:127.0.0.1]/",
        "http://example.org:22/",
    ],
)
def test_places_inside_the_house_are_refused(room: Newsroom, url: str) -> None:
    """What the guard of the feeds refuses cannot be a webhook either."""
    with pytest.raises(AudienceError):
        pipeline.add_webhook(room, "inside", url, ())


def test_a_name_that_leads_inside_is_refused_when_it_is_posted_to(
    room: Newsroom, receiver: Receiver
) -> None:
    """A public-looking name that resolves to this machine gets nothing."""
    room.webhooks.add(
        "sly", "http://localhost/", ["subscriber.confirmed"], secret="whsec_", now=room.clock()
    )
    join(room)
    report = pipeline.deliver_webhooks(room)
    assert (report.taken, report.again) == (0, 1)
    assert "belongs to this machine" in report.problems[0]
    assert receiver.came == []


def test_a_name_is_used_once_and_a_removal_takes_the_messages_along(
    room: Newsroom, receiver: Receiver
) -> None:
    """A second webhook of a name and an unknown kind are refused; nothing is posted after the end."""
    pipeline.add_webhook(room, "crm", receiver.url, ["subscriber.confirmed"])
    with pytest.raises(AudienceError, match="already"):
        pipeline.add_webhook(room, "crm", receiver.url, ())
    with pytest.raises(AudienceError, match="kind of news"):
        pipeline.add_webhook(room, "other", receiver.url, ["weather"])
    join(room)
    room.webhooks.remove("crm")
    assert pipeline.deliver_webhooks(room) == pipeline.PostReport()


def test_an_issue_that_went_out_is_told_once(
    room: Newsroom, receiver: Receiver, tmp_path: Path
) -> None:
    """With its edition, date, how it ended and how many letters; a second send tells nothing."""
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    join(room)
    room.readers.unsubscribe(join(room, "bo"), how="one-click", now=room.clock())
    pipeline.add_webhook(room, "crm", receiver.url, ("issue.sent",))
    issue = sent(room)
    pipeline.send(room, issue.id)
    assert pipeline.deliver_webhooks(room).taken == 1
    [(_, body)] = receiver.came
    told = json.loads(body)
    assert told["type"] == "issue.sent"
    assert told["data"] == {
        "id": issue.id,
        "edition": "daily",
        "day": issue.day.isoformat(),
        "state": "sent",
        "letters": {"accepted": 1},
    }
    assert "ada" not in body
