"""The arrows cut into shares, so that several machines can carry them together.

A share decides nothing about what is to be done. It looks into the database, takes some of what
is left there, and ends; the next share takes the next. One that dies half-way is no loss: its
feeds are due again after a while, and its letters are in the ledger, queued again or in doubt.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.delivery.send import Progress, SendSettings, send_issue
from newsletter.delivery.transport import Transport
from newsletter.errors import FeedRefused
from newsletter.feeds.guard import Guard
from newsletter.issue import approve as approval
from newsletter.model import DeliveryState, Feed, Issue, IssueState, Revision
from newsletter.newsroom import Newsroom
from newsletter.pipeline.arriving import arrive
from newsletter.pipeline.articles import collect, link_copies
from newsletter.pipeline.events import fold_posts
from newsletter.pipeline.letters import (
    begin_send,
    close_send,
    issue_mail,
    lay_out_waves,
    must_stop,
    waits_for_later,
)
from newsletter.work import Functions, Job, Work

FEEDS = 250
"""Feeds a job: some seconds of work, and all feeds of a host are in one job."""
LETTERS = 50_000
"""Most letters a job: some seconds of work, so that looking up the issue is paid for once."""
SHARE = 10_000
"""There is a job for each so many letters, so that all workers have some also at the end."""
SHARE_SECONDS = 30
"""A share at a provider's slow pace ends after so long: whatever is more urgent comes between."""
IDLE_SECONDS = 20
"""A share that finds nothing to do for so long makes room for other work."""
OUTAGE = 10
"""So many times longer a share goes on while answers come and no letter is taken. An outage is
seen through: until the send ends by itself, or the second transport takes over."""
ONE_GROUPS = "group"
"""What whoever groups holds: two groupings of one window side by side would undo each other."""
SENDERS = 64
"""Most jobs that wait for one issue; each makes room for the next when it ends."""


_FOLD = Job(name="events", queue="events", lock="events")


def jobs(room: Newsroom, work: Work, *, stop: Callable[[], bool] = lambda: False) -> Functions:
    """What can be run by name on any machine: visit feeds, group, send a share of an issue.

    :param stop: asked while letters leave; True when this process is about to end.
    """

    def visit(feeds: list[str]) -> None:
        if collect(room, only=feeds).articles:
            work.defer(Job(name="group", queue="write", lock=ONE_GROUPS))

    def send(issue: str, number: int) -> None:
        if send_share(room, issue, stop=stop):
            work.defer(_send_job(issue, number))

    def events() -> None:
        fold_posts(room, stop=stop)

    return {"visit": visit, "group": lambda: place_new(room), "send": send, "events": events}


def place_new(room: Newsroom) -> None:
    """Find the copies among what the shares brought, and put it into stories."""
    link_copies(room, room.clock() - timedelta(days=room.config.stories.window_days))
    arrive(room)


def keep_post(room: Newsroom, work: Work, body: bytes) -> None:
    """Take a checked post of the provider: write it down, and have a worker read it."""
    room.event_posts.keep(body, now=room.clock())
    work.defer(_FOLD)


def fold_waiting(room: Newsroom, work: Work) -> None:
    """See to posts that wait though nobody was told, as after a crash."""
    if not room.event_posts.waiting():
        return
    if work.shared:
        work.defer(_FOLD)
    else:
        fold_posts(room)


def hand_out_visits(room: Newsroom, work: Work) -> int:
    """Make jobs of all feeds that are due; how many feeds."""
    room.articles.sync_sources(room.outlets.values(), room.feeds)
    due = room.articles.due(room.clock(), {feed.url for feed in room.feeds})
    for feeds in in_shares(lines_of(due, room.config.collect.allow_hosts), FEEDS):
        work.defer(
            Job(
                name="visit", queue="collect", arguments={"feeds": feeds}, key=feeds[0], priority=-2
            )
        )
    return len(due)


def lines_of(feeds: Iterable[Feed], allow_hosts: Sequence[str]) -> list[list[str]]:
    """The addresses of feeds that must wait for one another, in one list each.

    A host is asked by one visitor at a time; that can be kept only within one process. On a host
    that the operator opened by name, often a mirror of many outlets, it is the feeds of one outlet
    that wait for one another.
    """
    guard = Guard(allow_hosts)
    lines: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for feed in feeds:
        address = feed.moved_to or feed.url
        try:
            _, host, port = guard.check(address)
        except FeedRefused:
            lines["refused", address].append(feed.url)
            continue
        opened = guard.allows(host, port)
        lines["outlet" if opened else "host", feed.outlet if opened else host].append(feed.url)
    return list(lines.values())


