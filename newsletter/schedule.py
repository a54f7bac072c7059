"""Rings the bells: collect every few minutes, draft and send once per edition and local date.

APScheduler is only the alarm clock; it keeps its jobs in memory and decides nothing. When it
rings, :func:`due` compares the configuration and the clock with the bells that are marked as
done in the database. A bell is marked after its work succeeded, and the work itself can be
repeated without harm (the same draft, a send that only finishes what is left), so a bell that
rings twice, late, on two machines or not at all does no damage.

The moments are computed here and not by cron-like triggers, because those ring twice in the
repeated hour of autumn and late in the skipped hour of spring (see :func:`moment_of`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from newsletter import pipeline
from newsletter.config import Config, EditionSettings
from newsletter.errors import NewsletterError, NotApproved
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.pipeline import shares
from newsletter.work import Functions, Job, Work

log = logging.getLogger(__name__)

DRAFT = "draft"
SEND = "send"
COLLECT = "collect"
BELLS = (DRAFT, SEND)

_OVER = {IssueState.SENT, IssueState.PARTLY_SENT, IssueState.CANCELLED}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One bell of one edition's local date; ``at`` is UTC. Collecting has no edition."""

    at: datetime
    bell: str
    edition: str = ""
    day: date | None = None
    late: timedelta = timedelta(0)


def moment_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the one UTC moment at which a local date shows a local time.

    A time that comes twice (autumn) means its first coming; a time that is skipped (spring)
    means the first moment after the gap.
    """
    early = datetime.combine(day, at, tzinfo=zone).replace(fold=1).astimezone(UTC)
    late = datetime.combine(day, at, tzinfo=zone).replace(fold=0).astimezone(UTC)
    if early >= late:
        return late
    # In a gap fold=1 lies before the change and fold=0 after it: close in on the change itself.
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return (late + timedelta(microseconds=500_000)).replace(microsecond=0)


def firings(settings: EditionSettings, edition: str, first: date, days: int) -> Iterator[Firing]:
    """All bells of an edition on the days it appears, from a local date on, in order."""
    zone = ZoneInfo(settings.zone)
    for number in range(days):
        day = first + timedelta(days=number)
        if _WEEKDAYS[day.weekday()] in settings.days:
            for bell, at in ((DRAFT, settings.draft_at), (SEND, settings.send_at)):
                yield Firing(at=moment_of(day, at, zone), bell=bell, edition=edition, day=day)


def next_firings(config: Config, now: datetime, days: int = 8) -> list[Firing]:
    """Every bell to come within some days, soonest first; of the collect bell only the next."""
    found = [
        firing
        for edition, settings in config.editions.items()
        for firing in firings(settings, edition, _today(settings, now), days)
        if firing.at > now
    ]
    found.append(Firing(at=now + timedelta(minutes=config.schedule.collect_minutes), bell=COLLECT))
    return sorted(found, key=lambda firing: (firing.at, firing.bell, firing.edition))


def due(
    settings: EditionSettings, edition: str, now: datetime, done: Mapping[date, set[str]]
) -> list[Firing]:
    """The bells of yesterday and today whose moment has come and whose work is not done.

    Yesterday is looked at too, because a send time late in the evening may pass midnight.
    """
    first = _today(settings, now) - timedelta(days=1)
    return [
        Firing(
            at=firing.at,
            bell=firing.bell,
            edition=edition,
            day=firing.day,
            late=now - firing.at,
        )
        for firing in firings(settings, edition, first, 2)
        if firing.day and firing.at <= now and firing.bell not in done.get(firing.day, set())
    ]


def jobs(room: Newsroom, work: Work) -> Functions:
    """What the bells cause, by name: the table that a process runs its jobs from."""
    return {
        **shares.jobs(room, work),
        COLLECT: partial(_collect, room, work),
        "look": partial(ring_due, room, work),
        "tidy": lambda: room.signups.tidy(room.clock()),
    }


class Scheduler:
    """The alarm clock of one process."""

    def __init__(self, room: Newsroom, work: Work):
        self._room = room
        self._work = work
        self._clock = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True}
        )

    def start(self) -> None:
        """Set the bells and look at once for work that was missed while nobody was here."""
        config = self._room.config
        self._clock.add_job(
            self.collect, IntervalTrigger(minutes=config.schedule.collect_minutes), id=COLLECT
        )
        self._clock.add_job(self.tidy, IntervalTrigger(hours=1), id="tidy")
        # Approvals come at any minute: a send that waits for one is looked at every minute.
        self._clock.add_job(self.look, IntervalTrigger(minutes=1), id="look")
        for edition, settings in config.editions.items():
            for bell in BELLS:
                self._clock.add_job(
                    self.look, _BellTrigger(settings, edition, bell), id=f"{bell}:{edition}"
                )
        self._clock.start()
        self.collect()
        self.tidy()
        self.look()

    def stop(self) -> None:
        """Ring no more."""
        if self._clock.running:
            self._clock.shutdown(wait=False)

    def collect(self) -> None:
        """Hand over a round of collecting and what follows from it."""
        self._work.defer(Job(name=COLLECT, queue="collect"))

    def tidy(self) -> None:
        """Hand over what ends by itself: pauses, unanswered sign-ups, addresses of origin."""
        self._work.defer(Job(name="tidy"))

    def look(self) -> None:
        """Hand over whatever is due now."""
        self._work.defer(Job(name="look"))


def ring_due(room: Newsroom, work: Work | None = None) -> list[Firing]:
    """Do the work of every bell that is due; return those that are done now."""
    now = room.clock()
    finished = []
    for edition, settings in room.config.editions.items():
        today = _today(settings, now)
        done = {day: room.issues.rung(edition, day) for day in (today - timedelta(days=1), today)}
        for firing in due(settings, edition, now, done):
            try:
                is_done = _ring(room, firing, work)
            except NewsletterError as error:
                log.error("%s %s: %s. %s", firing.bell, edition, error, error.hint)
                continue
            if is_done and firing.day:
                room.issues.ring(edition, firing.day, firing.bell, now)
                finished.append(firing)
    return finished


def _ring(room: Newsroom, firing: Firing, work: Work | None) -> bool:
    """Do one bell's work; True when it needs no further look."""
    assert firing.day is not None  # noqa: S101 - only the collect bell has no day
    issue = room.issues.of_day(firing.edition, firing.day)
    allowed = timedelta(minutes=room.config.schedule.late_minutes)
    if firing.bell == DRAFT:
        still_of_use = allowed + _between(room.config.edition(firing.edition))
        if issue is None and firing.late <= still_of_use:
            _draft(room, firing.edition, firing.day)
        return True
    if issue is None:
        return firing.late > allowed
    if issue.state in _OVER:
        return True
    waiting = issue.state in {IssueState.DRAFT, IssueState.APPROVED}
    if waiting and firing.late > allowed and not _send_although_late(room, issue):
        return True
    return _send(room, issue, work)


