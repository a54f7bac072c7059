"""The work of the bells: draft, remind, send, once per edition and local date.

:func:`ring_due` compares the timetable and the clock with the bells that are marked as done in
the database. A bell is marked after its work succeeded, and the work itself can be repeated
without harm (the same draft, a send that only finishes what is left), so a bell that rings twice,
late, on two machines or not at all does no damage.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from newsletter import pipeline
from newsletter.config import Config
from newsletter.database.alerts import Trouble
from newsletter.database.facts import RELEASED, fact
from newsletter.delivery.reconcile import ReconcileReport
from newsletter.errors import Deposed, NewsletterError, NotApproved
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.timetable import (
    BELLS,
    DRAFT,
    LOOK_BACK_DAYS,
    REMIND,
    SEND,
    Firing,
    due,
    local_date,
    send_moment,
)

log = logging.getLogger(__name__)

ACTOR = "scheduler"
BEGUN = "begun"
"""A bell that marks the moment an edition began here; a send that lay before is not missed."""

SETTLE_FOR = timedelta(minutes=30)
"""How long after a send its letters in doubt are asked about at every look."""

_OVER = {IssueState.SENT, IssueState.PARTLY_SENT, IssueState.CANCELLED}
_WAITING = {IssueState.DRAFT, IssueState.APPROVED}


def _draft(room: Newsroom, edition: str, day: date) -> None:
    pipeline.collect(room)
    pipeline.group(room)
    pipeline.write(room)
    report = pipeline.compose(room, edition=edition, day=day)
    log.info("drafted %s: %s stories", report.issue.id, len(report.revision.content.stories))


def _send(room: Newsroom, issue: Issue, stop: Callable[[], bool]) -> None:
    pipeline.send(room, issue.id, stop=stop)


@dataclass(frozen=True, slots=True)
class Arrows:
    """What bells set off. A test that lives through years puts quick ones in."""

    draft: Callable[[Newsroom, str, date], None] = _draft
    approve: Callable[[Newsroom, Issue], Issue] = pipeline.approve_unattended
    send: Callable[[Newsroom, Issue, Callable[[], bool]], None] = _send
    settle: Callable[[Newsroom, Issue], ReconcileReport] = pipeline.reconcile


def ring_due(
    room: Newsroom,
    *,
    bells: Collection[str] = BELLS,
    stop: Callable[[], bool] = lambda: False,
    arrows: Arrows = Arrows(),
) -> list[Firing]:
    """Do the work of every bell that is due; return those that are done now.

    A bell whose work fails stays due, is tried again at the next look, and is a trouble for the
    alerts until it succeeds.

    :param bells: only these; sending has a thread of its own.
    :param stop: asked while letters leave; True ends a send after the letters at hand.
    :raises Deposed: when another scheduler took over.
    """
    now = room.clock()
    finished = []
    troubles: list[Trouble] = []
    for edition, settings in room.config.editions.items():
        done = room.issues.rung_since(
            edition, local_date(settings, now) - timedelta(days=LOOK_BACK_DAYS + 1)
        )
        firings = due(settings, edition, now, done, since=_since(room, edition, now))
        drafting = {firing.day for firing in firings if firing.bell == DRAFT}
        for firing in firings:
            if firing.bell not in bells or stop():
                continue
            try:
                is_done = _ring(room, firing, arrows, stop, drafting=firing.day in drafting)
            except Deposed:
                raise
            except NewsletterError as error:
                log.error("%s %s: %s. %s", firing.bell, edition, error, error.hint)
                troubles.append(_trouble(firing, error))
                continue
            if is_done and firing.day:
                room.issues.ring(edition, firing.day, firing.bell, now)
                finished.append(firing)
    if SEND in bells:
        troubles += _ring_plans(room, now, arrows, stop)
        troubles += _ring_notices(room, now, arrows, stop)
        _settle_doubts(room, now, arrows, stop)
    for bell in bells:
        scope = f"bell:{bell}:"
        room.alerts.report(scope, _of_scope(troubles, scope), now=now)
    return finished


def _ring(
    room: Newsroom,
    firing: Firing,
    arrows: Arrows,
    stop: Callable[[], bool],
    *,
    drafting: bool,
) -> bool:
    """Do one bell's work; True when it needs no further look."""
    assert firing.day is not None  # noqa: S101 - only the collect bell has no day
    issue = room.issues.of_day(firing.edition, firing.day)
    if firing.bell == DRAFT:
        return _ring_draft(room, firing, firing.day, issue, arrows)
    if firing.bell == REMIND:
        return _ring_reminder(room, firing, issue)
    return _ring_send(room, firing, firing.day, issue, arrows, stop, drafting=drafting)


