"""Pages: the article without its furniture, and where robots.txt and paywalls let us."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.database.articles import Articles
from newsletter.database.engine import Database
from newsletter.feeds.copies import marks_of
from newsletter.feeds.page import Page, read_page
from newsletter.feeds.pages import with_page
from newsletter.model import Feed, Paywall

SENTENCE = "The council of Sampleton voted on Sunday to rebuild the bridge over the river. "
ARTICLE = "".join(f"<p>{SENTENCE * 3}</p>" for _ in range(4))


def page(head: str = "", body: str = ARTICLE) -> bytes:
    """A page with a menu, a notice, an article and a footer."""
    return (
        f"<html><head><title>Bridge</title>{head}</head><body><nav><a href='/a'>Menu</a></nav>"
        f"<div class='cookie'>We use cookies.</div><article><h1>Bridge</h1>{body}</article>"
        "<footer>Imprint and terms</footer></body></html>"
    ).encode()


def test_the_furniture_is_left_out() -> None:
    """Menu, cookie notice and footer are not the article."""
    read = read_page(page(), "https://example.org/bridge")
    assert SENTENCE.strip() in read.text
    assert not [word for word in ("Menu", "cookies", "Imprint", "<p>") if word in read.text]


def test_the_canonical_address_counts_on_its_own_site_only() -> None:
    """A page may name its own address, not somebody else's."""
    own = "<link rel='canonical' href='https://www.example.org/bridge?utm_source=x'>"
    other = "<link rel='canonical' href='https://evil.example/bridge'>"
    assert (
        read_page(page(own), "https://example.org/b").canonical == "https://www.example.org/bridge"
    )
    assert read_page(page(other), "https://example.org/b").canonical == ""


def test_a_paywall_is_noticed() -> None:
    """What the page says of itself, in either of the usual ways."""
    said = '<script type="application/ld+json">{"isAccessibleForFree": "False"}</script>'
    tier = '<meta property="article:content_tier" content="locked">'
    free = '<script type="application/ld+json">{"isAccessibleForFree": true}</script>'
    metered = '<meta name="article:content_tier" content="metered">'
    for head, expected in (
        (said, Paywall.SUBSCRIPTION),
        (tier, Paywall.SUBSCRIPTION),
        (metered, Paywall.METERED),
        (free, Paywall.NONE),
        (free + tier, Paywall.SUBSCRIPTION),
        ("", Paywall.UNKNOWN),
    ):
        assert read_page(page(head), "https://example.org/b").paywall is expected


def test_a_teaser_is_no_text() -> None:
    """A few words are a notice, not an article."""
    assert read_page(page(body="<p>Please sign in.</p>"), "https://example.org/b").text == ""


FEED = b"""<rss version="2.0"><channel><title>t</title>
<item><title>Bridge</title><link>/bridge</link><description>Short.</description></item>
<item><title>Hidden</title><link>/hidden/x</link><description>Short.</description></item>
</channel></rss>"""


