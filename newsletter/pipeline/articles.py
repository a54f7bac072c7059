"""Collect: feeds become articles."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.model import Article
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import window

if TYPE_CHECKING:
    from newsletter.feeds.visit import Visit

STORED_TOGETHER = 40
"""Visits that are stored in one transaction: waiting for the disk costs more than the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectReport:
    """What one round of visits brought."""

    feeds: int
    outcomes: Mapping[str, int]
    articles: int
    copies: int
    problems: tuple[tuple[str, str], ...]
    seconds: float


def collect(
    room: Newsroom,
    *,
    force: bool = False,
    only: Collection[str] | None = None,
    on_visit: Callable[[Visit], None] | None = None,
) -> CollectReport:
    """Visit every feed that is due and store what is new.

    :param force: visit all configured feeds, due or not; back-off is kept for retired ones only.
    :param only: look at no other feeds than these; another machine takes the others.
    """
    from newsletter.feeds.copies import find_copies
    from newsletter.feeds.visit import in_batches, visit_feeds

    started = time.monotonic()
    now = room.clock()
    room.articles.sync_sources(room.outlets.values(), room.feeds)
    urls = {feed.url for feed in room.feeds if only is None or feed.url in only}
    feeds = room.articles.feeds(urls) if force else room.articles.due(now, urls)
    outcomes: Counter[str] = Counter()
    problems: list[tuple[str, str]] = []
    fresh: list[Article] = []
    new = 0
    visits = visit_feeds(
        feeds,
        room.outlets,
        room.config.collect,
        clock=room.clock,
        random=room.random,
        known=room.articles.known,
        force=force,
    )
    for batch in in_batches(visits, STORED_TOGETHER):
        new += room.articles.save_visits((visit.feed, visit.articles) for visit in batch)
        for visit in batch:
            fresh += visit.articles
            outcomes[visit.outcome] += 1
            if visit.problem:
                problems.append((visit.feed.url, visit.problem))
            if on_visit:
                on_visit(visit)
    new_ids = {article.id for article in fresh}
    before = [article for article in window(room, now) if article.id not in new_ids]
    copies = find_copies(fresh, before)
    room.articles.mark_copies(copies)
    return CollectReport(
        feeds=len(feeds),
        outcomes=dict(outcomes),
        articles=new,
        copies=len(copies),
        problems=tuple(problems),
        seconds=time.monotonic() - started,
    )
