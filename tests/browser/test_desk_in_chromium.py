"""An editor's morning in a real browser, by mouse and by keys; nothing runs that is not ours."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from newsletter.config import Config
from newsletter.database.reports import Report, Reports
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from tests.conftest import SHARED, StillClock
from tests.web.desk.day import NOON, copy_of, prepare
from tests.web.desk.person import PASSWORD, desk_app
from tests.web.serving import served

pytestmark = pytest.mark.browser

AXE = find_spec("axe_playwright_python")
ISSUE = "daily-2026-11-22"
SHOTS = os.environ.get("DESK_SHOTS", "")
"""A folder where the pictures of docs/editing.md go; empty for a run that keeps none."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk that is served, and the browser it is looked at with."""

    room: Newsroom
    base: str
    browser: Browser

    def sit_down(self, role: str, **settings: Any) -> Page:
        """A browser of its own for somebody of a role, signed in."""
        context = self.browser.new_context(
            **{"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce", **settings}
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        watch(context)
        page.goto(f"{self.base}/desk")
        page.fill("#email", f"{role}@example.org")
        page.fill("#password", PASSWORD)
        page.click("button.main")
        page.wait_for_url(f"{self.base}/desk")
        return page


# A shared machine may stall for some seconds; what is slow is measured in benchmarks/.
expect.set_options(timeout=15_000)

ALARMS: list[str] = []


def watch(context: BrowserContext) -> None:
    """Note everything that no page of ours does: dialogs, script errors, refused scripts."""

    def dismiss(dialog: Dialog) -> None:
        ALARMS.append(f"dialog {dialog.message}")
        dialog.dismiss()

    context.on("dialog", dismiss)
    context.on("weberror", lambda error: ALARMS.append(f"error {error.error}"))
    context.on(
        "console",
        lambda message: (
            ALARMS.append(message.text)
            # htmx says so itself when a page is left while a check of what was typed is under way.
            if message.type == "error"
            and not message.text.startswith(
                ("Failed to load resource", "htmx:sendAbort", "htmx:afterRequest")
            )
            else None
        ),
    )


def shot(page: Page, name: str) -> None:
    """Keep a picture for the handbook."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/desk-{name}.png")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """The invented day, made once."""
    folder = tmp_path_factory.mktemp("day")
    return folder, prepare(folder)


@pytest.fixture
def desk(day: tuple[Path, Config], tmp_path: Path, chromium: Browser) -> Iterator[Desk]:
    """A desk over a copy of the day."""
    ALARMS.clear()
    room = copy_of(*day, tmp_path / "place", StillClock(NOON))
    with served(desk_app(room)) as client:
        yield Desk(room, f"http://127.0.0.1:{client.port}", chromium)
    room.close()
    assert not ALARMS


def test_an_editors_whole_morning(desk: Desk) -> None:
    """Log in, read, fix a quote, merge two, drop one, look at night, test, approve, send, correct."""
    room = desk.room
    page = desk.sit_down("publisher")
    # Read: the list, the meter, the mail beside it.
    expect(page.locator(".stories > li")).to_have_count(7)
    expect(page.get_by_text("of 5 min 00 s")).to_be_visible()
    mail = page.frame_locator("iframe.mail")
    expect(mail.get_by_text("Both Sides Daily").first).to_be_visible()
    shot(page, "today")
    page.click(".stories .head >> nth=0")
    expect(page.get_by_role("heading", name="Evidence for overview 1")).to_be_visible()
    shot(page, "story")

    # The gates judge while somebody types; nothing is kept that does not pass.
    headline = page.get_by_label("Headline", exact=True)
    kept = headline.input_value()
    headline.fill("Disgraceful Senate passes 999 roads bills")
    expect(page.locator("#gates .warn").first).to_be_visible()
    shot(page, "gates")
    page.get_by_role("button", name="Keep the text").click()
    expect(page.locator(".problem")).to_contain_text("does not pass")
    expect(page.get_by_label("Headline", exact=True)).to_have_value(re.compile("Disgraceful"))
    page.get_by_label("Headline", exact=True).fill(kept.replace("passes", "approves"))
    expect(page.locator("#gates .warn")).to_have_count(0)
    page.get_by_role("button", name="Keep the text").click()
    expect(page.get_by_label("Headline", exact=True)).to_have_value(
        kept.replace("passes", "approves")
    )

    # Another quote for the left, from the ranked evidence; the first that keeps the sides even.
    before = page.get_by_role("textbox", name="From the left, quote 1").input_value()
    for number in range(8):
        page.get_by_role("link", name="another quote").first.click()
        shot(page, "quotes")
        buttons = page.get_by_role("button", name="Take it", disabled=False)
        buttons.nth(number).click()
        if not page.locator(".problem").count():
            break
    assert page.get_by_role("textbox", name="From the left, quote 1").input_value() != before
    page.get_by_role("link", name=re.compile(r"Versions")).click()
    page.get_by_role("link", name="Version 1", exact=True).click()
    expect(page.locator("del").first).to_be_visible()
    expect(page.locator("ins").first).to_be_visible()
    shot(page, "versions")

    # Merge the fourth story into the second.
    page.goto(f"{desk.base}/desk/issues/{ISSUE}")
    heads = page.locator(".stories .head").all_inner_texts()
    page.click(".stories .head >> nth=1")
    page.get_by_role("link", name=re.compile(r"Articles \(")).click()
    shot(page, "articles")
    page.get_by_label("Merge with").select_option(label=heads[3][:60])
    page.get_by_role("button", name="Merge into this story").click()
    expect(page.get_by_text(f"merged with “{heads[3]}”")).to_be_visible()
    page.get_by_role("link", name="Sunday 22 November").click()
    expect(page.get_by_role("link", name=heads[3], exact=True)).to_have_count(0)

    # Drop one, hold one, move one up, and see it in the list and in the mail.
    first, second = page.locator(".stories .head").all_inner_texts()[:2]
    page.get_by_role("button", name=f"Down: {first}").or_(
        page.get_by_role("button", name=f"Move down: {first}")
    ).click()
    expect(page.locator(".stories .head").first).to_have_text(second)
    last = page.locator(".stories .head").last.inner_text()
    page.get_by_role("button", name=f"Drop: {last}").click()
    expect(page.get_by_text("Out by your decision")).to_be_visible()
    expect(page.locator(".stories .head").filter(has_text=last)).to_have_count(0)

    # Look at it on a phone, by night.
    page.get_by_role("link", name="Phone").click()
    page.get_by_role("link", name="Dark").click()
    expect(page.locator("iframe.phone")).to_be_visible()
    paper = (
        page.frame_locator("iframe.mail")
        .locator("body")
        .evaluate("e => getComputedStyle(e).backgroundColor")
    )
    assert paper == "rgb(22, 22, 22)"
    shot(page, "preview")

    # A test letter, then a yes to exactly these bytes.
    page.get_by_role("link", name="Check and approve…").click()
    page.get_by_label("Save an address").fill("tester@example.org")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("1 test letters are on their way.")).to_be_visible()
    shot(page, "approve")
    page.get_by_role("button", name="Approve revision").click()
    expect(page.get_by_text("Any change of a word takes the approval back.")).to_be_visible()
    issue = room.issues.find(ISSUE)
    assert (issue.state, issue.approved_by) == (IssueState.APPROVED, "Pia Lund")
    assert issue.approved_sha256 == room.issues.revision(issue).sha256

    # Watch it go.
    page.get_by_text("Send it now…").click()
    page.get_by_role("button", name="Send it to 12 readers").click()
    expect(page.get_by_text("12 of 12 letters")).to_be_visible(timeout=20_000)
    expect(page.locator("#progress b").first).to_have_text("Sent", timeout=20_000)
    shot(page, "sending")
    outbox = list(room.config.path(room.config.paths.outbox).rglob("*.eml"))
    assert len(outbox) == 13

    # Correct afterwards.
    page.goto(f"{desk.base}/desk/issues/{ISSUE}")
    page.click(".stories .head >> nth=0")
    page.get_by_label("What was wrong, in one sentence").fill("We misnamed the committee.")
    shot(page, "correct")
    page.get_by_role("button", name="Publish the correction").click()
    expect(page.get_by_role("heading", name="The correction is published")).to_be_visible()
    page.get_by_role("link", name="The story as readers see it").click()
    expect(page.get_by_text("We misnamed the committee.").first).to_be_visible()
    page.goto(f"{desk.base}/desk/numbers")
    shot(page, "numbers")
    acts = {entry.action for entry in room.audit.entries(limit=200)}
    assert {
        "sign-in",
        "edit",
        "story merge",
        "arrange drop",
        "test",
        "approve",
        "send",
        "correct",
    } <= acts


def test_the_same_morning_by_keys_alone(desk: Desk) -> None:
    """No mouse: move, open, order, drop, edit, preview, approve, each by the keys that are listed."""
    page = desk.sit_down("publisher")
    keys = page.keyboard
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    shot(page, "keys")
    keys.press("Escape")
    second = page.locator(".stories .head").all_inner_texts()[1]
    keys.press("j")
    keys.press("j")
    keys.press("u")
    expect(page.locator(".stories .head").first).to_have_text(second)
    for _ in range(7):
        keys.press("j")
    keys.press("x")
    expect(page.get_by_text("Out by your decision (1)")).to_be_visible()
    keys.press("2")
    expect(page.locator("iframe.phone")).to_be_visible()
    keys.press("n")
    expect(page.get_by_role("link", name="Light", exact=True)).to_be_visible()
    keys.press("j")
    keys.press("e")
    expect(page.get_by_label("Headline", exact=True)).to_be_visible()
    keys.press("e")
    expect(page.get_by_label("Headline", exact=True)).to_be_focused()
    keys.press("End")
    keys.type(" today")
    with page.expect_navigation():
        keys.press("Control+Enter")
    said = page.get_by_label("Headline", exact=True).input_value()
    assert said.endswith("today")
    keys.press("v")
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    with page.expect_navigation():
        keys.press("]")
    keys.press("b")
    expect(page.get_by_role("heading", name=re.compile("Sunday 22 November"))).to_be_visible()
    keys.press("a")
    expect(page.get_by_role("button", name="Approve revision")).to_be_visible()
    keys.press("y")
    expect(page.get_by_text("Any change of a word")).to_be_visible()
    assert desk.room.issues.find(ISSUE).state is IssueState.APPROVED
    # Everything that can be clicked can be reached by Tab, and shows where one is.
    keys.press("g")
    keys.press("t")
    page.wait_for_url(f"{desk.base}/desk")
    seen = set()
    for _ in range(60):
        keys.press("Tab")
        seen.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 30)"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none" or (
            page.evaluate("document.activeElement.tagName") in {"BODY", "IFRAME"}
        )
    assert {"Today", "Sign out", "Check and approve…", "Up", "Drop"} <= seen


def test_dragging_reorders(desk: Desk) -> None:
    """A story dragged to another place stands there, in the list and in the issue."""
    page = desk.sit_down("editor")
    first, second, *_ = page.locator(".stories .head").all_inner_texts()
    page.locator(".stories > li").nth(0).drag_to(
        page.locator(".stories > li").nth(1), target_position={"x": 40, "y": 95}
    )
    expect(page.locator(".stories .head").first).to_have_text(second)
    issue = desk.room.issues.find(ISSUE)
    content = desk.room.issues.revision(issue).content
    assert [story.brief.headline for story in content.stories][:2] == [second, first]


def test_what_is_typed_is_not_lost_when_another_was_faster(desk: Desk) -> None:
    """Of two editors the second is told what the first did, and keeps the words they typed."""
    one, other = desk.sit_down("editor"), desk.sit_down("publisher")
    for page in (one, other):
        page.click(".stories .head >> nth=0")
    kept = one.get_by_label("Headline", exact=True).input_value()
    words = [kept.replace("passes", verb) for verb in ("approves", "adopts")]
    deck = one.get_by_label("Deck", exact=True)
    deck.fill("")
    for page, typed in zip((one, other), words, strict=True):
        page.get_by_label("Headline", exact=True).fill(typed)
        page.get_by_role("button", name="Keep the text").click()
        page.wait_for_load_state()
    expect(other.locator(".problem")).to_contain_text("Edda Ito made version 2")
    expect(other.get_by_label("Headline", exact=True)).to_have_value(words[1])
    # Only their own words: the rest is the first editor's, so that keeping it takes nothing back.
    expect(other.get_by_label("Deck", exact=True)).to_have_value("")
    shot(other, "conflict")


PLACES = (
    "/desk", "/desk/issues", f"/desk/issues/{ISSUE}/approve", "/desk/sending", "/desk/reports",
    "/desk/sources", "/desk/status", "/desk/readers?q=reader1@example.org", "/desk/numbers",
    f"/desk/numbers/{ISSUE}", f"/desk/sending/{ISSUE}", "/desk/people", "/desk/audit",
    "/desk/account",
)  # fmt: skip


def every_page(desk: Desk) -> list[str]:
    """The address of each page of the desk."""
    room = desk.room
    issue = room.issues.find(ISSUE)
    story = room.issues.stories_of(issue)[0]
    base = f"/desk/issues/{ISSUE}/stories/{story}"
    parts = ("", "/articles", "/history", "/versions?version=1", "/quotes?at=left-1")
    return [*PLACES, *(base + part for part in parts)]


def add_report(room: Newsroom, details: str = "The committee has another name.") -> None:
    """Something a reader says is wrong."""
    Reports(room.database).add(
        Report(
            number="abc123def456", kind="wrong_fact", slug="roads", story=details[:80],
            details=details, email="reader1@example.org", made=NOON,
        )
    )  # fmt: skip


@pytest.mark.skipif(AXE is None, reason="no axe-core here")
def test_every_page_passes_axe(desk: Desk) -> None:
    """No rule of axe-core is broken on any page of the desk, by day and by night."""
    from axe_playwright_python.sync_playwright import Axe

    add_report(desk.room)
    page = desk.sit_down("admin")
    broken: list[str] = []
    # By night only the colours differ.
    by_night = {"runOnly": ["color-contrast"], "iframes": False}
    for address in [*every_page(desk), "/desk/login"]:
        if address == "/desk/login":
            page.context.clear_cookies()
        page.goto(desk.base + address)
        for scheme, options in (("light", {"iframes": False}), ("dark", by_night)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
            found = Axe().run(page, context="html", options=options)
            broken += [
                f"{address}, {scheme}: {one['id']} {one['nodes'][0]['html'][:160]}"
                for one in found.response["violations"]
            ]
    assert not broken, "\n".join(broken)


def test_every_page_fits_a_phone(desk: Desk) -> None:
    """At 390 px nothing is wider than the screen, and what is pressed is big enough."""
    add_report(desk.room)
    page = desk.sit_down("admin", viewport={"width": 390, "height": 844})
    wide = []
    for address in every_page(desk):
        page.goto(desk.base + address)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide.append((address, width))
    page.goto(f"{desk.base}/desk")
    shot(page, "phone")
    assert not wide


def test_it_works_without_javascript(desk: Desk) -> None:
    """Order, edit, quote and approve are plain forms."""
    page = desk.sit_down("publisher", java_script_enabled=False)
    second = page.locator(".stories .head").nth(1).inner_text()
    page.get_by_role("button", name=f"Move up: {second}").click()
    expect(page.locator(".stories .head").first).to_have_text(second)
    page.click(".stories .head >> nth=0")
    page.get_by_label("Headline", exact=True).fill(f"{second} today")
    page.get_by_role("button", name="Keep the text").click()
    expect(page.get_by_label("Headline", exact=True)).to_have_value(f"{second} today")
    page.get_by_role("link", name="Check and approve…").click()
    page.get_by_role("button", name="Approve revision").click()
    expect(page.get_by_text("Any change of a word")).to_be_visible()


ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}{% for x in [] %}",
    "</script><script>alert(1)</script>",
    '" autofocus onfocus=alert(1) x="',
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "%0d%0aSet-Cookie:x=1",
)


def attacks() -> list[str]:
    """Ours, and some of the collected ones where they are."""
    folder = SHARED / "data" / "security" / "xss"
    found = list(ATTACKS)
    for file in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
        lines = file.read_text("utf-8", "replace").splitlines()
        found += [line for line in lines[:: max(1, len(lines) // 40)] if line.strip()][:40]
    return [re.sub(r"[\x00-\x1f\ud800-\udfff]", " ", one)[:300] for one in found]


def test_nothing_runs_whatever_others_wrote(desk: Desk) -> None:
    """Attack strings as outlet, feed, article, reader and report: every page shows them as text."""
    from sqlalchemy import update

    from newsletter.database import tables

    room, strings = desk.room, attacks()
    issue = room.issues.find(ISSUE)
    told = room.issues.stories_of(issue)
    outlets = dict(room.outlets)
    for at, name in enumerate(outlets):
        attack = strings[at % len(strings)]
        outlets[name] = replace(
            outlets[name],
            name=attack[:120],
            owner=attack,
            provenance=(attack, strings[-1 - at % len(strings)]),
        )
    room.__dict__["outlets"] = outlets
    with room.database.begin() as connection:
        for at, story in enumerate(told):
            connection.execute(
                update(tables.stories)
                .where(tables.stories.c.id == story)
                .values(headline=strings[at % len(strings)])
            )
        ids = [row.id for row in connection.execute(tables.articles.select())]
        for at, article in enumerate(ids):
            attack = strings[at % len(strings)]
            connection.execute(
                update(tables.articles)
                .where(tables.articles.c.id == article)
                .values(
                    title=attack, author=attack, url=strings[at % 5], text=" ".join(strings[:30])
                )
            )
        connection.execute(
            update(tables.candidates).values(
                headline=" ".join(strings[:8]), section=strings[0][:64]
            )
        )
        connection.execute(
            update(tables.feeds).values(problem=" ".join(strings[:20]), state="parked", failures=9)
        )
        connection.execute(
            update(tables.readers).values(
                name=" ".join(strings[:8]), source=strings[1], country="<b"
            )
        )
        connection.execute(update(tables.consents).values(detail=" ".join(strings[:20])))
        connection.execute(update(tables.editors).values(name=strings[7][:80]))
    add_report(room, "\n".join(strings))
    room.audit.note("editor:" + strings[0], strings[1][:40], strings[2], strings[3])
    page = desk.sit_down("admin")
    page.evaluate("window.alarm = 0; window.alert = () => { window.alarm += 1 }")
    for address in every_page(desk):
        page.goto(desk.base + address)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.locator("script").count() == 2, address
        assert not page.locator("img, svg[onload], [onerror], [onfocus], iframe[srcdoc]").count()
        hrefs = page.eval_on_selector_all("a[href]", "all => all.map(a => a.protocol)")
        assert set(hrefs) <= {"http:", "https:", "otpauth:"}, address
        assert "49" not in page.locator("body").inner_text().split()


def test_mail_in_the_preview_can_do_nothing(desk: Desk) -> None:
    """A mail with scripts, forms and pictures of others: in the preview none of it does anything."""
    from sqlalchemy import update

    from newsletter.database import tables

    room = desk.room
    stranger = socket.create_server(("127.0.0.1", 0))
    stranger.settimeout(0.2)
    issue = room.issues.find(ISSUE)
    [rendered] = room.issues.revision(issue).rendered
    evil = (
        "<script>top.document.title='taken'; parent.taken=1</script>"
        f"<img src='http://127.0.0.1:{stranger.getsockname()[1]}/x' onerror='parent.taken=1'>"
        "<form action='/desk/logout' method='post'><button id='b'>x</button></form>"
        "<a id='a' target='_top' href='/desk/account'>leave</a>"
        "<meta http-equiv='refresh' content='0;url=/desk/account'>"
    )
    html = rendered.html.replace("<body", "<body data-x='1'", 1).replace(
        "</body>", f"{evil}</body>"
    )
    with room.database.begin() as connection:
        connection.execute(
            update(tables.issue_revisions).values(
                rendered=[
                    {
                        **{f: getattr(rendered, f) for f in rendered.__dataclass_fields__},
                        "html": html,
                    }
                ]
            )
        )
    page = desk.sit_down("admin")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{desk.base}/desk")
    frame = page.frame_locator("iframe.mail")
    frame.locator("#a").click(no_wait_after=True)
    frame.locator("#b").click(no_wait_after=True)
    page.wait_for_timeout(300)
    assert page.evaluate("window.taken") is None
    assert page.title() != "taken"
    assert page.url.endswith("/desk")
    assert not [url for url in asked if "logout" in url or "account" in url]
    with stranger, pytest.raises(TimeoutError):
        stranger.accept()
    ALARMS[:] = [
        one
        for one in ALARMS
        if "Blocked" not in one
        and "sandboxed" not in one
        and "Content Security Policy" not in one
        and "Unsafe attempt" not in one
    ]
