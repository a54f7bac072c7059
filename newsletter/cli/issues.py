"""Commands about one issue: preview, approve, status. Those that mail it are in sending.py."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.place import (
    IssueName,
    Json,
    count,
    minutes,
    place,
    say,
    show_json,
)
from newsletter.cli.sending import pace_of, say_pace
from newsletter.errors import IssueError
from newsletter.model import Issue
from newsletter.newsroom import Newsroom


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (preview, approve, status):
        app.command()(command)


def preview(
    context: typer.Context,
    issue: IssueName = "latest",
    to: Annotated[
        Path | None, typer.Option(help="The folder to write to (default: [paths] previews).")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Write an issue as readers will get it: html, txt and eml."""
    with place(context).newsroom() as room:
        found = room.issues.find(issue)
        folder = reading(room, found, to)
    say(f"Wrote {folder}: issue.html, issue.txt, issue.eml.")
    if open_:
        webbrowser.open((folder / "issue.html").as_uri())


def approve(
    context: typer.Context,
    issue: IssueName,
    by: Annotated[str, typer.Option("--by", help="Who approves.")] = "command line",
) -> None:
    """Approve an issue's draft, bound to the bytes that will be sent."""
    with place(context).newsroom() as room:
        approved = pipeline.approve(room, issue, by=by)
    say(f"{approved.id} revision {approved.revision} is approved by {approved.approved_by}.")
    say(f"  bound to sha256 {approved.approved_sha256}")


def status(context: typer.Context, issue: IssueName = "latest", as_json: Json = False) -> None:
    """Say where an issue is and where its letters are."""
    with place(context).newsroom() as room:
        found = room.issues.find(issue)
        states = room.ledger.states(found.id)
        revision = room.issues.revision(found)
        facts = {
            "issue": found.id,
            "edition": found.edition,
            "day": found.day.isoformat(),
            "state": found.state,
            "revision": found.revision,
            "subject": revision.rendered[0].subject,
            "approved_by": found.approved_by,
            "approved_at": found.approved_at,
            "approved_sha256": found.approved_sha256,
            "send_started": found.send_started,
            "send_ended": found.send_ended,
            "stories": len(revision.content.stories),
            "seconds": revision.content.seconds,
            "states": states,
            **pace_of(room, found, states),
        }
    if as_json:
        show_json(facts)
        return
    say(f"{found.id}, revision {found.revision}: {found.state.replace('_', ' ')}")
    say(f"  {facts['subject']}")
    say(
        f"  {count(len(revision.content.stories), 'story', 'stories')}, "
        f"{minutes(revision.content.seconds)} to read"
    )
    if found.approved_at:
        say(f"  approved by {found.approved_by} at {found.approved_at:%Y-%m-%d %H:%M} UTC")
    if not states:
        say("  nothing has been sent")
    for state, number in states.items():
        say(f"  {number:>9,} {state}")
    say_pace(facts)


# --------------------------------------------------------------------------- shared


def reading(
    room: Newsroom, issue: Issue, folder: Path | None = None, *, letter: bool = True
) -> Path:
    """Write an issue's preview files and return their folder."""
    config = room.config
    target = folder or config.path(config.paths.previews) / issue.id
    try:
        return pipeline.preview(room, issue, target, letter=letter)
    except OSError as error:
        raise IssueError(
            str(target), f"cannot be written: {error.strerror}", hint="Choose another --to."
        ) from None
