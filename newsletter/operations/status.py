"""Everything at one look: today's issues, the next bells, sources, letters, backup, alerts."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter import __version__
from newsletter.database.alerts import Alert
from newsletter.database.facts import RESTORED, fact
from newsletter.database.leaders import Leader
from newsletter.feeds.health import Health, check_feeds
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations import backup
from newsletter.timetable import BELLS, REMIND, SEND, Firing, last_send, next_of
from newsletter.work import waiting_jobs, workers_at_work

OFFICE = "scheduler"

WAITING = ("queued", "claimed", "handed", "deferred")
LEFT = ("accepted", "delivered", "bounced", "complained", "unsubscribed", "rejected")
TAKEN = ("accepted", "delivered", "bounced", "complained", "unsubscribed")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueNow:
    """One edition's newest issue and where its letters are.

    ``rate`` is letters a minute: of the running send since it began, or of the whole send. ``send``
    is the moment it goes out by itself; None when a person has to send it.
    """

    edition: str
    issue: Issue | None
    states: Mapping[str, int]
    send: datetime | None
    rate: float

    @property
    def waiting(self) -> int:
        """Letters that are still to leave."""
        return sum(self.states.get(state, 0) for state in WAITING)

    @property
    def unknown(self) -> int:
        """Letters that may or may not have left."""
        return self.states.get("unknown", 0)

    @property
    def taken(self) -> int:
        """Letters that the provider took."""
        return sum(self.states.get(state, 0) for state in TAKEN)

    def percent(self, state: str) -> float:
        """The share of the letters taken that ended so, in percent."""
        return 100 * self.states.get(state, 0) / self.taken if self.taken else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What ``newsletter status`` and the desk show. ``sources`` counts feeds by their health."""

    at: datetime
    version: str
    issues: tuple[IssueNow, ...]
    bells: tuple[Firing, ...]
    sources: Mapping[Health, int]
    leader: Leader | None
    backup: backup.Copy | None
    alerts: tuple[Alert, ...]
    restored: str
    jobs: Mapping[str, int] | None
    """Waiting jobs by queue; None where jobs do not wait in the database."""
    workers: int
    disk_free: int
    database_size: int


def look(room: Newsroom) -> Status:
    """Look at everything, without changing anything and in a few index reads.

    :raises DatabaseError: when the database cannot be read.
    """
    now = room.clock()
    copies = backup.copies(room.config)
    shared = room.database.dialect == "postgresql"
    bells = [
        firing
        for edition, settings in room.config.editions.items()
        for bell in BELLS
        if bell != REMIND
        for firing in next_of(settings, edition, bell, now)
    ]
    file = backup.sqlite_file(room.config)
    return Status(
        at=now,
        version=__version__,
        issues=tuple(issue_now(room, edition, now) for edition in room.config.editions),
        bells=tuple(sorted(bells, key=lambda firing: firing.at)),
        sources=sources(room, now),
        leader=room.leaders.current(OFFICE, now=now),
        backup=copies[0] if copies else None,
        alerts=tuple(room.alerts.open()),
        restored=fact(room.database, RESTORED),
        jobs=waiting_jobs(room.database.url) if shared else None,
        workers=workers_at_work(room.database.url) if shared else 0,
        disk_free=disk_free(room),
        database_size=file.stat().st_size if file and file.exists() else 0,
    )


def issue_now(room: Newsroom, edition: str, now: datetime) -> IssueNow:
    """One edition's issue of today, or its newest before."""
    issue = room.issues.newest(edition)
    states = room.ledger.states(issue.id) if issue else {}
    rate = 0.0
    if issue and issue.send_started:
        seconds = ((issue.send_ended or now) - issue.send_started).total_seconds()
        rate = sum(states.get(state, 0) for state in LEFT) * 60 / max(seconds, 1.0)
    send = planned(room, issue) if issue else None
    return IssueNow(edition=edition, issue=issue, states=states, send=send, rate=round(rate, 1))


def planned(room: Newsroom, issue: Issue) -> datetime | None:
    """When an issue goes out by itself, by its plan or its edition; None when it does not."""
    if issue.state not in {IssueState.DRAFT, IssueState.APPROVED}:
        return None
    plan = room.plans.of(issue.id)
    if plan is not None:
        return plan.at
    settings = room.config.editions.get(issue.publication)
    if settings is None:
        return None
    last = last_send(settings, room.clock())
    if last is not None and last.day == issue.day:
        rung = SEND in room.issues.rung(issue.edition, issue.day)
        return None if rung else last.at
    coming = next_of(settings, issue.edition, SEND, room.clock(), 3)
    return next((firing.at for firing in coming if firing.day == issue.day), None)


def sources(room: Newsroom, now: datetime) -> dict[Health, int]:
    """How many of the configured feeds are in which state, in the words of ``sources check``."""
    known = {feed.url: feed for feed in room.articles.feeds()}
    feeds = [known.get(feed.url, feed) for feed in room.feeds]
    counts = Counter(line.health for line in check_feeds(feeds, room.outlets, now))
    return {health: counts[health] for health in Health}


def disk_free(room: Newsroom) -> int:
    """Free bytes where the data lies."""
    file = backup.sqlite_file(room.config)
    return shutil.disk_usage(_present(file or room.config.path("data"))).free


def _present(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


def as_json(status: Status, zones: Mapping[str, str]) -> dict[str, object]:
    """A status as plain values."""
    return {
        "at": status.at.isoformat(),
        "version": status.version,
        "issues": [
            {
                "edition": one.edition,
                "issue": one.issue.id if one.issue else None,
                "state": one.issue.state.value if one.issue else None,
                "day": one.issue.day.isoformat() if one.issue else None,
                "sends_at": one.send.isoformat() if one.send else None,
                "states": dict(one.states),
                "queue": one.waiting,
                "unknown": one.unknown,
                "letters_a_minute": one.rate,
                "bounced_percent": round(one.percent("bounced"), 2),
                "complained_percent": round(one.percent("complained"), 3),
            }
            for one in status.issues
        ],
        "bells": [
            {
                "bell": firing.bell,
                "edition": firing.edition,
                "day": firing.day.isoformat() if isinstance(firing.day, date) else None,
                "at": firing.at.isoformat(),
                "local": firing.at.astimezone(ZoneInfo(zones[firing.edition])).isoformat(),
            }
            for firing in status.bells
        ],
        "sources": {health.value: number for health, number in status.sources.items()},
        "scheduler": (
            {
                "alive": status.leader.alive,
                "pid": status.leader.pid,
                "epoch": status.leader.epoch,
                "until": status.leader.expires.isoformat(),
            }
            if status.leader
            else None
        ),
        "backup": (
            {
                "file": status.backup.file.name,
                "made": status.backup.made.isoformat(),
                "bytes": status.backup.size,
            }
            if status.backup
            else None
        ),
        "alerts": [
            {
                "key": one.key,
                "since": one.since.isoformat(),
                "sentence": one.sentence,
                "hint": one.hint,
            }
            for one in status.alerts
        ],
        "restored": status.restored or None,
        "jobs": None
        if status.jobs is None
        else {"waiting": dict(status.jobs), "workers": status.workers},
        "disk_free": status.disk_free,
        "database_size": status.database_size,
    }
