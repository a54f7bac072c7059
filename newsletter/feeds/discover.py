"""Find the feed of a page: what an editor types is a home page, hardly ever a feed's address."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from html import unescape
from urllib.parse import urldefrag, urljoin, urlsplit

from newsletter.clock import Clock
from newsletter.config import Collect, Source
from newsletter.errors import FeedError, FeedRefused, FeedUnreadable
from newsletter.feeds.articles import Context
from newsletter.feeds.background import Way, stream
from newsletter.feeds.fetch import Answer, Fetcher
from newsletter.feeds.links import host_of, link
from newsletter.feeds.opml import source_id
from newsletter.feeds.text import line
from newsletter.feeds.workers import Workers

ACCEPT_ANY = (
    "text/html, application/xhtml+xml, application/rss+xml, application/atom+xml, */*;q=0.1"
)
USUAL_PLACES = ("/feed/", "/rss.xml", "/feed.xml", "/rss", "/atom.xml", "/index.xml", "/feed.json")
"""Where publishing systems put a feed when the page does not say."""
MOST_TRIES = 12

_LINK = re.compile(r"<(?:link|a)\b[^<>]{1,2000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<![a-zA-Z:-])([a-zA-Z:-]{1,40})\s{0,20}=\s{0,20}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
)
_FEED_TYPES = {
    "application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml",
    "application/json", "text/xml", "application/xml",
}  # fmt: skip
_FEED_PATH = re.compile(
    r"(?:/feed/?|/rss/?|\.rss|/atom|feed\.xml|rss\.xml|atom\.xml)$", re.IGNORECASE
)
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_COMMENTS = re.compile(r"comments?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A feed that was found and read: its address, its title, and how many articles it holds."""

    url: str
    title: str
    articles: int


def find_feed(url: str, settings: Collect, *, clock: Clock) -> Found:
    """The feed at an address, or of the page at an address.

    :raises FeedRefused: when the guard refuses the address.
    :raises FeedUnreadable: when nothing at the address leads to a feed.
    :raises FeedError: when the address cannot be fetched.
    """
    address = url.strip()
    if "://" not in address:
        address = f"https://{address}"

    async def find(way: Way[Found]) -> None:
        workers = Workers(1, seconds=settings.parse_seconds, memory_mb=settings.parse_memory_mb)
        async with Fetcher(settings, clock) as fetcher, workers:
            await way.give(await _find(address, fetcher, workers, clock))

    (found,) = stream(find, room=1)
    return found


def source_of(found: Found, taken: Container[str] = ()) -> Source:
    """A ``[[source]]`` table to begin with: unrated, of no known family."""
    name = line(found.title, 120) or host_of(found.url)
    return Source(id=source_id(host_of(found.url), taken), name=name, feed=found.url)


def candidates(page: str, url: str) -> list[str]:
    """Addresses on a page that say they are feeds, the likeliest first.

    Announced feeds come before mere links that look like one; feeds of comments come last.
    """
    announced: list[str] = []
    linked: list[str] = []
    for tag in _LINK.findall(page):
        given = {
            name.lower(): unescape(one or two or bare)
            for name, one, two, bare in _ATTRIBUTE.findall(tag)
        }
        # The form of an article's address drops words such as "feed", which a feed's may need.
        href = given.get("href", "").strip()
        if not link(href, url):
            continue
        address = urldefrag(urljoin(url, href)).url
        kind = given.get("type", "").partition(";")[0].strip().lower()
        if "alternate" in given.get("rel", "").lower().split() and kind in _FEED_TYPES:
            announced.append(address)
        elif tag[:2].lower() == "<a" and _FEED_PATH.search(urlsplit(address).path):
            linked.append(address)
    found = list(dict.fromkeys([*announced, *linked]))
    return sorted(found, key=lambda one: bool(_COMMENTS.search(one)))


async def _find(url: str, fetcher: Fetcher, workers: Workers, clock: Clock) -> Found:
    answer = await fetcher.get(url, accept=ACCEPT_ANY)
    if answer.refused:
        raise FeedRefused(url, answer.problem)
    if answer.problem:
        raise FeedError(url, answer.problem)
    found = await _read(answer, workers, clock)
    if found:
        return found
    page = answer.body[:500_000].decode("utf-8", "replace")
    parts = urlsplit(answer.url)
    usual = [f"{parts.scheme}://{parts.netloc}{place}" for place in USUAL_PLACES]
    for address in [*candidates(page, answer.url), *usual][:MOST_TRIES]:
        tried = await fetcher.get(address, named_by=url)
        found = None if tried.problem else await _read(tried, workers, clock)
        if found:
            title = _TITLE.search(page)
            return (
                found
                if found.title or not title
                else Found(url=found.url, title=line(title[1]), articles=found.articles)
            )
    raise FeedUnreadable(
        url,
        "no feed was found at this address",
        hint="Look for a link called RSS on the page, and give its address.",
    )


async def _read(answer: Answer, workers: Workers, clock: Clock) -> Found | None:
    context = Context(
        url=answer.url, feed=answer.url, outlet=host_of(answer.url), first_seen=clock()
    )
    reading = await workers.read(answer.body, answer.content_type, context)
    if reading.problem:
        return None
    return Found(url=answer.url, title=line(reading.title, 120), articles=len(reading.articles))