def _ring_send(  # noqa: PLR0917 - the facts of one bell
    room: Newsroom,
    firing: Firing,
    day: date,
    issue: Issue | None,
    arrows: Arrows,
    stop: Callable[[], bool],
    *,
    drafting: bool,
) -> bool:
    allowed = timedelta(minutes=room.config.schedule.late_minutes)
    if issue is None:
        # The draft may be in the making at this moment: its bell decides whether it still comes.
        return not drafting and firing.late > allowed
    if issue.state in _OVER:
        return True
    if room.plans.of(issue.id) is not None:
        return False
    if issue.state in _WAITING and firing.late > allowed:
        settings = room.config.edition(firing.edition)
        yesterday = local_date(settings, room.clock()) - timedelta(days=1)
        if day < yesterday or not _send_although_late(room, issue):
            return True
    return _go(room, issue, arrows, stop)


def _ring_draft(
    room: Newsroom, firing: Firing, day: date, issue: Issue | None, arrows: Arrows
) -> bool:
    if issue is not None:
        return True
    settings = room.config.edition(firing.edition)
    # A draft is of use until the send comes, and as long after it as a send may begin late.
    last = send_moment(settings, day) + timedelta(minutes=room.config.schedule.late_minutes)
    if room.clock() > max(last, firing.at + timedelta(minutes=room.config.schedule.late_minutes)):
        log.warning("%s of %s: no issue was made in time", firing.edition, day)
        room.audit.note(ACTOR, "miss", f"{firing.edition}-{day}", "no issue was made in time")
        return True
    arrows.draft(room, firing.edition, day)
    room.audit.note(ACTOR, "draft", f"{firing.edition}-{day}")
    return True


def _ring_reminder(room: Newsroom, firing: Firing, issue: Issue | None) -> bool:
    """Have somebody told, once, that a draft waits for an approval; they hear of its end too."""
    settings = room.config.edition(firing.edition)
    assert firing.day is not None  # noqa: S101 - see the caller
    sends = send_moment(settings, firing.day)
    waits = (
        issue is not None
        and issue.state is IssueState.DRAFT
        and settings.unattended == "hold"
        and firing.late <= timedelta(minutes=room.config.schedule.late_minutes)
    )
    found = []
    if issue is not None and waits:
        found.append(
            Trouble(
                key=f"approve:{issue.id}",
                sentence=f"{issue.id} waits for your approval before "
                f"{sends.astimezone(room.config.zone(firing.edition)):%H:%M %Z}",
                hint=f"Read it and approve it: newsletter approve {issue.id}.",
            )
        )
    room.alerts.report(f"approve:{firing.edition}-", found, now=room.clock())
    return not waits


def _ring_plans(
    room: Newsroom, now: datetime, arrows: Arrows, stop: Callable[[], bool]
) -> list[Trouble]:
    """Send what a person set for a moment of its own; what failed."""
    allowed = timedelta(minutes=room.config.schedule.late_minutes)
    troubles = []
    for plan in room.plans.open([*_WAITING, IssueState.SENDING]):
        if plan.at is None or plan.at > now or stop():
            continue
        issue = room.issues.find(plan.issue)
        late = issue.state in _WAITING and now - plan.at > allowed
        if late and not _send_although_late(room, issue):
            room.plans.set(replace(plan, at=None, by=f"{ACTOR}: too late", made=now))
            continue
        try:
            _go(room, issue, arrows, stop)
        except Deposed:
            raise
        except NewsletterError as error:
            log.error("send %s: %s. %s", issue.id, error, error.hint)
            key = f"bell:{SEND}:{issue.edition}:{issue.day}"
            troubles.append(Trouble(key=key, sentence=str(error), hint=error.hint))
    return troubles


def _ring_notices(
    room: Newsroom, now: datetime, arrows: Arrows, stop: Callable[[], bool]
) -> list[Trouble]:
    """Send correction notices that a person asked for and that are not with everybody yet.

    One that nobody finished for days is left to a person; the alerts name it.
    """
    troubles = []
    for notice in room.issues.in_states([IssueState.APPROVED, IssueState.SENDING], notices=True):
        if now - notice.created > timedelta(days=LOOK_BACK_DAYS) or stop():
            continue
        try:
            arrows.send(room, notice, stop)
        except Deposed:
            raise
        except NewsletterError as error:
            log.error("send %s: %s. %s", notice.id, error, error.hint)
            key = f"bell:{SEND}:{notice.id}"
            troubles.append(Trouble(key=key, sentence=str(error), hint=error.hint))
    return troubles


