"""Discovery: from what an editor types to a feed that can be read."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.errors import FeedError, FeedRefused, FeedUnreadable
from newsletter.feeds.discover import Found, candidates, find_feed, source_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FEED = b"""<rss version="2.0"><channel><title>The Paper</title>
<item><title>Roads</title><link>https://example.org/roads</link></item></channel></rss>"""


def response(body: bytes, kind: str = "text/html", status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def test_announced_feeds_come_first_and_comments_last() -> None:
    """The page's own word counts more than a link that looks like a feed."""
    page = """<a href="/rss">RSS</a><a href="/about">About</a>
    <link rel="alternate" type="application/rss+xml" href="/comments/feed">
    <link rel='alternate' type='application/atom+xml; charset=utf-8' href='/feed?a=1&amp;b=2'>
    <link rel="alternate" hreflang="de" href="/de"><link rel="stylesheet" href="/x.css">"""
    assert candidates(page, "https://example.org/") == [
        "https://example.org/feed?a=1&b=2",
        "https://example.org/rss",
        "https://example.org/comments/feed",
    ]


def test_an_announced_address_is_kept_as_it_is() -> None:
    """Words that only mark an article's origin are what some feeds are asked for by."""
    page = """<link rel="alternate" type="application/rss+xml" href="/?feed=rss2">
    <link rel=alternate type=application/atom+xml href="feed.php?source=rss#top">"""
    assert candidates(page, "https://example.org/news/") == [
        "https://example.org/?feed=rss2",
        "https://example.org/news/feed.php?source=rss",
    ]


@pytest.mark.parametrize(
    ("home", "path"),
    [
        (b'<link rel="alternate" type="application/rss+xml" href="/here.xml">', "/here.xml"),
        (b"<p>Nothing said.</p>", "/feed.xml"),
    ],
)
def test_the_feed_of_a_page_is_found(server: Any, settings: Any, home: bytes, path: str) -> None:
    """Announced, or in one of the usual places."""
    server.replies["/"] = response(b"<html><title>Home</title>" + home)
    server.replies[path] = response(FEED, "application/rss+xml")
    found = find_feed(server.url("/"), settings, clock=lambda: NOW)
    assert found == Found(url=server.url(path), title="The Paper", articles=1)


def test_a_feed_s_own_address_is_its_own_answer(server: Any, settings: Any) -> None:
    """Nothing needs to be found where a feed is given."""
    server.replies["/feed"] = response(FEED)
    found = find_feed(server.url("/feed"), settings, clock=lambda: NOW)
    source = source_of(found, taken=["127-0-0-1"])
    assert (source.id, source.name, source.feed) == ("127-0-0-1-2", "The Paper", found.url)


def test_what_leads_to_no_feed_is_said(server: Any, settings: Any) -> None:
    """A page without a feed, a missing page and a forbidden address each have their error."""
    server.replies["/"] = response(b"<html></html>")
    with pytest.raises(FeedUnreadable):
        find_feed(server.url("/"), settings, clock=lambda: NOW)
    with pytest.raises(FeedError, match="404"):
        find_feed(server.url("/missing"), settings, clock=lambda: NOW)
    with pytest.raises(FeedRefused):
        find_feed("http://169.254.169.254/", settings, clock=lambda: NOW)


def test_a_page_full_of_half_tags_takes_no_time(server: Any, settings: Any) -> None:
    """What is looked for is found in time that grows with the page."""
    server.replies["/"] = response(b"{" + b"<title" * 80_000)
    settings = settings.model_copy(update={"wire_bytes": 1_000_000, "decoded_bytes": 1_000_000})
    server.replies["/feed.xml"] = response(FEED.replace(b"<title>The Paper</title>", b""))
    started = time.process_time()
    assert find_feed(server.url("/"), settings, clock=lambda: NOW).title == ""
    for page in ("<a " * 160_000, "<link " + "a" * 490_000, "<a href=" * 60_000):
        candidates(page, "https://example.org/")
    assert time.process_time() - started < 2
