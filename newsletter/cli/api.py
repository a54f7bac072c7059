"""``api-tokens`` and ``webhooks``: programs that ask us, and programs that we tell."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.audit import who
from newsletter.cli.place import NEEDS_A_PERSON, Json, aside, count, place, say, show_json
from newsletter.database.api_tokens import SCOPES
from newsletter.database.webhooks import KINDS

tokens = typer.Typer(help="The programs that may ask the API.", no_args_is_help=True)

webhooks = typer.Typer(help="Where news of readers and issues is posted to.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(tokens, name="api-tokens")
    app.add_typer(webhooks, name="webhooks")


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
        room.audit.note(who(), "token added", f"token {name}", ", ".join(sorted(set(scope))))
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
        room.audit.note(who(), "token revoked", f"token {name}")
    say(f"revoked  {name}")


@webhooks.command("add")
def add_webhook(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the other side is called.")],
    url: Annotated[str, typer.Argument(help="The address to post to.")],
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help=f"Of {', '.join(KINDS)}; all by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Post news to an address; prints the secret that the messages are signed with."""
    with place(context).newsroom() as room:
        hook = pipeline.add_webhook(room, name, url, kind or ())
        room.audit.note(who(), "webhook added", f"webhook {name}", ", ".join(hook.kinds))
    if as_json:
        show_json({"name": hook.name, "url": hook.url, "secret": hook.secret, "kinds": hook.kinds})
        return
    say(hook.secret)
    aside(f"It gets {', '.join(hook.kinds)}. Check each message with this secret; see docs/api.md.")


@webhooks.command("list")
def list_webhooks(context: typer.Context, as_json: Json = False) -> None:
    """List the addresses, and what waits for each or was given up."""
    with place(context).newsroom() as room:
        found = room.webhooks.listed()
    if as_json:
        show_json(
            [
                {
                    "name": hook.name,
                    "url": hook.url,
                    "kinds": hook.kinds,
                    "waiting": hook.waiting,
                    "failed": hook.failed,
                }
                for hook in found
            ]
        )
        return
    for hook in found:
        say(f"{hook.name:<16} {hook.waiting:>5} waiting {hook.failed:>5} given up  {hook.url}")
        say(f"{'':<16} {', '.join(hook.kinds)}")
    if not found:
        say("There are no webhooks.")


@webhooks.command()
def remove(context: typer.Context, name: str) -> None:
    """Forget an address and what waits for it."""
    with place(context).newsroom() as room:
        room.webhooks.remove(name)
        room.audit.note(who(), "webhook removed", f"webhook {name}")
    say(f"removed  {name}")


@webhooks.command()
def deliver(
    context: typer.Context,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what was given up, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Post what is due now; the scheduler does this every minute."""
    with place(context).newsroom() as room:
        if retry_failed:
            room.webhooks.retry_failed(now=room.clock())
            room.audit.note(who(), "webhooks retried", "webhooks")
        report = pipeline.deliver_webhooks(room)
    if as_json:
        show_json(
            {
                "taken": report.taken,
                "again": report.again,
                "failed": report.failed,
                "problems": report.problems,
            }
        )
    else:
        for problem in report.problems:
            say(problem)
        say(
            f"{count(report.taken, 'message')} taken, {report.again:,} to be tried again, "
            f"{report.failed:,} given up"
        )
    if report.failed:
        raise typer.Exit(NEEDS_A_PERSON)
