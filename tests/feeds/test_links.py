"""Links: what is shown is sound http(s), and one article has one identity."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.links import host_of, identity, link


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("https://Example.ORG:443/a", "https://example.org/a"),
        ("http://example.org:80", "http://example.org/"),
        ("\n  https://example.org/a\n", "https://example.org/a"),
        ("https://example.org/a\nb", "https://example.org/ab"),
        ("https://example.org/a?utm_source=rss&id=5#top", "https://example.org/a?id=5"),
        ("https://example.org/a?ref=rss&ref=7", "https://example.org/a?ref=7"),
        ("https://example.org/story/amp/", "https://example.org/story"),
        ("https://example.org/story.amp.html", "https://example.org/story.html"),
        ("https://example.org/story?amp=1", "https://example.org/story"),
        (
            "https://example-org.cdn.ampproject.org/c/s/example.org/story",
            "https://example.org/story",
        ),
        ("https://www.google.com/amp/s/example.org/story", "https://example.org/story"),
        ("https://www.google.com/amp/about", "https://www.google.com/amp/about"),
        ("https://example.org/story?outputType=amp-type", "https://example.org/story"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ('https://example.org/"><script>', "https://example.org/%22%3E%3Cscript%3E"),
        ("//example.org/a", "https://example.org/a"),
        ("b.html", "https://paper.example/news/b.html"),
    ],
)
def test_links_have_one_form(raw: str, shown: str) -> None:
    """Case, default ports, line breaks, tracking and AMP forms do not make another link."""
    assert link(raw, "https://paper.example/news/feed.xml") == shown


@pytest.mark.parametrize(
    "raw",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.org/",
        "https://user:word@example.org/",
        "https://example.org@evil.example/",
        "https://example.org\\@evil.example/",
        "https://[::1",
        "https://exa mple.org/",
        "https://example.org:99999/",
        "",
        "https://example.org/" + "a" * 3_000,
    ],
)
def test_links_that_are_no_plain_web_address_are_dropped(raw: str) -> None:
    """Other schemes, user names and addresses that cannot be are not shown."""
    assert link(raw) == ""


@given(st.text(max_size=80))
def test_any_text_gives_a_sound_link_or_none(raw: str) -> None:
    """Whatever a feed calls a link, what is shown is ASCII http(s) with a host and no user."""
    shown = link(raw, "https://paper.example/feed")
    if shown:
        parts = urlsplit(shown)
        assert shown.isascii()
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert "@" not in parts.netloc
        assert not set(shown) & set(" \"<>\\\r\n\t'`{}") - {"'"}
        assert link(shown) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.example.org/a/b", "http://m.example.org/a/b/"),
        ("https://www.example.org/a/b", "https://example.org/amp/a/b"),
        ("https://example.org/2026/roads?t=1", "https://example.org/2026/roads?t=2"),
    ],
)
def test_one_article_has_one_identity(one: str, other: str) -> None:
    """Scheme, www, mobile host, trailing slash and random queries do not count."""
    assert identity(one) == identity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/?p=1", "https://example.org/?p=2"),
        ("https://example.org/story.php?x=1", "https://example.org/story.php?x=2"),
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org/a", "https://example.net/a"),
    ],
)
def test_different_articles_have_different_identities(one: str, other: str) -> None:
    """A query counts where the path alone cannot name an article."""
    assert identity(one) != identity(other)


def test_a_home_page_identifies_nothing() -> None:
    """A link that names no article is no identity."""
    assert identity("https://example.org/") == ""


def test_the_host_is_named_without_www() -> None:
    """The site a link leads to can be told."""
    assert host_of("https://www.example.org/a") == "example.org"
    assert host_of("http://[bad") == ""


@given(
    st.from_regex(
        r"https?://[a-zA-Z0-9.-]{1,12}(:[0-9]{1,5})?(/[a-z0-9/._~-]{0,12}(amp)?)?"
        r"([?](id|utm_source|amp|q)=[ -~]{0,6}){0,2}",
        fullmatch=True,
    ),
    st.integers(8, 40),
)
def test_usual_addresses_come_out_as_unusual_ones(address: str, place: int) -> None:
    """A line break sends an address the long way round; what is shown is the same."""
    broken = address[:place] + "\n" + address[place:]
    assert link(address) == link(broken)
