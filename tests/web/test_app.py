"""What the application answers, over a real connection."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI

from newsletter.database.reports import Reports
from newsletter.database.rows import insert_new
from newsletter.database.tables import stories
from newsletter.errors import DatabaseError
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app
from tests.conftest import StillClock
from tests.issue.content import content
from tests.web.serving import Client, served

DAY = date(2026, 11, 22)


def token_of(room: Newsroom, email: str = "ada@example.org") -> str:
    """The word in a reader's links."""
    reader = room.readers.by_email(email)
    assert reader
    return reader.token


def state_of(room: Newsroom, email: str = "ada@example.org") -> str:
    """A reader's state as the operator sees it."""
    facts = room.readers.show(email)
    assert facts
    return str(facts["state"])


def publish(room: Newsroom, state: IssueState = IssueState.APPROVED, day: date = DAY) -> Issue:
    """Store an issue and bring it into a state."""
    told = replace(content(), edition="daily", day=day)
    with room.database.begin() as connection:
        rows = [
            {
                "id": story.story,
                "slug": story.slug,
                "headline": story.brief.headline,
                "section": story.section,
                "first_seen": room.clock(),
                "updated": room.clock(),
            }
            for story in told.stories
        ]
        insert_new(connection, stories, rows)
    rendered = room.renderer.render(told, tag=room.tag())
    issue = room.issues.save_draft(told, (rendered,), sha256="0" * 64, made=room.clock())
    if state is IssueState.DRAFT:
        return issue
    return room.issues.change(issue, replace(issue, state=state, approved_by="an editor"))


# --------------------------------------------------------------------------- issues


def test_before_the_first_issue_the_front_page_says_so(client: Client) -> None:
    """An empty place has a front page all the same."""
    answer = client.get("/")
    assert answer.status == 200
    assert "first issue has not been sent yet" in answer.text
    assert 'action="/subscribe"' in answer.text


@pytest.mark.parametrize(
    ("state", "public"),
    [
        (IssueState.DRAFT, False),
        (IssueState.APPROVED, True),
        (IssueState.SENDING, True),
        (IssueState.PAUSED, True),
        (IssueState.SENT, True),
        (IssueState.PARTLY_SENT, True),
        (IssueState.CANCELLED, False),
    ],
)
def test_only_what_was_approved_is_public(
    room: Newsroom, client: Client, state: IssueState, *, public: bool
) -> None:
    """A draft, and an issue cancelled before it left, answer like nothing at all."""
    publish(room, state)
    headline = content().stories[0].brief.headline
    assert (headline in client.get("/").text) is public
    assert client.get("/issues/2026-11-22").status == (200 if public else 404)


