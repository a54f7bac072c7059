"""The sample server publishes the day the way real outlets would."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPMessage
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import feedparser
import pytest

from newsletter.sample import SampleServer

NOW = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[SampleServer]:
    """A running server that shows the day as it looks at noon."""
    with SampleServer(NOW) as running:
        yield running


def get(
    server: SampleServer, path: str, method: str = "GET", **headers: str
) -> tuple[int, HTTPMessage, bytes]:
    """Ask the server for a path."""
    connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=5)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=sent)
    response = connection.getresponse()
    answer = response.status, response.headers, response.read()
    connection.close()
    return answer


def feeds(server: SampleServer) -> dict[str, Any]:
    """Every outlet's feed, parsed as the program parses it."""
    return {
        source["id"]: feedparser.parse(BytesIO(get(server, urlsplit(source["feed"]).path)[2]))
        for source in server.sources
    }


def test_it_listens_on_loopback_only(server: SampleServer) -> None:
    """The address is 127.0.0.1 with a port the system chose."""
    parts = urlsplit(server.base_url)
    assert parts.hostname == "127.0.0.1"
    assert parts.port


def test_sources_are_plain_tables_with_absolute_feeds(server: SampleServer) -> None:
    """A source can be given to the configuration as it is."""
    for source in server.sources:
        assert type(source) is dict
        assert source["feed"] == f"{server.base_url}/{source['id']}/feed.xml"


def test_every_feed_parses_and_holds_every_article(server: SampleServer) -> None:
    """No fault is found by feedparser, and the items of an outlet are its articles."""
    expected = Counter(article.outlet for article in server.articles)
    parsed = feeds(server)
    assert not [name for name, feed in parsed.items() if feed.bozo]
    assert {name: len(feed.entries) for name, feed in parsed.items()} == expected


def test_rss_and_atom_take_turns(server: SampleServer) -> None:
    """Half of the outlets publish RSS 2.0, the other half Atom."""
    versions = Counter(feed.version for feed in feeds(server).values())
    assert versions == {"rss20": 12, "atom10": 12}


def test_every_item_is_complete(server: SampleServer) -> None:
    """Title, link, id, author, category, summary, full text and date arrive as written."""
    parsed = {(name, e.title): e for name, feed in feeds(server).items() for e in feed.entries}
    ids = set()
    for article in server.articles:
        entry = parsed[article.outlet, article.title]
        ids.add(entry.id)
        assert entry.author == article.author
        assert entry.summary == article.summary
        assert article.section.capitalize() in [tag.term for tag in entry.tags]
        assert all(paragraph in entry.content[0].value for paragraph in article.paragraphs)
        assert tuple(entry.published_parsed) == tuple(article.published.utctimetuple())
    assert len(ids) == len(server.articles)


def test_links_lead_to_the_outlets_own_domains(server: SampleServer) -> None:
    """No loopback address reaches a letter."""
    domains = {source["id"]: source["domains"][0] for source in server.sources}
    for name, feed in feeds(server).items():
        for entry in feed.entries:
            assert entry.link.startswith(f"https://{domains[name]}/")
            assert "127.0.0.1" not in entry.link


def test_a_reader_can_tell_opinion_from_news(server: SampleServer) -> None:
    """Opinion pieces, and no others, say so in their category and their path."""
    kinds = {article.title: article.kind for article in server.articles}
    for feed in feeds(server).values():
        for entry in feed.entries:
            is_opinion = kinds[entry.title] == "opinion"
            assert ("/opinion/" in entry.link) is is_opinion
            assert ("Opinion" in [tag.term for tag in entry.tags]) is is_opinion


def test_link_base_moves_the_links() -> None:
    """With a base given, links are pages that this server answers."""
    base = "http://127.0.0.1:9"
    with SampleServer(NOW, link_base=base) as running:
        for feed in feeds(running).values():
            for entry in feed.entries:
                assert entry.link.startswith(base + "/")
                assert get(running, entry.link.removeprefix(base))[0] == 200


