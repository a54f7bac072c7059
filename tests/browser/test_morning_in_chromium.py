"""An editor's whole morning in a real browser: by mouse, and again by keys alone.

docs/editing.md walks through the same morning. What is bold there was clicked here, and each key
it names was pressed: the last lines of each test compare.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterator
from datetime import time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import update

from newsletter.audience.importing import read_rows
from newsletter.config import Config
from newsletter.database import tables
from newsletter.model import DeliveryState, IssueState
from newsletter.newsroom import Newsroom
from tests.browser.desk import HERE, ISSUE, Desk, desk_over, promised, seen, sign_in
from tests.conftest import ROOT, StillClock
from tests.web.desk.day import NOON, copy_of, prepare
from tests.web.desk.person import PASSWORD

pytestmark = pytest.mark.browser
# A shared machine may stall for some seconds; what is slow is measured in benchmarks/.
expect.set_options(timeout=15_000)

CHAPTERS = (ROOT / "docs" / "editing.md").read_text()
CHAPTERS = CHAPTERS[CHAPTERS.index("## 1.") : CHAPTERS.index("## Two people")]


def at_a_pace(config: Config) -> Config:
    """Sent at one o'clock, seven letters an hour: time to press pause."""
    daily = config.editions["daily"].model_copy(update={"send_at": time(13)})
    delivery = config.delivery.model_copy(update={"letters_per_hour": 7})
    return config.model_copy(update={"editions": {"daily": daily}, "delivery": delivery})


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """The invented day, made once."""
    folder = tmp_path_factory.mktemp("day")
    return folder, prepare(folder)


@pytest.fixture
def desk(day: tuple[Path, Config], tmp_path: Path, chromium: Browser) -> Iterator[Desk]:
    """A desk at five minutes to one, with a reader who wants politics only."""
    clock = StillClock(NOON + timedelta(minutes=55))
    room = copy_of(*day, tmp_path / "place", clock, at_a_pace)
    room.readers.import_rows(
        read_rows(io.BytesIO(b"email,topics\npolitics@example.org,politics\n")),
        source="people.csv", consent="paper form", editions=("daily",), now=NOON,
        token=room.token, refusals=tmp_path / "refused.csv",
    )  # fmt: skip
    with desk_over(room, chromium) as found:
        yield found


def heads(page: Page) -> list[str]:
    """The headlines of the issue, in order."""
    return page.locator(".stories .head").all_inner_texts()


def first_head(page: Page, text: str) -> None:
    """The story that comes first."""
    expect(page.locator(".stories .head").first).to_have_text(text)


def clock_of(room: Newsroom) -> StillClock:
    """The clock on the wall, to be put forward."""
    assert isinstance(room.clock, StillClock)
    return room.clock


def test_an_editors_whole_morning(desk: Desk) -> None:
    """Log in, read, mend, merge, order, look, test, approve, send, pause, go on, correct."""
    page = desk.seat()
    sign_in(page, desk.base, "publisher")
    reads(page)
    fixes_a_text(page, desk)
    sorts_articles(page, desk)
    orders_the_issue(page, desk)
    looks_at_the_mail(page, desk)
    approves(page, desk)
    watches_it_go(page, desk)
    corrects(page)
    acts = {entry.action for entry in desk.room.audit.entries(limit=200)}
    assert {
        "sign-in", "edit", "rewrite", "restore", "withhold", "release", "story merge",
        "story split", "story move", "story unlock", "story kind", "story date", "story rename",
        "arrange up", "arrange order", "arrange drop", "arrange back", "arrange hold",
        "arrange pin", "arrange swap", "test", "approve", "send", "pause", "resume", "write_off",
        "correct",
    } <= acts  # fmt: skip
    bold, _ = promised(CHAPTERS)
    missing = {
        words for words in bold if not any(done.startswith(words) for done in desk.did["click"])
    }
    assert not missing, f"docs/editing.md promises what nobody clicked: {missing}"


def reads(page: Page) -> None:
    """The list, the meter, the mail beside it."""
    expect(page.locator(".stories > li")).to_have_count(7)
    expect(page.get_by_text("of 5 min 00 s")).to_be_visible()
    mail = page.frame_locator("iframe.mail")
    expect(mail.get_by_text("Both Sides Daily").first).to_be_visible()
    seen(page, "today")