def response(body: bytes, kind: str, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def test_pages_are_fetched_where_the_operator_and_robots_allow(server: Any, visit_all: Any) -> None:
    """Opt-in per feed; robots.txt is asked once and obeyed."""
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    server.replies["/bridge"] = response(page(), "text/html")
    server.replies["/hidden/x"] = response(page(), "text/html")
    server.replies["/robots.txt"] = response(b"User-agent: *\nDisallow: /hidden", "text/plain")
    feed = Feed(url=server.url("/feed"), outlet="paper")
    (plain,) = visit_all(feed)
    assert {article.text for article in plain.articles} == {""}
    (full,) = visit_all(replace(feed, page_text=True))
    texts = {article.title: article.words for article in full.articles}
    assert SENTENCE.strip() in texts["Bridge"]
    assert texts["Hidden"] == "Short."
    asked = [request.path for request in server.requests]
    assert asked.count("/robots.txt") == 1
    assert "/hidden/x" not in asked


def test_no_page_is_asked_for_when_robots_cannot_be_had(server: Any, visit_all: Any) -> None:
    """A server in trouble may not be taken to allow."""
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    server.replies["/robots.txt"] = response(b"", "text/plain", "503 Busy")
    (visit,) = visit_all(Feed(url=server.url("/feed"), outlet="paper", page_text=True))
    assert [article.words for article in visit.articles] == ["Short.", "Short."]
    assert "/bridge" not in [request.path for request in server.requests]


def test_a_paywall_found_on_a_page_reaches_the_article(server: Any, visit_all: Any) -> None:
    """The mark travels from the page through the worker to the article; the text stays."""
    tier = '<meta property="article:content_tier" content="locked">'
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    server.replies["/bridge"] = response(page(tier), "text/html")
    server.replies["/robots.txt"] = response(b"User-agent: *\nDisallow: /hidden", "text/plain")
    (visit,) = visit_all(Feed(url=server.url("/feed"), outlet="paper", page_text=True))
    found = {article.title: (article.paywall, article.words) for article in visit.articles}
    assert found == {
        "Bridge": (Paywall.SUBSCRIPTION, "Short."),
        "Hidden": (Paywall.UNKNOWN, "Short."),
    }


def test_copies_are_found_by_the_text_that_is_kept(server: Any, visit_all: Any) -> None:
    """Where a page has more than its feed, it is the page's text that leaves the marks."""
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    server.replies["/bridge"] = response(page(), "text/html")
    feed = Feed(url=server.url("/feed"), outlet="paper", page_text=True)
    (visit,) = visit_all(feed, compared_from=datetime(2000, 1, 1, tzinfo=UTC))
    assert max(len(article.words) for article in visit.articles) > 100
    assert visit.marks == marks_of(visit.articles)


def test_robots_txt_is_believed_for_a_day(
    server: Any, visit_all: Any, sqlite: Database, clock: Any
) -> None:
    """A second run does not ask for it again; one on the next day does, and obeys what is new."""
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    server.replies["/bridge"] = response(page(), "text/html")
    server.replies["/robots.txt"] = response(b"User-agent: *\nDisallow: /hidden", "text/plain")
    feed = Feed(url=server.url("/feed"), outlet="paper", page_text=True)
    shelf = Articles(sqlite)

    def asked() -> list[str]:
        server.requests.clear()
        visit_all(feed, robots=shelf, clock=clock)
        return sorted(request.path for request in server.requests)

    assert asked() == ["/bridge", "/feed", "/robots.txt"]
    clock.pass_(hours=23)
    assert asked() == ["/bridge", "/feed"]
    server.replies["/robots.txt"] = response(b"User-agent: *\nDisallow: /", "text/plain")
    clock.pass_(hours=2)
    assert asked() == ["/feed", "/robots.txt"]


def test_a_page_never_makes_an_article_poorer(server: Any, visit_all: Any) -> None:
    """A shorter text, or one behind a paywall, leaves what the feed said."""
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    (visit,) = visit_all(Feed(url=server.url("/feed"), outlet="paper"))
    article = replace(visit.articles[0], text="A long text from the feed itself.")
    assert with_page(article, None, article.url) == article
    assert with_page(article, Page(text="Short."), article.url) == article
    closed = with_page(article, Page(text="Long " * 90, paywall=Paywall.SUBSCRIPTION), article.url)
    assert closed == replace(article, paywall=Paywall.SUBSCRIPTION)
    assert with_page(article, Page(text="Long " * 90), article.url).text.startswith("Long")


def test_another_page_than_the_article_s_adds_nothing(server: Any, visit_all: Any) -> None:
    """A consent page, a login or the home page is no text; a new address of the article is one."""
    body = b"""<rss version="2.0"><channel><title>t</title>
    <item><title>Asked</title><link>/asked</link><description>Short.</description></item>
    <item><title>Home</title><link>/bridges</link><description>Short.</description></item>
    <item><title>Named</title><link>/named</link><description>Short.</description></item>
    </channel></rss>"""
    own = f"<link rel='canonical' href='{server.url('/named')}'>"
    home = "<link rel='canonical' href='/'>"

    def moved(to: str) -> bytes:
        return response(b"", "text/html", f"302 Found\r\nLocation: {to}")

    server.replies.update(
        {
            "/feed": response(body, "application/rss+xml"),
            "/asked": moved("/consent"),
            "/consent": response(page(), "text/html"),
            "/bridges": response(page(home), "text/html"),
            "/named": moved("/2026/named"),
            "/2026/named": response(page(own), "text/html"),
        }
    )
    (visit,) = visit_all(Feed(url=server.url("/feed"), outlet="paper", page_text=True))
    texts = {article.title: bool(article.text) for article in visit.articles}
    assert texts == {"Asked": False, "Home": True, "Named": True}
    links = {article.title: article.url for article in visit.articles}
    assert links["Home"] == server.url("/bridges")


def test_robots_txt_is_asked_about_every_hop(server: Any, visit_all: Any) -> None:
    """A redirect leads to no page that the host forbids."""
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    server.replies["/bridge"] = response(b"", "text/html", "302 Found\r\nLocation: /hidden/y")
    server.replies["/robots.txt"] = response(b"User-agent: *\nDisallow: /hidden", "text/plain")
    visit_all(Feed(url=server.url("/feed"), outlet="paper", page_text=True))
    assert sorted(request.path for request in server.requests) == [
        "/bridge", "/feed", "/robots.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "reply",
    [
        response(b"\x1f\x8bxx", "text/plain\r\nContent-Encoding: gzip"),
        response(b"#" * 300_000, "text/plain"),
    ],
)
def test_robots_txt_that_cannot_be_read_allows_nothing(
    server: Any, visit_all: Any, reply: bytes
) -> None:
    """Damaged or beyond the limit, it may hold anything; only an empty one allows all."""
    server.replies["/feed"] = response(FEED, "application/rss+xml")
    server.replies["/robots.txt"] = reply
    feed = Feed(url=server.url("/feed"), outlet="paper", page_text=True)
    visit_all(feed)
    assert "/bridge" not in [request.path for request in server.requests]
    server.replies["/robots.txt"] = response(b"", "text/plain")
    visit_all(feed)
    assert "/bridge" in [request.path for request in server.requests]


def test_a_host_whose_pages_do_not_come_is_left_alone(server: Any, visit_all: Any) -> None:
    """Three pages are waited for, not twenty-five; the articles arrive all the same."""
    items = "".join(
        f"<item><title>Road {n}</title><link>/roads/{n}-opens</link></item>" for n in range(9)
    )
    body = f'<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()
    server.replies["/feed"] = response(body, "application/rss+xml")
    server.replies.update({f"/roads/{n}-opens": b"" for n in range(9)})
    (visit,) = visit_all(Feed(url=server.url("/feed"), outlet="paper", page_text=True))
    assert len(visit.articles) == 9
    assert len({request.path for request in server.requests if "opens" in request.path}) == 3
