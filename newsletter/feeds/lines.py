"""Feed files as lines of JSON: what ``newsletter parse`` prints."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from newsletter.errors import FeedUnreadable
from newsletter.feeds.articles import Context
from newsletter.feeds.background import Way, stream
from newsletter.feeds.links import host_of
from newsletter.feeds.workers import Reading, Workers
from newsletter.model import Article, Dated

SECONDS = 30.0
"""Longer than a collect allows one feed: a file may hold years of it."""
MEMORY_MB = 512
_NO_DATE = {Dated.ABSENT, Dated.FUTURE}
ITEMS = 10_000
LARGEST_FILE = 10_000_000


def parse_file(
    body: bytes, url: str, *, first_seen: datetime, content_type: str = ""
) -> list[dict[str, Any]]:
    """The articles of one feed file in the article schema of the command line.

    The file is read in a worker process, as a fetched feed is: it may be hostile.

    :param url: where the file is said to come from; relative links are resolved against it.
    :param first_seen: stands in for dates that are absent or yet to come.
    :raises FeedUnreadable: when the file is not a feed, or reading it takes too much.
    """

    async def read(way: Way[Reading]) -> None:
        async with Workers(1, seconds=SECONDS, memory_mb=MEMORY_MB) as workers:
            await way.give(await workers.read(body, content_type, _context(url, first_seen)))

    (reading,) = stream(read, room=1)
    if reading.problem:
        raise FeedUnreadable(url, reading.problem)
    return [article_line(article) for article in reading.articles]


def parse_many(
    list_lines: Iterable[str], *, first_seen: datetime, root: Path | None = None, parsers: int = 2
) -> Iterator[dict[str, Any]]:
    """One line for each file of a list, in the order of the list.

    :param list_lines: lines of a path, a tab and an address; empty lines are passed over.
    :param root: what relative paths are relative to; the current folder by default.

    Yields ``{file, articles, error}``, where ``error`` is None or a sentence. Raises nothing for
    a file: one that is missing or hostile has its sentence.
    """
    folder = root or Path()

    async def read_all(way: Way[dict[str, Any]]) -> None:
        async with Workers(parsers, seconds=SECONDS, memory_mb=MEMORY_MB) as workers:
            waiting: list[asyncio.Task[dict[str, Any]]] = []
            try:
                for line in list_lines:
                    if not line.strip():
                        continue
                    waiting.append(asyncio.create_task(_one(line, folder, first_seen, workers)))
                    if len(waiting) >= 4 * parsers:
                        await way.give(await waiting.pop(0))
                while waiting:
                    await way.give(await waiting.pop(0))
            finally:
                for task in waiting:
                    task.cancel()

    yield from stream(read_all, room=4 * parsers)


def article_line(article: Article, lean: str | None = None) -> dict[str, Any]:
    """An article in the schema of the command line.

    ``lean`` is null where it is not known, and so is ``published`` where the feed says no time, or
    one that is yet to come. ``url`` is empty where the feed has no link that can be shown.
    """
    return {
        "id": article.id,
        "url": article.url,
        "source": article.outlet,
        "lean": lean,
        "published": None if article.dated in _NO_DATE else _zulu(article.published),
        "title": article.title,
        "text": article.words,
        "lang": article.lang,
        "author": article.author,
        "summary": article.summary,
    }


def _zulu(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


async def _one(line: str, folder: Path, first_seen: datetime, workers: Workers) -> dict[str, Any]:
    name, _, url = line.rstrip("\r\n").partition("\t")
    name, url = name.strip(), url.strip()
    result: dict[str, Any] = {"file": name, "articles": [], "error": None}
    try:
        path = folder / name
        if path.stat().st_size > LARGEST_FILE:
            result["error"] = f"the file is larger than {LARGEST_FILE // 1_000_000} MB"
            return result
        body = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not usable"
        result["error"] = f"the file cannot be read ({reason})"
        return result
    reading = await workers.read(body, "", _context(url, first_seen))
    result["error"] = reading.problem or None
    result["articles"] = [article_line(article) for article in reading.articles]
    return result


def _context(url: str, first_seen: datetime) -> Context:
    return Context(
        url=url,
        feed=url,
        outlet=host_of(url) or "file",
        first_seen=first_seen,
        items=ITEMS,
        bare=True,
    )
