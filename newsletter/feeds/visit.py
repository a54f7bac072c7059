"""Visit feeds: ask each that is due, read what is new, and say what became of it.

::

    feeds that are due --> fetch --> unchanged? --> read in a worker --> Visit
                             |            |                |
                             +-- problem -+----------------+--> Visit that says so

The caller is ordinary, synchronous code; the network runs on a thread of its own, so that its
clocks keep going while the caller stores what it got. Whatever a feed does costs that feed only.
"""

from __future__ import annotations

import asyncio
import random as random_module
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from newsletter.clock import Clock
from newsletter.config import Collect
from newsletter.errors import FeedRefused
from newsletter.feeds.articles import Context
from newsletter.feeds.background import Way, stream
from newsletter.feeds.copies import marks_of
from newsletter.feeds.fetch import Answer, Fetcher
from newsletter.feeds.fingerprint import fingerprint
from newsletter.feeds.pace import Answered, Finding, after_visit, is_due
from newsletter.feeds.pages import Pages, RobotsShelf
from newsletter.feeds.workers import Held, Reading, Workers
from newsletter.model import Article, Feed, FeedState, Outlet


class Outcome(StrEnum):
    """What became of one visit."""

    CHANGED = "changed"
    """The feed has a new version; it may still hold no article that is new."""
    UNCHANGED = "unchanged"
    FAILED = "failed"
    PARKED = "parked"
    """It failed again, so often that a person should look."""
    RETIRED = "retired"
    """The server says that the feed is gone for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit. ``feed`` is the state to store; ``articles`` are the new ones, cleaned.

    Among them are those of the ids in ``corrected``, which are stored, with another title.

    ``marks`` finds copies of those articles that are to be compared, by id. ``problem`` is one
    sentence without a stop, empty when all went well. ``silent`` says that no server was reached.
    ``bytes`` counts what came over the wire, ``seconds`` the visit from its turn to its end.
    """

    feed: Feed
    outcome: Outcome
    articles: tuple[Article, ...] = ()
    marks: Mapping[str, bytes] = field(default_factory=dict)
    corrected: frozenset[str] = frozenset()
    problem: str = ""
    silent: bool = False
    seconds: float = 0
    bytes: int = 0


_NOTHING = Reading()
Known = Callable[[Sequence[str], str], Mapping[str, str]]


def visit_feeds(
    feeds: Sequence[Feed],
    outlets: Mapping[str, Outlet],
    settings: Collect,
    *,
    clock: Clock,
    random: random_module.Random,
    known: Known | None = None,
    robots: RobotsShelf | None = None,
    compared_from: datetime | None = None,
    force: bool = False,
    deadline: float | None = None,
) -> Generator[Visit, None, None]:
    """Visit every feed that is due and yield each visit as it ends, in no particular order.

    :param outlets: outlet by id; a feed whose outlet is missing is read all the same.
    :param known: which of these article ids are stored already. Those articles are left out of
        the visit and are never cleaned. It is called on a thread of its own, while the caller
        may be storing; what it raises ends the run and is raised here.
    :param robots: keeps rules of robots.txt between runs; called like ``known``.
    :param compared_from: articles published since then get marks that find their copies.
    :param force: also visit feeds that are not due or are parked. Retired feeds are never asked.

    :param deadline: seconds after which no further visit begins; the time from one round to the
        next by default. Visits under way have the time of one request to end. Feeds that were not
        reached, or not in time, stay due.

    Nothing is raised for a feed. A caller that stops early ends what is under way.
    """
    now = clock()
    wanted = [
        feed
        for feed in feeds
        if (force and feed.state is not FeedState.RETIRED) or is_due(feed, now)
    ]
    if not wanted:
        return
    seconds = settings.interval_minutes * 60 if deadline is None else deadline
    run = _Run(
        wanted,
        outlets,
        settings,
        clock=clock,
        random=random,
        known=known,
        robots=robots,
        compared_from=compared_from,
        deadline=seconds,
    )
    yield from stream(run.visit_all, room=settings.at_once)


