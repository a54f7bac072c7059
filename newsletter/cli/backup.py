"""``backup`` and ``restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.audit import who
from newsletter.cli.place import NEEDS_A_PERSON, Json, aside, count, place, say, show_json
from newsletter.clock import system_clock
from newsletter.errors import DatabaseError, NotFound
from newsletter.newsroom import Newsroom


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    context: typer.Context,
    list_: Annotated[bool, typer.Option("--list", help="Only list the backups.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only read the newest backup through.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the database while it is in use, verify the copy, and rotate older ones."""
    from newsletter.operations import backup as operations

    config = place(context).config()
    read = ""
    if list_ or verify:
        found = operations.copies(config)
        if verify:
            if not found:
                raise DatabaseError(
                    str(operations.folder(config)),
                    "holds no backup",
                    hint='Make one with "newsletter backup".',
                )
            found = found[:1]
            read = operations.verify(found[0])
    else:
        with place(context).newsroom(config=config) as room:
            found = [operations.make(config, room.clock())]
            read = operations.READ_THROUGH[found[0].file.suffix]
            room.audit.note(who(), "backup", found[0].file.name, f"{found[0].size} bytes, verified")
    if as_json:
        show_json(
            [
                {"file": str(one.file), "made": one.made.isoformat(), "bytes": one.size}
                for one in found
            ]
        )
        return
    for one in found:
        say(f"{one.made:%Y-%m-%d %H:%M} UTC  {one.size / 1e6:>9,.1f} MB  {one.file}")
    if not found:
        say(f"There is no backup in {operations.folder(config)}.")
    elif read:
        say(read)


def restore(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A backup, as backup --list names it.")
    ] = None,
    after_pg_restore: Annotated[
        bool,
        typer.Option("--after-pg-restore", help="PostgreSQL: mark what pg_restore put back."),
    ] = False,
    release: Annotated[
        bool, typer.Option("--release", help="Let a restored database send again.")
    ] = False,
) -> None:
    """Put a backup in the database's place; nothing is sent from it until you release it."""
    from newsletter.operations import backup as operations

    if sum([file is not None, after_pg_restore, release]) != 1:
        raise typer.BadParameter("Name one: a FILE, --after-pg-restore, or --release.")
    config = place(context).config()
    if release:
        with place(context).newsroom(config=config) as room:
            _release(room)
        return
    if after_pg_restore:
        with place(context).newsroom(config=config) as room:
            doubtful = operations.doubt_everything(room, "pg_restore")
    else:
        assert file is not None  # noqa: S101 - counted above
        named = file
        file = file if file.exists() else operations.folder(config) / file
        if not file.exists():
            raise NotFound(
                str(named),
                "there is no such backup",
                hint='"newsletter backup --list" names them; of each day the newest is kept.',
            )
        old = operations.restore(config, file, system_clock())
        say(f"Restored {file.name}.")
        if old is not None:
            say(f"  The database that was there lies in {old}.")
        with place(context).newsroom(config=config) as room:
            doubtful = _unknown(room)
    say(f"  {count(doubtful, 'letter')} in doubt; nothing is sent for now.")
    say("Next:")
    say("  newsletter status              what this database knows")
    say("  newsletter reconcile ISSUE     asks the provider about letters in doubt")
    say("  newsletter mail --list         single mails in doubt; mail --resend KEY sends one again")
    say("  newsletter cancel ISSUE        for an issue that went out after the backup was made")
    say("  newsletter restore --release   sending goes on")
    say("  newsletter approve ISSUE       for an issue that had been approved and did not go out")
    raise typer.Exit(NEEDS_A_PERSON)


def _release(room: Newsroom) -> None:
    from newsletter.operations import backup as operations

    operations.release(room, who())
    say("Sending may go on.")
    unknown = _unknown(room)
    if unknown:
        aside(f"{count(unknown, 'letter')} in doubt stay as they are: newsletter reconcile ISSUE")
        raise typer.Exit(NEEDS_A_PERSON)


def _unknown(room: Newsroom) -> int:
    from newsletter.operations.backup import OPEN

    open_ = room.issues.in_states(OPEN)
    letters = sum(room.ledger.states(issue.id).get("unknown", 0) for issue in open_)
    return letters + room.mails.states().get("unknown", 0)
