"""Commands that mail an issue: send, pause, resume, cancel, deliveries, reconcile."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.audit import who
from newsletter.cli.place import (
    NEEDS_A_PERSON,
    IssueName,
    Json,
    Progress,
    aside,
    count,
    place,
    say,
    show_json,
)
from newsletter.delivery.send import SendReport
from newsletter.errors import NewsletterError
from newsletter.issue.approve import move
from newsletter.model import DeliveryState, Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.plan import plan_send as plan


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (send, pause, resume, cancel, deliveries, reconcile):
        app.command()(command)


def send(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    issue: IssueName,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say who would get it.")] = False,
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Not now: have the scheduler send it then (08:15, 2026-11-22T08:15, in the "
            'edition\'s zone), "usual" at the edition\'s time, "never" by hand only.',
        ),
    ] = "",
    test: Annotated[
        bool, typer.Option("--test", help="Send a copy to the testers only, approved or not.")
    ] = False,
    to: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="With --test: to these instead.")
    ] = None,
    expect_growth: Annotated[
        bool, typer.Option("--expect-growth", help="The audience may have grown by any number.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send an approved issue to its readers; started again, it finishes what is left."""
    with place(context).newsroom() as room:
        found = room.issues.find(issue)
        if at:
            plan_send(room, found, at, by=who(), as_json=as_json)
            return
        if dry_run:
            _dry_run(room, found, as_json=as_json)
            return
        if test:
            outcome = _test(room, found, to or [], as_json=as_json)
        else:
            room.audit.note(who(), "send", found.id)
            report = deliver(room, found, expect_growth=expect_growth)
            outcome = report_send(room, found, report, as_json=as_json)
    if outcome:
        raise typer.Exit(outcome)


def pause(context: typer.Context, issue: IssueName) -> None:
    """Hold a running send within one batch."""
    _change(context, issue, "pause")


def resume(context: typer.Context, issue: IssueName) -> None:
    """Let a paused issue go on; "send" then finishes it."""
    with place(context).newsroom() as room:
        changed = pipeline.resume(room, room.issues.find(issue))
        room.audit.note(who(), "resume", changed.id)
    say(f"{changed.id} is {changed.state.replace('_', ' ')}.")


def cancel(context: typer.Context, issue: IssueName) -> None:
    """Stop an issue for good; letters that left cannot be called back."""
    _change(context, issue, "cancel")


