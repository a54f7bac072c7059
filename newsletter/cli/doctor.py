"""``doctor``: everything that keeps an issue from going out, looked at one by one."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli.place import NEEDS_A_PERSON, Json, place, say, show_json


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(doctor)


def doctor(
    context: typer.Context,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also ask the provider, name servers and public address."),
    ] = False,
    selector: Annotated[
        list[str] | None, typer.Option(help="Where a DKIM key stands, such as s1; repeatable.")
    ] = None,
    alert: Annotated[
        bool, typer.Option("--alert", help="Only send a test alert by every way there is.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at everything an issue needs; ends with 3 when something needs a person."""
    from newsletter.operations.doctor import examine, try_alerts

    with place(context).newsroom() as room:
        found = (
            try_alerts(room) if alert else examine(room, online=online, selectors=selector or ())
        )
    if as_json:
        show_json(
            [
                {"name": one.name, "state": one.state, "says": one.says, "hint": one.hint}
                for one in found
            ]
        )
    else:
        for one in found:
            say(f"{one.state:<5} {one.name:<14} {one.says}")
            if one.hint and one.state != "ok":
                say(f"{'':<20} {one.hint}")
    if any(one.state == "fail" for one in found):
        raise typer.Exit(NEEDS_A_PERSON)
