"""What can be wrong, found by small functions of one newsroom each.

Each look has a scope of its own: the troubles it does not find again are over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, select

from newsletter import pipeline
from newsletter.database.alerts import Trouble
from newsletter.database.articles import RETIRED_BY
from newsletter.database.facts import RESTORED, SWEPT, fact
from newsletter.database.tables import briefs
from newsletter.issue.lint import lint
from newsletter.model import Feed, FeedState, Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations import backup, status
from newsletter.timetable import LOOK_BACK_DAYS, Firing, appears, local_date, past_sends
from newsletter.work import unattended_for

FEW_FEEDS = 4
"""From so many feeds on, half of them failing together is a trouble of ours, not of theirs."""
FEW_LETTERS = 100
"""Shares of fewer letters say nothing."""
FEW_BRIEFS = 5
UNATTENDED = timedelta(minutes=5)
"""A job that waits so long for a worker waits for somebody to start one."""
NO_WORKER = (
    "newsletter worker on any machine takes them; where newsletter run does all the work, "
    "newsletter worker --until-empty once."
)
"""Also for who went back to one machine: nothing else takes what was left to workers."""
UNSWEPT = timedelta(days=2)
"""Longer without the sweep of a night is a trouble."""

Look = Callable[[Newsroom, datetime], list[Trouble]]


def late_issues(room: Newsroom, now: datetime) -> list[Trouble]:
    """Issues not approved, or not with everybody, by their deadline."""
    found = []
    unfinished = {
        (issue.edition, issue.day): issue
        for issue in room.issues.in_states(
            set(IssueState) - {IssueState.SENT, IssueState.CANCELLED}
        )
    }
    for edition in room.config.editions:
        sends = _deciding(room, edition, now)
        for firing in sends:
            assert firing.day is not None  # noqa: S101 - only the collect bell has no day
            issue = unfinished.get((edition, firing.day))
            # A day without an issue is over when the next one comes, an open issue is not.
            missing = firing is sends[-1] and room.issues.of_day(edition, firing.day) is None
            plan = room.plans.of(issue.id) if issue else None
            if plan is not None and plan.at is None and not plan.by.startswith("scheduler"):
                continue  # A person said that it goes out by hand.
            if issue is not None or missing:
                at = plan.at if plan and plan.at else firing.at
                found += _late_issue(room, edition, firing, issue, at, now)
    patience = timedelta(minutes=room.config.alerts.not_sent_minutes)
    return found + _late_notices(room, now - patience)


def _late_notices(room: Newsroom, made_before: datetime) -> list[Trouble]:
    """Correction notices that should be with everybody by now."""
    open_ = set(IssueState) - {IssueState.SENT, IssueState.CANCELLED}
    return [
        Trouble(
            key=f"issue:{notice.id}:unsent",
            sentence=f"The notice {notice.id} {_why_unsent(room, notice)}",
            hint=_unsent_hint(notice, notice.id),
        )
        for notice in room.issues.in_states(open_, notices=True)
        if notice.created < made_before
    ]


def _late_issue(  # noqa: PLR0917 - the facts of one issue
    room: Newsroom,
    edition: str,
    firing: Firing,
    issue: Issue | None,
    sends: datetime,
    now: datetime,
) -> list[Trouble]:
    policy = room.config.edition(edition)
    local = sends.astimezone(room.config.zone(edition))
    approve_by = sends - timedelta(minutes=room.config.alerts.not_approved_minutes)
    name = issue.id if issue else f"{edition}-{firing.day}"
    due = now - timedelta(minutes=room.config.alerts.not_sent_minutes)
    if sends <= due:
        under_way = issue if issue and issue.state is IssueState.SENDING else None
        # Who gets it in a morning that is yet to come is not late.
        if under_way and not pipeline.any_overdue(room, under_way, before=due):
            return []
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
        goes = "goes" if now < sends else "was to go"
        hint = f"newsletter approve {name}" if issue else f"newsletter draft --edition {edition}"
        return [
            Trouble(
                key=f"issue:{name}:unapproved",
                sentence=f"{name} {what}, and {goes} out at {local:%H:%M %Z}",
                hint=f"Look at it on the desk, or run: {hint}.",
            )
        ]
    return []


def _deciding(room: Newsroom, edition: str, now: datetime) -> list[Firing]:
    """The sends that matter now: those of the last days, and the next when its approval is due."""
    settings = room.config.edition(edition)
    ahead = timedelta(minutes=room.config.alerts.not_approved_minutes)
    first = room.issues.first_rung(edition)
    # What lay before this edition's first bell here is nobody's fault.
    sends = past_sends(settings, now + ahead) if first else []
    return [firing for firing in sends if first and firing.at >= first]


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
    """Feeds that gave nothing for days or are gone for good, or most of them failing together.

    A feed that somebody retired on the desk is no trouble: it is as they want it.
    """
    urls = {feed.url for feed in room.feeds}
    # An outage of our own is no visit and no failure of the feed, only its problem.
    asked = [feed for feed in room.articles.feeds(urls) if feed.last_visit or feed.problem]
    bad = [
        feed
        for feed in asked
        if (feed.failures or feed.problem) and feed.state is not FeedState.RETIRED
    ]
    found = _silent_sources(room, asked, bad, now)
    if len(asked) < FEW_FEEDS or 2 * len(bad) <= len(asked):
        return found
    # That all of them fail is told in place of each; what was told of one before is not over.
    told = {one.key for one in room.alerts.open()}
    return [
        Trouble(
            key="source:most",
            sentence=f"{len(bad)} of {len(asked)} sources fail together: {bad[0].problem}",
            hint="Look at this machine's network and its name service: newsletter doctor.",
        ),
        *(one for one in found if one.key in told),
    ]


def _silent_sources(
    room: Newsroom, asked: list[Feed], bad: list[Feed], now: datetime
) -> list[Trouble]:
    since = now - timedelta(days=room.config.alerts.source_days)
    silent = [feed for feed in bad if (feed.last_success or feed.last_visit or now) < since]
    retired = [feed for feed in asked if feed.state is FeedState.RETIRED]
    gone = [feed for feed in retired if not feed.problem.startswith(RETIRED_BY)]
    return [
        Trouble(
            key=f"source:{feed.url}"[:160],
            sentence=f"The source {feed.outlet} "
            + (
                "took its feed away for good"
                if feed.state is FeedState.RETIRED
                else f"has given nothing since {feed.last_success:%Y-%m-%d}"
                if feed.last_success
                else "has never given anything"
            )
            + (f": {feed.problem}" if feed.problem else ""),
            hint=f"newsletter sources check shows why: {feed.url}",
        )
        for feed in (*silent, *gone)
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
    editions = room.config.editions
    recent = room.issues.recent((LOOK_BACK_DAYS + 1) * len(editions))
    sent = [one for one in recent if one.send_started and one.edition in editions]
    newest = {one.edition: one for one in reversed(sent)}
    for issue in sent:
        if room.local_day(issue.edition, now) - issue.day > timedelta(days=LOOK_BACK_DAYS):
            continue
        states = room.ledger.states(issue.id)
        taken = sum(states.get(state, 0) for state in status.TAKEN)
        if taken >= FEW_LETTERS and issue is newest[issue.edition]:
            for state, limit, word in (
                ("bounced", limits.bounce_percent, "bounced"),
                ("complained", limits.complaint_percent, "were called spam"),
            ):
                share = 100 * states.get(state, 0) / taken
                if share > limit:
                    found.append(
                        Trouble(
                            key=f"letters:{issue.id}:{state}",
                            sentence=f"{share:.2g} % of the letters of {issue.id} {word}; "
                            f"the limit is {limit:g} %",
                            hint="Pause the sending and look at where these readers came from.",
                        )
                    )
        unknown = states.get("unknown", 0)
        if unknown and issue.state is not IssueState.SENDING:
            found.append(
                Trouble(
                    key=f"letters:{issue.id}:unknown",
                    sentence=f"{unknown:,} letters of {issue.id} may or may not have left",
                    hint=f"newsletter reconcile {issue.id} asks the provider.",
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


def unattended_jobs(room: Newsroom, now: datetime) -> list[Trouble]:  # noqa: ARG001 - as above
    """Jobs that wait for a worker where there is none."""
    if room.database.dialect != "postgresql":
        return []
    waits = unattended_for(room.database.url)
    if waits <= UNATTENDED:
        return []
    return [
        Trouble(
            key="jobs:unattended",
            sentence="Jobs wait, and no worker is there to do them",
            hint=NO_WORKER,
        )
    ]


def old_sweep(room: Newsroom, now: datetime) -> list[Trouble]:
    """Nothing was taken away by its period for days."""
    word = fact(room.database, SWEPT)
    if not word or now.date() - date.fromisoformat(word) <= UNSWEPT:
        return []
    return [
        Trouble(
            key="sweep:old",
            sentence=f"What [retention] ends was last taken away on {word}",
            hint='The log has the reason, in lines that begin with "keep".',
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
    "jobs:": unattended_jobs,
    "sweep:": old_sweep,
}
"""Every look by the scope of the troubles it finds."""
