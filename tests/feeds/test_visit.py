"""Visits: what the network does to one feed stays with that feed."""

from __future__ import annotations

import asyncio
import gzip
import random
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.feeds.batches import in_batches
from newsletter.feeds.fingerprint import fingerprint
from newsletter.feeds.visit import Outcome, Visit, visit_feeds
from newsletter.model import Feed, FeedState

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def rss(*numbers: int, extra: str = "") -> bytes:
    """A feed with one item a number."""
    items = "".join(
        f"<item><title>Road number {n}</title><link>https://example.org/roads/number-{n}</link>"
        f"<description>Road {n} is open.</description></item>"
        for n in numbers
    )
    return f'<rss version="2.0"><channel><title>t</title>{extra}{items}</channel></rss>'.encode()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def moved(status: str, to: str) -> bytes:
    """A redirect."""
    return response(b"", f"Location: {to}", status=status)


def feed(server: Any, path: str = "/feed", outlet: str = "paper", **state: Any) -> Feed:
    """A feed of the server."""
    return Feed(url=server.url(path), outlet=outlet, **state)


def test_new_articles_arrive(server: Any, visit_all: Any) -> None:
    """A first visit brings every article and stores the validators."""
    server.replies["/feed"] = response(rss(1, 2), 'ETag: "v1"', "Last-Modified: yesterday")
    (visit,) = visit_all(feed(server))
    assert visit.outcome is Outcome.CHANGED
    assert [article.title for article in visit.articles] == ["Road number 1", "Road number 2"]
    assert (visit.feed.etag, visit.feed.modified) == ('"v1"', "yesterday")
    assert visit.feed.last_change == NOW
    assert visit.bytes > 100


def test_validators_are_sent_back(server: Any, visit_all: Any) -> None:
    """The second visit asks whether anything changed, and believes a 304."""
    server.replies["/feed"] = response(rss(1), 'ETag: "v1"')
    (first,) = visit_all(feed(server))
    server.replies["/feed"] = response(b"", status="304 Not Modified")
    (second,) = visit_all(first.feed, force=True)
    assert server.requests[-1].headers["if-none-match"] == '"v1"'
    assert second.outcome is Outcome.UNCHANGED
    assert second.feed.etag == '"v1"'


def test_the_same_body_again_is_unchanged(server: Any, visit_all: Any) -> None:
    """Servers without validators are caught by the body's hash, whatever their build date says."""
    built = "<lastBuildDate>Sun, 22 Nov 2026 1{}:00:00 GMT</lastBuildDate>"
    server.replies["/feed"] = response(rss(1, extra=built.format(1)))
    (first,) = visit_all(feed(server))
    server.replies["/feed"] = response(rss(1, extra=built.format(2)))
    (second,) = visit_all(first.feed, force=True)
    assert second.outcome is Outcome.UNCHANGED


def test_a_304_to_a_plain_question_is_a_failure(server: Any, visit_all: Any) -> None:
    """Unchanged since never is no answer."""
    server.replies["/feed"] = response(b"", status="304 Not Modified")
    (visit,) = visit_all(feed(server))
    assert visit.outcome is Outcome.FAILED
    assert "304" in visit.problem


def test_known_articles_are_left_out(server: Any, visit_all: Any) -> None:
    """Only what is new is cleaned and handed on, and the caller's thread is not asked for it."""
    server.replies["/feed"] = response(rss(1, 2))
    (first,) = visit_all(feed(server))
    held = {first.articles[0].id: "Road number 1"}
    threads = []

    def known(ids: list[str], feed: str) -> dict[str, str]:
        threads.append(threading.current_thread())
        return held

    (second,) = visit_all(feed(server), known=known)
    assert [article.title for article in second.articles] == ["Road number 2"]
    assert threads != [threading.current_thread()]