def test_a_cancelled_issue_that_somebody_got_stays_readable(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """Links in letters that had left before the cancellation go on working."""
    issue = publish(room)
    room.issues.change(issue, replace(issue, state=IssueState.CANCELLED, send_started=clock()))
    assert client.get("/issues/2026-11-22").status == 200


def test_a_page_carries_nobodys_links(room: Newsroom, client: Client) -> None:
    """The public page is the mail's own HTML without a token left in it."""
    issue = publish(room)
    answer = client.get("/issues/2026-11-22")
    tag = room.issues.revision(issue).rendered[0].tag
    assert tag not in answer.text
    assert "/u/" not in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_an_unchanged_page_is_not_sent_again(room: Newsroom, client: Client) -> None:
    """A browser that has the page gets 304 and no body."""
    publish(room)
    tag = client.get("/issues/2026-11-22").headers["etag"]
    again = client.ask("GET", "/issues/2026-11-22", headers={"If-None-Match": tag})
    assert (again.status, again.text) == (304, "")


def test_the_newest_public_issue_is_on_the_front_page(room: Newsroom, client: Client) -> None:
    """A newer draft does not hide the last issue."""
    publish(room, day=date(2026, 11, 21))
    publish(room, IssueState.DRAFT, day=DAY)
    assert 'href="/issues/2026-11-21"' in client.get("/").text


def test_a_story_has_a_page_once_an_issue_told_it(room: Newsroom, client: Client) -> None:
    """The text is the approved one; before an approval there is no page at all."""
    issue = publish(room, IssueState.DRAFT)
    story = content().stories[0]
    assert client.get(f"/stories/{story.slug}").status == 404
    room.issues.change(issue, replace(issue, state=IssueState.APPROVED, approved_by="an editor"))
    answer = client.get(f"/stories/{story.slug}")
    assert answer.status == 200
    assert story.brief.headline in answer.text
    assert "Approved by an editor" in answer.text
    assert f"/stories/{story.slug}/card.png" in answer.text


def test_a_report_gets_a_number_that_says_what_became_of_it(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """A report about a public story is kept, and its number shows its state to who has it."""
    publish(room)
    slug = content().stories[0].slug
    assert 'method="post"' in client.get(f"/stories/{slug}/report").text
    form = {"kind": "wrong_quote", "details": "She said <b>four</b>.", "email": "ada@example.org"}
    # PostgreSQL stores no NUL, and a copy of this database there would stop at it.
    answer = client.post(f"/stories/{slug}/report", urlencode(form).replace("She", "S%00he"))
    assert answer.status == 303
    shown = client.get(answer.headers["location"])
    assert shown.status == 200
    assert "Waiting for an editor" in shown.text
    assert "ada@example.org" not in shown.text
    [kept] = Reports(room.database).open()
    assert (kept.slug, kept.details, kept.email) == (slug, form["details"], form["email"])
    assert client.get("/reports/abcdefghijkl").status == 404
    assert Reports(room.database).settle(kept.number, state="corrected", answer="Four, indeed.")
    assert "Four, indeed." in client.get(f"/reports/{kept.number}").text
    assert Reports(room.database).open() == []

    again = client.post(f"/stories/{slug}/report", urlencode({**form, "details": " "}))
    assert again.status == 400
    assert "Please say what is wrong" in again.text
    robot = client.post(f"/stories/{slug}/report", urlencode({**form, "website": "x"}))
    assert robot.status == 303
    assert Reports(room.database).open() == []
    assert client.post("/stories/nothing/report", urlencode(form)).status == 404
    answers = [client.post(f"/stories/{slug}/report", urlencode(form)).status for _ in range(4)]
    assert answers[-1] == 429
    clock.pass_(hours=1)
    assert client.post(f"/stories/{slug}/report", urlencode(form)).status == 303


def test_lists_name_public_issues_only(room: Newsroom, client: Client) -> None:
    """Archive, feed and sitemap have what was approved and nothing of a draft."""
    publish(room, day=date(2026, 11, 21))
    publish(room, IssueState.DRAFT, day=DAY)
    for path in ("/issues", "/feed.xml", "/sitemap.xml"):
        answer = client.get(path)
        assert answer.status == 200
        assert "/issues/2026-11-21" in answer.text
        assert "2026-11-22" not in re.sub(r"<(lastmod|pubDate)>.*?</", "", answer.text)
    for line in (client.get("/sitemap.xml").text, client.get("/feed.xml").text):
        ElementTree.fromstring(line)


@pytest.mark.parametrize("path", ["/method", "/corrections", "/unsubscribe", "/preferences"])
def test_every_address_in_a_footer_leads_somewhere(client: Client, path: str) -> None:
    """What the mail and the pages link to is there."""
    assert client.get(path).status == 200


@pytest.mark.parametrize(
    "path", ["/issues/2026-02-30", "/issues/yesterday", "/issues/2026-11-22%0a", "/nothing", "/u/"]
)
def test_what_is_not_there_is_a_friendly_page(client: Client, path: str) -> None:
    """A wrong address gets our own page and leads back."""
    answer = client.get(path)
    assert answer.status == 404
    assert 'href="/"' in answer.text
    assert "There is no such page" in answer.text


# --------------------------------------------------------------------------- leaving


def test_looking_at_the_page_unsubscribes_nobody(room: Newsroom, client: Client) -> None:
    """GET and HEAD show a button, because scanners follow every link in a mail."""
    token = token_of(room)
    for method in ("GET", "HEAD", "GET"):
        assert client.ask(method, f"/u/{token}").status == 200
    page = client.get(f"/u/{token}").text
    assert f'<form method="post" action="/u/{token}">' in page
    assert "a…@example.org" in page
    assert "ada@example.org" not in page
    assert state_of(room) == "active"


MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (MULTIPART, "multipart/form-data; boundary=x"),
    ],
)
def test_one_click_unsubscribes_in_one_request(
    room: Newsroom, client: Client, body: str, kind: str
) -> None:
    """RFC 8058: a POST without cookie or login, answered without redirect or cookie."""
    answer = client.post(f"/u/{token_of(room)}", body, kind)
    assert answer.status == 200
    assert not {"location", "set-cookie"} & set(answer.headers)
    facts = room.readers.show("ada@example.org")
    assert facts
    assert facts["state"] == "unsubscribed"
    assert facts["consents"][-1]["source"] == "one-click"
    assert state_of(room, "bo@example.org") == "active"


def test_the_button_unsubscribes_too(room: Newsroom, client: Client) -> None:
    """What the page's own form sends is a POST with an empty body."""
    answer = client.post(f"/u/{token_of(room)}")
    assert answer.status == 200
    assert "You are unsubscribed" in answer.text
    facts = room.readers.show("ada@example.org")
    assert facts
    assert facts["consents"][-1]["source"] == "unsubscribe page"