def fixes_a_text(page: Page, desk: Desk) -> None:
    """Headline, lead, quote, versions, a block by the writer, withhold and release."""
    page.click(".stories .head >> nth=0")
    headline = page.get_by_role("textbox", name="Headline")
    kept = headline.input_value()
    headline.click()
    expect(page.get_by_role("heading", name="Evidence for headline")).to_be_visible()
    page.get_by_role("textbox", name="Overview, sentence 1").click()
    expect(page.locator("#evidence mark").first).to_be_visible()
    seen(page, "story")

    # The gates judge while somebody types; nothing is kept that does not pass.
    headline.fill("Disgraceful Senate passes 999 roads bills")
    expect(page.locator("#gates .warn").first).to_be_visible()
    seen(page, "gates")
    page.get_by_role("button", name="Keep the text").click()
    desk.refusals.append("400 edit")
    expect(page.locator(".problem")).to_contain_text("does not pass")
    expect(page.locator(".problem")).to_be_focused()
    expect(headline).to_have_value(re.compile("Disgraceful"))
    seen(page)
    headline.fill(kept.replace("passes", "approves"))
    expect(page.locator("#gates .warn")).to_have_count(0)
    page.get_by_role("button", name="Keep the text").click()
    expect(page.get_by_text("version 2, Pia Lund: changed: headline")).to_be_visible()
    expect(headline).to_have_value(kept.replace("passes", "approves"))

    # Another lead article.
    lead = page.get_by_label("Lead article").first
    before = lead.input_value()
    lead.select_option(index=2)
    assert lead.input_value() != before
    page.get_by_role("button", name="Keep the text").click()
    expect(page.get_by_text("changed: lead article of the left")).to_be_visible()
    assert page.get_by_label("Lead article").first.input_value() != before

    # Another quote for the left, from the ranked evidence; the first that keeps the sides even.
    quote = page.get_by_role("textbox", name="From the left, quote 1")
    before = quote.input_value()
    for number in range(8):
        page.get_by_role("link", name="another quote").first.click()
        take = page.get_by_role("button", name="Take it", disabled=False).nth(number)
        expect(take).to_be_visible()
        if not number:
            seen(page, "quotes")
        with page.expect_navigation():
            take.click()
        if not page.locator(".problem").count():
            break
        desk.refusals.append("400 quotes")
    assert quote.input_value() != before

    # A block written anew, then an older version whole.
    page.get_by_label("Block").select_option("headline")
    page.get_by_label("Writer").select_option("extract")
    page.get_by_role("button", name="Write it anew").click()
    expect(headline).to_have_value(kept)
    page.get_by_role("link", name="Versions (").click()
    page.get_by_role("link", name="Version 1", exact=True).click()
    expect(page.locator("del").first).to_be_visible()
    expect(page.get_by_role("heading", name="lead article, left")).to_be_visible()
    seen(page, "versions")
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("version 1 restored")).to_be_visible()
    expect(quote).to_have_value(before)

    # Withheld with a reason, found again on today, and released.
    page.get_by_label("Reason").fill("The tally is in dispute.")
    page.get_by_role("button", name="Withhold the story").click()
    expect(page.get_by_text("Withheld: The tally is in dispute.", exact=True)).to_be_visible()
    page.get_by_role("link", name="Sunday 22 November").click()
    expect(page.get_by_role("heading", name="Withheld (1)")).to_be_visible()
    seen(page)
    page.get_by_role("link", name=kept).click()
    page.get_by_role("button", name="Release it").click()
    expect(page.get_by_text("released as it was")).to_be_visible()


