"""Fetch: where redirects may lead, and what headers are believed."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from newsletter.config import Collect
from newsletter.feeds.background import _loop_factory
from newsletter.feeds.fetch import Answer, Fetcher, _following, _max_age, _sentence
from newsletter.feeds.visit import _line
from newsletter.model import Feed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("current", "location", "following", "problem"),
    [
        ("https://example.org/a", "/b", "https://example.org/b", ""),
        ("https://example.org/a/", "b#top", "https://example.org/a/b", ""),
        ("http://example.org/a", "https://example.org/a", "https://example.org/a", ""),
        ("https://example.org/a", "http://example.org/b", "", "from https to http"),
        ("https://example.org/a", "", "", "names no address"),
        ("https://example.org/a", "//[bad", "", "cannot be understood"),
        ("https://example.org/a", "/seen", "", "circle"),
    ],
)
def test_redirects_lead_on_or_are_not_followed(
    current: str, location: str, following: str, problem: str
) -> None:
    """Relative addresses are joined; no downgrade, no circle, no nonsense."""
    scheme = current.partition(":")[0]
    found, said = _following(current, location, scheme, {"https://example.org/seen"})
    assert found == following
    assert problem in said
    assert bool(said) == bool(problem)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("max-age=60", 60), ("public, Max-Age=5", 5), ("no-store", 0), ("max-age=x", 0), ("", 0)],
)
def test_max_age_is_read(header: str, seconds: float) -> None:
    """A server may say how long its answer stays fresh."""
    assert _max_age(header) == seconds


def get(settings: Any, *urls: str, **given: Any) -> list[Answer]:
    """Ask for addresses at once."""

    async def run() -> list[Answer]:
        async with Fetcher(settings, lambda: NOW) as fetcher:
            return await asyncio.gather(*(fetcher.get(url, **given) for url in urls))

    return asyncio.run(run())


def response(*headers: str, body: bytes = b"hello", status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_what_a_server_says_of_its_answer_is_kept(server: Any, settings: Any) -> None:
    """Validators, label and freshness come with the body."""
    server.replies["/a"] = response(
        'ETag: W/"x-gzip"', "Last-Modified: then", "Cache-Control: max-age=9", "Content-Type: a/b"
    )
    (answer,) = get(settings, server.url("/a"))
    assert (answer.status, answer.body, answer.bytes) == (200, b"hello", 5)
    assert (answer.etag, answer.modified, answer.content_type) == ('W/"x-gzip"', "then", "a/b")
    assert answer.fresh_for == 9


def test_validators_with_line_breaks_are_not_sent(server: Any, settings: Any) -> None:
    """What was stored cannot become a header of its own."""
    server.replies["/a"] = response()
    get(settings, server.url("/a"), etag="x\r\nX-Evil: y", modified="then")
    assert "if-none-match" not in server.requests[-1].headers
    assert "x-evil" not in server.requests[-1].headers
    assert server.requests[-1].headers["if-modified-since"] == "then"


def test_a_header_that_cannot_be_stored_is_not_kept(server: Any, settings: Any) -> None:
    """A byte that is no text costs its header; in an address or an encoding, the request."""
    server.replies["/etag"] = response('ETag: "v1"', "Last-Modified: then").replace(b"v1", b"\xff")
    server.replies["/to"] = response("Location: /\xff", status="301 Moved").replace(
        "\xff".encode(), b"\xff"
    )
    server.replies["/packed"] = response("Content-Encoding: ?").replace(b"?", b"\xff")
    etag, to, packed = get(settings, *map(server.url, ("/etag", "/to", "/packed")))
    assert (etag.body, etag.etag, etag.modified) == (b"hello", "", "then")
    assert to.problem.isascii()
    assert "not offered" in packed.problem
    assert packed.problem.isascii()


def test_retry_after_is_told_with_a_refusal_only(server: Any, settings: Any) -> None:
    """A good answer asks for no wait."""
    server.replies["/busy"] = response("Retry-After: 120", status="429 Slow Down")
    server.replies["/fine"] = response("Retry-After: 120")
    busy, fine = get(settings, server.url("/busy"), server.url("/fine"))
    assert (busy.retry_after, fine.retry_after) == (120, 0)
    assert "fewer visits" in busy.problem


def test_a_closed_port_is_a_sentence(settings: Any) -> None:
    """Nobody there is a problem like any other."""
    lonely = settings.model_copy(update={"allow_hosts": ("127.0.0.1:9",)})
    (answer,) = get(lonely, "http://127.0.0.1:9/")
    assert answer.problem == "the server does not accept a connection"


def test_a_public_host_is_asked_one_thing_at_a_time() -> None:
    """Whoever wants something of a host waits for his turn; the operator's own host is spared."""

    async def most_at_once(host: str) -> int:
        fetcher = Fetcher(Collect(allow_hosts=("own.example:80",)), lambda: NOW)
        inside = most = 0

        async def ask() -> None:
            nonlocal inside, most
            async with fetcher._turn(host, 80):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(ask() for _ in range(5)))
        return most

    assert asyncio.run(most_at_once("paper.example")) == 1
    assert asyncio.run(most_at_once("own.example")) == 5


