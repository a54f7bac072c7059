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


def send(
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
        report = deliver(room, found)
        outcome = report_send(room, found, report, as_json=as_json)
    if outcome:
        raise typer.Exit(outcome)


def pause(context: typer.Context, issue: IssueName) -> None:
    """Hold a running send within one batch."""
    _change(context, issue, "pause")


def resume(context: typer.Context, issue: IssueName) -> None:
    """Let a paused issue go on; "send" then finishes it."""
    _change(context, issue, "resume")


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


def reconcile(context: typer.Context, issue: IssueName = "latest", as_json: Json = False) -> None:
    """Settle letters of which nobody knows whether they left, as far as the provider can say."""
    with place(context).newsroom() as room:
        found = room.issues.find(issue)
        pipeline.reconcile(room, found)
        states = room.ledger.states(found.id)
    unknown = states.get(DeliveryState.UNKNOWN, 0)
    if as_json:
        show_json({"issue": found.id, "states": states})
    else:
        say(f"{found.id}: {count(unknown, 'letter')} still unknown")
    if unknown:
        raise typer.Exit(NEEDS_A_PERSON)


# --------------------------------------------------------------------------- shared


def deliver(room: Newsroom, issue: Issue) -> SendReport:
    """Send with progress shown."""
    progress = Progress("letters")
    try:
        return pipeline.send(room, issue.id, on_progress=progress.step)
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
    if report.unknown:
        aside(
            f"{count(report.unknown, 'letter')} may or may not have left: "
            f"newsletter deliveries {found.id} --state unknown"
        )
    if report.ended == "deadline":
        aside("the deadline came first; send it again to go on with the rest")
    if report.ended == "stopped" and pipeline.waits_for_later(room, found):
        aside("the rest waits for its readers' own morning; the scheduler sends it then")
        return 0
    if report.ended == "stopped":
        aside(f"stopped: the issue is {found.state.replace('_', ' ')}")
    return 0 if found.state is IssueState.SENT else NEEDS_A_PERSON


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
