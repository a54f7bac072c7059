"""Tests of the public pages: what each shows, and that all of them are sound."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest

from newsletter.issue.markup import Page
from newsletter.model import Lean, Outlet, SideBrief, SideStatus
from newsletter.web.public.issues import (
    archive_page,
    feed,
    front_page,
    robots,
    sitemap,
)
from newsletter.web.public.method import method_page
from newsletter.web.public.reports import (
    TicketState,
    corrections_page,
    report_page,
    ticket_page,
)
from newsletter.web.public.story import story_page
from tests.issue.content import NOON, candidates, content
from tests.web.public.content import (
    CONFIG,
    EDITIONS,
    PAGES,
    TICKET,
    issue_lines,
    outlets,
    story_content,
)

EVERY = {
    "front": front_page(PAGES, latest=content(), editions=EDITIONS, sections=["politics"]),
    "front, first day": front_page(PAGES, latest=None, editions=EDITIONS),
    "front, refused": front_page(
        PAGES, latest=None, editions=EDITIONS, problem="That is no address.", email="ada@"
    ),
    "archive": archive_page(PAGES, issue_lines()),
    "archive, empty": archive_page(PAGES, []),
    "story": story_page(PAGES, story_content()),
    "story, bare": story_page(PAGES, story_content(candidates()[5])),
    "method": method_page(PAGES, CONFIG, outlets()),
    "corrections": corrections_page(PAGES, story_content().corrections),
    "corrections, none": corrections_page(PAGES, []),
    "report": report_page(PAGES, story="Ferries", slug="ferry-subsidy", by_form=True),
    "report, by mail": report_page(PAGES, story="Ferries", slug="ferry-subsidy"),
    "ticket": ticket_page(PAGES, TICKET, fresh=True),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_page_is_sound(name: str) -> None:
    """Well-formed, one h1, headings in order, labelled forms, nothing run or fetched."""
    page = Page(EVERY[name])
    assert not page.crooked
    assert not page.doubled
    levels = [int(e.name[1]) for e in page.elements("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert not page.elements("script", "iframe", "img", "style")
    ids = [e.attributes["id"] for e in page.root.walk() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    labelled = {e.attributes.get("for") for e in page.elements("label")}
    for field in page.elements("input", "textarea", "select"):
        assert (
            field.attributes.get("type") in {"hidden", "radio", "checkbox"}
            or field.attributes["id"] in labelled
        )
    for element in page.root.walk():
        assert "style" not in element.attributes
        assert not any(key.startswith("on") for key in element.attributes)


@pytest.mark.parametrize("name", EVERY)
def test_links_inside_a_page_lead_somewhere(name: str) -> None:
    """A link to a part of the page has that part."""
    page = Page(EVERY[name])
    ids = {e.attributes.get("id") for e in page.root.walk()}
    for link in page.elements("a"):
        address = link.attributes["href"]
        assert address.startswith(("/", "#", "https://", "mailto:"))
        if address.startswith("#"):
            assert address[1:] in ids


def test_the_story_page_shows_every_element() -> None:
    """What a reader of a both-sides page expects, and what makes it trustworthy."""
    text = " ".join(Page(EVERY["story"]).root.text().split())
    for part in (
        "Politics · Update",
        "Assembly keeps the island ferries running on a one-year subsidy",
        "Updated 18 March 2026, 12:00 UTC",
        "Left 11",
        "+ 4 unrated publishers",
        "Overview",
        "Sources : 1 Northside Post",
        "Where the numbers differ",
        "From the left",
        "From the center",
        "From the right",
        "Mirela Osgood · Northside Post · news",
        "What only one side reports",
        "Read one from each side",
        "Unrated: 1 article",
        "same wire text",
        "How the story developed",
        "9 March 2026",
        "Earlier headlines",
        "Before: four ferry lines",
        "no text is generated",
        "Approved by Ada Brook",
        "Report a problem",
    ):
        assert part.replace(" :", ":") in text, part


def test_an_article_without_a_highlight_has_no_empty_line() -> None:
    """A verbatim sentence or nothing."""
    page = story_content()
    none = replace(page, brief=replace(page.brief, highlights={}))
    assert EVERY["story"].count('class="said">“Service') == 6
    assert 'class="said">“Service' not in story_page(PAGES, none)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (SideStatus.NO_COVERAGE, "No publisher rated left covers this story."),
        (SideStatus.TOO_THIN, "Too little to quote fairly"),
        (SideStatus.WITHHELD, "did not pass our checks"),
    ],
)
def test_an_empty_side_says_which_of_three_reasons(status: SideStatus, sentence: str) -> None:
    """No coverage, too thin and withheld are three different things."""
    page = story_content()
    empty = replace(page, brief=replace(page.brief, left=SideBrief(status=status)))
    assert sentence in story_page(PAGES, empty)


def test_a_withheld_story_says_so_and_still_lists_its_articles() -> None:
    """The summary is gone, the sources are not."""
    page = story_content()
    withheld = replace(page, brief=replace(page.brief, withheld="No neutral sentence stands."))
    html = story_page(PAGES, withheld)
    assert "No neutral sentence stands." in html
    assert "A boat that carries" not in html
    assert "All articles by side" in html


def test_the_method_page_tells_the_settings_in_use() -> None:
    """Other settings make another page; every outlet stands there with its provenance."""
    html = EVERY["method"]
    for outlet in outlets():
        assert outlet.name in html
    assert html.count("Rated by three readers") == len(outlets())
    assert "at least 75 percent" in html
    changed = CONFIG.model_copy(
        update={"stories": CONFIG.stories.model_copy(update={"blindspot_gap": 0.9})}
    )
    assert "at least 90 percent" in method_page(PAGES, changed, outlets())


def test_an_unrated_outlet_is_called_unrated() -> None:
    """Nothing is center by default."""
    page = Page(method_page(PAGES, CONFIG, [Outlet(id="x", name="X", lean=Lean.UNRATED)]))
    assert next(td.text() for td in page.elements("td")) == "unrated"


def test_the_front_page_keeps_what_was_typed() -> None:
    """A refused sign-up says why, and the address need not be typed twice."""
    page = Page(EVERY["front, refused"])
    email = next(e for e in page.elements("input") if e.attributes.get("name") == "email")
    assert email.attributes["value"] == "ada@"
    assert "That is no address." in page.root.text()


def test_the_archive_is_by_month_newest_first() -> None:
    """March before February, the 18th before the 17th."""
    page = Page(EVERY["archive"])
    assert [e.text() for e in page.elements("h2")] == ["March 2026", "February 2026"]
    days = [e.attributes["datetime"] for e in page.elements("time")]
    assert days == sorted(days, reverse=True)
    assert len(days) == 40


def test_the_feed_is_rss_with_the_newest_issues_first() -> None:
    """Well-formed XML, absolute links, RFC 822 dates."""
    channel = ET.fromstring(feed(PAGES, issue_lines())).find("channel")
    assert channel is not None
    items = channel.findall("item")
    assert len(items) == 40
    assert items[0].findtext("link") == "https://news.example.org/issues/2026-03-18"
    assert items[0].findtext("pubDate") == "Wed, 18 Mar 2026 11:30:00 +0000"


def test_hostile_titles_do_not_break_the_feed() -> None:
    """Markup, control characters and references in a subject stay text."""
    line = replace(issue_lines()[0], subject="]]><script>\x00&bogus; \ud800 & more")
    item = ET.fromstring(feed(PAGES, [line])).find("channel/item/title")
    assert item is not None
    assert item.text == "]]><script>&bogus; & more"


def test_the_sitemap_lists_what_it_is_given() -> None:
    """Absolute addresses with the day of the last change."""
    root = ET.fromstring(sitemap(PAGES, [("/", None), ("/stories/x", NOON)]))
    found = [[child.text for child in row] for row in root]
    assert found == [
        ["https://news.example.org/"],
        ["https://news.example.org/stories/x", "2026-03-18"],
    ]


def test_robots_may_not_follow_readers_own_links() -> None:
    """The readers' pages are nobody else's business."""
    text = robots(PAGES)
    assert "Disallow: /u/" in text
    assert "Sitemap: https://news.example.org/sitemap.xml" in text


@pytest.mark.parametrize("state", TicketState)
def test_a_ticket_says_its_state_in_words(state: TicketState) -> None:
    """Nobody has to ask what became of a report."""
    html = ticket_page(PAGES, replace(TICKET, state=state, answer="It now says three."))
    assert PAGES.words(f"ticket_{state.value}") in html
    assert "It now says three." in html


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"]
)
def test_strangers_words_stay_words_on_every_page(evil: str) -> None:
    """Nothing of a feed, a form or a report becomes markup."""
    page = story_content()
    line = next(iter(page.sources.values()))
    hostile = replace(
        page,
        brief=replace(page.brief, headline=evil, deck=evil, highlights={line.article: evil}),
        sources={
            **page.sources,
            line.article: replace(line, title=evil, outlet=evil, url="javascript:alert(1)"),
        },
        editor=evil,
    )
    pages = [
        story_page(PAGES, hostile),
        report_page(PAGES, story=evil, slug="x", details=evil, problem=evil, by_form=True),
        front_page(PAGES, latest=None, editions=EDITIONS, email=evil),
        archive_page(PAGES, [replace(issue_lines()[0], subject=evil)]),
    ]
    for html in pages:
        parsed = Page(html)
        assert not parsed.elements("script", "img")
        assert "javascript:" not in html
        assert "{{" not in html