def test_a_second_click_is_answered_like_the_first(room: Newsroom, client: Client) -> None:
    """Unsubscribing twice is the same page, and one line in the log of consents."""
    token = token_of(room)
    first, second = (client.post(f"/u/{token}", "List-Unsubscribe=One-Click") for _ in range(2))
    assert first == replace(second, headers=first.headers)
    facts = room.readers.show("ada@example.org")
    assert facts
    assert [one["action"] for one in facts["consents"]] == ["imported", "unsubscribed"]


@pytest.mark.parametrize("token", ["x" * 22, "x" * 32, "%00", "a" * 500, "'; DROP TABLE readers"])
def test_a_word_that_is_nobodys_is_answered_the_same(client: Client, token: str) -> None:
    """Forged words and words of erased people get the neutral page; nothing tells them apart."""
    path = f"/u/{token}".replace(" ", "%20")
    asked, done = client.get(path), client.post(path, "List-Unsubscribe=One-Click")
    assert (asked.status, done.status) == (200, 200)
    assert done.text == client.post(f"/u/{'y' * 22}").text


def test_a_broken_or_endless_body_unsubscribes_all_the_same(room: Newsroom, client: Client) -> None:
    """The POST is the wish; what is in it need not parse."""
    assert client.post(f"/u/{token_of(room)}", "\x00--", "multipart/form-data").status == 200
    assert state_of(room) == "unsubscribed"
    other = token_of(room, "bo@example.org")
    assert client.post(f"/u/{other}", "x" * 200_000).status == 200
    assert state_of(room, "bo@example.org") == "unsubscribed"


def test_preferences_show_what_is_kept(room: Newsroom, client: Client) -> None:
    """The page names the topics and leads to leaving; a wrong word finds nothing."""
    token = token_of(room)
    answer = client.get(f"/p/{token}")
    assert answer.status == 200
    assert f'href="/u/{token}"' in answer.text
    assert "Politics" in answer.text
    assert client.get(f"/p/{'x' * 22}").status == 404


# --------------------------------------------------------------------------- the rest


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/healthz", "/robots.txt", "/static/site.css", f"/u/{'x' * 22}"]
)
def test_every_answer_is_dressed(client: Client, path: str) -> None:
    """No script, no frame, no sniffing, no referrer; private pages are never stored or indexed."""
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers
    if path.startswith("/u/"):
        assert headers["cache-control"] == "no-store"
        assert "noindex" in headers["x-robots-tag"]


def test_pages_have_no_script_and_nothing_from_elsewhere(room: Newsroom, client: Client) -> None:
    """Every page works under our own policy: no script tag, no style or image of another host."""
    publish(room)
    token = token_of(room)
    for path in ("/", "/issues/2026-11-22", f"/u/{token}", f"/p/{token}", "/nothing"):
        text = client.get(path).text
        assert "<script" not in text
        assert not re.findall(r'(?:src|@import)\s*=?\s*"https?:', text)


def test_robots_keep_out_of_personal_pages(client: Client) -> None:
    """The personal addresses are named, the issues are not."""
    text = client.get("/robots.txt").text
    assert "Disallow: /u/" in text
    assert "Disallow: /p/" in text
    assert "/issues" not in text


def test_health_follows_the_database(room: Newsroom, client: Client) -> None:
    """200 while the tables answer; 503 without a word about paths when they do not."""
    answer = client.get("/healthz")
    assert answer.status == 200
    assert json.loads(answer.text)["database"] == "ok"
    with room.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE readers RENAME TO gone")
    answer = client.get("/healthz")
    assert answer.status == 503
    assert json.loads(answer.text)["status"] == "failing"
    assert "sqlite" not in answer.text


def test_a_fault_of_ours_is_a_page_with_a_number(
    room: Newsroom, caplog: pytest.LogCaptureFixture
) -> None:
    """What breaks is logged under the reference the visitor sees, and shows nothing of itself."""
    app: FastAPI = create_app(room)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret path")

    @app.get("/busy")
    def busy() -> None:
        raise DatabaseError("a secret path", "is locked")

    with served(app) as client:
        for path, status in (("/broken", 500), ("/busy", 503)):
            answer = client.get(path)
            assert answer.status == status
            assert "a secret path" not in answer.text
            assert "Something broke on our side" in answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"
            [reference] = re.findall(r"mention ([0-9a-f]{8})", answer.text)
            assert any(reference in record.getMessage() for record in caplog.records)


def test_a_broken_template_still_gives_an_answer(room: Newsroom, tmp_path: Path) -> None:
    """Where even the error page cannot be made, plain text says the status."""
    (tmp_path / "templates" / "web" / "page.html").write_text("{% broken")
    with served(create_app(room)) as client:
        answer = client.get("/nothing")
    assert (answer.status, answer.text) == (404, "Error 404")
