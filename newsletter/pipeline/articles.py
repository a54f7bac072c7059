"""Collect: feeds become articles."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newsletter.newsroom import Newsroom

if TYPE_CHECKING:
    from newsletter.feeds.visit import Visit

log = logging.getLogger(__name__)

FEWEST_SILENT = 4
"""Hosts that must fall silent at once before it is taken for an outage of our own."""

TAKEN_FOR = timedelta(minutes=15)
"""So long at least nobody else visits a feed that one machine took and has not visited yet."""


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

    Where most servers fall silent in one round it is we who are cut off: their feeds are asked
    again soon, and nothing is held against them.

    :param force: visit all configured feeds, due or not; back-off is kept for retired ones only.
    :param only: a share of one machine: look at no other feeds than these. Who cut the shares
        has compared the sources, and looks for copies when articles came in. Feeds that another
        machine has taken are passed over.
    """
    from newsletter.feeds.batches import in_batches
    from newsletter.feeds.pace import after_outage
    from newsletter.feeds.visit import visit_feeds

    started = time.monotonic()
    now = room.clock()
    if only is None:
        room.articles.sync_sources(room.outlets.values(), room.feeds)
    urls = {feed.url for feed in room.feeds if only is None or feed.url in only}
    settings = room.config.collect
    # Visits under way at the end of a round may last for so long.
    most = timedelta(minutes=settings.interval_minutes, seconds=settings.total_seconds)
    taken_until = now + max(TAKEN_FOR, most)
    if force:
        feeds = room.articles.feeds(urls)
    elif only is not None:
        feeds = room.articles.take_due(now, urls, taken_until)
    else:
        feeds = room.articles.due(now, urls)
    outcomes: Counter[str] = Counter()
    problems: list[tuple[str, str]] = []
    since = now - timedelta(days=room.config.stories.window_days)
    new = 0
    visits = visit_feeds(
        feeds,
        room.outlets,
        room.config.collect,
        clock=room.clock,
        random=room.random,
        known=room.articles.known,
        robots=room.articles,
        compared_from=since,
        force=force,
    )
    silent: list[Visit] = []
    heard: set[str] = set()
    left = {feed.url: feed for feed in feeds}
    try:
        for batch in in_batches(visits):
            told = [visit for visit in batch if not visit.silent]
            silent += [visit for visit in batch if visit.silent]
            heard.update(_host(visit) for visit in told)
            new += _store(room, told)
            for visit in batch:
                left.pop(visit.feed.url, None)
                outcomes[visit.outcome] += 1
                if visit.problem:
                    problems.append((visit.feed.url, visit.problem))
                if on_visit:
                    on_visit(visit)
    finally:
        if only is not None and not force:
            room.articles.give_back(left.values(), taken_until)
    if _cut_off({_host(visit) for visit in silent if visit.feed.failures == 1}, heard):
        log.warning("%s feeds cannot be reached: we seem to be cut off", len(silent))
        known = {feed.url: feed for feed in feeds}
        base = room.config.collect.interval_minutes * 60
        silent = [
            replace(
                visit,
                feed=after_outage(
                    known[visit.feed.url], visit.problem, now=room.clock(), base=base
                ),
            )
            for visit in silent
        ]
    if silent:
        _store(room, silent)
    copies = link_copies(room, since) if new and only is None else 0
    return CollectReport(
        feeds=len(feeds),
        outcomes=dict(outcomes),
        articles=new,
        copies=copies,
        problems=tuple(problems),
        seconds=time.monotonic() - started,
    )


def _cut_off(silent: Collection[str], heard: Collection[str]) -> bool:
    """Whether it is our own line that is down: most hosts that were well until now are silent."""
    return len(silent) >= FEWEST_SILENT and len(silent) > len(heard)


def _host(visit: Visit) -> str:
    return urlsplit(visit.feed.url).netloc


def _store(room: Newsroom, visits: Sequence[Visit]) -> int:
    """Store visits together; words that no database takes cost their own visit, and no other."""
    marks = {id_: found for visit in visits for id_, found in visit.marks.items()}
    corrected = {id_ for visit in visits for id_ in visit.corrected}
    pairs = [(visit.feed, visit.articles) for visit in visits]
    try:
        return room.articles.save_visits(pairs, marks, corrected)
    except ValueError as error:
        if len(visits) > 1:
            return sum(_store(room, [visit]) for visit in visits)
        log.error("what %s brought cannot be stored: %r", visits[0].feed.url, error)
        return 0


def link_copies(room: Newsroom, since: datetime) -> int:
    """Compare what was not yet compared with the window; return how many copies were found."""
    from newsletter.feeds.copies import HEAD_CHARACTERS, find_copies

    new = room.articles.uncompared(since)
    texts = partial(room.articles.texts, characters=HEAD_CHARACTERS)
    copies = find_copies(new, room.articles.compared(), texts)
    room.articles.mark_copies(copies, [id_ for id_, _ in new])
    return len(copies)