def in_shares(lines: Iterable[Sequence[str]], size: int) -> list[list[str]]:
    """Lists put together to about a size; none is cut."""
    shares: list[list[str]] = []
    for line in lines:
        if not shares or len(shares[-1]) + len(line) > size:
            shares.append([])
        shares[-1] += line
    return shares


def hand_out_letters(room: Newsroom, work: Work, name: str) -> Issue:
    """Begin to send an approved issue: freeze its audience and make jobs of it.

    Safe to repeat at any moment; the leader does so every minute while the issue is being sent,
    so that jobs that were lost with their machine are made again.

    :raises NotApproved: when nobody approved exactly these bytes.
    """
    issue = room.issues.find(name)
    if issue.state is IssueState.SENT:
        return issue  # the last share closed it a moment ago
    issue, _ = begin_send(room, issue.id)
    lay_out_waves(room, issue)
    if waits_for_later(room, issue):
        return issue
    total = sum(room.ledger.states(issue.id).values())
    for number in range(min(SENDERS, total // SHARE + 1)):
        work.defer(_send_job(issue.id, number))
    return issue


def send_share(
    room: Newsroom,
    name: str,
    letters: int | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Send some letters of an issue that is being sent; whether more are left to send now.

    The last share closes the issue.

    :raises NotApproved: when the stored bytes are not the approved ones.

    :param letters: how many; :data:`LETTERS` when absent.
    :param stop: asked between batches; True ends the share with every letter settled or queued.
    """
    issue = room.issues.find(name)
    if issue.state is not IssueState.SENDING:
        return False
    revision = room.issues.revision(issue)
    approval.must_match(issue, revision)
    transport, fallback = room.transport(), room.fallback()
    try:
        ways = (transport, fallback)
        return _send(room, issue, revision, ways, letters=letters or LETTERS, stop=stop)
    finally:
        transport.close()
        if fallback is not None:
            fallback.close()


@dataclass(slots=True)
class _Headway:
    """How a share gets on. Its time counts from when it is first asked whether that is long.

    What is in doubt is looked for before that, which takes its time when a provider is away.
    """

    begun: datetime | None = None
    moved: datetime | None = None
    letters: int = 0
    taken: int = 0

    def note(self, progress: Progress, now: datetime) -> None:
        """Take note of letters that were settled."""
        taken = progress.settled.get(DeliveryState.ACCEPTED.value, 0)
        if taken and self._in_outage:
            self.begun = now  # the transport that took over has the time of a share
        self.letters, self.taken, self.moved = progress.letters, taken, now

    def is_long(self, now: datetime) -> bool:
        """Whether it lasts for long, or nothing was to do for a while.

        What is left then is deferred, or in another sender's hands.
        """
        self.begun, self.moved = self.begun or now, self.moved or now
        patience = OUTAGE if self._in_outage else 1
        return now - self.begun > patience * timedelta(
            seconds=SHARE_SECONDS
        ) or now - self.moved > patience * timedelta(seconds=IDLE_SECONDS)

    @property
    def _in_outage(self) -> bool:
        return self.letters > 0 and not self.taken


def _send(
    room: Newsroom,
    issue: Issue,
    revision: Revision,
    ways: tuple[Transport, Transport | None],
    *,
    letters: int,
    stop: Callable[[], bool],
) -> bool:
    looked = 0
    headway = _Headway()

    def enough() -> bool:
        nonlocal looked
        # Who makes headway need not ask whether all that is left waits for a later morning.
        stuck, looked = headway.letters == looked, headway.letters
        over = stop() or must_stop(room, issue.id) or (stuck and waits_for_later(room, issue))
        return headway.is_long(room.clock()) or headway.letters >= letters or over

    report = send_issue(
        issue.id,
        ledger=room.ledger,
        transport=ways[0],
        mail=issue_mail(room, issue, revision),
        clock=room.clock,
        sleep=time.sleep,
        owner=room.tag(),
        settings=SendSettings.from_config(room.config.delivery, started=lay_out_waves(room, issue)),
        fallback=ways[1],
        stop=enough,
        on_progress=lambda progress: headway.note(progress, room.clock()),
    )
    if report.ended == "stopped":
        if waits_for_later(room, issue):
            return False
        return room.issues.find(issue.id).state is IssueState.SENDING
    room.stories.mark_mailed(room.issues.stories_of(issue), issue.send_started or room.clock())
    close_send(room, issue, report)
    return room.issues.find(issue.id).state is IssueState.SENDING


def _send_job(issue: str, number: int) -> Job:
    # The first share of every issue goes before the second of any, and before feeds.
    return Job(
        name="send",
        queue="send",
        arguments={"issue": issue, "number": number},
        priority=-2 - number if number else -1,
    )
