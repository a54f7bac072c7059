"""Send: an approved issue becomes one letter a reader."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy import Select

from newsletter.audience.unsubscribe_mail import mailto
from newsletter.database.choosing import COUNTED, TEXT_VARIANT
from newsletter.database.facts import RESTORED, fact, take_into_use
from newsletter.database.ledger_part import WRITTEN_OFF
from newsletter.database.waves import any_due, chosen_times, lay_out, only_later, reader_zones
from newsletter.database.webhooks import ISSUE_SENT
from newsletter.delivery.guards import surprising_growth
from newsletter.delivery.letter import IssueMail, Why, prepare_issue
from newsletter.delivery.reconcile import ReconcileReport
from newsletter.delivery.reconcile import reconcile as settle_doubts
from newsletter.delivery.send import SendReport, SendSettings, send_issue
from newsletter.errors import DeliveryError, IssueError
from newsletter.issue import approve as approval
from newsletter.issue.followed import counted, links_of
from newsletter.issue.variants import sections_of
from newsletter.model import Issue, IssueLink, IssueState, Revision
from newsletter.newsroom import Newsroom
from newsletter.pipeline.clicks import click_addresses
from newsletter.timetable import moment_of, reader_moments


def audience(room: Newsroom, issue: Issue) -> dict[str, int]:
    """How many readers of each segment an issue would go to now."""
    if issue.corrects:
        return room.corrections.count_readers_of(issue)
    return room.readers.count_audience(
        issue.edition,
        room.config.segments,
        day=issue.day,
        digest_of=room.config.edition(issue.edition).digest_of,
    )


def begin_send(room: Newsroom, name: str, *, expect_growth: bool = False) -> tuple[Issue, Revision]:
    """Look at every guard rail, then freeze the audience and call the issue "sending".

    Safe to repeat. Nothing is rendered here: what goes out are the stored bytes, and their hash
    must be the one that was approved.

    :param expect_growth: True lets an audience pass that grew by surprisingly much.
    :raises NotApproved: when nobody approved exactly these bytes.
    :raises DeliveryError: when all sending is stopped, the database came from a backup, or the
        audience grew too much.
    """
    refuse_restored(room)
    take_into_use(room.database)
    room.message_key(None)  # made before the first sending begins
    issue = room.issues.find(name)
    revision = room.issues.revision(issue)
    approval.must_match(issue, revision)
    stopped = room.switches.stopped()
    if stopped:
        raise DeliveryError(
            issue.id,
            f"is not sent, because all sending is stopped: {stopped}",
            hint='Let letters leave again with "newsletter start-again".',
        )
    started = issue.send_started or room.clock()
    if not expect_growth and not room.ledger.is_frozen(issue.id):
        _look_at_growth(room, issue)
    if issue.state is not IssueState.SENDING:
        issue = room.issues.change(
            issue, replace(approval.move(issue, "send"), send_started=started)
        )
    if not issue.corrects:
        base_url = room.config.site.base_url
        room.clicks.keep(issue.id, links_of(revision.content, revision.rendered, base_url))
    room.ledger.freeze(issue.id, recipients_of(room, issue), random_word=room.tag, now=started)
    return issue, revision


def must_stop(room: Newsroom, issue_id: str) -> bool:
    """Whether letters must not leave now: paused, cancelled, or all sending stopped."""
    return not room.issues.may_leave(issue_id)


def send(
    room: Newsroom,
    name: str,
    *,
    expect_growth: bool = False,
    by_hand: bool = False,
    on_progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> SendReport:
    """Send an approved issue, or finish one whose sending was interrupted.

    The audience is frozen when the send first starts (:func:`begin_send`). An issue that is sent
    stays as it is.

    :param by_hand: True when a person asks for it. The deadline then counts from now, so that
        "send to the rest" also serves an issue that was given up, or paused for long.
    :param stop: asked between batches; True ends this call with everything settled or queued, and
        the issue as one that is being sent.
    :raises NotApproved: when nobody approved exactly these bytes.
    :raises DeliveryError: when a guard rail says no, or the database came from a backup and
        nobody released it.
    :raises TransportError: when the transport cannot work at all; nobody is lost, run it again.
    """
    issue = room.issues.find(name)
    if issue.state is IssueState.SENT:
        return SendReport(ended="done", states=room.ledger.states(issue.id))
    transport, fallback = room.transport(), room.fallback()
    try:
        issue, revision = begin_send(room, issue.id, expect_growth=expect_growth)
        started = issue.send_started or room.clock()
        if by_hand:
            room.switches.note_taken_up(issue.id, room.clock())
        last = lay_out_waves(room, issue)
        report = send_issue(
            issue.id,
            ledger=room.ledger,
            transport=transport,
            mail=issue_mail(room, issue, revision),
            clock=room.clock,
            sleep=time.sleep,
            owner=room.tag(),
            settings=SendSettings.from_config(room.config.delivery, started=last),
            fallback=fallback,
            stop=lambda: stop() or must_stop(room, issue.id) or waits_for_later(room, issue),
            on_progress=lambda progress: on_progress(progress.letters) if on_progress else None,
        )
    finally:
        transport.close()
        if fallback is not None:
            fallback.close()
    room.stories.mark_mailed(room.issues.stories_of(issue), started)
    close_send(room, issue, report)
    return report


def reconcile(
    room: Newsroom, issue: Issue, *, absent_after: float | None = None
) -> ReconcileReport:
    """Settle letters in doubt, as far as the transports can say what became of them.

    :param absent_after: seconds after which a letter that the provider does not have counts as
        never sent, by a person's decision; it is then queued again.
    """
    transport, fallback = room.transport(), room.fallback()
    try:
        room.ledger.recover(issue.id, now=room.clock())
        report = settle_doubts(
            issue.id,
            ledger=room.ledger,
            transports=[transport] if fallback is None else [transport, fallback],
            clock=room.clock,
            absence_after=absent_after,
        )
    finally:
        transport.close()
        if fallback is not None:
            fallback.close()
    _close_settled(room, issue)
    return report


def send_doubtful_again(
    room: Newsroom, issue: Issue, *, by: str, keys: Sequence[str] | None = None
) -> int:
    """Queue letters in doubt again by a person's decision, who accepts that some come twice.

    They leave with the next ``send``, which is "send to the rest".

    :param keys: only these deliveries; all of the issue's when absent.
    """
    reason = f"sent again by decision of {by}"
    room.ledger.recover(issue.id, now=room.clock())
    return room.ledger.requeue(issue.id, reason=reason, now=room.clock(), keys=keys)


def write_off(room: Newsroom, issue: Issue, *, by: str, keys: Sequence[str] | None = None) -> int:
    """Give letters in doubt up by a person's decision: they are never sent again; how many.

    :param keys: only these deliveries; all of the issue's when absent.
    """
    reason = f"{WRITTEN_OFF}{by}: nobody knows whether it left"
    room.ledger.recover(issue.id, now=room.clock())
    number = room.ledger.write_off(issue.id, reason=reason, now=room.clock(), keys=keys)
    _close_settled(room, issue)
    return number


def resume(room: Newsroom, issue: Issue) -> Issue:
    """Let a paused issue go on.

    If it paused itself, a person saw why: only what comes from now on is held against it.
    """
    resumed = approval.move(issue, "resume")
    # Before letters leave: an event that came between would pause it for what was seen.
    if room.switches.pause_of(issue.id):
        room.switches.note_seen(issue.id, room.ledger.states(issue.id))
        room.switches.forget_pause(issue.id)
    return room.issues.change(issue, resumed)


def _close_settled(room: Newsroom, issue: Issue) -> None:
    """Call a partly sent issue sent when nothing of it is open any more."""
    found = room.issues.find(issue.id)
    if found.state is IssueState.PARTLY_SENT and not _left(room.ledger.states(issue.id)):
        reopened = room.issues.change(found, approval.move(found, "send"))
        room.issues.change(reopened, approval.move(reopened, "finish"))


def _look_at_growth(room: Newsroom, issue: Issue) -> None:
    readers = sum(audience(room, issue).values())
    before = room.ledger.audience_before(issue.id)
    problem = surprising_growth(readers, before, limit=room.config.delivery.growth_limit)
    if problem:
        raise DeliveryError(
            issue.id,
            problem,
            hint="Look at segments.toml and the last import; if it is right, "
            f"newsletter send {issue.id} --expect-growth.",
        )


def close_send(room: Newsroom, issue: Issue, report: SendReport) -> None:
    """Write down how a send ended; a paused or cancelled one stays as its person left it."""
    if report.ended == "stopped":
        return
    action = "give_up" if report.needs_person else "finish"
    ended = replace(approval.move(issue, action), send_ended=room.clock())
    try:
        room.issues.change(issue, ended)
    except IssueError:
        if room.issues.find(issue.id).state is issue.state:
            raise
        return  # Another sender closed it in the same moment, or a person paused it.
    facts = {"id": issue.id, "edition": issue.edition, "day": issue.day.isoformat()}
    told = {**facts, "state": ended.state.value, "letters": dict(report.states)}
    room.webhooks.tell(ISSUE_SENT, told, now=room.clock())


def refuse_restored(room: Newsroom) -> None:
    """Refuse to send: a restored database does not know what left since its backup was made."""
    if fact(room.database, RESTORED):
        raise DeliveryError(
            "database",
            "was restored from a backup, so nothing is sent until a person says so",
            hint='Look at what had been sent, then run "newsletter restore --release".',
        )


def _left(states: Mapping[str, int]) -> int:
    """How many letters are neither with their reader nor settled otherwise."""
    open_ = ("queued", "claimed", "handed", "deferred", "unknown")
    return sum(states.get(state, 0) for state in open_)


def lay_out_waves(room: Newsroom, issue: Issue) -> datetime:
    """Have readers of later time zones wait for their morning, where the edition wants that.

    :returns: when the last of them may have the issue, or when a person last asked for it to be
        sent, if that is later: the deadline counts from then.
    """
    moments, chosen = _waves(room, issue)
    if moments or chosen:
        lay_out(room.database, issue.id, moments, now=room.clock(), chosen=chosen)
    return _last_moment(room, issue, moments, chosen)


def deadline(room: Newsroom, issue: Issue) -> datetime:
    """When a send of an issue gives up what it has not sent; from then on a person decides."""
    last = _last_moment(room, issue, *_waves(room, issue))
    return last + timedelta(hours=room.config.delivery.deadline_hours)


def _last_moment(
    room: Newsroom,
    issue: Issue,
    moments: Mapping[str, datetime],
    chosen: Mapping[tuple[str, str], datetime],
) -> datetime:
    started = issue.send_started or room.clock()
    started = max(started, room.switches.taken_up(issue.id) or started)
    return max([started, *moments.values(), *chosen.values()])


def any_overdue(room: Newsroom, issue: Issue, *, before: datetime) -> bool:
    """Whether a letter of an issue that is being sent should have left before a moment."""
    return any_due(room.database, issue.id, *_waves(room, issue), before=before)


def _waves(
    room: Newsroom, issue: Issue
) -> tuple[dict[str, datetime], dict[tuple[str, str], datetime]]:
    """When readers of each zone get an issue, and those of each (zone, time) that they chose.

    A correction notice waits for nobody's morning.
    """
    if issue.corrects:
        return {}, {}
    settings = room.config.edition(issue.publication)
    moments: dict[str, datetime] = {}
    if settings.send_in == "reader":
        moments = dict(reader_moments(settings, issue.day, reader_zones(room.database)))
    # A time that a reader chose holds whatever the edition does for the others.
    chosen = {
        (zone, at): moment_of(
            issue.day, time_of_day.fromisoformat(at), ZoneInfo(zone or settings.zone)
        )
        for zone, at in chosen_times(room.database)
    }
    return moments, chosen


def waits_for_later(room: Newsroom, issue: Issue) -> bool:
    """Whether everybody left waits for a later morning, so that a send need not stay up for it."""
    if issue.corrects:
        return False
    return only_later(room.database, issue.id, now=room.clock())


def recipients_of(room: Newsroom, issue: Issue) -> Select[tuple[int, str]]:
    """Whom an issue goes to; a correction notice goes to those who were sent the mistake."""
    if issue.corrects:
        return room.corrections.readers_of(issue)
    # A pause that is over by now must not cost its reader the issue.
    room.signups.tidy(room.clock())
    revision = room.issues.revision(issue)
    named = {one.variant for one in revision.rendered if one.variant} | {TEXT_VARIANT}
    return room.readers.audience(
        issue.edition,
        room.config.segments,
        day=issue.day,
        digest_of=room.config.edition(issue.edition).digest_of,
        variants=tuple(sorted(named)),
        sections=sections_of(revision.content),
        counted=True,
    )


def why(room: Newsroom) -> Why:
    """Says why a reader gets a letter, in the language of the letters."""
    words = room.renderer.words

    @lru_cache(maxsize=4096)
    def sentence(title: str, day: date) -> str:
        return words("because", edition=title, date=words.day(day, "joined"))

    return sentence


def issue_mail(
    room: Newsroom, issue: Issue, revision: Revision, *, subject_prefix: str = ""
) -> IssueMail:
    """An issue's stored bytes, ready to be written to any reader.

    :param subject_prefix: words before the subject, for copies that are not the issue itself.
    """
    delivery, site = room.config.delivery, room.config.site
    rendered = [replace(one, subject=subject_prefix + one.subject) for one in revision.rendered]
    # Who wants no HTML gets the same text, and nothing beside it; also who chose so since.
    text_only = [
        replace(one, html="", variant=TEXT_VARIANT)
        for one in rendered
        if not one.variant and TEXT_VARIANT not in {other.variant for other in rendered}
    ]
    every = [*rendered, *text_only]
    links: Sequence[IssueLink] = ()
    if not issue.corrects:
        # Letters that left have these numbers, whatever the address of the site is by now.
        links = room.clicks.kept(issue.id) or links_of(
            revision.content, revision.rendered, site.base_url
        )
    # The same bytes for who lets us count clicks, but for where those links lead.
    every += [replace(counted(one, links), variant=COUNTED + one.variant) for one in every if links]
    mailbox = room.config.audience.unsubscribe_mailto
    return prepare_issue(
        issue.id,
        every,
        date=issue.send_started or room.clock(),
        from_email=delivery.from_email,
        from_name=delivery.from_name or site.name,
        reply_to=delivery.reply_to or site.contact,
        base_url=site.base_url,
        edition=issue.publication,
        edition_title=room.config.edition(issue.publication).title,
        why=why(room),
        message_key=room.message_key(issue.send_started),
        mailto=mailto(mailbox, "{token}", quoted=False) if mailbox else "",
        click=click_addresses(room),
    )
