"""Looking an issue over: an error forbids every approval, dead links are found behind the guard."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from newsletter import pipeline
from newsletter.database.engine import Database
from newsletter.errors import NotApproved
from newsletter.issue.approve import digest
from newsletter.model import Issue
from newsletter.newsroom import Newsroom
from tests.conftest import StillClock
from tests.issue.content import content
from tests.pipeline.test_corrections import DAY, room

__all__ = ["room"]


@pytest.fixture
def database(sqlite: Database) -> Database:
    """One engine is enough here: the database takes no part in what is looked at."""
    return sqlite


def drafted(room: Newsroom, old: str = "", new: str = "") -> Issue:
    """A draft of the invented day, with something of its HTML replaced."""
    rendered = room.renderer.render(replace(content(), day=DAY), tag=room.tag())
    assert old in rendered.html
    rendered = replace(rendered, html=rendered.html.replace(old, new))
    return room.issues.save_draft(
        replace(content(), day=DAY, stories=()),
        (rendered,),
        sha256=digest((rendered,)),
        made=room.clock(),
    )


def test_a_sound_issue_is_approved(room: Newsroom) -> None:
    """Nothing but warnings is found in an issue as it is rendered."""
    issue = drafted(room)
    assert [one for one in pipeline.findings(room, issue) if one.severity == "error"] == []
    assert pipeline.approve(room, issue.id, by="Ada").state == "approved"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("</body>", "<script>1</script></body>", "script"),
        ("</body>", "x" * 90_000 + "</body>", "Gmail"),
        ("Tamarack", "Elsewhere", "postal"),
    ],
)
def test_an_error_forbids_the_approval(room: Newsroom, old: str, new: str, said: str) -> None:
    """By hand as unattended; the sentence names the first error and the draft stays a draft."""
    issue = drafted(
        room, *((old, new) if old != "Tamarack" else (room.config.site.postal_address, ""))
    )
    with pytest.raises(NotApproved, match=f"(?i){said}"):
        pipeline.approve(room, issue.id, by="Ada")
    with pytest.raises(NotApproved, match=f"(?i){said}"):
        pipeline.approve_unattended(room, issue)
    assert room.issues.find(issue.id).state == "draft"


class Pages(http.server.BaseHTTPRequestHandler):
    """A site with one page that is there, one that wants to be paid, one that is gone."""

    def do_GET(self) -> None:
        status = {"/there": 200, "/pay": 402}.get(self.path, 404)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"<p>Words</p>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The site's address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_links_that_do_not_answer_are_named(room: Newsroom, site: str, clock: StillClock) -> None:
    """A page that is gone is named; one that wants to be paid is not; the guard holds."""
    links = "".join(f'<a href="{site}{path}">x y</a>' for path in ("/there", "/pay", "/gone"))
    rendered = replace(
        room.renderer.render(replace(content(), day=DAY), tag=room.tag()),
        html=f'<html><body>{links}<a href="https://news.example.org/stories/x">own</a></body></html>',
    )
    issue = room.issues.save_draft(
        replace(content(), day=DAY, stories=()), (rendered,), sha256="0" * 64, made=clock()
    )
    refused = pipeline.dead_links(room, issue)
    assert {one.url for one in refused} == {f"{site}/{path}" for path in ("there", "pay", "gone")}
    host = site.removeprefix("http://")
    collect = room.config.collect.model_copy(update={"allow_hosts": (host,)})
    opened = replace(room, config=room.config.model_copy(update={"collect": collect}))
    [dead] = pipeline.dead_links(opened, issue)
    assert dead.url == f"{site}/gone"
    assert dead.problem