def test_feeds_of_one_public_host_stand_in_one_line() -> None:
    """Two outlets on one host wait for each other; on the operator's own host they do not."""
    fetcher = Fetcher(Collect(allow_hosts=("own.example:80",)), lambda: NOW)

    def line_of(url: str, outlet: str) -> object:
        return _line(Feed(url=url, outlet=outlet), fetcher)

    assert line_of("https://x.example/a", "a") == line_of("https://x.example/b", "b")
    assert line_of("https://x.example/a", "a") != line_of("https://y.example/a", "a")
    assert line_of("http://own.example/a", "a") != line_of("http://own.example/b", "b")
    assert line_of("http://own.example/a", "a") == line_of("http://own.example/b", "a")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (aiohttp.ConnectionTimeoutError(), "the server accepts no connection for 5 s"),
        (TimeoutError(), "the server takes more than 30 s"),
        (aiohttp.ClientPayloadError(), "the answer is cut short or damaged"),
        (aiohttp.ServerDisconnectedError(), "the server closes the connection without an answer"),
        (aiohttp.ClientError(), "the answer is not proper HTTP"),
        (ssl.SSLError(), "the server's certificate or encryption is not sound"),
        (OSError(), "the connection fails"),
    ],
)
def test_every_way_to_fail_has_its_sentence(error: Exception, sentence: str) -> None:
    """The narrowest sentence that is true, whatever the library derives its errors from."""
    assert _sentence(error, Collect()) == sentence


def test_names_that_do_not_resolve_hold_up_no_other(
    server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many name servers are silent, a good name is looked up beside them."""
    look_up, over = socket.getaddrinfo, threading.Event()

    def some_late(host: str, *given: Any, **named: Any) -> Any:
        if host.startswith("late"):
            over.wait(30)
            raise socket.gaierror
        return look_up("127.0.0.1", *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", some_late)
    server.replies["/a"] = response()
    place = f"good.example:{server.port}"
    opened = settings.model_copy(update={"allow_hosts": (place,)})

    async def ask() -> tuple[Answer, list[Answer], Answer]:
        async with Fetcher(opened, lambda: NOW) as fetcher:
            urls = [f"http://late-{number}.example/" for number in range(40)]
            late = asyncio.gather(*map(fetcher.get, urls))
            good = await fetcher.get(f"http://{place}/a")
            over.set()
            waited = await late
            over.clear()
            fetcher._session.connector._resolver._seconds = 0.05  # type: ignore[union-attr]
            last = await fetcher.get("http://late.example/")
        await asyncio.sleep(0.01)  # what was closed ends in the loop's next turn
        return good, waited, last

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        good, waited, last = runner.run(ask())
    over.set()
    assert good.body == b"hello"
    assert {one.problem for one in waited} == {"the server's name does not resolve"}
    assert "name is not resolved within" in last.problem


def test_a_server_that_accepts_no_connection_is_told_from_one_that_is_silent() -> None:
    """A full queue of connections has its own sentence, not that of a late first byte."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.settimeout(0)
            one.connect_ex(full.getsockname())
        place = f"127.0.0.1:{full.getsockname()[1]}"
        settings = Collect(allow_hosts=(place,), connect_seconds=0.2)

        async def ask() -> str:
            async with Fetcher(settings, lambda: NOW) as fetcher:
                return (await fetcher.get(f"http://{place}/")).problem

        assert asyncio.run(ask()) == "the server accepts no connection for 0.2 s"
