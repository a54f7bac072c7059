"""``sources``: list, OPML both ways, and licensed ratings that stay here."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from newsletter.config import load
from newsletter.model import FeedState, Lean
from newsletter.newsroom import open_newsroom
from tests.cli.conftest import Run
from tests.feeds.conftest import ByteServer, server

__all__ = ["server"]  # a fixture

FEED = (
    b'<rss version="2.0"><channel><title>The Sample</title>'
    b"<item><title>Roads</title><link>https://a.example/roads</link></item>"
    b"<item><title>Bridges</title><link>https://a.example/bridges</link></item></channel></rss>"
)


def answer(body: bytes, kind: str = "application/rss+xml") -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def test_the_list_names_health_lean_and_totals(run: Run) -> None:
    """Every configured feed has its line, and the last line counts them."""
    said = run("sources", "list")
    assert said.code == 0
    assert "90 feeds: 90 new" in said.out
    rows = run("sources", "list", "--json").json
    assert len(rows) == 90
    assert {row["health"] for row in rows} == {"new"}


def test_sources_travel_as_opml(run: Run, place: Path) -> None:
    """What was exported here is known when it is imported again, and new to an empty place."""
    assert run("sources", "export-opml", "--to", "out.opml").code == 0
    assert "Added 0 sources" in run("sources", "import-opml", "out.opml").out
    said = run("--set", "collect.sources=[]", "sources", "import-opml", "out.opml")
    assert "Added 90 sources of 90" in said.out, said.err
    assert "[[source]]" in (place / "config.toml").read_text()


def test_a_file_that_is_no_opml_changes_nothing(run: Run, place: Path) -> None:
    """A broken list is refused and config.toml stays as it was."""
    before = (place / "config.toml").read_text()
    (place / "bad.opml").write_text("<html></html>")
    said = run("sources", "import-opml", "bad.opml")
    assert said.code == 1
    assert "not OPML" in said.err
    assert (place / "config.toml").read_text() == before


def test_imported_ratings_are_used_here_and_never_exported(run: Run, place: Path) -> None:
    """An imported lean replaces ours on this machine, with its source; OPML keeps ours."""
    (place / "config.toml").write_text(
        "[collect]\nsources = []\n[[source]]\nid = 'paper'\nname = 'The Sample Paper'\n"
        "feed = 'https://paper.example/feed'\ndomains = ['paper.example']\nlean = 'left'\n"
    )
    (place / "ratings.csv").write_text(
        "news_source,allsides_bias,url\nThe Sample Paper,Right,https://paper.example\n"
    )
    said = run("sources", "import-ratings", "ratings.csv")
    assert said.code == 0, said.err
    assert "1 outlet of 1 rated" in said.out
    room = open_newsroom(load(place / "config.toml"))
    assert room.outlets["paper"].lean is Lean.RIGHT
    assert room.ratings_attribution
    room.close()
    assert 'newsletterLean="left"' in run("sources", "export-opml").out


def test_imported_ratings_stay_out_of_version_control(place: Path) -> None:
    """A new place keeps the folder they lie in, and letters, to itself."""
    config = load(place / "config.toml")
    folder = config.ratings_file.parent.relative_to(place)
    assert f"{folder}/" in (place / ".gitignore").read_text().splitlines()


def troubled(place: Path) -> None:
    """Three feeds of the place in trouble, as rounds of visits would leave them."""
    room = open_newsroom(load(place / "config.toml"))
    room.articles.sync_sources(room.outlets.values(), room.feeds)
    now = room.clock()
    well = [replace(feed, last_visit=now, last_success=now, last_change=now) for feed in room.feeds]
    gone, failing, slow, *rest = well
    room.articles.save_visits([(replace(failing, failures=n + 1), ()) for n in range(3)])
    room.articles.save_visits(
        (feed, ())
        for feed in (
            replace(gone, state=FeedState.RETIRED, problem="the feed is gone for good (410)",
                    since=now - timedelta(days=3)),
            replace(failing, failures=4, problem="the server answers 500", since=now),
            replace(slow, seconds=7.5),
            *rest,
        )
    )  # fmt: skip
    room.close()


def test_status_tells_which_sources_are_in_trouble_and_why(run: Run, place: Path) -> None:
    """One look: how many are healthy, and each that is not with its reason and since when."""
    troubled(place)
    said = run("status").out
    assert "1 retired, 1 failing, 1 slow, 87 healthy" in said
    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith("           ")}
    assert "gone for good (410) (since" in lines["retired"]
    assert "the server answers 500, 4 times in a row (since" in lines["failing"]
    assert "it took 7.5 s to answer" in lines["slow"]
    facts = run("status", "--json").json["sources"]
    assert facts["counts"] == {"retired": 1, "failing": 1, "slow": 1, "healthy": 87}
    assert [one["health"] for one in facts["troubled"]] == ["retired", "failing", "slow"]
    assert facts["troubled"][0]["since"]


def test_the_list_puts_the_worst_first(run: Run, place: Path) -> None:
    """What needs a look stands on top, with its reason; the last line counts them all."""
    troubled(place)
    lines = run("sources", "list").out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["retired", "failing", "slow", "healthy"]
    assert lines[-1] == "90 feeds: 1 retired, 1 failing, 1 slow, 87 healthy"


def test_a_retired_feed_is_woken_from_the_command_line(run: Run, place: Path) -> None:
    """It is due again and nothing is held against it; an unknown address is one sentence."""
    troubled(place)
    (gone,) = [row for row in run("sources", "list", "--json").json if row["health"] == "retired"]
    said = run("sources", "wake", gone["feed"])
    assert said.code == 0, said.err
    rows = {row["feed"]: row["health"] for row in run("sources", "list", "--json").json}
    assert rows[gone["feed"]] == "healthy"
    said = run("sources", "wake", "https://nobody.example/feed")
    assert said.code == 1
    assert "no feed has this address" in said.err


def test_the_configuration_is_replaced_as_a_whole(run: Run, place: Path) -> None:
    """A reader who has it open keeps the old one; its rights stay, and so does a link to it."""
    own = place / "config.toml"
    real = place / "real.toml"
    own.rename(real)
    own.symlink_to(real)
    real.chmod(0o640)
    (place / "list.opml").write_text(
        "<opml><body><outline text='A' xmlUrl='https://new.example/feed'/></body></opml>"
    )
    with real.open() as before:
        length = len(real.read_text())
        assert run("sources", "import-opml", "list.opml").code == 0
        assert len(before.read()) == length
    assert own.is_symlink()
    assert "https://new.example/feed" in own.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    assert not list(place.glob(".*.new"))


def opened(server: ByteServer) -> tuple[str, ...]:
    """Words before a command that let it ask the test's server and no other source."""
    return ("--set", f'collect.allow_hosts=["{server.place}"]', "--set", "collect.sources=[]")