def test_a_corrected_headline_is_brought_again(server: Any, visit_all: Any) -> None:
    """A recent article of this feed with another title than before comes, and is named."""
    server.replies["/feed"] = response(rss(1, 2, 3))
    old, no_title_told, new = (one.id for one in visit_all(feed(server))[0].articles)
    titles = {old: "Rode number 1", no_title_told: ""}
    told = {"known": lambda ids, _: titles, "compared_from": NOW - timedelta(days=9)}
    (visit,) = visit_all(feed(server), **told)
    assert [one.id for one in visit.articles] == [old, new]
    assert visit.articles[0].title == "Road number 1"
    assert visit.corrected == {old}
    told["compared_from"] = NOW + timedelta(days=9)
    (visit,) = visit_all(feed(server), **told)
    assert [one.id for one in visit.articles] == [new]


def test_a_caller_s_own_error_reaches_the_caller(server: Any, visit_all: Any) -> None:
    """What the look-up raises is not blamed on a feed."""
    server.replies["/feed"] = response(rss(1))

    def known(ids: list[str], feed: str) -> dict[str, str]:
        raise LookupError("the database is away")

    with pytest.raises(LookupError):
        visit_all(feed(server), known=known)


def test_feeds_that_are_not_due_are_left_alone(server: Any, visit_all: Any) -> None:
    """Only force asks before the time, and nothing asks a retired feed."""
    server.replies["/feed"] = response(rss(1))
    later = feed(server, next_visit=NOW + timedelta(minutes=1))
    assert visit_all(later) == []
    assert len(visit_all(later, force=True)) == 1
    assert visit_all(feed(server, state=FeedState.RETIRED), force=True) == []


async def silence(_: Any) -> AsyncIterator[bytes]:
    """Never a byte."""
    await asyncio.sleep(30)
    yield b""


async def dripping(_: Any) -> AsyncIterator[bytes]:
    """Good headers, then a byte now and then."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    for _ in range(300):
        yield b"<"
        await asyncio.sleep(0.1)


async def endless(_: Any) -> AsyncIterator[bytes]:
    """A chunked body without an end."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"2710\r\n" + b"x" * 10_000 + b"\r\n"


async def slow_headers(_: Any) -> AsyncIterator[bytes]:
    """Header lines without an end."""
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(100):
        yield f"X-{number}: y\r\n".encode()
        await asyncio.sleep(0.1)


