"""``reports``: what readers say is wrong with a story, and the answer they get."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from newsletter.cli.audit import who
from newsletter.cli.place import Json, place, say, show_json
from newsletter.database.reports import Reports
from newsletter.errors import NotFound

reports = typer.Typer(help="What readers say is wrong with a story.", no_args_is_help=True)


class Outcome(StrEnum):
    """What became of a report."""

    CORRECTED = "corrected"
    EXPLAINED = "explained"
    CLOSED = "closed"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(reports, name="reports")


@reports.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the reports that wait for an answer, oldest first."""
    with place(context).newsroom() as room:
        waiting = Reports(room.database).open()
    if as_json:
        show_json([asdict(report) for report in waiting])
        return
    for report in waiting:
        say(f"{report.number}  {report.made:%Y-%m-%d %H:%M}  {report.kind}  /stories/{report.slug}")
        say(f"    {' '.join(report.details.split())[:300]}")
        if report.email:
            say(f"    from {report.email}")
    if not waiting:
        say("No report waits for an answer.")


@reports.command()
def answer(
    context: typer.Context,
    number: str,
    outcome: Outcome,
    text: Annotated[str, typer.Argument(help="What the reader will see on the report's page.")],
) -> None:
    """Say what became of a report; its page shows it to whoever made it."""
    with place(context).newsroom() as room:
        known = Reports(room.database).settle(number, state=outcome.value, answer=text)
        if known:
            room.audit.note(who(), f"report {outcome.value}", f"report {number}")
    if not known:
        raise NotFound(number, "is not the number of a report")
    say(f"{outcome.value}  {number}")
