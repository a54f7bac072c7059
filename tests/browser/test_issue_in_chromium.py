"""Tests of mail and pages in a real browser: nothing runs, everybody can read, nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Dialog, Request

from newsletter.issue.render import Renderer, web_page
from newsletter.model import (
    Brief,
    Bullet,
    Correction,
    Coverage,
    Evidence,
    HistoryEntry,
    IssueContent,
    IssueStory,
    Kind,
    NumberClaim,
    NumbersDiffer,
    Paywall,
    Place,
    Sentence,
    Side,
    SideBrief,
    SideCoverage,
    SideStatus,
    SourceLine,
    Story,
)
from newsletter.web.public.reports import report_page
from newsletter.web.public.story import StoryPage, story_page
from tests.issue.content import DAY, NOON, SITE, TAG, content
from tests.web.public.content import PAGES, TEMPLATES
from tests.web.public.test_public import EVERY

pytestmark = pytest.mark.browser

SECURITY = Path(__file__).parents[3] / "shared" / "data" / "security"
AXE = find_spec("axe_playwright_python")  # a package that carries axe-core along
CSS = (TEMPLATES / "web" / "static" / "site.css").read_text("utf-8")
RENDERER = Renderer(TEMPLATES, SITE)

READERS = {
    f"{TAG}_unsubscribe_": "https://news.example.org/u/x7",
    f"{TAG}_preferences_": "https://news.example.org/p/x7",
    f"{TAG}_because_": "You get this because you signed up on 3 March 2026.",
}


def mail() -> str:
    """The invented issue as one reader gets it."""
    html = RENDERER.render(content(), tag=TAG).html
    for token, value in READERS.items():
        html = html.replace(token, value)
    return html


def page_html(html: str) -> str:
    """A page with its style sheet inside, so that it can be shown without a server."""
    return html.replace('<link rel="stylesheet" href="/static/site.css">', f"<style>{CSS}</style>")


SHOWN = {
    "mail": mail(),
    "mail on the web": web_page(RENDERER.render(content(), tag=TAG), SITE),
    **{name: page_html(html) for name, html in EVERY.items()},
    "error": page_html(PAGES.error(404)),
    "unsubscribe": page_html(PAGES.unsubscribe(address="ada@example.org", action="/u/x7")),
}


# All pages share one style sheet: by night the richest of them stand for the others.
BY_NIGHT = ("mail", "story", "report", "front, refused")


@pytest.mark.parametrize(
    ("name", "scheme"),
    [*((name, "light") for name in SHOWN), *((name, "dark") for name in BY_NIGHT)],
)
def test_everybody_can_read_it(
    chromium: Browser, name: str, scheme: Literal["light", "dark"]
) -> None:
    """axe-core finds nothing, contrast included, by day and by night."""
    tab = chromium.new_page(color_scheme=scheme, viewport={"width": 700, "height": 900})
    tab.set_content(SHOWN[name])
    if AXE is None or AXE.origin is None:
        pytest.skip("axe-core is not installed: it comes with axe-playwright-python")
    tab.add_script_tag(path=Path(AXE.origin).with_name("axe.min.js"))
    # A mail stands inside a mail program's page, so it is an article and has no landmarks.
    rules = {"region": {"enabled": False}, "landmark-one-main": {"enabled": False}}
    options: dict[str, Any] = {"rules": rules if name == "mail" else {}}
    if scheme == "dark":
        options["runOnly"] = ["color-contrast", "link-in-text-block"]  # all else is as by day
    result = tab.evaluate("options => axe.run(document, options)", options)
    found = [(v["id"], v["nodes"][0]["html"][:120]) for v in result["violations"]]
    assert found == []
    assert result["passes"]
    tab.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_screen(chromium: Browser, width: int) -> None:
    """No page scrolls sideways, from the smallest phone to a desk."""
    page = chromium.new_page(viewport={"width": width, "height": 800})
    for name, html in SHOWN.items():
        page.set_content(html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    page.close()


def test_the_sides_stand_beside_each_other_on_a_desk_and_below_on_a_phone(
    chromium: Browser,
) -> None:
    """Two columns at 700 pixels, one at 390."""
    for width, beside in ((700, True), (390, False)):
        page = chromium.new_page(viewport={"width": width, "height": 800})
        page.set_content(SHOWN["mail"])
        left, right = (
            page.locator(f"h3.{side}").first.bounding_box() for side in ("left", "right")
        )
        assert left is not None
        assert right is not None
        assert (left["y"] == right["y"]) is beside
        page.close()


def hostile_strings() -> list[str]:
    """Every line of the lists of attack strings beside the project."""
    files = sorted([*SECURITY.glob("xss/*.txt"), *SECURITY.glob("ssti/*")])
    lines = (line for file in files for line in file.read_text("utf-8", "replace").splitlines())
    return list(dict.fromkeys(line for line in lines if line.strip()))


def hostile_story(evil: str, number: int) -> IssueStory:
    """A story in which every word and every address is the attack."""
    line = SourceLine(
        article="a",
        outlet=evil,
        title=evil,
        url=evil if number % 2 else f"https://example.org/{evil}",
        side=Side.LEFT,
        kind=Kind.NEWS,
        paywall=Paywall.NONE,
        published=NOON,
    )
    bullet = Bullet(
        text=evil,
        quotes=(evil,),
        citations=("a",),
        evidence=(Evidence(article="a", text=evil, speaker=evil),),
    )
    side = SideBrief(status=SideStatus.OK, bullets=(bullet,), lead="a")
    return IssueStory(
        story=f"s{number}",
        slug=f"s{number}",
        place=(Place.TOP, Place.SHORT, Place.ONE_SIDED)[number % 3],
        section=evil,
        brief=Brief(
            story=f"s{number}",
            headline=evil,
            deck=evil,
            overview=(Sentence(text=evil, citations=("a",)),),
            left=side,
            center=side,
            right=side,
            highlights={"a": evil},
            coverage=Coverage(left=SideCoverage(articles=1, families=1), outlets=1),
            differ=(
                NumbersDiffer(about=evil, claims=(NumberClaim(value=evil, citations=("a",)),)),
            ),
            only={Side.LEFT: evil},
            writer=evil if number % 5 == 0 else "extract",
        ),
        sources={"a": line},
        history=(HistoryEntry(day=DAY, articles=1, headline=evil),),
        update=True,
    )


def batches(strings: Sequence[str], size: int) -> Iterator[list[IssueStory]]:
    """Stories of these strings, so many a page."""
    for start in range(0, len(strings), size):
        yield [
            hostile_story(evil, start + at) for at, evil in enumerate(strings[start : start + size])
        ]


@pytest.mark.skipif(not SECURITY.is_dir(), reason="the attack strings are not beside the project")
def test_no_attack_string_runs_in_any_field(chromium: Browser) -> None:
    """Every string, in every field of mail and pages, in a browser that runs whatever it can."""
    strings = hostile_strings()
    assert len(strings) > 1000
    ran: list[str] = []
    fetched: list[str] = []
    tab = chromium.new_page()

    def opened(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    tab.on("dialog", opened)
    tab.add_init_script(
        "for (const f of ['alert','confirm','prompt','print']) window[f] = x => { window.ran = f };"
    )

    def note(request: Request) -> None:
        if not request.url.startswith(("about:", "data:text/html")):
            fetched.append(request.url)

    tab.on("request", note)
    for stories in batches(strings, 120):
        issue = IssueContent(
            edition="daily",
            day=DAY,
            stories=tuple(stories),
            articles=1,
            outlets=1,
            seconds=60,
            corrections=(hostile_correction(stories[0].brief.headline),),
        )
        composition = RENDERER.compose(issue, tag=TAG)
        assert composition.problems == ()
        shown = [composition.rendered.html, *hostile_pages(stories[0]), *hostile_pages(stories[-1])]
        for html in shown:
            tab.set_content(html, wait_until="load")
            if tab.evaluate("window.ran"):
                ran.append(html[:200])
            assert tab.locator("script, iframe, form[action*=':'], object, embed").count() == 0
            hrefs = tab.eval_on_selector_all("a[href]", "all => all.map(a => a.protocol)")
            # Where no site is around it, a path has no protocol and a fragment that of the blank page.
            assert set(hrefs) <= {"https:", "http:", "mailto:", ":", "about:"}
    tab.close()
    assert ran == []
    assert fetched == []


def hostile_correction(evil: str) -> Correction:
    """A correction with the attack in every field."""
    return Correction(
        id="c",
        story="s",
        slug="s",
        headline=evil,
        section=evil,
        sentence=evil,
        before=evil,
        after=evil,
        by=evil,
        at=NOON,
    )


def hostile_pages(story: IssueStory) -> list[str]:
    """The public pages with the attack in every field."""
    evil = story.brief.headline
    page = StoryPage(
        story=Story(
            id="s",
            slug="s",
            headline=evil,
            articles=("a",),
            section=evil,
            first_seen=NOON,
            updated=NOON,
        ),
        brief=replace(story.brief, withheld=""),
        sources=story.sources,
        history=story.history,
        corrections=(hostile_correction(evil),),
        editor=evil,
    )
    return [
        page_html(story_page(PAGES, page)),
        page_html(
            report_page(PAGES, story=evil, slug="s", details=evil, problem=evil, by_form=True)
        ),
    ]


def test_no_page_asks_anybody_else_for_anything(chromium: Browser) -> None:
    """Mail and pages make no request: no font, no picture, no counter."""
    fetched: list[str] = []
    tab = chromium.new_page()
    tab.on("request", lambda request: fetched.append(request.url))
    for html in SHOWN.values():
        tab.set_content(html, wait_until="load")
    tab.close()
    assert [url for url in fetched if not url.startswith("about:")] == []
