"""``worker``, ``migrate-to``, ``upgrade``: more than one machine, and the way there."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli.place import Json, place, say, show_json
from newsletter.cli.serve import live_room, pulse
from newsletter.errors import ConfigError
from newsletter.operations.supervisor import say_ready
from newsletter.schedule import OFFICE, jobs
from newsletter.work import QUEUES, OnProcrastinate, run_worker


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(worker)
    app.command(name="migrate-to")(migrate_to)
    app.command()(upgrade)


def worker(
    context: typer.Context,
    queues: Annotated[
        str, typer.Option(help=f"Which kinds of work to take: {', '.join(QUEUES)}.")
    ] = ",".join(QUEUES),
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs at the same time.")] = 4,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when no job is left.")
    ] = False,
) -> None:
    """Take jobs from PostgreSQL and run them, on as many machines as you like."""
    wanted = [queue.strip() for queue in queues.split(",") if queue.strip()]
    for queue in wanted:
        if queue not in QUEUES:
            raise ConfigError(
                f"--queues {queue}", "is not a queue", hint=f"There are: {', '.join(QUEUES)}."
            )
    with live_room(place(context)) as (live, ending):
        url = live().config.database_url
        if live().database.dialect != "postgresql":
            raise ConfigError(
                "[database] url",
                "workers of their own need PostgreSQL, and this is SQLite",
                hint='Use "newsletter run" on one machine, or move with "newsletter migrate-to".',
            )
        say(f"worker     {', '.join(wanted)}: {concurrency} at a time  (Ctrl-C stops)")
        with pulse(live):
            say_ready()
            run_worker(
                url,
                jobs(live, OnProcrastinate(url), stop=ending.is_set),
                queues=wanted,
                concurrency=concurrency,
                ending=ending,
                until_empty=until_empty,
            )


def migrate_to(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="postgresql://user@host/name")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a database that was worked in.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy everything into another database, checked row by row; run it again to catch up."""
    from newsletter.database.engine import open_database
    from newsletter.database.leaders import Leaders
    from newsletter.database.moving import Moved, move

    here = place(context)
    config = here.config()
    with here.newsroom(config=config) as room:
        new = open_database(url, busy_seconds=config.database.busy_seconds)
        try:
            if str(new.engine.url) == str(room.database.engine.url):
                raise ConfigError(
                    "migrate-to", "this is the database in use", hint="Name another one."
                )

            def shown(moved: Moved) -> None:
                say(
                    f"{moved.table:<20} {moved.rows:>12,} rows  {moved.written:>12,} written"
                    f"  {moved.fingerprint[:12]}"
                )

            moved = move(
                room.database,
                new,
                now=room.clock(),
                overwrite=overwrite,
                on_table=(lambda _: None) if as_json else shown,
            )
            leader = Leaders(room.database).current(OFFICE, now=room.clock())
        finally:
            new.close()
    if as_json:
        show_json(
            [
                {
                    "table": one.table,
                    "rows": one.rows,
                    "written": one.written,
                    "deleted": one.deleted,
                    "fingerprint": one.fingerprint,
                }
                for one in moved
            ]
        )
        return
    if leader is not None and leader.alive:
        say("Both databases are the same now, but the program is at work in the old one.")
        say("Stop it and run this again; only then set [database] url to the new address.")
        return
    say("Both databases are the same. If the program worked meanwhile, stop it and run this again;")
    say("then set [database] url to the new address.")


def upgrade(
    context: typer.Context,
    finish: Annotated[
        bool,
        typer.Option("--finish", help="Also make the changes that older programs cannot bear."),
    ] = False,
) -> None:
    """Bring the tables up to date; with --finish once no older program runs any more."""
    from newsletter.database.engine import finish_upgrade
    from newsletter.database.migrations import finished

    with place(context).newsroom() as room:
        if finish:
            finish_upgrade(room.database)
        with room.database.reading() as connection:
            done = finished(connection)
    say(
        "The database is up to date."
        if done
        else "The database is ready for this version, and older ones can still work with it.\n"
        "When none of them is left, run: newsletter upgrade --finish"
    )