def _settle_doubts(room: Newsroom, now: datetime, arrows: Arrows, stop: Callable[[], bool]) -> None:
    """Ask again about letters whose answer was lost, for as long as the answer may still come.

    What turns out never to have left is sent; what stays in doubt after that waits for a person.
    """
    for issue in room.issues.in_states([IssueState.PARTLY_SENT]):
        ended = issue.send_ended
        if ended is None or now - ended > SETTLE_FOR or stop():
            continue
        if not room.ledger.states(issue.id).get("unknown"):
            continue
        try:
            # Only what was queued just now: a send for what the deadline left would end at once,
            # and its end would be a new one, every minute.
            if arrows.settle(room, issue).queued:
                arrows.send(room, room.issues.find(issue.id), stop)
        except Deposed:
            raise
        except NewsletterError as error:
            log.warning("doubts of %s stay: %s. %s", issue.id, error, error.hint)


def late_policy(config: Config, edition: str) -> str:
    """What an edition does with a send time it missed: skip, ask or send."""
    settings = config.editions.get(edition)
    return (settings.late if settings else "") or config.schedule.late


def _send_although_late(room: Newsroom, issue: Issue) -> bool:
    """Follow the late policy; False leaves the issue to a person."""
    match late_policy(room.config, issue.publication):
        case "skip":
            log.warning("%s was not sent in time and is skipped", issue.id)
            room.audit.note(ACTOR, "skip", issue.id, "its send time was missed")
            return False
        case "ask":
            log.warning("%s is late; send it by hand: newsletter send %s", issue.id, issue.id)
            room.audit.note(ACTOR, "ask", issue.id, "its send time was missed")
            return False
        case _:
            log.warning("%s is late and goes out now", issue.id)
            return True


def _go(room: Newsroom, issue: Issue, arrows: Arrows, stop: Callable[[], bool]) -> bool:
    """Send what is approved, or may go without; True when nothing more is to be done."""
    if issue.state is IssueState.PAUSED:
        return False
    unattended = room.config.edition(issue.publication).unattended == "send"
    if issue.state is IssueState.DRAFT:
        if not unattended or _may_have_been_sent(room, issue):
            # Not an error: the alerts say it when its time comes.
            log.info("%s waits for an approval", issue.id)
            return False
        issue = arrows.approve(room, issue)
        room.audit.note(ACTOR, "approve", issue.id, "unattended policy")
    if issue.state in _WAITING:
        room.audit.note(ACTOR, "send", issue.id)
    arrows.send(room, issue, stop)
    return room.issues.find(issue.id).state in _OVER


def _may_have_been_sent(room: Newsroom, issue: Issue) -> bool:
    """Whether a draft, or its moment, is older than the last release of a restored database.

    Then it may have been sent after the backup was made, and only a person can say that it goes.
    """
    released = fact(room.database, RELEASED)
    if not released:
        return False
    edition = room.config.edition(issue.publication)
    return min(issue.created, send_moment(edition, issue.day)) <= datetime.fromisoformat(released)


def _since(room: Newsroom, edition: str, now: datetime) -> datetime:
    """From when on a send can be missed: since the edition was looked at, or had an issue."""
    first = room.issues.first_rung(edition)
    if first is None:
        newest = room.issues.newest(edition)
        first = min(now, newest.created) if newest else now
        room.issues.ring(edition, room.local_day(edition, now), BEGUN, first)
    return first


def _trouble(firing: Firing, error: NewsletterError) -> Trouble:
    words = {DRAFT: "was not drafted", SEND: "was not sent", REMIND: "has no reminder"}
    said = "unattended: " if isinstance(error, NotApproved) else ""
    return Trouble(
        key=f"bell:{firing.bell}:{firing.edition}:{firing.day}",
        sentence=f"{firing.edition} of {firing.day} {words[firing.bell]}: {said}{error}",
        hint=error.hint or "It is tried again every minute.",
    )


def _of_scope(troubles: Iterable[Trouble], scope: str) -> list[Trouble]:
    return list({one.key: one for one in troubles if one.key.startswith(scope)}.values())
