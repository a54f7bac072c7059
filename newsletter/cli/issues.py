"""Commands about one issue: preview, approve. Those that mail it are in sending.py."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.place import (
    IssueName,
    place,
    say,
)
from newsletter.errors import IssueError
from newsletter.model import Issue
from newsletter.newsroom import Newsroom


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (preview, approve):
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
