"""Commands about single mails: confirmations, alerts, tests."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.place import NEEDS_A_PERSON, Json, aside, count, place, say, show_json


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(mail)


def mail(
    context: typer.Context,
    list_: Annotated[bool, typer.Option("--list", help="List the newest mails instead.")] = False,
    resend: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Send a mail again of which nobody knows if it left."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Deliver the single mails that wait, such as confirmations; issues are not touched."""
    with place(context).newsroom() as room:
        if list_:
            rows = room.mails.rows()
            if as_json:
                show_json(rows)
            for row in () if as_json else rows:
                line = f"{row['state']:<9} {row['key']:<40} {row['to']:<30} {row['reason']}"
                say(line.rstrip())
            return
        again = room.mails.requeue(resend, now=room.clock()) if resend else 0
        report = pipeline.deliver_mail(room)
        states = room.mails.states()
    if as_json:
        show_json({"settled": report.settled, "states": states, "problem": report.problem})
    else:
        if resend:
            say(f"{count(again, 'mail')} queued again")
        detail = ", ".join(f"{number:,} {state}" for state, number in states.items())
        say(f"mails: {detail or 'none yet'}")
    if report.problem:
        aside(f"not delivered for now: {report.problem}")
    if report.unknown:
        aside(
            f"{count(report.unknown, 'mail')} may or may not have left: newsletter mail --list, "
            "then --resend KEY"
        )
    if report.problem or report.unknown:
        raise typer.Exit(NEEDS_A_PERSON)
