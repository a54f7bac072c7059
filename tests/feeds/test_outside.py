"""Nothing leads outside or inside: every address that a socket is opened to is looked at."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from newsletter.errors import FeedRefused
from newsletter.feeds.visit import Outcome
from newsletter.model import Feed
from tests.feeds.test_visit import feed, moved, response, rss

LEADS_INSIDE = (
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:1/",
    "http://127.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1:0:0:80ff:fffe]/",
    "http://[fe80::5efe:7f00:1]/",
    "http://[fd00:ec2::254]/",
    "http://10.0.0.1/",
    "http://100.64.0.1/",
    "http://192.0.0.192/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://①②⑦.⓪.⓪.①/",
    "https://127.0.0.1/",
    "http://user@127.0.0.1/",
    "http://good.example@127.0.0.1/",
    "http://127.0.0.1\\@good.example/",
    "http://127.0.0.1:22/",
    "http://127.0.0.1%00.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/x",
    "ftp://127.0.0.1/",
    "//127.0.0.1:1/x",
    "javascript:alert(1)",
    "data:text/xml,<rss/>",
)


class Watch:
    """What sockets were connected to while it was on."""

    def __init__(self) -> None:
        self.on = False
        self.peers: set[tuple[str, int]] = set()
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event in {"socket.connect", "socket.sendto"}:
            address = arguments[1]
            if isinstance(address, tuple):
                self.peers.add((str(address[0]), int(address[1])))


_WATCH = Watch()  # an audit hook cannot be taken out again, so there is one for all tests


@pytest.fixture
def peers() -> Iterator[set[tuple[str, int]]]:
    """Every address that anything in this process connects to during a test."""
    _WATCH.peers.clear()
    _WATCH.on = True
    yield _WATCH.peers
    _WATCH.on = False


def test_redirects_to_forbidden_places_reach_nobody(
    server: Any, visit_all: Any, peers: set[tuple[str, int]]
) -> None:
    """No redirect that leads inside is followed; only the feeds' own server is contacted."""
    feeds = []
    for number, address in enumerate(LEADS_INSIDE):
        place = f"/{number}"
        server.replies[place] = moved("302 Found", address)
        feeds.append(feed(server, place, f"paper-{number}"))
    server.replies["/good"] = response(rss(1))
    visits = visit_all(*feeds, feed(server, "/good", "good"))
    by_outlet = {visit.feed.outlet: visit for visit in visits}
    assert by_outlet.pop("good").outcome is Outcome.CHANGED
    assert {visit.outcome for visit in by_outlet.values()} == {Outcome.FAILED}
    assert all(visit.problem for visit in by_outlet.values())
    assert peers == {("127.0.0.1", server.port)}


def test_feeds_at_forbidden_places_reach_nobody(
    server: Any, visit_all: Any, settings: Any, peers: set[tuple[str, int]]
) -> None:
    """The same addresses written into the configuration open no socket at all."""
    shut = settings.model_copy(update={"allow_hosts": ()})
    feeds = [Feed(url=url, outlet=f"paper-{n}") for n, url in enumerate(LEADS_INSIDE)]
    visits = visit_all(*feeds, feed(server, "/good", "own"), settings=shut)
    assert {visit.outcome for visit in visits} == {Outcome.FAILED}
    assert peers == set()
    assert server.requests == []


def test_a_page_at_a_forbidden_place_is_never_asked_for(
    server: Any, visit_all: Any, peers: set[tuple[str, int]]
) -> None:
    """Pages of articles pass the same guard, and so does the robots.txt before them."""
    links = "".join(
        f"<item><title>Inside {n}</title><link>{url}</link></item>"
        for n, url in enumerate(LEADS_INSIDE)
        if url.startswith("http") and url.isascii() and "\\" not in url
    )
    body = f'<rss version="2.0"><channel><title>t</title>{links}</channel></rss>'.encode()
    server.replies["/feed"] = response(body)
    (visit,) = visit_all(feed(server, page_text=True))
    assert visit.outcome is Outcome.CHANGED
    assert visit.articles
    assert peers == {("127.0.0.1", server.port)}


def test_a_connection_is_looked_at_again_before_it_is_used(
    server: Any, visit_all: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection whose other end is not what was allowed is closed before a request leaves."""
    from newsletter.feeds import guard

    server.replies["/feed"] = response(rss(1))
    # As if resolving and opening had both been deceived.
    monkeypatch.setattr(guard.Guard, "open_socket", lambda _, info: socket.socket(*info[:3]))
    seen = []

    def refuse(_: object, address: str, port: int) -> None:
        seen.append((address, port))
        raise FeedRefused(address, "the address belongs to a test and is not asked")

    monkeypatch.setattr(guard.Guard, "check_peer", refuse)
    (visit,) = visit_all(feed(server))
    assert visit.outcome is Outcome.FAILED
    assert "belongs to a test" in visit.problem
    assert seen == [("127.0.0.1", server.port)]
    assert server.requests == []


def test_a_public_feed_leads_to_no_host_of_the_operator_s(
    server: Any, visit_all: Any, public: Any
) -> None:
    """What `allow_hosts` opens is open to feeds configured there, not to redirects and links."""
    server.replies["/inside"] = response(rss(1))
    server.replies["http://paper.example/feed"] = moved("302 Found", server.url("/inside"))
    server.replies["http://paper.example/list"] = response(
        rss(1).replace(b"https://example.org/roads", server.url("/pages").encode())
    )
    feeds = [
        Feed(url="http://paper.example/feed", outlet="a"),
        Feed(url="http://paper.example/list", outlet="b", page_text=True),
        Feed(url="http://paper.example/old", outlet="c", moved_to=server.url("/inside")),
    ]
    visits = {visit.feed.outlet: visit for visit in visit_all(*feeds, settings=public)}
    assert "configured there only" in visits["a"].problem
    assert visits["b"].outcome is Outcome.CHANGED
    assert "configured there only" in visits["c"].problem
    assert {request.path.partition("example/")[2] for request in server.requests} == {
        "feed", "list",
    }  # fmt: skip
    (own,) = visit_all(feed(server, "/inside"), settings=public)
    assert own.outcome is Outcome.CHANGED
