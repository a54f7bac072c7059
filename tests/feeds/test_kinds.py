"""Kind, section and language, from what an article says about itself."""

from __future__ import annotations

import pytest

from newsletter.feeds.kinds import kind_of, language_of, section_of
from newsletter.model import Kind

PLAIN = "https://example.org/2026/11/22/roads"


@pytest.mark.parametrize(
    ("title", "url", "categories", "author", "outlet_kind", "kind"),
    [
        ("Council votes on roads", PLAIN, (), "", "news", Kind.NEWS),
        ("Opinion: Mend the roads", PLAIN, (), "", "news", Kind.OPINION),
        ("Mend the roads", "https://example.org/opinion/roads", (), "", "news", Kind.OPINION),
        ("Mend the roads", PLAIN, ("Op-Ed",), "", "news", Kind.OPINION),
        ("Mend the roads", PLAIN, (), "", "opinion", Kind.OPINION),
        ("Analysis: why roads crack", PLAIN, (), "", "news", Kind.ANALYSIS),
        ("Live updates: the vote", PLAIN, (), "", "news", Kind.LIVE),
        ("The vote", "https://example.org/live/vote", ("Opinion",), "", "news", Kind.LIVE),
        ("Council votes", PLAIN, (), "The Associated Press", "news", Kind.WIRE),
        ("Council votes", PLAIN, (), "", "wire", Kind.WIRE),
        ("A new road", PLAIN, ("Press Releases",), "", "news", Kind.PRESS_RELEASE),
        ("Public opinion shifts on roads", PLAIN, (), "", "news", Kind.NEWS),
        ("Court strikes down law", PLAIN, ("Public Opinion",), "", "news", Kind.NEWS),
        ("Court strikes down law", PLAIN, ("Court Opinions",), "", "news", Kind.NEWS),
        ("Town drinks", PLAIN, ("Column: Water", "Opinion Polls"), "", "news", Kind.NEWS),
        ("Mend it", PLAIN, ("Opinion | Guest Essays",), "", "news", Kind.OPINION),
        ("Mend it", "https://example.org/opinion-columnists/a", (), "", "news", Kind.OPINION),
        ("Band tours", "https://example.org/music/band", ("Live",), "", "news", Kind.NEWS),
        ("How they live now", PLAIN, (), "", "news", Kind.NEWS),
    ],
)
def test_kinds(  # noqa: PLR0917 - a table
    title: str, url: str, categories: tuple[str, ...], author: str, outlet_kind: str, kind: Kind
) -> None:
    """Title, path, category, byline and outlet decide, in that order."""
    found = kind_of(title, url, categories, author=author, outlet_kind=outlet_kind)
    assert found is kind


def test_a_dateline_shows_agency_copy() -> None:
    """A text that begins with an agency's name in brackets is the agency's."""
    text = "SAMPLETON (Reuters) - The council voted on roads."
    assert kind_of("Council votes", PLAIN, (), text=text) is Kind.WIRE


@pytest.mark.parametrize(
    ("url", "categories", "given", "section"),
    [
        ("https://example.org/politics/roads", (), "", "politics"),
        ("https://example.org/a", ("Climate", "Roads"), "", "climate"),
        ("https://example.org/sport/roads", (), "local", "local"),
        ("https://example.org/a", (), "", ""),
    ],
)
def test_sections(url: str, categories: tuple[str, ...], given: str, section: str) -> None:
    """The operator's word wins, then the path, then the categories."""
    assert section_of(url, categories, given) == section


@pytest.mark.parametrize(
    ("declared", "text", "lang"),
    [
        (("en-US",), "The council voted.", "en"),
        (("", "de"), "Der Rat stimmte ab.", "de"),
        (("",), "Der Rat stimmte ab und die Straße ist mit dem Geld nicht zu bauen.", "de"),
        (("en",), "Совет проголосовал за дорогу", "ru"),
        (("",), "El consejo votó a favor de la carretera y de los puentes en la ciudad.", "es"),
        (("",), "Roads", "en"),
        (("en",), "El consejo votó a favor de la carretera y de los puentes en la ciudad.", "es"),
        (("en",), "Council votes for roads; mayor says work begins soon after May storms", "en"),
        (
            ("en",),
            "Treasury's No. 2, Jo Example, leaves early. " * 4 + "Must read - Advertisement",
            "en",
        ),
        (("en",), "Совет NATO проголосовал сегодня", "ru"),
        (("en",), "The council voted for a road to Київ on Sunday", "en"),
        (("und",), "議会は道路について投票した", "ja"),
    ],
)
def test_languages(declared: tuple[str, ...], text: str, lang: str) -> None:
    """What is declared counts unless script or common words contradict it."""
    assert language_of(declared, text) == lang
