"""``templates``: letters and pages look the same whichever machine makes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.audit import who
from newsletter.cli.place import Json, count, place, say, show_json
from newsletter.errors import ConfigError, TemplateError

if TYPE_CHECKING:
    from newsletter.newsroom import Newsroom


def register(app: typer.Typer) -> None:
    """Add these commands."""
    part = typer.Typer(no_args_is_help=True, help="Templates that all machines share.")
    for command in (push, show, pull, drop):
        part.command()(command)
    app.add_typer(part, name="templates")


def push(context: typer.Context) -> None:
    """Have every machine work with this machine's templates, within seconds."""
    from newsletter.database.template_files import read_folder
    from newsletter.issue.environment import Templates

    with place(context).newsroom() as room:
        own = _own(room)
        Templates(own).check()  # what is broken here would be broken everywhere
        files = read_folder(own)
        found = room.template_files.push(files)
        room.audit.note(who(), "push", "templates", found[:12])
    say(f"Pushed {count(len(files), 'file')} ({found[:12]}). Every machine works with them now.")


def show(context: typer.Context, as_json: Json = False) -> None:
    """Compare this machine's templates with those that were pushed."""
    from newsletter.database.template_files import fingerprint, read_folder

    with place(context).newsroom() as room:
        own, pushed = read_folder(_own(room)), room.template_files.files()
        used = room.templates
    differ = [name for name in sorted({*own, *pushed}) if own.get(name) != pushed.get(name)]
    if as_json:
        show_json(
            {
                "here": fingerprint(own),
                "pushed": fingerprint(pushed) if pushed else None,
                "differ": differ if pushed else [],
                "folder": str(used),
            }
        )
        return
    say(f"here       {count(len(own), 'file')}, {fingerprint(own)[:12]}")
    if not pushed:
        say("pushed     none: every machine works with its own folder")
        return
    say(f"pushed     {count(len(pushed), 'file')}, {fingerprint(pushed)[:12]}")
    if not differ:
        say("           the same")
    for name in differ:
        where = "differs" if name in own and name in pushed else "here only"
        say(f"           {name}: {where if name in own else 'pushed only'}")
    say(f"used       {used}")


def pull(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new folder to write them to.")],
) -> None:
    """Write the templates that were pushed into a folder, to edit them there."""
    from newsletter.database.template_files import write_folder

    with place(context).newsroom() as room:
        files = room.template_files.files()
    if not files:
        raise TemplateError(
            "the database",
            "holds no templates",
            hint='Put them there: "newsletter templates push".',
        )
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(str(folder), "is not empty", hint="Name a new folder.")
    try:
        write_folder(files, folder)
    except OSError as error:
        raise ConfigError(str(folder), f"cannot be written: {error.strerror}") from None
    say(f"Wrote {count(len(files), 'file')} to {folder}.")


def drop(context: typer.Context) -> None:
    """Let every machine work with its own folder again."""
    with place(context).newsroom() as room:
        room.template_files.drop()
        room.audit.note(who(), "drop", "templates")
    say("Every machine works with its own folder of templates again.")


def _own(room: Newsroom) -> Path:
    own = room.config.path(room.config.paths.templates)
    if not own.is_dir():
        raise TemplateError(
            str(own), "there is no such folder", hint="Look at [paths] templates in config.toml."
        )
    return own
