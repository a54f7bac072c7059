"""Fetch the pages of new articles, for outlets that the operator has opted in.

Through the same guard, limits and turns as feeds, and only where robots.txt lets us.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from newsletter.clock import Clock
from newsletter.feeds.fetch import Answer, Fetcher
from newsletter.feeds.page import Page
from newsletter.feeds.robots import EVERYTHING, NOTHING, Rules, read_robots
from newsletter.feeds.workers import Workers
from newsletter.model import Article, Paywall

T = TypeVar("T")

PAGES_A_VISIT = 25
"""The newest of a feed's new articles; the others keep what the feed says."""
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
    """

    def __init__(
        self,
        fetcher: Fetcher,
        workers: Workers,
        clock: Clock,
        shelf: tuple[RobotsShelf, Ask[Any]] | None = None,
    ):
        self._fetcher = fetcher
        self._workers = workers
        self._clock = clock
        self._shelf = shelf
        # What comes before the slash is the name that robots.txt files call us by.
        self._agent = fetcher.agent.partition("/")[0]
        self._rules: dict[str, Rules] = {}

    async def complete(self, articles: Sequence[Article]) -> tuple[Article, ...]:
        """The articles with the text of their pages, where there is more of it than in the feed.

        A page that cannot be fetched or read, or is forbidden, leaves its article as it is; one
        behind a paywall leaves its text, and marks it.
        """
        newest = sorted(articles, key=lambda one: one.published, reverse=True)[:PAGES_A_VISIT]
        wanted = {article.id for article in newest}
        return tuple(
            [
                await self._completed(article) if article.id in wanted else article
                for article in articles
            ]
        )

    async def _completed(self, article: Article) -> Article:
        answer = await self._fetcher.get(
            article.url, named_by=article.feed, may=self.allowed, accept=ACCEPT_PAGE
        )
        if answer.problem or not _is_page(answer):
            return article
        page = await self._workers.read_page(answer.body, answer.url)
        return with_page(article, page)

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


def with_page(article: Article, page: Page | None) -> Article:
    """The article with what its page adds."""
    if page is None:
        return article
    url = page.canonical or article.url
    marked = replace(article, url=url, paywall=page.paywall)
    closed = page.paywall in {Paywall.METERED, Paywall.SUBSCRIPTION}
    if closed or len(page.text) <= len(article.words):
        return marked
    return replace(marked, text=page.text)


def _rules_of(answer: Answer, agent: str) -> Rules:
    if answer.status == 200:
        # An empty file is a problem for a feed, and allows everything here.
        return read_robots(answer.body, agent)
    if 400 <= answer.status < 500 and answer.status != 429:
        return EVERYTHING
    return NOTHING


def _is_page(answer: Answer) -> bool:
    label = answer.content_type.partition(";")[0].strip().lower()
    return label in {"", "text/html", "application/xhtml+xml"}
