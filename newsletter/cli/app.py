"""The command line put together, and the one place where errors become sentences.

Exit status: 0 done, 1 a stated error, 2 wrong usage, 3 finished but something needs a person.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from newsletter import __version__
from newsletter.cli.commands import FORM, SERVICES, Commands
from newsletter.cli.place import Place
from newsletter.errors import NewsletterError

app = typer.Typer(
    name="newsletter",
    cls=Commands,
    help="Turn the day's news feeds into a short, fair email that tells both sides, and send it.",
    no_args_is_help=True,
    **FORM,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"newsletter {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="The configuration file (default: ./config.toml)."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a value for this run."),
    ] = None,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Remember where this run takes place."""
    if context.invoked_subcommand not in SERVICES:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    named = config or Path(os.environ.get("NEWSLETTER_CONFIG") or "config.toml")
    context.obj = Place(file=named, overrides=tuple(set_ or ()))


def main() -> None:
    """Run the command line; every stated error ends as one sentence and a hint."""
    try:
        app()
    except NewsletterError as error:
        typer.echo(f"newsletter: {error}", err=True)
        if error.hint:
            typer.echo(f"  hint: {error.hint}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("newsletter: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (a pager, "| head"): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("NEWSLETTER_DEBUG"):
            raise
        typer.echo(
            f"newsletter: something unforeseen went wrong ({type(error).__name__}: {error})\n"
            "  hint: Set NEWSLETTER_DEBUG=1 and run it again to see where; please report it.",
            err=True,
        )
        sys.exit(1)