def test_an_article_page_says_that_it_is_invented(server: SampleServer) -> None:
    """A person who opens the page learns what it is and can read all of it."""
    for article in server.articles:
        folder = "opinion" if article.kind == "opinion" else "articles"
        status, headers, body = get(server, f"/{article.outlet}/{folder}/{article.slug}.html")
        page = body.decode()
        assert status == 200
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert "Invented sample article" in page
        assert all(paragraph.replace("&", "&amp;") in page for paragraph in article.paragraphs)


def test_a_home_page_names_its_feed(server: SampleServer) -> None:
    """Feed discovery works from the front door."""
    for source in server.sources:
        status, _, body = get(server, f"/{source['id']}/")
        kind = "rss" if b"<rss" in get(server, f"/{source['id']}/feed.xml")[2] else "atom"
        link = f'<link rel="alternate" type="application/{kind}+xml"'
        assert status == 200
        assert link in body.decode()
        assert f'href="/{source["id"]}/feed.xml"' in body.decode()


def test_feeds_are_well_formed_xml(server: SampleServer) -> None:
    """A strict parser agrees."""
    for source in server.sources:
        _, headers, body = get(server, f"/{source['id']}/feed.xml")
        root = ET.fromstring(body)
        assert headers["Content-Type"].endswith("+xml; charset=utf-8")
        assert root.tag in {"rss", "{http://www.w3.org/2005/Atom}feed"}


def test_a_known_etag_is_answered_with_304(server: SampleServer) -> None:
    """The second request costs no body, also with a weak or a listed tag."""
    path = "/tamarack-today/feed.xml"
    _, headers, _ = get(server, path)
    tag = headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, again, body = get(server, path, If_None_Match=known)
        assert (status, body) == (304, b"")
        assert again["ETag"] == tag


def test_a_known_date_is_answered_with_304(server: SampleServer) -> None:
    """If-Modified-Since works for clients without ETags, and an earlier date gets the page."""
    path = "/tamarack-today/feed.xml"
    _, headers, _ = get(server, path)
    assert get(server, path, If_Modified_Since=headers["Last-Modified"])[0] == 304
    assert get(server, path, If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT")[0] == 200
    assert get(server, path, If_Modified_Since="not a date")[0] == 200


def test_an_etag_outranks_a_date(server: SampleServer) -> None:
    """A changed tag gets the page even when the date would not."""
    path = "/tamarack-today/feed.xml"
    date = get(server, path)[1]["Last-Modified"]
    assert get(server, path, If_None_Match='"other"', If_Modified_Since=date)[0] == 200


def test_head_answers_without_a_body(server: SampleServer) -> None:
    """HEAD gives the length of the page and nothing else."""
    status, headers, body = get(server, "/cornerstone/feed.xml", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) == len(get(server, "/cornerstone/feed.xml")[2])


def test_an_unknown_path_is_answered_with_404(server: SampleServer) -> None:
    """The server gives out its own pages and nothing else."""
    for path in ("/", "/nobody/feed.xml", "/../outlets.toml", "/cornerstone/articles/none.html"):
        assert get(server, path)[0] == 404


def test_no_feed_date_lies_after_now() -> None:
    """A server started just after midnight still serves news that has happened."""
    now = datetime(2031, 5, 6, 0, 2, tzinfo=UTC)
    with SampleServer(now) as running:
        for feed in feeds(running).values():
            for entry in feed.entries:
                assert tuple(entry.published_parsed) < tuple(now.utctimetuple())


def test_the_same_now_gives_the_same_bytes() -> None:
    """Two servers of one moment cannot be told apart."""
    with SampleServer(NOW) as one, SampleServer(NOW) as two:
        for source in one.sources:
            path = urlsplit(source["feed"]).path
            assert get(one, path)[2] == get(two, path)[2]


def test_leaving_the_block_stops_the_server() -> None:
    """The port is free at once and the address is no longer given."""
    running = SampleServer(NOW)
    with running:
        port = urlsplit(running.base_url).port
    started = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        HTTPConnection("127.0.0.1", port, timeout=1).connect()
    assert time.monotonic() - started < 1
    with pytest.raises(RuntimeError, match="not running"):
        _ = running.base_url
