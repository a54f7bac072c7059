"""The work of the bells: draft, remind, send, once per edition and local date.

:func:`ring_due` compares the timetable and the clock with the bells that are marked as done in
the database. A bell is marked after its work succeeded, and the work itself can be repeated
without harm (the same draft, a send that only finishes what is left), so a bell that rings twice,
late, on two machines or not at all does no damage.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from newsletter import pipeline
from newsletter.config import Config
from newsletter.database.alerts import Trouble
from newsletter.database.facts import RELEASED, fact
from newsletter.delivery.reconcile import ReconcileReport
from newsletter.errors import Deposed, NewsletterError, NotApproved
from newsletter.model import DeliveryState, Issue, IssueState
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
_APPROVE = "approve:"
_FAILED = {DRAFT: "was not drafted", SEND: "was not sent", REMIND: "has no reminder"}


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
    edition: str | None = None,
    stop: Callable[[], bool] = lambda: False,
    arrows: Arrows = Arrows(),
) -> list[Firing]:
    """Do the work of every bell that is due; return those that are done now.

    A bell whose work fails stays due, is tried again at the next look, and is a trouble for the
    alerts until it succeeds.

    :param bells: only these; sending has threads of its own.
    :param edition: only this one's: each sends for itself, however long another takes. "" is for
        what was planned in editions that are configured no longer; all of it when absent.
    :param stop: asked while letters leave; True ends a send after the letters at hand.
    :raises Deposed: when another scheduler took over.
    """
    now = room.clock()
    finished = []
    troubles: list[Trouble] = []
    look = _Look(room=room, now=now, arrows=arrows, stop=stop, edition=edition)

    for name, settings in room.config.editions.items():
        if not look.is_ours(name):
            continue
        done = room.issues.rung_since(
            name, local_date(settings, now) - timedelta(days=LOOK_BACK_DAYS + 1)
        )
        firings = due(settings, name, now, done, since=_since(room, name, now))
        drafting = {firing.day for firing in firings if firing.bell == DRAFT}
        for firing in firings:
            if firing.bell not in bells or stop():
                continue
            key = f"bell:{firing.bell}:{name}:{firing.day}"
            with _told(troubles, key, f"{name} of {firing.day} {_FAILED[firing.bell]}: "):
                is_done = _ring(
                    room, firing, arrows, stop, drafting=firing.day in drafting, found=troubles
                )
                if is_done and firing.day:
                    room.issues.ring(name, firing.day, firing.bell, now)
                    finished.append(firing)
    if SEND in bells:
        _ring_plans(look, troubles)
        _ring_notices(look, troubles)
        _settle_doubts(look)
        _go_on(look, troubles)
    if stop():
        return finished  # What nobody looked at is not over.
    scopes = [f"bell:{bell}:" for bell in bells] + [_APPROVE] * (REMIND in bells)
    for scope in scopes:
        found = {one.key: one for one in troubles if one.key.startswith(scope)}
        room.alerts.report(
            scope,
            found.values(),
            now=now,
            only=lambda key: look.is_ours(_edition_of(key)),
        )
    return finished


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at what is due: what is asked, with what it is done, and for whom.

    ``edition`` is the only one it is for; "" for what belongs to none that is configured.
    """

    room: Newsroom
    now: datetime
    arrows: Arrows
    stop: Callable[[], bool]
    edition: str | None

    def is_ours(self, name: str) -> bool:
        """Whether an edition's work is part of this look."""
        configured = name if name in self.room.config.editions else ""
        return self.edition is None or self.edition == configured


def _edition_of(key: str) -> str:
    """The edition in ``bell:send:daily:2026-11-22`` or ``approve:daily-2026-11-22``."""
    return (
        key.removeprefix(_APPROVE)[: -len("-2026-11-22")] if _APPROVE in key else key.split(":")[2]
    )


@contextmanager
def _told(troubles: list[Trouble], key: str, before: str = "") -> Iterator[None]:
    """Make a trouble of whatever goes wrong, so that all other work has its turn.

    :raises Deposed: when another scheduler took over: then nothing else has its turn.
    """
    try:
        yield
    except Deposed:
        raise
    except NewsletterError as error:
        log.error("%s: %s. %s", key, error, error.hint)
        said = "unattended: " if isinstance(error, NotApproved) else ""
        sentence, hint = f"{before}{said}{error}", error.hint or "It is tried again every minute."
        troubles.append(Trouble(key=key, sentence=sentence, hint=hint))
    except Exception as error:
        log.exception("%s failed unexpectedly", key)
        what = f"{before or 'A send failed: '}something unforeseen ({type(error).__name__})"
        hint = "The log has all of it; it is tried again every minute."
        troubles.append(Trouble(key=key, sentence=what, hint=hint))


