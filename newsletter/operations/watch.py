"""Looks for trouble every minute and sees to it that a person hears of it once, and of its end.

What is wrong is found by small functions of one newsroom each, kept in the database by
:mod:`newsletter.database.alerts`, and told by :mod:`.tell`. When the database itself is the
trouble, nothing can be kept: then this process remembers by itself what it told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select

from newsletter.database.alerts import Alert, Trouble
from newsletter.database.facts import RESTORED, fact
from newsletter.database.tables import briefs, feeds
from newsletter.errors import DatabaseError, NewsletterError
from newsletter.issue.lint import lint
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations import backup, status
from newsletter.operations.tell import Notice, Way, tell, ways
from newsletter.timetable import Firing, appears, last_send, local_date

log = logging.getLogger(__name__)

STRIKES = 2
"""A database that is only busy is a trouble when it still is at the next look."""
FEW_FEEDS = 4
"""From so many feeds on, half of them failing together is a trouble of ours, not of theirs."""
FEW_LETTERS = 100
"""Shares of fewer letters say nothing."""
FEW_BRIEFS = 5

Look = Callable[[Newsroom, datetime], list[Trouble]]


class Watch:
    """What one process knows of alerts between two looks.

    :param make_ways: gives the ways of telling; a test gives its own.
    """

    def __init__(self, make_ways: Callable[[Newsroom], Sequence[Way]] = ways):
        self._make_ways = make_ways
        self._strikes = 0
        self._down: Notice | None = None
        self._told_down: set[str] = set()
        self._jump: Trouble | None = None
        self._jumped_at: datetime | None = None
        self.trouble: DatabaseError | None = None
        """Why this process could not hold the office of scheduler, set by the scheduler."""

    @property
    def alone(self) -> bool:
        """Whether this process has something to tell that the database does not know of."""
        return self.trouble is not None or self._down is not None

    def clock_was_set(self, room: Newsroom, seconds: float) -> None:
        """Hear that the clock on the wall jumped; told until an hour after the last jump."""
        self._jumped_at = room.clock()
        way = "forward" if seconds > 0 else "back"
        self._jump = Trouble(
            key="clock:jump",
            sentence=f"The clock of this machine was set {way} by {_span(abs(seconds))}",
            hint="See to it that time synchronisation runs; each issue still goes out once.",
        )

    def look(self, room: Newsroom) -> list[Notice]:
        """Look, keep, tell; what was told now."""
        now = room.clock()
        try:
            if self.trouble is not None:
                raise self.trouble
            for scope, find in LOOKS.items():
                room.alerts.report(scope, _found(find, room, now), now=now)
            room.alerts.report("clock:", self._clock(now), now=now)
            told = self._tell_kept(room, now)
        except DatabaseError as error:
            return self._database_down(room, error)
        return told + self._database_up(room)

    def _clock(self, now: datetime) -> list[Trouble]:
        if self._jump is None or self._jumped_at is None:
            return []
        if abs(now - self._jumped_at) > timedelta(hours=1):
            self._jump = None
            return []
        return [self._jump]

    def _tell_kept(self, room: Newsroom, now: datetime) -> list[Notice]:
        means = self._make_ways(room)
        told: list[Notice] = []
        kept = room.alerts.all()
        for way in means:
            news = [one for one in kept if _is_news(one, way.name)]
            notices = [_notice(one) for one in news]
            if notices and tell(room, way, notices):
                room.alerts.told(way.name, news)
                told += [notice for notice in notices if notice not in told]
        for one in kept:
            if not means and one.ended is None and not one.told:
                log.warning("trouble: %s. %s", one.sentence, one.hint)
                room.alerts.told("log", [one])
        room.alerts.sweep([way.name for way in means], now=now)
        for notice in told:
            log.warning("%s: %s", "over" if notice.over else "trouble", notice.sentence)
        return told

    def _database_down(self, room: Newsroom, error: DatabaseError) -> list[Notice]:
        self._strikes += 1
        if error.again and self._strikes < STRIKES:
            return []
        if self._down is None:
            log.error("trouble: %s. %s", error, error.hint)
            self._down = Notice(
                key="database:down",
                sentence=f"The database cannot be used: {error}",
                hint=f"{error.hint} Nothing is drafted or sent until then.".strip(),
                since=room.clock(),
            )
        return self._tell_directly(room, self._down)

    def _database_up(self, room: Newsroom) -> list[Notice]:
        self._strikes = 0
        if self._down is None:
            return []
        over = Notice(
            key=self._down.key,
            sentence=self._down.sentence,
            hint="",
            since=self._down.since,
            over=True,
        )
        told = self._told_down
        means = [way for way in self._make_ways(room) if way.name in told]
        self._down, self._told_down = None, set()
        took = [tell(room, way, [over]) for way in means]
        return [over] if any(took) else []

    def _tell_directly(self, room: Newsroom, notice: Notice) -> list[Notice]:
        told = []
        for way in self._make_ways(room):
            if way.name not in self._told_down and tell(room, way, [notice]):
                self._told_down.add(way.name)
                told.append(notice)
        return told[:1]


def _found(find: Look, room: Newsroom, now: datetime) -> Iterable[Trouble]:
    """What one look finds; one that fails for another reason than the database finds nothing."""
    try:
        return find(room, now)
    except DatabaseError:
        raise
    except (NewsletterError, OSError) as error:
        log.warning("a look for trouble failed: %s", error)
        return []


def _is_news(one: Alert, way: str) -> bool:
    """Whether a way has yet to tell a beginning, or the end of what it told."""
    if one.ended is None:
        return way not in one.told
    return way in one.told and way not in one.told_end


def _notice(one: Alert) -> Notice:
    return Notice(
        key=one.key,
        sentence=one.sentence,
        hint=one.hint,
        since=one.since,
        over=one.ended is not None,
    )


# --------------------------------------------------------------------------- looks


def late_issues(room: Newsroom, now: datetime) -> list[Trouble]:
    """Issues not approved, or not with everybody, by their deadline."""
    settings = room.config.alerts
    found = []
    for edition in room.config.editions:
        firing = _deciding(room, edition, now)
        if firing is None or firing.day is None:
            continue
        issue = room.issues.of_day(edition, firing.day)
        plan = room.plans.of(issue.id) if issue else None
        if issue and issue.state in {IssueState.SENT, IssueState.CANCELLED}:
            continue
        if plan is not None and plan.at is None and not plan.by.startswith("scheduler"):
            continue  # A person said that it goes out by hand.
        sends = plan.at if plan and plan.at else firing.at
        last = sends + timedelta(minutes=settings.not_sent_minutes) + _waves(room, firing)
        found += _late_issue(room, edition, firing, issue, sends, last, now)
    return found


def _late_issue(  # noqa: PLR0917 - the facts of one issue
    room: Newsroom,
    edition: str,
    firing: Firing,
    issue: Issue | None,
    sends: datetime,
    last: datetime,
    now: datetime,
) -> list[Trouble]:
    policy = room.config.edition(edition)
    local = sends.astimezone(room.config.zone(edition))
    approve_by = sends - timedelta(minutes=room.config.alerts.not_approved_minutes)
    name = issue.id if issue else f"{edition}-{firing.day}"
    if now >= last:
        return [
            Trouble(
                key=f"issue:{name}:unsent",
                sentence=f"{name} should have gone out at {local:%H:%M %Z} and "
                f"{_why_unsent(room, issue)}",
                hint=_unsent_hint(issue, name),
            )
        ]
    waits = issue is None or (issue.state is IssueState.DRAFT and policy.unattended == "hold")
    if now >= approve_by and waits:
        what = "is not approved" if issue else "has no draft"
        hint = f"newsletter approve {name}" if issue else f"newsletter draft --edition {edition}"
        return [
            Trouble(
                key=f"issue:{name}:unapproved",
                sentence=f"{name} {what}, and goes out at {local:%H:%M %Z}",
                hint=f"Look at it on the desk, or run: {hint}.",
            )
        ]
    return []


def _deciding(room: Newsroom, edition: str, now: datetime) -> Firing | None:
    """The send that matters now: the one to come when its approval is due, else the last one."""
    settings = room.config.edition(edition)
    ahead = timedelta(minutes=room.config.alerts.not_approved_minutes)
    firing = last_send(settings, now + ahead)
    if firing is None or firing.day is None:
        return None
    first = room.issues.first_rung(edition)
    allowed = timedelta(minutes=room.config.schedule.late_minutes)
    # What lay before this edition's first bell here is nobody's fault.
    return firing if first is not None and firing.at >= first - allowed else None


def _waves(room: Newsroom, firing: Firing) -> timedelta:
    """How much longer a send takes that follows its readers around the globe."""
    settings = room.config.edition(firing.edition) if firing.edition else None
    return timedelta(hours=26) if settings and settings.send_in == "reader" else timedelta(0)


def _why_unsent(room: Newsroom, issue: Issue | None) -> str:
    if issue is None:
        return "was never made"
    match issue.state:
        case IssueState.DRAFT:
            return "is still a draft"
        case IssueState.APPROVED:
            return "is approved and was not sent"
        case IssueState.PAUSED:
            return "is paused"
    states = room.ledger.states(issue.id)
    waiting = sum(states.get(state, 0) for state in status.WAITING)
    unknown = states.get("unknown", 0)
    parts = [f"{waiting:,} letters wait"] if waiting else []
    if unknown:
        parts.append(f"{unknown:,} may or may not have left")
    return " and ".join(parts) or f"is {issue.state.replace('_', ' ')}"


def _unsent_hint(issue: Issue | None, name: str) -> str:
    if issue is None:
        return "See the log for the reason; draft it by hand or let the day pass."
    if issue.state is IssueState.DRAFT:
        return (
            f"newsletter approve {name}, then newsletter send {name}; or newsletter cancel {name}."
        )
    if issue.state is IssueState.PAUSED:
        return f"newsletter resume {name}, or newsletter cancel {name}."
    return f"newsletter status {name} says where the letters are; newsletter send {name} goes on."


def sick_sources(room: Newsroom, now: datetime) -> list[Trouble]:
    """Feeds that gave nothing for days, or most of them failing together."""
    health = status.health_of(now, room.config.alerts.source_days).label("health")
    query = select(feeds.c.url, feeds.c.outlet, feeds.c.problem, feeds.c.last_success, health)
    with room.database.reading() as connection:
        rows = connection.execute(query).all()
    urls = {feed.url for feed in room.feeds}
    rows = [row for row in rows if row.url in urls and row.health != "new"]
    bad = [row for row in rows if row.health in {"failing", "dying"}]
    if len(rows) >= FEW_FEEDS and 2 * len(bad) > len(rows):
        return [
            Trouble(
                key="source:most",
                sentence=f"{len(bad)} of {len(rows)} sources fail together: {bad[0].problem}",
                hint="Look at this machine's network and its name service: newsletter doctor.",
            )
        ]
    return [
        Trouble(
            key=f"source:{row.url}"[:160],
            sentence=f"The source {row.outlet} "
            + (
                "took its feed away for good"
                if row.health == "retired"
                else f"has given nothing since {row.last_success:%Y-%m-%d}"
                if row.last_success
                else "has never given anything"
            )
            + (f": {row.problem}" if row.problem else ""),
            hint=f"newsletter sources check shows why: {row.url}",
        )
        for row in rows
        if row.health in {"dying", "retired"}
    ]


def shut_gates(room: Newsroom, now: datetime) -> list[Trouble]:
    """Drafts whose errors keep them back, and days on which the checks keep most stories back."""
    found = []
    for edition, settings in room.config.editions.items():
        if not appears(settings, local_date(settings, now)):
            continue
        issue = room.issues.of_day(edition, local_date(settings, now))
        if issue is None or issue.state is not IssueState.DRAFT:
            continue
        errors = [
            finding.sentence
            for rendered in room.issues.revision(issue).rendered
            for finding in lint(rendered, room.config.site)
            if finding.severity == "error"
        ]
        if errors:
            found.append(
                Trouble(
                    key=f"gates:{issue.id}",
                    sentence=f"{issue.id} does not pass its checks: {errors[0]}",
                    hint="Look at the draft; it is not sent unattended.",
                )
            )
    return found + _withheld(room, now)


def _withheld(room: Newsroom, now: datetime) -> list[Trouble]:
    newest = (
        select(briefs.c.story, func.max(briefs.c.version).label("version"))
        .where(briefs.c.made > now - timedelta(hours=24))
        .group_by(briefs.c.story)
        .subquery()
    )
    query = (
        select(briefs.c.withheld, func.count())
        .join(newest, and_(newest.c.story == briefs.c.story, newest.c.version == briefs.c.version))
        .group_by(briefs.c.withheld)
    )
    with room.database.reading() as connection:
        counts: Mapping[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    total, kept = sum(counts.values()), sum(n for reason, n in counts.items() if reason)
    if total < FEW_BRIEFS or 100 * kept <= total * room.config.alerts.withheld_percent:
        return []
    reason = max((reason for reason in counts if reason), key=lambda one: counts[one])
    return [
        Trouble(
            key="gates:withheld",
            sentence=f"The checks kept back {kept} of {total} stories, mostly: {reason}",
            hint="Look at the sources and at [brief]; the desk shows the reason of each story.",
        )
    ]


def bad_letters(room: Newsroom, now: datetime) -> list[Trouble]:
    """Bounces and complaints over their limit, and letters nobody knows the fate of."""
    found = []
    limits = room.config.alerts
    for edition in room.config.editions:
        one = status.issue_now(room, edition, now)
        if one.issue is None or one.issue.send_started is None:
            continue
        if one.taken >= FEW_LETTERS:
            for state, limit, word in (
                ("bounced", limits.bounce_percent, "bounced"),
                ("complained", limits.complaint_percent, "were called spam"),
            ):
                share = one.percent(state)
                if share > limit:
                    found.append(
                        Trouble(
                            key=f"letters:{one.issue.id}:{state}",
                            sentence=f"{share:.2g} % of the letters of {one.issue.id} {word}; "
                            f"the limit is {limit:g} %",
                            hint="Pause the sending and look at where these readers came from.",
                        )
                    )
        if one.unknown and one.issue.state is not IssueState.SENDING:
            found.append(
                Trouble(
                    key=f"letters:{one.issue.id}:unknown",
                    sentence=f"{one.unknown:,} letters of {one.issue.id} may or may not have left",
                    hint=f"newsletter reconcile {one.issue.id} asks the provider.",
                )
            )
    return found


def full_disk(room: Newsroom, now: datetime) -> list[Trouble]:  # noqa: ARG001 - a look's signature
    """Too little space beside the data."""
    free = status.disk_free(room) // 1_000_000
    if free >= room.config.alerts.disk_free_mb:
        return []
    return [
        Trouble(
            key="disk:data",
            sentence=f"Only {free:,} MB are free on the disk of the data",
            hint="Free some space or shorten [retention]; a full disk stops drafting and sending.",
        )
    ]


def old_backup(room: Newsroom, now: datetime) -> list[Trouble]:
    """No good backup for too long."""
    limit = room.config.alerts.backup_hours
    if not limit or not room.config.backup.enabled:
        return []
    first = min(
        (
            moment
            for edition in room.config.editions
            if (moment := room.issues.first_rung(edition)) is not None
        ),
        default=now,
    )
    copies = [copy for copy in backup.copies(room.config) if copy.made <= now]
    newest = copies[0].made if copies else first
    if now - newest <= timedelta(hours=limit):
        return []
    said = f"is of {newest:%Y-%m-%d %H:%M} UTC" if copies else "was never made"
    return [
        Trouble(
            key="backup:old",
            sentence=f"The last backup {said}",
            hint="newsletter backup makes one and says what is in the way.",
        )
    ]


def restored_database(room: Newsroom, now: datetime) -> list[Trouble]:  # noqa: ARG001 - as above
    """A database from a backup that nobody released."""
    word = fact(room.database, RESTORED)
    if not word:
        return []
    return [
        Trouble(
            key="restored:database",
            sentence="The database was restored from a backup, so nothing is sent",
            hint="Look at what had been sent since, then run: newsletter restore --release.",
        )
    ]


LOOKS: Mapping[str, Look] = {
    "issue:": late_issues,
    "source:": sick_sources,
    "gates:": shut_gates,
    "letters:": bad_letters,
    "disk:": full_disk,
    "backup:": old_backup,
    "restored:": restored_database,
}
"""Every look by the scope of the troubles it finds."""


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{seconds / 3600:.1f} hours"