HURTS: dict[str, tuple[bytes | Callable[..., AsyncIterator[bytes]], str]] = {
    "silence": (silence, "says nothing"),
    "dripping": (dripping, "takes more than"),
    "endless": (endless, "larger than"),
    "slow headers": (slow_headers, "says nothing"),
    "empty": (response(b""), "empty"),
    "page": (response(b"<html><body>hello</body></html>"), "web page"),
    "short": (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<rss>", "cut short"),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n",
        "",
    ),
    "no http": (b"hello\r\n\r\n", "HTTP"),
    "hang up": (b"", "closes the connection"),
    "flood": (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n", "HTTP"),
    "bomb": (response(gzip.compress(b" " * 9_000_000), "Content-Encoding: gzip"), "larger than"),
    "stacked": (response(b"x", "Content-Encoding: gzip, gzip"), "more than once"),
    "broken gzip": (response(b"\x1f\x8bxx", "Content-Encoding: gzip"), "packed"),
    "500": (response(rss(1), status="500 Oops"), "500"),
    "404": (response(rss(1), status="404 Not Found"), "404"),
    "401": (response(b"", "WWW-Authenticate: Basic", status="401 No"), "password"),
    "to file": (moved("302 Found", "file:///etc/passwd"), "http and https"),
    "to metadata": (moved("302 Found", "http://169.254.169.254/"), "local link"),
    "to loopback": (moved("302 Found", "http://2130706433/"), "cannot be understood"),
    "to short": (moved("302 Found", "http://0x7f000001/"), "this machine"),
    "to mapped": (moved("302 Found", "http://[::ffff:127.0.0.1]/"), "this machine"),
    "to port": (moved("302 Found", "http://127.0.0.1:1/"), "port 1"),
    "to user": (moved("302 Found", "http://good.example@127.0.0.1/"), "user name"),
    "to crlf": (moved("302 Found", "/x%0d%0aX-Evil:%20y"), "line break"),
    "nowhere": (response(b"", status="302 Found"), "names no address"),
    "itself": (moved("302 Found", "/x"), "circle"),
}


STALLS = {"silence", "dripping", "slow headers"}


@pytest.mark.parametrize("name", sorted(HURTS))
def test_a_server_that_hurts_costs_itself_only(
    server: Any, visit_all: Any, settings: Any, name: str
) -> None:
    """The good feed's articles arrive; the bad one fails with a sentence."""
    reply, sentence = HURTS[name]
    server.replies.update({"/x": reply, "/good": response(rss(1))})
    bad, good = feed(server, "/x", "bad"), feed(server, "/good", "good")
    if name in STALLS:
        # Long enough for the good feed on a machine that has much else to do.
        short = {"connect_seconds": 2, "first_byte_seconds": 1, "total_seconds": 4}
        settings = settings.model_copy(update=short)
    visits = {visit.feed.outlet: visit for visit in visit_all(bad, good, settings=settings)}
    assert visits["good"].outcome is Outcome.CHANGED
    assert visits["bad"].outcome is Outcome.FAILED
    assert visits["bad"].articles == ()
    assert sentence in visits["bad"].problem
    assert visits["bad"].feed.failures == 1
    assert visits["bad"].seconds < 10


def test_gone_retires(server: Any, visit_all: Any) -> None:
    """410 ends the asking."""
    server.replies["/feed"] = response(b"", status="410 Gone")
    (visit,) = visit_all(feed(server))
    assert visit.outcome is Outcome.RETIRED
    assert visit.feed.state is FeedState.RETIRED


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
def test_what_is_gone_for_now_retires_nothing(server: Any, visit_all: Any, status: str) -> None:
    """410 behind a detour may be anybody's; only the feed's own address can end the asking."""
    server.replies["/feed"] = moved(status, "/gone")
    server.replies["/moved"] = moved("301 Moved Permanently", "/gone")
    server.replies["/gone"] = response(b"", status="410 Gone")
    (visit,) = visit_all(feed(server))
    assert (visit.outcome, visit.feed.state) == (Outcome.FAILED, FeedState.ACTIVE)
    (visit,) = visit_all(feed(server, "/moved"))
    assert visit.outcome is Outcome.RETIRED


def test_a_new_address_that_is_gone_is_forgotten(server: Any, visit_all: Any) -> None:
    """The old one is asked again, and may have a feed."""
    server.replies["/feed"] = response(rss(1))
    server.replies["/new"] = response(b"", status="410 Gone")
    (visit,) = visit_all(feed(server, moved_to=server.url("/new")))
    assert (visit.outcome, visit.feed.moved_to) == (Outcome.FAILED, "")
    (visit,) = visit_all(visit.feed, force=True)
    assert visit.outcome is Outcome.CHANGED


def test_a_host_that_asks_for_fewer_visits_gets_no_more(
    server: Any, visit_all: Any, public: Any
) -> None:
    """Its other feeds wait as long as it said, and are not asked in this round."""
    reply = response(b"", "Retry-After: 7200", status="429 Too Many")
    server.replies.update({f"http://paper.example/{n}": reply for n in range(4)})
    server.replies["http://other.example/"] = response(rss(1))
    feeds = [Feed(url=f"http://paper.example/{n}", outlet=f"a{n}") for n in range(4)]
    visits = visit_all(*feeds, Feed(url="http://other.example/", outlet="b"), settings=public)
    assert len(server.requests) == 2
    waits = {visit.feed.next_visit - NOW for visit in visits if visit.problem}
    assert waits == {timedelta(hours=2)}
    assert len(visits) == 5


def test_a_feed_that_is_gone_takes_no_other_of_its_host_along(
    server: Any, visit_all: Any, public: Any
) -> None:
    """A 410 speaks for its own address only, also with a Retry-After."""
    server.replies["http://paper.example/a"] = response(b"", "Retry-After: 60", status="410 Gone")
    server.replies["http://paper.example/b"] = response(rss(1))
    feeds = [Feed(url=f"http://paper.example/{name}", outlet=name) for name in "ab"]
    outcomes = {visit.feed.outlet: visit.outcome for visit in visit_all(*feeds, settings=public)}
    assert outcomes == {"a": Outcome.RETIRED, "b": Outcome.CHANGED}


def test_a_server_that_began_to_answer_is_not_silent(server: Any, visit_all: Any) -> None:
    """Only where no server was reached may the trouble be our own line."""
    server.replies["/cut"] = response(rss(1))[:-40]
    server.replies["/round"] = moved("302 Found", "/1")
    server.replies.update({f"/{n}": moved("302 Found", f"/{n + 1}") for n in range(1, 9)})
    visits = visit_all(feed(server, "/cut", "a"), feed(server, "/round", "b"))
    assert [visit.outcome for visit in visits] == [Outcome.FAILED] * 2
    assert not any(visit.silent for visit in visits)


def test_a_feed_is_parked_with_its_reason(server: Any, visit_all: Any) -> None:
    """The failure that parks a feed is told as such."""
    server.replies["/feed"] = response(b"", status="404 Not Found")
    (visit,) = visit_all(feed(server, failures=9))
    assert visit.outcome is Outcome.PARKED
    assert "404" in visit.feed.problem


def test_permanent_moves_are_remembered_and_others_are_not(server: Any, visit_all: Any) -> None:
    """301 is stored once a feed was found there; 302 is followed and forgotten."""
    server.replies["/old"] = moved("301 Moved Permanently", "/new")
    server.replies["/lent"] = moved("302 Found", "/new")
    server.replies["/new"] = response(rss(1))
    old, lent = feed(server, "/old", "a"), feed(server, "/lent", "b")
    visits = {visit.feed.outlet: visit for visit in visit_all(old, lent)}
    assert visits["a"].feed.moved_to == server.url("/new")
    assert visits["b"].feed.moved_to == ""
    server.requests.clear()
    visit_all(visits["a"].feed, force=True)
    assert [request.path for request in server.requests] == ["/new"]


def test_a_long_chain_of_redirects_is_not_followed(server: Any, visit_all: Any) -> None:
    """Five hops are enough."""
    for number in range(9):
        server.replies[f"/{number}"] = moved("302 Found", f"/{number + 1}")
    (visit,) = visit_all(feed(server, "/0"))
    assert "more than 5 redirects" in visit.problem
    assert len(server.requests) == 6


def test_no_cookie_is_kept(server: Any, visit_all: Any) -> None:
    """A cookie set on the way is not sent on the next hop."""
    server.replies["/feed"] = response(
        b"", "Set-Cookie: a=b", "Location: /next", status="302 Found"
    )
    server.replies["/next"] = response(rss(1))
    visit_all(feed(server))
    assert "cookie" not in server.requests[-1].headers


def test_feeds_of_one_outlet_are_asked_one_after_another(server: Any, visit_all: Any) -> None:
    """On a host the operator opened, politeness is per outlet."""

    async def slow(_: Any) -> AsyncIterator[bytes]:
        await asyncio.sleep(0.05)
        yield response(rss(1))

    server.replies.update({"/a": slow, "/b": slow, "/c": slow})
    visit_all(*(feed(server, path) for path in ("/a", "/b", "/c")))
    assert server.most_busy == 1
    visit_all(*(feed(server, path, outlet=path) for path in ("/a", "/b", "/c")))
    assert server.most_busy == 3


def test_a_round_ends_at_its_deadline(server: Any, visit_all: Any) -> None:
    """After the deadline no visit begins; what was not reached stays due and is not told."""
    server.replies["/feed"] = response(rss(1))
    feeds = [feed(server, outlet=f"paper-{number}") for number in range(5)]
    assert visit_all(*feeds, deadline=0) == []
    assert server.requests == []


def test_a_visit_that_outlasts_its_round_is_made_again(
    server: Any, visit_all: Any, public: Any
) -> None:
    """Past the deadline a visit has the time of one request; then its feed stays due, untold."""
    server.replies["http://slow.example/"] = dripping
    feeds = [Feed(url=f"http://a{n}.example/", outlet=f"a{n}") for n in range(6)]
    for one in feeds:
        server.replies[one.url] = moved("302 Found", "http://slow.example/")
    short = public.model_copy(update={"total_seconds": 0.5})
    assert len(visit_all(*feeds, settings=short, deadline=0.3)) < len(feeds)


def test_we_say_who_we_are(server: Any, visit_all: Any, settings: Any) -> None:
    """Every request names the program, or what the operator wants to be called."""
    server.replies["/feed"] = response(rss(1))
    visit_all(feed(server))
    assert server.requests[-1].headers["user-agent"].startswith("BothSidesNewsletter/")
    named = settings.model_copy(update={"user_agent": "Sampler/2 (+https://example.org)"})
    visit_all(feed(server), settings=named)
    assert server.requests[-1].headers["user-agent"] == "Sampler/2 (+https://example.org)"


def test_a_private_address_is_refused_without_allowance(
    server: Any, visit_all: Any, settings: Any
) -> None:
    """Without the operator's word nothing on this machine is contacted."""
    shut = settings.model_copy(update={"allow_hosts": ()})
    (visit,) = visit_all(feed(server), settings=shut)
    assert visit.outcome is Outcome.FAILED
    assert server.requests == []


def test_a_caller_may_stop_early(server: Any, settings: Any) -> None:
    """Closing the generator ends the run and its threads."""
    server.replies["/good"] = response(rss(1))
    server.replies["/slow"] = silence
    feeds = [feed(server, "/good", "a"), feed(server, "/slow", "b")]
    patient = settings.model_copy(update={"first_byte_seconds": 60, "total_seconds": 60})
    visits = visit_feeds(feeds, {}, patient, clock=lambda: NOW, random=random.Random(1))
    assert next(visits).feed.outlet == "a"
    visits.close()
    assert "collect" not in {thread.name for thread in threading.enumerate()}


def test_a_feed_that_ends_its_worker_is_replaced(
    server: Any, visit_all: Any, settings: Any
) -> None:
    """A body that needs too long fails alone; the next is read by a new worker."""
    slow = b"<rss><channel><item " + b" ".join(b'a%d="x"' % n for n in range(50_000)) + b"/>"
    quick = settings.model_copy(
        update={"parse_seconds": 1.5, "wire_bytes": 2_000_000, "decoded_bytes": 2_000_000}
    )
    server.replies.update({"/slow": response(slow), "/good": response(rss(1))})
    feeds = [feed(server, "/slow", "a"), replace(feed(server, "/good", "b"))]
    visits = {visit.feed.outlet: visit for visit in visit_all(*feeds, settings=quick)}
    assert visits["b"].outcome is Outcome.CHANGED
    assert visits["a"].outcome is Outcome.FAILED
    assert "to read" in visits["a"].problem


def test_visits_come_in_batches_and_none_is_lost() -> None:
    """What is stored together is at most so many, and the rest comes last."""
    visits = [Visit(feed=Feed(url=str(n), outlet="a"), outcome=Outcome.CHANGED) for n in range(7)]
    batches = list(in_batches(visits, 3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [visit for batch in batches for visit in batch] == visits


def test_a_fingerprint_sees_news_and_not_clocks() -> None:
    """Build dates and closing comments do not count; every word of an item does."""
    one = rss(1, extra="<lastBuildDate>Mon</lastBuildDate>") + b"<!-- served at 10:00 -->"
    same = rss(1, extra="<lastBuildDate>Tue</lastBuildDate>") + b"<!-- served at 11:00 -->"
    assert fingerprint(one) == fingerprint(same)
    assert fingerprint(one) != fingerprint(rss(2))
