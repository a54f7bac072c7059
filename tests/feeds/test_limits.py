"""Limits and manners as they were asked for, held against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import brotli
import pytest

from newsletter.config import Collect
from newsletter.feeds.visit import Outcome
from newsletter.model import Feed
from tests.feeds.conftest import NOW
from tests.feeds.test_visit import feed, moved, response, rss


def test_the_limits_are_those_that_were_agreed() -> None:
    """Five, ten and thirty seconds; five and ten megabytes; 500 items; 256 KB a field."""
    given = Collect()
    assert (given.connect_seconds, given.first_byte_seconds, given.total_seconds) == (5, 10, 30)
    assert (given.wire_bytes, given.decoded_bytes) == (5_000_000, 10_000_000)
    assert (given.items, given.field_bytes) == (500, 256 * 1024)
    assert not given.use_proxy_environment
    assert given.allow_hosts == ()


def test_no_more_requests_run_at_once_than_the_operator_allows(
    server: Any, visit_all: Any, settings: Any
) -> None:
    """Six outlets, two at a time."""

    async def slow(_: Any) -> AsyncIterator[bytes]:
        await asyncio.sleep(0.02)
        yield response(rss(1))

    feeds = []
    for number in range(6):
        server.replies[f"/{number}"] = slow
        feeds.append(feed(server, f"/{number}", f"paper-{number}"))
    visit_all(*feeds, settings=settings.model_copy(update={"at_once": 2}))
    assert server.most_busy == 2


def test_brotli_is_offered_and_read(server: Any, visit_all: Any) -> None:
    """A body packed with br arrives whole."""
    server.replies["/feed"] = response(brotli.compress(rss(1, 2)), "Content-Encoding: br")
    (visit,) = visit_all(feed(server))
    assert "br" in server.requests[-1].headers["accept-encoding"]
    assert len(visit.articles) == 2


@pytest.mark.parametrize("status", ["301 Moved Permanently", "308 Permanent Redirect"])
def test_both_permanent_redirects_are_remembered(server: Any, visit_all: Any, status: str) -> None:
    """301 and 308 mean the same to a feed."""
    server.replies["/old"] = moved(status, "/new")
    server.replies["/new"] = response(rss(1))
    (visit,) = visit_all(feed(server, "/old"))
    assert visit.feed.moved_to == server.url("/new")


@pytest.mark.parametrize("to", ["http://169.254.169.254/feed", "http://127.0.0.1:1/", "/missing"])
def test_a_permanent_redirect_to_nowhere_good_is_not_remembered(
    server: Any, visit_all: Any, to: str
) -> None:
    """A new address passes the same checks, and is kept only once a feed was found there."""
    server.replies["/old"] = moved("301 Moved Permanently", to)
    (visit,) = visit_all(feed(server, "/old"))
    assert visit.outcome is Outcome.FAILED
    assert visit.feed.moved_to == ""


def test_proxies_of_the_environment_are_used_only_when_that_is_configured(
    server: Any, visit_all: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the operator's word a proxy is never asked; with it, it is asked for everything."""
    monkeypatch.setenv("http_proxy", f"http://{server.place}")
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    elsewhere = Feed(url="http://paper.invalid/feed", outlet="paper")
    (alone,) = visit_all(elsewhere)
    assert alone.problem == "the server's name does not resolve"
    assert server.requests == []
    server.replies["http://paper.invalid/feed"] = response(rss(1))
    with_proxy = settings.model_copy(update={"use_proxy_environment": True})
    (visit,) = visit_all(elsewhere, settings=with_proxy)
    assert visit.outcome is Outcome.CHANGED, visit.problem
    assert [request.path for request in server.requests] == ["http://paper.invalid/feed"]


def test_no_password_of_the_environment_reaches_a_server(
    server: Any, visit_all: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy gets the password its own address holds; ~/.netrc stays unread."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ops password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", f"http://us:word@{server.place}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.replies.update({"/feed": response(rss(1)), "http://a.invalid/": response(rss(1))})
    given = settings.model_copy(update={"use_proxy_environment": True})
    visits = visit_all(feed(server), Feed(url="http://a.invalid/", outlet="paper"), settings=given)
    assert {visit.outcome for visit in visits} == {Outcome.CHANGED}
    sent = {request.path: request.headers for request in server.requests}
    assert not any("authorization" in headers for headers in sent.values())
    assert "proxy-authorization" not in sent["/feed"]
    assert sent["http://a.invalid/"]["proxy-authorization"] == "Basic dXM6d29yZA=="


def test_trouble_is_dated_from_its_first_failure(server: Any, visit_all: Any) -> None:
    """A feed remembers since when it fails, and forgets it when it answers again."""
    later = NOW + timedelta(hours=2)
    (first,) = visit_all(feed(server))
    (second,) = visit_all(first.feed, force=True, clock=lambda: later)
    assert (first.feed.since, second.feed.since) == (NOW, NOW)
    server.replies["/feed"] = response(rss(1))
    (third,) = visit_all(second.feed, force=True, clock=lambda: later)
    assert third.feed.since is None
    assert third.feed.seconds >= 0
    server.replies["/feed"] = response(b"", status="410 Gone")
    (last,) = visit_all(third.feed, force=True, clock=lambda: later)
    assert last.feed.since == later


def test_an_unchanged_round_starts_no_process(
    server: Any, visit_all: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading costs a process; a feed that has nothing new is not read."""
    from newsletter.feeds.workers import Workers

    server.replies["/feed"] = response(rss(1), 'ETag: "v1"')
    (first,) = visit_all(feed(server))

    async def never(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(Workers, "_start", never)
    server.replies["/feed"] = response(b"", status="304 Not Modified")
    (visit,) = visit_all(first.feed, force=True)
    assert visit.outcome is Outcome.UNCHANGED
