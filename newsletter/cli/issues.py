"""Commands about one issue: preview, lint, approve; what mails it is in sending.py."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.audit import who
from newsletter.cli.place import (
    NEEDS_A_PERSON,
    IssueName,
    Json,
    aside,
    place,
    say,
    show_json,
)
from newsletter.errors import IssueError
from newsletter.issue.finding import Finding, blocking, warning
from newsletter.model import Issue
from newsletter.newsroom import Newsroom


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (preview, lint, approve):
        app.command()(command)


def preview(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    issue: IssueName = "latest",
    to: Annotated[
        Path | None, typer.Option(help="The folder to write to (default: [paths] previews).")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    variant: Annotated[
        str, typer.Option(help='What readers of some topics get, such as "politics+world".')
    ] = "",
    mail: Annotated[
        str, typer.Option(help="Another mail instead, with invented values: welcome, confirm, ...")
    ] = "",
) -> None:
    """Write an issue as readers will get it: html, txt and eml."""
    with place(context).newsroom() as room:
        if mail:
            folder = to or room.config.path(room.config.paths.previews) / "mails"
            with _writable(folder):
                written = pipeline.preview_mail(room, mail, folder)
            say(f"Wrote {written} and {written.with_suffix('.txt').name}.")
            if open_:
                webbrowser.open(written.as_uri())
            return
        found = room.issues.find(issue)
        folder = reading(room, found, to, variant=variant)
    say(f"Wrote {folder}: issue.html, issue.txt, issue.eml.")
    if open_:
        webbrowser.open((folder / "issue.html").as_uri())


CheckLinks = Annotated[
    bool, typer.Option("--links", help="Also ask whether every link answers; takes a minute.")
]


def lint(
    context: typer.Context,
    issue: IssueName = "latest",
    links: CheckLinks = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with an issue: errors forbid its approval, warnings do not."""
    with place(context).newsroom() as room:
        found = room.issues.find(issue)
        lines = _findings(room, found, links=links)
    if as_json:
        show_json({"issue": found.id, "findings": [asdict(line) for line in lines]})
    else:
        _say_findings(lines)
        if not lines:
            say(f"{found.id}: nothing is wrong.")
    if blocking(lines):
        raise typer.Exit(NEEDS_A_PERSON)


def approve(
    context: typer.Context,
    issue: IssueName,
    by: Annotated[str, typer.Option("--by", help="Who approves.")] = "command line",
    links: CheckLinks = False,
) -> None:
    """Approve an issue's draft, bound to the bytes that will be sent.

    An error in it forbids the approval; warnings are shown.
    """
    with place(context).newsroom() as room:
        _say_findings(_findings(room, room.issues.find(issue), links=links))
        approved = pipeline.approve(room, issue, by=by)
        room.audit.note(who(), "approve", approved.id, f"revision {approved.revision} for {by}")
    say(f"{approved.id} revision {approved.revision} is approved by {approved.approved_by}.")
    say(f"  bound to sha256 {approved.approved_sha256}")


# --------------------------------------------------------------------------- shared


def _findings(room: Newsroom, issue: Issue, *, links: bool) -> tuple[Finding, ...]:
    found = pipeline.findings(room, issue)
    if links:
        dead = pipeline.dead_links(room, issue)
        found += tuple(
            warning(f"A link does not answer: {one.url}: {one.problem}.") for one in dead
        )
    return found


def _say_findings(lines: tuple[Finding, ...]) -> None:
    for line in lines:
        where = f" (variant {line.variant})" if line.variant else ""
        aside(f"{line.severity:<8} {line.sentence}{where}")


def reading(
    room: Newsroom,
    issue: Issue,
    folder: Path | None = None,
    *,
    letter: bool = True,
    variant: str = "",
) -> Path:
    """Write an issue's preview files and return their folder."""
    config = room.config
    target = folder or config.path(config.paths.previews) / issue.id
    with _writable(target):
        return pipeline.preview(room, issue, target, letter=letter, variant=variant)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IssueError(
            str(folder), f"cannot be written: {error.strerror}", hint="Choose another --to."
        ) from None
