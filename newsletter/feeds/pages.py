"""Fetch the pages of new articles, for outlets that the operator has opted in.

Through the same guard, limits and turns as feeds, and only where robots.txt lets us.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from newsletter.feeds.fetch import Answer, Fetcher
from newsletter.feeds.page import Page
from newsletter.feeds.robots import EVERYTHING, NOTHING, Rules, read_robots
from newsletter.feeds.workers import Workers
from newsletter.model import Article

PAGES_A_VISIT = 25
"""The newest of a feed's new articles; the others keep what the feed says."""
ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9"


class Pages:
    """Reads article pages during one run; each host's robots.txt is asked once."""

    def __init__(self, fetcher: Fetcher, workers: Workers):
        self._fetcher = fetcher
        self._workers = workers
        # What comes before the slash is the name that robots.txt files call us by.
        self._agent = fetcher.agent.partition("/")[0]
        self._rules: dict[str, Rules] = {}

    async def complete(self, articles: Sequence[Article]) -> tuple[Article, ...]:
        """The articles with the text of their pages, where there is more of it than in the feed.

        A page that cannot be fetched or read, is forbidden, or is behind a paywall leaves its
        article as it is.
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
        if not await self.allowed(article.url):
            return article
        answer = await self._fetcher.get(article.url, accept=ACCEPT_PAGE)
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
            answer = await self._fetcher.get(f"{origin}/robots.txt", accept="text/plain")
            rules = self._rules[origin] = _rules_of(answer, self._agent)
        return rules.allows(url)


def with_page(article: Article, page: Page | None) -> Article:
    """The article with what its page adds."""
    if page is None:
        return article
    url = page.canonical or article.url
    if page.paywalled or len(page.text) <= len(article.words):
        return replace(article, url=url)
    return replace(article, url=url, text=page.text)


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