def sorts_articles(page: Page, desk: Desk) -> None:
    """Merge, split off, move and take back, kind, date, name."""
    page.get_by_role("link", name="Today").click()
    names = heads(page)
    page.click(".stories .head >> nth=1")
    page.get_by_role("link", name="Articles (").click()
    page.get_by_label("Merge with").select_option(label=names[3][:60])
    seen(page, "articles")
    page.get_by_role("button", name="Merge into this story").click()
    expect(page.get_by_text(f"merged with “{names[3]}”")).to_be_visible()
    expect(page.get_by_role("link", name=names[3])).to_have_count(0)

    ticks = page.locator(".articles input[type=checkbox]")
    page.get_by_role("button", name="Move", exact=True).click()
    desk.refusals.append("400 articles")
    expect(page.locator(".problem")).to_contain_text("No article is ticked")
    for number in (0, 1):
        ticks.nth(number).check()
    page.get_by_label("Split them off").fill("Two that stand alone")
    page.get_by_role("button", name="Split off").click()
    expect(page.get_by_text("2 articles split off as “Two that stand alone”")).to_be_visible()
    count = ticks.count()
    ticks.nth(0).check()
    page.get_by_label("Or move them into").select_option(label=names[2][:60])
    page.get_by_role("button", name="Move", exact=True).click()
    moved = page.locator("li").filter(has_text=f"moved to “{names[2]}”")
    expect(moved).to_be_visible()
    expect(ticks).to_have_count(count - 1)
    moved.get_by_role("button", name="Undo").click()
    expect(moved).to_have_count(0)
    expect(ticks).to_have_count(count)

    article = page.locator(".articles > li").nth(2)
    title = article.locator("b").inner_text()
    row = page.locator(".articles > li").filter(has_text=title)
    row.get_by_text("Text, kind and date").click()
    row.get_by_label("Kind").select_option("opinion")
    row.get_by_role("button", name="Set the kind").click()
    expect(row.locator(".by")).to_contain_text("· opinion ·")
    row.get_by_text("Text, kind and date").click()
    row.get_by_label("Published, UTC").fill("2026-11-21T05:30")
    row.get_by_role("button", name="Set the date").click()
    expect(row.locator(".by")).to_contain_text("21 Nov 05:30 UTC · date corrected")
    page.get_by_label("Headline that stays").fill("Nurses strike at six Linden hospitals")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_text("renamed “Nurses strike at six Linden hospitals”")).to_be_visible()


def orders_the_issue(page: Page, desk: Desk) -> None:
    """Up and down, dragged, pinned, dropped, let in, held, put in, swapped: list and issue agree."""
    page.get_by_role("link", name="Today").click()
    first, second, third, *_ = heads(page)

    def press(act: str, story: str) -> Locator:
        return page.get_by_role("button", name=f"{act}: {story}", exact=True)

    press("Move up", second).click()
    first_head(page, second)
    press("Move down", second).click()
    first_head(page, first)
    page.locator(".stories > li").nth(0).hover()
    page.mouse.down()
    box = page.locator(".stories > li").nth(1).bounding_box()
    assert box
    for lower in (20, 10, 5):  # Chromium asks where one is, more than once
        page.mouse.move(box["x"] + 60, box["y"] + box["height"] - lower)
    expect(page.locator("li.moving")).to_have_count(1)
    seen(page)
    page.mouse.up()
    first_head(page, second)
    press("Pin", third).click()
    first_head(page, third)
    press("Unpin", third).click()
    expect(press("Pin", third)).to_be_visible()
    last = heads(page)[-1]
    press("Drop", last).click()
    expect(page.get_by_role("heading", name="Out by your decision (1)")).to_be_visible()
    assert last not in heads(page)
    press("Let in again", last).click()
    expect(page.locator(".stories").get_by_role("link", name=last)).to_be_visible()
    press("Hold for tomorrow", last).click()
    expect(page.get_by_text("held for tomorrow", exact=False).first).to_be_visible()
    assert last not in heads(page)
    waiting = page.locator(".waiting li").filter(has=page.get_by_role("button", name="Put in"))
    names = [one.get_by_role("link").inner_text() for one in waiting.all()[:2]]
    press("Put in", names[0]).click()
    first_head(page, names[0])
    gone = heads(page)[-1]
    page.get_by_label(f"Story to leave out for: {names[1]}").select_option(
        index=len(heads(page)) - 1
    )
    press("Swap in", names[1]).click()
    expect(page.locator(".stories").get_by_role("link", name=names[1])).to_be_visible()
    assert gone not in heads(page)
    press("Drop", names[0]).click()
    press("Drop", names[1]).click()
    expect(page.get_by_role("heading", name="Out by your decision (4)")).to_be_visible()
    content = desk.room.issues.revision(desk.room.issues.find(ISSUE)).content
    assert [story.brief.headline for story in content.stories] == heads(page)


