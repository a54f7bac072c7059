"""``api-tokens``: the programs that may ask the API."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from newsletter.cli.place import Json, aside, place, say, show_json
from newsletter.database.api_tokens import SCOPES

tokens = typer.Typer(help="The programs that may ask the API.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(tokens, name="api-tokens")


@tokens.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the program is called.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help=f"What it may do: {', '.join(SCOPES)}.")
    ],
    as_json: Json = False,
) -> None:
    """Give a program a token; it is shown this once."""
    with place(context).newsroom() as room:
        word = room.api_tokens.add(
            name, scope, secret=lambda: secrets.token_urlsafe(32), now=room.clock()
        )
    if as_json:
        show_json({"name": name, "token": word, "scopes": sorted(set(scope))})
        return
    say(word)
    aside("Keep it where the program finds it: it is not shown again, and only its hash is kept.")


@tokens.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the tokens: what they may do, and when they were last used."""
    with place(context).newsroom() as room:
        found = room.api_tokens.listed()
    if as_json:
        show_json(
            [
                {
                    "name": one.name,
                    "scopes": one.scopes,
                    "made": one.made,
                    "used": one.used,
                    "revoked": one.revoked,
                }
                for one in found
            ]
        )
        return
    for one in found:
        used = f"used {one.used:%Y-%m-%d}" if one.used else "never used"
        end = f"revoked {one.revoked:%Y-%m-%d}" if one.revoked else used
        say(f"{one.name:<20} {end:<20} {', '.join(one.scopes)}")
    if not found:
        say("There are no tokens.")


@tokens.command()
def revoke(context: typer.Context, name: str) -> None:
    """End a token at once."""
    with place(context).newsroom() as room:
        room.api_tokens.revoke(name, now=room.clock())
    say(f"revoked  {name}")