class _Run:
    """One run: runners take hosts in turn, and of each host one feed at a time."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        outlets: Mapping[str, Outlet],
        settings: Collect,
        *,
        clock: Clock,
        random: random_module.Random,
        known: Known | None,
        robots: RobotsShelf | None,
        compared_from: datetime | None,
        deadline: float,
    ):
        self._feeds = feeds
        self._outlets = outlets
        self._settings = settings
        self._clock = clock
        self._random = random
        self._known = known
        self._robots = robots
        self._compared_from = compared_from
        self._deadline = deadline
        self._end = 0.0
        self._base = settings.interval_minutes * 60
        self._pages: Pages | None = None

    async def visit_all(self, way: Way[Visit]) -> None:
        """Visit every feed once and give each visit as it ends."""
        settings = self._settings
        workers = Workers(
            settings.parsers, seconds=settings.parse_seconds, memory_mb=settings.parse_memory_mb
        )
        async with Fetcher(settings, self._clock) as fetcher, workers:
            lines = self._by_host(fetcher)
            shelf = (self._robots, way.ask) if self._robots else None
            self._end = asyncio.get_running_loop().time() + self._deadline
            self._pages = Pages(fetcher, workers, self._clock, shelf, until=self._end)
            async with asyncio.TaskGroup() as group:
                for _ in range(min(settings.at_once, len(lines))):
                    group.create_task(self._runner(lines, fetcher, workers, way))

    def _by_host(self, fetcher: Fetcher) -> deque[deque[Feed]]:
        """Feeds that must wait for one another, in one line each, the lines in random order.

        Feeds of one host wait for one another. On a host that the operator opened by name it is
        the feeds of one outlet that do.
        """
        lines: dict[object, deque[Feed]] = {}
        for feed in self._feeds:
            lines.setdefault(_line(feed, fetcher), deque()).append(feed)
        order = list(lines.values())
        self._random.shuffle(order)
        return deque(order)

    async def _runner(
        self, lines: deque[deque[Feed]], fetcher: Fetcher, workers: Workers, way: Way[Visit]
    ) -> None:
        loop = asyncio.get_running_loop()
        while lines and loop.time() < self._end:
            line = lines.popleft()
            try:
                async with asyncio.timeout_at(self._end + self._settings.total_seconds):
                    visit = await self._visit(line.popleft(), fetcher, workers, way)
            except TimeoutError:
                return  # the feed stays due
            if line:
                lines.append(line)
            await way.give(visit)

    async def _visit(
        self, feed: Feed, fetcher: Fetcher, workers: Workers, way: Way[Visit]
    ) -> Visit:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answered, reading, wire = await self._ask_feed(feed, fetcher, workers, way)
        except Exception as error:  # noqa: BLE001 - one feed must never cost the others
            answered = Answered(
                finding=Finding.FAILED, problem=f"the visit fails ({type(error).__name__})"
            )
            reading, wire = _NOTHING, 0
        stored = after_visit(
            feed, answered, now=self._clock(), base=self._base, chance=self._random.random()
        )
        return Visit(
            feed=stored,
            outcome=_outcome(answered.finding, stored),
            articles=reading.articles,
            marks=reading.marks,
            corrected=reading.corrected,
            problem=answered.problem,
            silent=answered.silent,
            seconds=loop.time() - started,
            bytes=wire,
        )

    async def _ask_feed(
        self, feed: Feed, fetcher: Fetcher, workers: Workers, way: Way[Visit]
    ) -> tuple[Answered, Reading, int]:
        held = bool(feed.body_hash)
        loop = asyncio.get_running_loop()
        asked = loop.time()
        answer = await fetcher.get(
            feed.moved_to or feed.url,
            named_by=feed.url,
            etag=feed.etag if held else "",
            modified=feed.modified if held else "",
        )
        if answer.problem or (answer.status == 304 and not held):
            return _failed(answer), _NOTHING, answer.bytes
        moved_to = answer.moved_to or feed.moved_to
        remembered = Answered(
            finding=Finding.UNCHANGED,
            etag=answer.etag or (feed.etag if answer.status == 304 else ""),
            modified=answer.modified or (feed.modified if answer.status == 304 else ""),
            body_hash=feed.body_hash,
            moved_to=moved_to if moved_to != feed.url else "",
            fresh_for=answer.fresh_for,
            seconds=loop.time() - asked,
        )
        if answer.status == 304:
            return remembered, _NOTHING, answer.bytes
        body_hash = fingerprint(answer.body)
        if body_hash == feed.body_hash:
            return remembered, _NOTHING, answer.bytes
        outlet = self._outlets.get(feed.outlet)
        reading = await workers.read(
            answer.body,
            answer.content_type,
            Context(
                url=answer.url,
                feed=feed.url,
                outlet=feed.outlet,
                outlet_kind=outlet.kind if outlet else "news",
                section=feed.section,
                first_seen=self._clock(),
                items=self._settings.items,
                field_bytes=self._settings.field_bytes,
                compared_from=self._compared_from,
                first_visit=feed.last_success is None,
            ),
            self._held(way, feed),
        )
        if reading.problem:
            return Answered(finding=Finding.FAILED, problem=reading.problem), _NOTHING, answer.bytes
        if feed.page_text and reading.articles and self._pages:
            reading = await self._with_pages(reading, self._pages)
        changed = replace(remembered, finding=Finding.CHANGED, body_hash=body_hash)
        return changed, reading, answer.bytes

    async def _with_pages(self, reading: Reading, pages: Pages) -> Reading:
        """The articles with what their pages say, and the marks of what became of their texts."""
        articles = await pages.complete(reading.articles)
        longer = [
            after
            for before, after in zip(reading.articles, articles, strict=True)
            if after.words != before.words and after.id in reading.marks
        ]
        return replace(reading, articles=articles, marks={**reading.marks, **marks_of(longer)})

    def _held(self, way: Way[Visit], feed: Feed) -> Held | None:
        """How a worker learns which ids are stored already."""
        known = self._known
        if known is None:
            return None

        async def held(ids: Sequence[str]) -> Sequence[str | None]:
            stored = await way.ask(lambda: known(ids, feed.url))
            return [stored.get(id_) for id_ in ids]

        return held


def _failed(answer: Answer) -> Answered:
    problem = answer.problem
    if answer.status == 304 and not problem:
        problem = "the server says unchanged (304) though nothing is stored"
    return Answered(
        finding=Finding.GONE if answer.status == 410 and not answer.detour else Finding.FAILED,
        problem=problem,
        silent=answer.silent,
        retry_after=answer.retry_after,
    )


def _outcome(finding: Finding, feed: Feed) -> Outcome:
    if finding is Finding.CHANGED:
        return Outcome.CHANGED
    if finding is Finding.UNCHANGED:
        return Outcome.UNCHANGED
    return {FeedState.PARKED: Outcome.PARKED, FeedState.RETIRED: Outcome.RETIRED}.get(
        feed.state, Outcome.FAILED
    )


def _line(feed: Feed, fetcher: Fetcher) -> object:
    address = feed.moved_to or feed.url
    try:
        _, host, port = fetcher.guard.check(address)
    except FeedRefused:
        return address
    return feed.outlet if fetcher.guard.allows(host, port) else host