def test_check_visits_every_feed_and_tells_how_each_is(
    run: Run, place: Path, server: ByteServer
) -> None:
    """All are fetched now and those in trouble stand in a line; one needs a person (status 3)."""
    server.replies["/good"] = answer(FEED)
    server.replies["/gone"] = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    (place / "config.toml").write_text(
        "".join(
            f"[[source]]\nid = '{name}'\nname = 'The {name}'\nfeed = '{server.url(f'/{name}')}'\n"
            for name in ("good", "gone", "lost")
        )
    )
    said = run(*opened(server), "sources", "check")
    lines = said.out.splitlines()
    assert said.code == 3
    assert "gone for good (410)" in lines[0]
    assert lines[0].startswith("retired")
    assert "nothing at this address (404)" in lines[1]
    assert lines[2] == "3 feeds: 1 retired, 1 failing, 1 healthy; 2 new articles"
    assert lines[3].endswith("newsletter sources list")
    again = run(*opened(server), "sources", "check", "--json").json
    assert {row["id"]: row["health"] for row in again} == {
        "gone": "retired", "lost": "failing", "good": "healthy",
    }  # fmt: skip
    assert [request.path for request in server.requests].count("/gone") == 1


def test_add_finds_the_feed_of_a_page(run: Run, place: Path, server: ByteServer) -> None:
    """The page's announced feed is asked, named and written down, unrated."""
    page = b'<html><head><link rel="alternate" type="application/rss+xml" href="/f"></head></html>'
    server.replies["/"] = answer(page, "text/html")
    server.replies["/f"] = answer(FEED)
    (place / "config.toml").write_text("[collect]\nsources = []\n")
    said = run(*opened(server), "sources", "add", server.url("/"))
    assert said.code == 0, said.err
    assert "2 articles" in said.out
    (source,) = load(place / "config.toml").sources
    assert source.addresses == (server.url("/f"),)
    assert source.lean is Lean.UNRATED


def test_parse_reads_a_list_of_files(run: Run, place: Path) -> None:
    """One JSON line a file, in order; a file that is no feed says so and costs no other."""
    (place / "good.xml").write_bytes(FEED)
    (place / "bad.xml").write_bytes(b"<html></html>")
    (place / "list").write_text(
        "good.xml\thttps://a.example/f\nbad.xml\thttps://b.example/f\nno.xml\thttps://c.example/\n"
    )
    said = run("parse", "--many", "list")
    assert said.code == 0, said.err
    good, bad, missing = [json.loads(line) for line in said.out.splitlines()]
    assert [one["title"] for one in good["articles"]] == ["Roads", "Bridges"]
    assert good["error"] is None
    assert "web page" in bad["error"]
    assert missing["error"]