def deliveries(
    context: typer.Context,
    issue: IssueName,
    state: Annotated[
        str | None, typer.Option(help="Only deliveries in this state, such as unknown.")
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line.")] = False,
) -> None:
    """List who got an issue, who did not, and why."""
    wanted = _state(state)
    with place(context).newsroom() as room:
        found = room.issues.find(issue)
        for row in room.ledger.rows(found.id, wanted):
            if jsonl:
                say(json.dumps(row, ensure_ascii=False))
            else:
                say(f"{row['state']:<12} {row['email']:<40} {row['reason']}".rstrip())


def reconcile(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    issue: IssueName = "latest",
    absent_after: Annotated[
        float | None,
        typer.Option(
            metavar="HOURS",
            min=0,
            help="Letters that the provider does not have after so long were never sent.",
        ),
    ] = None,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send what is left in doubt again; some come twice.")
    ] = False,
    write_off: Annotated[
        bool, typer.Option("--write-off", help="Give up what is left in doubt; some got nothing.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="Who decides.")] = "command line",
    as_json: Json = False,
) -> None:
    """Settle letters of which nobody knows whether they left: look first, then decide."""
    if resend and write_off:
        raise typer.BadParameter("--resend and --write-off are two decisions; choose one")
    with place(context).newsroom() as room:
        found = room.issues.find(issue)
        report = pipeline.reconcile(
            room, found, absent_after=None if absent_after is None else absent_after * 3600
        )
        again = pipeline.send_doubtful_again(room, found, by=by) if resend else 0
        given_up = pipeline.write_off(room, found, by=by) if write_off else 0
        if resend or write_off:
            act = "resend" if resend else "write-off"
            room.audit.note(who(), act, found.id, f"{again + given_up} letters in doubt, by {by}")
        states = room.ledger.states(found.id)
    unknown = states.get(DeliveryState.UNKNOWN, 0)
    queued = report.queued + again
    if as_json:
        show_json(
            {
                "issue": found.id,
                "states": states,
                "found": report.found,
                "queued": queued,
                "written_off": given_up,
                "problem": report.problem,
            }
        )
    else:
        say(
            f"{found.id}: {report.found:,} found, {queued:,} queued again, "
            f"{given_up:,} written off, {count(unknown, 'letter')} still unknown"
        )
        if queued:
            say(f"Send to the rest: newsletter send {found.id}")
    if report.problem:
        aside(f"not everything could be looked up: {report.problem}")
    if unknown:
        aside("wait and look again, or decide: --absent-after HOURS, --resend, --write-off")
        raise typer.Exit(NEEDS_A_PERSON)


# --------------------------------------------------------------------------- shared


def deliver(room: Newsroom, issue: Issue, *, expect_growth: bool = False) -> SendReport:
    """Send with progress shown."""
    progress = Progress("letters")
    try:
        return pipeline.send(
            room,
            issue.id,
            expect_growth=expect_growth,
            by_hand=True,
            on_progress=progress.step,
        )
    finally:
        progress.end()


def plan_send(room: Newsroom, issue: Issue, at: str, *, by: str, as_json: bool) -> None:
    """Set, move or cancel the moment of one sending, and say what holds now."""
    moment = plan(room, issue, at, by=by)
    if as_json:
        show_json({"issue": issue.id, "at": moment.isoformat() if moment else None})
        return
    if moment is None:
        say(f"{issue.id} does not go out by itself; send it by hand: newsletter send {issue.id}")
        return
    local = moment.astimezone(room.config.zone(issue.publication))
    say(f"{issue.id} goes out at {local:%a %Y-%m-%d %H:%M %Z} ({moment:%Y-%m-%d %H:%M} UTC).")
    if issue.state is IssueState.DRAFT:
        aside(f"It is not approved yet: newsletter approve {issue.id}")


def report_send(room: Newsroom, issue: Issue, report: SendReport, *, as_json: bool = False) -> int:
    """Say how a send went and return the exit status it deserves."""
    found = room.issues.find(issue.id)
    states = room.ledger.states(issue.id)
    if as_json:
        show_json({"issue": found.id, "state": found.state, "states": states})
    else:
        total = sum(states.values())
        detail = ", ".join(f"{number:,} {state}" for state, number in states.items())
        say(f"sent       {found.id}: {count(total, 'letter')} ({detail or 'no readers'})")
        for segment, number in room.ledger.segments(issue.id).items():
            say(f"           {number:>7,} to {segment or 'everyone'}")
        if not total:
            say("           nobody subscribes: newsletter subscribers import FILE.csv")
        if room.config.delivery.transport == "folder" and total:
            say(f"           as files in {room.config.path(room.config.paths.outbox)}")
    if report.fell_back:
        aside(f"{room.config.delivery.fallback} took over: {report.fell_back}")
    if unknown := states.get(DeliveryState.UNKNOWN, 0):
        aside(
            f"{count(unknown, 'letter')} may or may not have left: "
            f"newsletter deliveries {found.id} --state unknown"
        )
    if report.ended == "deadline":
        aside("the deadline came first; send it again to go on with the rest")
    if report.ended == "stopped" and pipeline.waits_for_later(room, found):
        aside("the rest waits for its readers' own morning; the scheduler sends it then")
        return 0
    if report.ended == "stopped":
        why = room.switches.stopped() or room.switches.pause_of(found.id)
        aside(f"stopped: the issue is {found.state.replace('_', ' ')}" + (f" ({why})" * bool(why)))
    return 0 if found.state is IssueState.SENT else NEEDS_A_PERSON


def _test(room: Newsroom, issue: Issue, addresses: list[str], *, as_json: bool) -> int:
    """Send test copies and say how that went."""
    to = addresses or pipeline.testers(room, issue.edition)
    if not to:
        raise NewsletterError(
            "testers",
            "nobody is saved to get a test copy",
            hint='"newsletter editors testers --add ADDRESS", a segment "test", or --to ADDRESS.',
        )
    posted = pipeline.post_test(room, issue, to)
    report = pipeline.deliver_mail(room)
    if as_json:
        show_json({"issue": issue.id, "testers": posted, "settled": report.settled})
    else:
        say(f"{issue.id} revision {issue.revision}: {count(posted, 'test copy', 'test copies')}")
    if report.problem:
        aside(f"not delivered for now: {report.problem}")
    return NEEDS_A_PERSON if report.problem or report.unknown else 0


def _dry_run(room: Newsroom, issue: Issue, *, as_json: bool) -> None:
    segments = pipeline.audience(room, issue)
    if as_json:
        show_json({"issue": issue.id, "state": issue.state, "segments": segments})
        return
    say(f"{issue.id} ({issue.state}) would go to {count(sum(segments.values()), 'reader')}:")
    for segment, number in segments.items():
        say(f"  {number:>9,} {segment or 'everyone'}")
    say(f"by {room.config.delivery.transport}; nothing was sent.")


def _change(context: typer.Context, name: str, action: str) -> None:
    with place(context).newsroom() as room:
        issue = room.issues.find(name)
        changed = room.issues.change(issue, move(issue, action))
        room.audit.note(who(), action, changed.id)
    say(f"{changed.id} is {changed.state.replace('_', ' ')}.")


def _state(name: str | None) -> DeliveryState | None:
    if name is None:
        return None
    try:
        return DeliveryState(name)
    except ValueError:
        raise NewsletterError(
            name,
            "is not a state of a delivery",
            hint=f"States: {', '.join(DeliveryState)}.",
        ) from None