def _draft(room: Newsroom, edition: str, day: date) -> None:
    pipeline.collect(room)
    pipeline.group(room)
    pipeline.write(room)
    report = pipeline.compose(room, edition=edition, day=day)
    log.info("drafted %s: %s stories", report.issue.id, len(report.revision.content.stories))


def _send_although_late(room: Newsroom, issue: Issue) -> bool:
    """Follow the late policy; False leaves the issue to a person."""
    match room.config.schedule.late:
        case "skip":
            log.warning("%s was not sent in time and is skipped", issue.id)
            return False
        case "ask":
            log.warning("%s is late; send it by hand: newsletter send %s", issue.id, issue.id)
            return False
        case "send":
            log.warning("%s is late and goes out now", issue.id)
            return True


def _send(room: Newsroom, issue: Issue, work: Work | None) -> bool:
    """Send what is approved, or may go without; True when nothing more is to be done."""
    if issue.state is IssueState.PAUSED:
        return False
    try:
        if issue.state is IssueState.DRAFT and (
            room.config.edition(issue.edition).unattended == "send"
        ):
            pipeline.approve_unattended(room, issue)
        if work is not None and work.shared:
            shares.hand_out_letters(room, work, issue.id)
        else:
            pipeline.send(room, issue.id)
    except NotApproved as error:
        log.warning("%s. Approve it: newsletter approve %s", error, issue.id)
        return False
    return room.issues.find(issue.id).state in _OVER


def _collect(room: Newsroom, work: Work) -> None:
    if work.shared:
        log.info("%s feeds are due", shares.hand_out_visits(room, work))
        return
    report = pipeline.collect(room)
    if report.articles:
        pipeline.group(room)
    log.info("collected %s new articles from %s feeds", report.articles, report.feeds)


def _today(settings: EditionSettings, now: datetime) -> date:
    return now.astimezone(ZoneInfo(settings.zone)).date()


def _between(settings: EditionSettings) -> timedelta:
    """How long after the draft the send comes; a draft is of use until then."""
    day = date(2026, 1, 1)
    gap = datetime.combine(day, settings.send_at) - datetime.combine(day, settings.draft_at)
    return max(gap, timedelta(0))


class _BellTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Tells APScheduler when one bell rings next."""

    def __init__(self, settings: EditionSettings, edition: str, bell: str):
        self._settings = settings
        self._edition = edition
        self._bell = bell

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the next moment after the last one and after now."""
        after = max(now, previous) if previous else now
        first = _today(self._settings, after)
        for firing in firings(self._settings, self._edition, first, 9):
            if firing.bell == self._bell and firing.at > after:
                return firing.at
        return None
