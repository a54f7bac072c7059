"""Every page of the desk in a real browser: two at once, rules, phones, no script, attacks."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.config import Config
from newsletter.database.reports import Report, Reports
from newsletter.newsroom import Newsroom
from tests.browser.desk import ISSUE, Desk, desk_over, seen, shot
from tests.conftest import SHARED, StillClock
from tests.web.desk.day import NOON, copy_of, prepare

pytestmark = pytest.mark.browser

# A shared machine may stall for some seconds; what is slow is measured in benchmarks/.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """The invented day, made once."""
    folder = tmp_path_factory.mktemp("day")
    return folder, prepare(folder)


@pytest.fixture
def desk(day: tuple[Path, Config], tmp_path: Path, chromium: Browser) -> Iterator[Desk]:
    """A desk over a copy of the day."""
    room = copy_of(*day, tmp_path / "place", StillClock(NOON))
    with desk_over(room, chromium) as found:
        yield found


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
    desk.refusals.append("409 edit")
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


def test_every_page_passes_axe(desk: Desk) -> None:
    """No rule of axe-core is broken on any page of the desk, by day and by night."""
    add_report(desk.room)
    page = desk.sit_down("admin")
    for address in every_page(desk):
        page.goto(desk.base + address)
        seen(page)
        lists_its_keys(page)
    stranger = desk.seat()
    stranger.goto(f"{desk.base}/desk/login")
    seen(stranger)


def lists_its_keys(page: Page) -> None:
    """The list of keys names each key of the page, and none that does nothing."""
    listed = set(page.locator("#keys dt:not(:has-text('g')) kbd").all_text_contents())
    there = set(page.eval_on_selector_all("[data-key]", "all => all.map(a => a.dataset.key)"))
    assert there <= listed, page.url
    # What is let in again, swapped or next to the first and the last comes and goes.
    assert listed - there <= {"j", "k", "?", "Esc", "Ctrl", "Enter", "Space", *"lwp[]t"}, page.url
    assert "j" in listed or not page.locator("[data-item]").count(), page.url


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
    # Chromium says what it refused; nothing else may be said.
    refused = ("Blocked", "sandboxed", "Content Security Policy", "Unsafe attempt", "csp")
    desk.alarms[:] = [one for one in desk.alarms if not any(word in one for word in refused)]
