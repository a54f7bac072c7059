"""Tests of the picture of a story: a small PNG that any headline fits into."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from newsletter.web.public.card import SIZE, draw_card
from newsletter.web.public.story import StoryPage
from tests.web.public.content import PAGES, story_content


def card(headline: str = "") -> tuple[bytes, Image.Image]:
    """The card of the ferry story, with another headline if one is given."""
    page: StoryPage = story_content()
    if headline:
        page = replace(page, brief=replace(page.brief, headline=headline))
    raw = draw_card(PAGES, page)
    return raw, Image.open(io.BytesIO(raw))


def test_a_card_is_a_small_png_of_the_usual_size() -> None:
    """Networks show 1200 by 630 uncut; it is drawn, so it is small, and the same every time."""
    raw, image = card()
    assert (image.format, image.size) == ("PNG", SIZE)
    assert len(raw) < 60_000
    assert card()[0] == raw


@pytest.mark.parametrize(
    "headline",
    [
        "Short",
        "word " * 80,
        "W" * 400,
        "Ünïcödé Ωmega Да, “quotes” — 5 € ½",
        "記事の見出し",
        "<script>alert(1)</script> {{ x }} \u202e\x00",
        " ",
    ],
)
def test_any_headline_makes_a_card(headline: str) -> None:
    """Long ones are set smaller and end in an ellipsis; letters the font has not are left out."""
    _, image = card(headline)
    assert image.size == SIZE
    colours = image.convert("RGB").getcolors(1 << 20)
    assert colours
    assert max(colours)[1] == (255, 255, 255)


def test_nothing_runs_over_the_edge() -> None:
    """The margins stay white whatever the headline."""
    for headline in ("word " * 80, "W" * 400):
        image = card(headline)[1].convert("L")
        for box in ((0, 0, 60, 630), (1140, 0, 1200, 630), (0, 600, 1200, 630)):
            low, _ = image.crop(box).getextrema()
            assert low == 255
