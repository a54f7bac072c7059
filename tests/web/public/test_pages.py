"""Tests of the simple public pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.config import ThemeColors
from newsletter.issue.markup import Page
from newsletter.web.public.pages import Pages
from tests.issue.content import SITE

PAGES = Pages(Path(__file__).parents[3] / "templates", SITE)

EVERY = {
    "message": PAGES.message(
        "Check your mail", "A message is on its way.", action="/x", button="Go"
    ),
    "ask": PAGES.unsubscribe(address="ada@example.org", action="/u/x", hidden={"token": "x"}),
    "done": PAGES.unsubscribe(address="ada@example.org", action="/u/x", done=True),
    "missing": PAGES.error(404),
    "broken": PAGES.error(500, reference="a1b2"),
}


@pytest.mark.parametrize("name", EVERY)
def test_a_page_is_well_formed_and_runs_nothing(name: str) -> None:
    """One h1, a title, a language, no script and nothing from elsewhere."""
    page = Page(EVERY[name])
    assert not page.crooked
    assert len(page.elements("h1")) == 1
    assert page.elements("html")[0].attributes == {"lang": "en", "dir": "ltr"}
    assert not page.elements("script")
    assert all("style" not in element.attributes for element in page.root.walk())


def test_leaving_is_asked_and_then_done_by_a_post() -> None:
    """The page with the question has a form that posts; the answer has none."""
    asked = Page(EVERY["ask"]).elements("form")
    assert [form.attributes["method"] for form in asked] == ["post"]
    assert not Page(EVERY["done"]).elements("form")


def test_values_are_escaped() -> None:
    """An address that is markup is shown, not obeyed."""
    page = PAGES.unsubscribe(address="<script>x</script>@example.org", action="/u/x")
    assert "<script>" not in page


def test_a_site_with_its_own_colours_says_them_on_every_page() -> None:
    """The style sheet stays as it is; the page adds what differs, and only then."""
    own = SITE.model_copy(update={"theme": ThemeColors(left="#00509d")})
    page = Pages(Path(__file__).parents[3] / "templates", own).error(404)
    assert "--left: #00509d" in page
    assert "<style>" not in EVERY["missing"]
