"""Fetch the pages of new articles, for outlets that the operator has opted in.

Through the same guard, limits and turns as feeds, and only where robots.txt lets us.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from newsletter.clock import Clock
from newsletter.feeds.fetch import EMPTY, Answer, Fetcher
from newsletter.feeds.links import identity
from newsletter.feeds.page import Page
from newsletter.feeds.robots import EVERYTHING, NOTHING, Rules, read_robots
from newsletter.feeds.workers import Workers
from newsletter.model import Article, Paywall

T = TypeVar("T")

PAGES_A_VISIT = 25
"""The newest of a feed's new articles; the others keep what the feed says."""
SILENT_PAGES = 3
"""So many pages that do not come, and no other of the visit is waited for."""
ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9"


KEPT = timedelta(hours=24)
"""How long a robots.txt is believed without asking again (RFC 9309 2.4)."""


class RobotsShelf(Protocol):
    """Keeps what hosts' robots.txt said from one run to the next."""

    def robots(self, origin: str, since: datetime) -> Sequence[tuple[str, bool]] | None:
        """The rules of a host that were asked for since a moment; None where there are none."""
        ...

    def keep_robots(
        self, origin: str, status: int, rules: Sequence[tuple[str, bool]], asked: datetime
    ) -> None:
        """Keep what a host answered just now."""
        ...


Ask = Callable[[Callable[[], T]], Awaitable[T]]
"""Runs something where the shelf may be used, which is not on the network's thread."""


class Pages:
    """Reads article pages during one run; each host's robots.txt is asked once a day.

    :param shelf: where rules are kept between runs, and how to get at it; without one they are
        asked for once a run.
    :param until: the moment, by the loop's clock, after which no further page is asked for.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        workers: Workers,
        clock: Clock,
        shelf: tuple[RobotsShelf, Ask[Any]] | None = None,
        *,
        until: float = math.inf,
    ):
        self._fetcher = fetcher
        self._workers = workers
        self._clock = clock
        self._shelf = shelf
        self._until = until
        # What comes before the slash is the name that robots.txt files call us by.
        self._agent = fetcher.agent.partition("/")[0]
        self._rules: dict[str, Rules] = {}

    async def complete(self, articles: Sequence[Article]) -> tuple[Article, ...]:
        """The articles with the text of their pages, where there is more of it than in the feed.

        A page that cannot be fetched or read, is forbidden, or is another one than the article's
        (a login, a consent, the home page), leaves its article as it is; one behind a paywall
        leaves its text, and marks it.
        """
        newest = sorted(articles, key=lambda one: one.published, reverse=True)[:PAGES_A_VISIT]
        loop = asyncio.get_running_loop()
        found: dict[str, Article] = {}
        silent = 0
        for article in newest:
            if silent == SILENT_PAGES or loop.time() >= self._until:
                break
            answer = await self._fetcher.get(
                article.url, named_by=article.feed, may=self.allowed, accept=ACCEPT_PAGE
            )
            silent += answer.silent
            if not answer.problem and _is_page(answer):
                page = await self._workers.read_page(answer.body, answer.url)
                found[article.id] = with_page(article, page, answer.url)
        return tuple(found.get(article.id, article) for article in articles)

    async def allowed(self, url: str) -> bool:
        """Whether the host's robots.txt lets us ask for this page.

        A host without one allows all; one that cannot say right now allows nothing (RFC 9309
        2.3.1.4).
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        rules = self._rules.get(origin)
        if rules is None:
            rules = self._rules[origin] = await self._kept(origin) or await self._asked(origin)
        return rules.allows(url)

    async def _kept(self, origin: str) -> Rules | None:
        if self._shelf is None:
            return None
        shelf, ask = self._shelf
        found = await ask(lambda: shelf.robots(origin, self._clock() - KEPT))
        return None if found is None else Rules(tuple(found))

    async def _asked(self, origin: str) -> Rules:
        answer = await self._fetcher.get(f"{origin}/robots.txt", accept="text/plain")
        rules = _rules_of(answer, self._agent)
        if self._shelf is not None and rules is not NOTHING:
            shelf, ask = self._shelf
            now = self._clock()
            await ask(lambda: shelf.keep_robots(origin, answer.status, rules.rules, now))
        return rules


def with_page(article: Article, page: Page | None, found_at: str) -> Article:
    """The article with what its page adds.

    :param found_at: where redirects ended. Only a page that is, or calls itself, the article
        that was asked for adds anything.
    """
    if page is None:
        return article
    wanted = identity(article.url)
    canonical = identity(page.canonical)
    if not wanted or wanted not in {identity(found_at), canonical}:
        return article
    url = page.canonical if canonical else article.url
    marked = replace(article, url=url, paywall=page.paywall)
    closed = page.paywall in {Paywall.METERED, Paywall.SUBSCRIPTION}
    if closed or len(page.text) <= len(article.words):
        return marked
    return replace(marked, text=page.text)


def _rules_of(answer: Answer, agent: str) -> Rules:
    if answer.status == 200 and answer.problem in {"", EMPTY}:
        # An empty file is a problem for a feed, and allows everything here.
        return read_robots(answer.body, agent)
    if 400 <= answer.status < 500 and answer.status != 429:
        return EVERYTHING
    return NOTHING


def _is_page(answer: Answer) -> bool:
    label = answer.content_type.partition(";")[0].strip().lower()
    return label in {"", "text/html", "application/xhtml+xml"}
