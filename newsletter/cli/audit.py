"""``audit``: who did what."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from newsletter.cli.place import Json, place, say, show_json


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(audit)


def who() -> str:
    """The person at the command line, as the log of acts names them."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:nobody"


def audit(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="[SUBJECT]", help="Only acts on this issue or other subject.")
    ] = "",
    actor: Annotated[
        str, typer.Option(help="Only acts of this actor, or kind: cli, editor, api, scheduler.")
    ] = "",
    action: Annotated[str, typer.Option(help="Only this act, such as approve.")] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only from this date on (UTC).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The most lines.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who did what, newest first: editors, the scheduler, tokens, this command line."""
    with place(context).newsroom() as room:
        found = list(
            room.audit.entries(
                subject=subject,
                actor=actor,
                action=action,
                since=since.replace(tzinfo=UTC) if since else None,
                limit=limit,
            )
        )
    if as_json:
        show_json(
            [
                {
                    "at": one.at.isoformat(),
                    "actor": one.actor,
                    "action": one.action,
                    "subject": one.subject,
                    "detail": one.detail,
                }
                for one in found
            ]
        )
        return
    for one in found:
        line = f"{one.at:%Y-%m-%d %H:%M:%S}  {one.actor:<24} {one.action:<16} {one.subject}"
        say(f"{line}  {one.detail}".rstrip())
    if not found:
        say("Nothing was written down yet.")