def looks_at_the_mail(page: Page, desk: Desk) -> None:
    """Each way to look at it, and what is seen is what it says."""
    page.wait_for_load_state("networkidle")
    page.goto(f"{desk.base}/desk/issues/{ISSUE}")
    mail = page.frame_locator("iframe.mail")
    expect(mail.locator("h1").first).to_be_visible()
    paper = "e => getComputedStyle(e).backgroundColor"
    page.get_by_role("link", name="Phone", exact=True).click()
    expect(page.locator("iframe.phone")).to_be_visible()
    page.get_by_role("link", name="Dark").click()
    expect(page.get_by_role("link", name="Light", exact=True)).to_be_visible()
    assert mail.locator("body").evaluate(paper) == "rgb(22, 22, 22)"
    seen(page, "preview")
    page.get_by_role("link", name="Light", exact=True).click()
    expect(page.get_by_role("link", name="Dark", exact=True)).to_be_visible()
    assert mail.locator("body").evaluate(paper) != "rgb(22, 22, 22)"
    page.get_by_role("link", name="Text", exact=True).click()
    expect(mail.locator("pre")).to_contain_text("Both Sides Daily", ignore_case=True)
    seen(page)
    page.get_by_role("link", name="Desktop").click()
    page.get_by_role("link", name="Images off").click()
    expect(page.get_by_role("link", name="Images on")).to_be_visible()
    expect(mail.get_by_text("Both Sides Daily").first).to_be_visible()
    page.get_by_role("link", name="Images on").click()
    business = mail.get_by_text("Business", exact=True)
    expect(business.first).to_be_visible()
    page.get_by_label("Variant").select_option("politics")
    expect(page.get_by_label("Variant")).to_have_value("politics")
    expect(mail.get_by_text("Politics", exact=True).first).to_be_visible()
    expect(business).to_have_count(0)

    # Who may see readers looks at the letter of one.
    other = desk.sit_down("admin")
    other.get_by_label("As reader").fill("politics@example.org")
    other.get_by_role("button", name="Show").click()
    theirs = other.frame_locator("iframe.mail")
    expect(theirs.get_by_text("Politics", exact=True).first).to_be_visible()
    expect(theirs.get_by_text("Business", exact=True)).to_have_count(0)
    other.get_by_label("As reader").fill("stranger@example.org")
    other.get_by_role("button", name="Show").click()
    expect(theirs.get_by_text("There is no reader of this address.")).to_be_visible()
    other.context.close()


def approves(page: Page, desk: Desk) -> None:
    """A time, a test letter, then a yes to exactly these bytes."""
    page.get_by_role("link", name="Check and approve…").click()
    page.get_by_label("Another time").fill("13:15")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("Sunday 13:15")).to_be_visible()
    page.get_by_label("Save an address").fill("nobody")
    for address in ("tester@example.org", "second@example.org"):
        page.get_by_label("Save an address").fill(address)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_label(address)).to_be_visible()
    page.get_by_label("tester@example.org").uncheck()
    page.get_by_role("button", name="Forget the ticked ones").click()
    expect(page.get_by_label("second@example.org")).to_have_count(0)
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("1 test letter is on its way.")).to_be_visible()
    seen(page, "approve")
    page.get_by_role("button", name="Approve revision").click()
    expect(page.get_by_text("Any change of a word takes the approval back.")).to_be_visible()
    issue = desk.room.issues.find(ISSUE)
    assert (issue.state, issue.approved_by) == (IssueState.APPROVED, "Pia Lund")
    assert issue.approved_sha256 == desk.room.issues.revision(issue).sha256
    seen(page)


def watches_it_go(page: Page, desk: Desk) -> None:
    """Start it, pause it after seven letters, settle one in doubt, go on to the end."""
    room = desk.room
    page.get_by_text("Send it now…").click()
    page.get_by_role("button", name="Send it to 13 readers").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: 7 of 13 letters")).to_be_visible()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    with room.database.begin() as connection:
        some = tables.deliveries.c
        [doubtful] = connection.execute(
            tables.deliveries.select().where(some.state == DeliveryState.ACCEPTED).limit(1)
        )
        connection.execute(
            update(tables.deliveries)
            .where(some.id == doubtful.id)
            .values(state=DeliveryState.UNKNOWN)
        )
    page.get_by_role("link", name="Sending").click()
    expect(page.get_by_text("1 letter in doubt")).to_be_visible()
    seen(page, "sending")
    clock_of(room).pass_(minutes=6)
    page.get_by_text("Write them off…").click()
    page.get_by_role("button", name="Write 1 off").click()
    expect(page.get_by_text("1 letter in doubt")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("13 of 13 letters")).to_be_visible()
    expect(page.locator("#progress b").first).to_have_text("Sent")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    outbox = list(room.config.path(room.config.paths.outbox).rglob("*.eml"))
    assert len(outbox) == 14