def _ring(
    room: Newsroom,
    firing: Firing,
    arrows: Arrows,
    stop: Callable[[], bool],
    *,
    drafting: bool,
    found: list[Trouble],
) -> bool:
    """Do one bell's work; True when it needs no further look.

    :param found: where a draft that waits for its approval is told.
    """
    assert firing.day is not None  # noqa: S101 - only the collect bell has no day
    issue = room.issues.of_day(firing.edition, firing.day)
    if firing.bell == DRAFT:
        return _ring_draft(room, firing, firing.day, issue, arrows)
    if firing.bell == REMIND:
        return _ring_reminder(room, firing, issue, found)
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


def _ring_reminder(
    room: Newsroom, firing: Firing, issue: Issue | None, found: list[Trouble]
) -> bool:
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
    if issue is not None and waits:
        found.append(
            Trouble(
                key=f"{_APPROVE}{issue.id}",
                sentence=f"{issue.id} waits for your approval before "
                f"{sends.astimezone(room.config.zone(firing.edition)):%H:%M %Z}",
                hint=f"Read it and approve it: newsletter approve {issue.id}.",
            )
        )
    return not waits


def _ring_plans(look: _Look, troubles: list[Trouble]) -> None:
    """Send what a person set for a moment of its own."""
    allowed = timedelta(minutes=look.room.config.schedule.late_minutes)
    for plan in look.room.plans.open([*_WAITING, IssueState.SENDING]):
        if plan.at is None or plan.at > look.now or look.stop():
            continue
        issue = look.room.issues.find(plan.issue)
        if not look.is_ours(issue.publication):
            continue
        with _told(troubles, f"bell:{SEND}:{issue.publication}:{issue.day}"):
            late = issue.state in _WAITING and look.now - plan.at > allowed
            if late and not _send_although_late(look.room, issue):
                look.room.plans.set(replace(plan, at=None, by=f"{ACTOR}: too late", made=look.now))
            else:
                _go(look.room, issue, look.arrows, look.stop)


def _ring_notices(look: _Look, troubles: list[Trouble]) -> None:
    """Send correction notices that a person asked for and that are not with everybody yet.

    One that nobody finished for days is left to a person; the alerts name it.
    """
    for notice in look.room.issues.in_states(
        [IssueState.APPROVED, IssueState.SENDING], notices=True
    ):
        if look.now - notice.created > timedelta(days=LOOK_BACK_DAYS) or look.stop():
            continue
        if look.is_ours(notice.publication):
            with _told(troubles, f"bell:{SEND}:{notice.publication}:{notice.id}"):
                look.arrows.send(look.room, notice, look.stop)


def _settle_doubts(look: _Look) -> None:
    """Ask again about letters whose answer was lost, for as long as the answer may still come.

    What turns out never to have left is queued; what stays in doubt waits for a person.
    """
    for issue in look.room.issues.in_states([IssueState.PARTLY_SENT]):
        ended = issue.send_ended
        if (
            ended is None
            or look.now - ended > SETTLE_FOR
            or look.stop()
            or not look.is_ours(issue.publication)
        ):
            continue
        # Whatever goes wrong, the letters stay in doubt, and that has an alert of its own.
        with _told([], f"doubts of {issue.id}"):
            if look.room.ledger.any_in(issue.id, DeliveryState.UNKNOWN):
                look.arrows.settle(look.room, issue)


def _go_on(look: _Look, troubles: list[Trouble]) -> None:
    """Send what nothing else looks at any more, because its bell was rung."""
    for issue in look.room.issues.in_states([IssueState.PARTLY_SENT, IssueState.SENDING]):
        if look.is_ours(issue.publication) and not look.stop():
            with _told(troubles, f"bell:{SEND}:{issue.publication}:{issue.day}"):
                if _is_left(look.room, issue, look.now):
                    look.arrows.send(look.room, issue, look.stop)


def _is_left(room: Newsroom, issue: Issue, now: datetime) -> bool:
    """Whether an issue was reopened and not sent on, or broke off after its bell was rung."""
    if issue.state is IssueState.SENDING:
        # Notices and plans are looked at for themselves, and "never" leaves it to a person.
        return (
            not issue.corrects
            and room.plans.of(issue.id) is None
            and SEND in room.issues.rung(issue.publication, issue.day)
        )
    # After its deadline a send would end at once, and its end would be a new one, every minute.
    return (
        now - (issue.send_ended or now) <= timedelta(days=LOOK_BACK_DAYS)
        and room.ledger.any_in(issue.id, DeliveryState.QUEUED)
        and now < pipeline.deadline(room, issue)
    )


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
