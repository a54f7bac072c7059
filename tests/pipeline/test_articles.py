"""Collecting as a whole: what one feed brings costs no other."""

from __future__ import annotations

import random
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter import pipeline
from newsletter.cli.sources import health_of
from newsletter.config import load
from newsletter.database.articles import Articles
from newsletter.database.engine import Database
from newsletter.feeds.health import Health
from newsletter.newsroom import Newsroom
from tests.conftest import StillClock
from tests.feeds.conftest import server
from tests.feeds.test_visit import response, rss

__all__ = ["server"]  # a fixture


def newsroom(
    folder: Path, database: Database, clock: StillClock, feeds: dict[str, str], allow: str
) -> Newsroom:
    """A newsroom with one feed an outlet."""
    file = folder / "config.toml"
    file.write_text(
        f"[collect]\nsources = []\nallow_hosts = ['{allow}']\nparsers = 1\n"
        + "".join(
            f"[[source]]\nid = '{name}'\nname = '{name}'\nfeed = '{url}'\n"
            for name, url in feeds.items()
        )
    )
    return Newsroom(config=load(file), database=database, clock=clock, random=random.Random(1))


def test_a_byte_in_a_header_costs_its_feed_nothing(
    server: Any, tmp_path: Path, database: Database, clock: StillClock
) -> None:
    """A validator that no database takes is left out, and both feeds are stored."""
    server.replies["/good"] = response(rss(1))
    server.replies["/odd"] = response(rss(2), 'ETag: "?"').replace(b'"?"', b'"\xff"')
    feeds = {name: server.url(f"/{name}") for name in ("good", "odd")}
    room = newsroom(tmp_path, database, clock, feeds, server.place)
    assert pipeline.collect(room).articles == 2
    assert {feed.failures for feed in room.articles.feeds()} == {0}


def test_a_visit_that_cannot_be_stored_costs_itself_only(
    server: Any, tmp_path: Path, database: Database, clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The others of its batch are stored one by one, and the feed stays due."""
    server.replies.update({"/good": response(rss(1)), "/bad": response(rss(2))})
    feeds = {name: server.url(f"/{name}") for name in ("good", "bad")}
    room = newsroom(tmp_path, database, clock, feeds, server.place)
    save = Articles.save_visits

    def refusing(self: Articles, visits: Any, *rest: Any) -> int:
        pairs = list(visits)
        if any(feed.outlet == "bad" for feed, _ in pairs):
            "\udcff".encode()
        return save(self, pairs, *rest)

    monkeypatch.setattr(Articles, "save_visits", refusing)
    assert pipeline.collect(room).articles == 1
    assert {feed.outlet: feed.last_visit is None for feed in room.articles.feeds()} == {
        "good": False, "bad": True,
    }  # fmt: skip


def test_an_outage_of_our_own_is_held_against_no_feed(
    server: Any, tmp_path: Path, database: Database, clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Where most hosts fall silent at once their feeds stay as they were and are asked soon."""
    look_up, down = socket.getaddrinfo, set[str]()

    def names(host: str, *given: Any, **named: Any) -> Any:
        if host in down:
            raise socket.gaierror
        return look_up("127.0.0.1", *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    server.replies["/feed"] = response(rss(1), 'ETag: "v1"')
    hosts = [f"paper-{number}.example" for number in range(6)]
    feeds = {host.partition(".")[0]: f"http://{host}:{server.port}/feed" for host in hosts}
    allow = "', '".join(f"{host}:{server.port}" for host in hosts)
    room = newsroom(tmp_path, database, clock, feeds, allow)
    pipeline.collect(room)
    before = {feed.url: feed for feed in room.articles.feeds()}
    for _ in range(12):
        down.update(hosts[:5])
        clock.pass_(days=1)
        pipeline.collect(room)
    *cut, well = room.articles.feeds()
    assert well.failures == 0
    assert well.last_visit == clock()
    for feed in cut:
        old = before[feed.url]
        assert feed.problem == "the server's name does not resolve"
        assert feed.next_visit == clock() + timedelta(minutes=15)
        assert feed == replace(
            old, problem=feed.problem, since=feed.since, next_visit=feed.next_visit
        )
    assert [line.health for line in health_of(room)].count(Health.FAILING) == 5
    clock.pass_(minutes=15)
    down.difference_update(hosts[2:])
    pipeline.collect(room)
    assert [feed.failures for feed in room.articles.feeds()] == [1, 1, 0, 0, 0, 0]
    assert [bool(feed.problem) for feed in room.articles.feeds()] == [True, True, *[False] * 4]


def dated(*told: tuple[str, int]) -> bytes:
    """A feed that tells everything at one address: titles and their hours."""
    items = "".join(
        f"<item><title>{title}</title><link>https://example.org/politics/results-tonight</link>"
        f"<pubDate>Sun, 22 Nov 2026 {hour:02}:00:00 GMT</pubDate></item>"
        for title, hour in told
    )
    return response(f'<rss version="2.0"><channel>{items}</channel></rss>'.encode())


def test_what_is_told_at_one_address_is_stored_once_each(
    server: Any, tmp_path: Path, database: Database, clock: StillClock
) -> None:
    """Headlines that come and go at a shared link overwrite no other, and none is doubled."""
    room = newsroom(tmp_path, database, clock, {"live": server.url("/live")}, server.place)
    polls, governor, senate = ("Polls close", 8), ("Governor concedes", 9), ("Senate is called", 10)
    for told in ([polls], [governor, polls], [senate, governor], [senate]):
        server.replies["/live"] = dated(*told)
        pipeline.collect(room, force=True)
    stored = room.articles.window(clock() - timedelta(days=9), clock(), {"live"})
    assert [one.title for one in stored] == [title for title, _ in (polls, governor, senate)]
    server.replies["/live"] = dated(("Polls closed", 8))
    pipeline.collect(room, force=True)
    stored = room.articles.window(clock() - timedelta(days=9), clock(), {"live"})
    assert sorted(one.title for one in stored)[1:] == ["Polls closed", "Senate is called"]