def corrects(page: Page) -> None:
    """What was wrong, in one sentence; the story's page says it at once."""
    page.goto(page.url.partition("/desk")[0] + HERE)
    page.click(".stories .head >> nth=0")
    page.get_by_label("What was wrong, in one sentence").fill("We misnamed the committee.")
    page.get_by_role("button", name="Publish the correction").scroll_into_view_if_needed()
    seen(page, "correct")
    page.get_by_role("button", name="Publish the correction").click()
    expect(page.get_by_role("heading", name="The correction is published")).to_be_visible()
    seen(page)
    page.get_by_role("link", name="The story as readers see it").click()
    expect(page.get_by_text("We misnamed the committee.").first).to_be_visible()
    page.goto(page.url.partition("/stories")[0] + "/desk")
    page.get_by_role("link", name="Numbers").click()
    seen(page, "numbers")


def test_the_same_morning_by_keys_alone(desk: Desk) -> None:
    """From log-in to correction no mouse: every step by a key, and one always sees where one is."""
    page = desk.seat()
    page.goto(f"{desk.base}/desk")
    keys = Keys(page)
    expect(page.get_by_label("Address")).to_be_focused()
    keys.type("publisher@example.org")
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.go("Enter")
    page.wait_for_url(f"{desk.base}/desk")

    # The list of keys; then the order of the issue.
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    seen(page, "keys")
    keys.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    first, second, third, *_ = heads(page)
    keys.press("x")
    expect(page.get_by_text("Out by your decision")).to_have_count(0)
    keys.press("j", "j")
    expect(page.locator(".stories > li").filter(has_text=second)).to_be_focused()
    keys.go("u")
    first_head(page, second)
    expect(page.locator(".stories > li").filter(has_text=second)).to_be_focused()
    keys.go("d")
    first_head(page, first)
    expect(page.locator(".stories > li").filter(has_text=second)).to_be_focused()
    keys.go("p")
    first_head(page, second)
    keys.go("p")
    expect(page.get_by_role("button", name=f"Pin: {second}")).to_be_visible()
    for _ in range(8):
        keys.press("j")
    here = keys.item()
    keys.press("k")
    assert keys.item() != here
    dropped = heads(page)[-1]
    while dropped not in keys.item():
        keys.press("k")
    keys.go("x")
    expect(page.get_by_role("heading", name="Out by your decision (1)")).to_be_visible()
    while dropped not in keys.item():
        keys.press("j")
    keys.go("l")
    expect(page.locator(".stories").get_by_role("link", name=dropped)).to_be_visible()
    while dropped not in keys.item():
        keys.press("j")
    keys.go("h")
    expect(page.get_by_text("· held for tomorrow")).to_be_visible()
    before = heads(page)
    while "Put in" not in keys.item():
        keys.press("j")
    keys.go("w")
    assert before[-1] not in heads(page)

    # Look at it.
    keys.go("2")
    expect(page.locator("iframe.phone")).to_be_visible()
    keys.go("n")
    expect(page.get_by_role("link", name="Light", exact=True)).to_be_visible()
    keys.go("3")
    expect(page.frame_locator("iframe.mail").locator("pre")).to_be_visible()
    keys.go("1")
    keys.go("o")
    expect(page.get_by_role("link", name="Images on")).to_be_visible()

    # Read a story with its evidence, write, keep, take another quote.
    keys.press("j", "j")
    keys.go("Enter")
    keys.press("j", "j", "j")
    expect(page.get_by_role("heading", name="Evidence for overview 1")).to_be_visible()
    keys.press("k", "k", "e")
    headline = page.get_by_role("textbox", name="Headline")
    expect(headline).to_be_focused()
    kept = headline.input_value()
    keys.press("End")
    keys.type(" today")
    keys.press("Escape", "j", "k", "Enter")
    expect(headline).to_be_focused()
    keys.go("Control+Enter")
    expect(headline).to_have_value(f"{kept} today")
    expect(page.locator("#b-headline")).to_be_focused()
    quote = page.get_by_role("textbox", name="From the left, quote 1")
    before_it = quote.input_value()
    for number in range(8):
        while page.evaluate("document.activeElement.id") != "b-left-1":
            keys.press("j")
        keys.go("q")
        for _ in range(number + 1):
            keys.press("j")
            while page.evaluate("document.activeElement.querySelector('button').disabled"):
                keys.press("j")
        keys.go("t")
        if not page.locator(".problem").count():
            break
        desk.refusals.append("400 quotes")
    assert quote.input_value() != before_it
    expect(page.locator("#b-left-1")).to_be_focused()

    # Lead, writer, versions; held back and released.
    keys.tab_to("Lead article")
    keys.press("Home", "Escape")
    keys.go("s")
    expect(page.get_by_text("changed: lead article of the left")).to_be_visible()
    keys.press("n")
    expect(page.get_by_label("Block")).to_be_focused()
    keys.go("Control+Enter")
    expect(headline).to_have_value(kept)
    keys.go("v")
    keys.press("j", "j")
    keys.go("Enter")
    expect(page.locator("del").first).to_be_visible()
    keys.go("u")
    expect(page.get_by_text(re.compile(r"version \d+ restored"))).to_be_visible()
    keys.press("h")
    keys.type("In dispute.")
    keys.go("Enter")
    expect(page.get_by_text("Withheld: In dispute.", exact=True)).to_be_visible()
    keys.tab_to("Release it")
    keys.go("Enter")
    expect(page.get_by_text("released as it was")).to_be_visible()

    # Merge, split off, move; an opinion.
    keys.go("b")
    while third not in keys.item():
        keys.press("j")
    keys.go("e")
    keys.go("r")
    keys.press("m")
    expect(page.get_by_label("Merge with")).to_be_focused()
    keys.press("ArrowDown")
    keys.go("Control+Enter")
    expect(page.get_by_text("merged with")).to_be_visible()
    keys.press("j", "Space", "j", "Space", "x")
    keys.type("Two that stand alone")
    keys.go("Enter")
    expect(page.get_by_text("split off as “Two that stand alone”")).to_be_visible()
    keys.press("j", "Space", "i")
    expect(page.get_by_label("Or move them into")).to_be_focused()
    keys.go("Control+Enter")
    expect(page.get_by_text(" moved to ")).to_be_visible()
    keys.press("j", "o")
    expect(page.locator("details[open]")).to_be_visible()
    keys.tab_to("Kind")
    keys.type("op")
    keys.go("Control+Enter")
    expect(page.locator(".articles > li").first.locator(".by")).to_contain_text("opinion")
    keys.go("y")
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    keys.go("w")
    keys.go("]")
    keys.go("[")

    # Test, approve, send, pause, go on.
    keys.go("a")
    keys.press("f")
    keys.type("tester@example.org")
    keys.go("Enter")
    expect(page.get_by_label("tester@example.org")).to_be_visible()
    keys.go("t")
    expect(page.get_by_text("1 test letter is on its way.")).to_be_focused()
    keys.go("y")
    expect(page.get_by_text("Any change of a word")).to_be_visible()
    assert desk.room.issues.find(ISSUE).state is IssueState.APPROVED
    keys.press("s", "Tab")
    keys.go("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    keys.go("p")
    expect(page.get_by_text("Paused: 7 of 13 letters")).to_be_visible()
    clock_of(desk.room).pass_(minutes=6)
    keys.go("p")
    expect(page.get_by_text("13 of 13 letters")).to_be_visible()
    keys.press("g")
    keys.go("s")
    expect(page.locator("#progress b").first).to_have_text("Sent")

    # Correct what readers have.
    keys.press("g")
    keys.go("t")
    keys.press("j")
    keys.go("e")
    keys.press("c")
    keys.type("We misnamed the committee.")
    keys.go("Control+Enter")
    expect(page.get_by_role("heading", name="The correction is published")).to_be_visible()
    _, named = promised(CHAPTERS)
    pressed = {
        {"Escape": "Esc", "Control": "Ctrl", " ": "Space"}.get(k, k) for k in desk.did["key"]
    }
    assert named <= pressed, f"docs/editing.md names keys that nobody pressed: {named - pressed}"


class Model(BaseHTTPRequestHandler):
    """A language model as its protocol sees it: quotes the left, and says too much for a deck."""

    def do_POST(self) -> None:
        """Answer with a draft made of the pieces that were sent."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        [pieces] = [
            json.loads(one["content"])
            for one in asked["messages"]
            if str(one["content"]).startswith("[{")
        ]

        def quoted(side: str) -> list[dict[str, Any]]:
            own = [one for one in pieces if one["side"] == side]
            said = [(one["id"], one["sentence"].strip("“”")) for one in own[-3:]]
            return [{"text": f"“{words}”", "evidence": [name]} for name, words in said]

        long = {"text": " ".join(["word"] * 40), "evidence": [pieces[0]["id"]]}
        draft = {
            "headline": long, "deck": long, "overview": [long],
            "left": quoted("left"), "center": quoted("center"), "right": quoted("right"),
        }  # fmt: skip
        message = {"role": "assistant", "content": json.dumps(draft)}
        answer = json.dumps(
            {
                "id": "chat-1", "object": "chat.completion", "created": 1, "model": "local",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
            }
        ).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""
        del format, args


@pytest.fixture
def model() -> Iterator[str]:
    """The address of a model on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_writes_what_passes_and_nothing_else(
    day: tuple[Path, Config], tmp_path: Path, chromium: Browser, model: str
) -> None:
    """A side that a model quotes rightly is stored as its own; what fails is told, not stored."""
    pytest.importorskip("pydantic_ai", reason="the extra for language models is not installed")

    def with_model(config: Config) -> Config:
        settings = {"name": "openai:local", "base_url": model, "candidates": 1}
        chosen = config.brief.model.model_copy(update=settings)
        return config.model_copy(
            update={"brief": config.brief.model_copy(update={"model": chosen})}
        )

    room = copy_of(*day, tmp_path / "place", StillClock(NOON), with_model)
    with desk_over(room, chromium) as desk:
        page = desk.sit_down("editor")
        page.context.set_default_timeout(60_000)  # the first call imports a large library
        page.click(".stories .head >> nth=0")
        deck = page.get_by_role("textbox", name="Deck").input_value()
        page.get_by_label("Block").select_option("deck")
        page.get_by_label("Writer").select_option("model")
        with page.expect_navigation():
            page.get_by_role("button", name="Write it anew").click()
        desk.refusals.append("400 rewrite")
        expect(page.locator(".problem")).to_contain_text("The model gave no deck that passes")
        expect(page.get_by_role("textbox", name="Deck")).to_have_value(deck)
        page.get_by_label("Block").select_option("left")
        page.get_by_label("Writer").select_option("model")
        with page.expect_navigation():
            page.get_by_role("button", name="Write it anew").click()
        expect(page.get_by_text("left written anew by model openai:local")).to_be_visible()


class Keys:
    """A keyboard, and an eye on where it is."""

    def __init__(self, page: Page):
        self.page = page

    def press(self, *names: str) -> None:
        """Press keys that stay on the page; afterwards one sees where one is."""
        for name in names:
            self.page.keyboard.press(name)
            self.look()

    def go(self, name: str) -> None:
        """Press a key that leads to another page."""
        with self.page.expect_navigation():
            self.page.keyboard.press(name)

    def type(self, text: str) -> None:
        """Type words."""
        self.page.keyboard.type(text)

    def item(self) -> str:
        """The words of the story, passage or article one is at."""
        return str(
            self.page.evaluate(
                "document.activeElement.closest('[data-item]')?.textContent.trim() ?? ''"
            )
        )

    def tab_to(self, name: str) -> None:
        """Press Tab until the thing of that name has the focus."""
        for _ in range(120):
            self.press("Tab")
            if self.page.evaluate(
                "(name) => { const one = document.activeElement; return (one.labels?.[0] ?? one)"
                ".textContent.trim().startsWith(name) }",
                name,
            ):
                return
        raise AssertionError(f"Tab does not reach {name}")

    def look(self) -> None:
        """Whatever has the focus shows it."""
        assert self.page.evaluate(
            "() => { const one = document.activeElement, looks = getComputedStyle(one);"
            " return ['BODY', 'IFRAME', 'DIALOG'].includes(one.tagName)"
            " || looks.outlineStyle !== 'none' && parseFloat(looks.outlineWidth) > 0 }"
        ), self.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
