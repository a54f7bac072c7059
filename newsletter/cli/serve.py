"""``run``, ``web`` and ``schedule``: the parts that stay up."""

from __future__ import annotations

import logging
import signal
from functools import partial
from types import FrameType
from typing import Annotated

import typer

from newsletter.cli.place import Json, place, say, show_json
from newsletter.config import Config
from newsletter.errors import ConfigError
from newsletter.newsroom import Newsroom
from newsletter.schedule import Scheduler, jobs, next_firings
from newsletter.work import InProcess

GRACE_SECONDS = 10
"""How long a stop waits for the job at hand."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(run)
    app.command()(web)
    app.command()(schedule)


def run(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(help="Another port than [web] port.")] = None,
) -> None:
    """Ring the bells and serve the pages, in one process."""
    _log_to_stderr()
    with place(context).newsroom() as room:
        work = InProcess(partial(jobs, room))
        scheduler = Scheduler(room, work)
        try:
            if room.config.schedule.enabled:
                scheduler.start()
                for firing in next_firings(room.config, room.clock())[:3]:
                    say(f"next {firing.bell:<8} {firing.edition:<8} {firing.at:%Y-%m-%d %H:%M} UTC")
            _serve(room, port)
        finally:
            scheduler.stop()
            work.close(GRACE_SECONDS)


def web(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(help="Another port than [web] port.")] = None,
) -> None:
    """Serve the pages alone."""
    _log_to_stderr()
    with place(context).newsroom() as room:
        _serve(room, port)


def schedule(context: typer.Context, as_json: Json = False) -> None:
    """Show when the bells ring next."""
    here = place(context)
    config = here.config()
    with here.newsroom(config=config) as room:
        firings = next_firings(config, room.clock())
    if as_json:
        show_json(
            [
                {
                    "bell": firing.bell,
                    "edition": firing.edition,
                    "at": firing.at.isoformat(),
                    "local": firing.at.astimezone(config.zone(firing.edition)).isoformat()
                    if firing.edition
                    else firing.at.isoformat(),
                }
                for firing in firings
            ]
        )
        return
    for firing in firings:
        local = (
            f"{firing.at.astimezone(config.zone(firing.edition)):%a %H:%M %Z}"
            if firing.edition
            else ""
        )
        say(f"{firing.at:%Y-%m-%d %H:%M} UTC  {local:<14} {firing.bell:<8} {firing.edition}")


def _serve(room: Newsroom, port: int | None) -> None:
    import uvicorn

    from newsletter.web.app import create_app

    settings = room.config.web
    wanted = settings.port if port is None else port
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(room),
            host=settings.host,
            port=wanted,
            log_level="warning",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
        )
    )
    say(f"pages      http://{settings.host}:{wanted}/  (Ctrl-C stops)")
    # uvicorn ends the process by the signal it got; ours lets the caller put things away first.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        server.run()
    except SystemExit as end:
        if end.code:
            raise _busy(room.config, wanted) from None


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _busy(config: Config, port: int) -> ConfigError:
    return ConfigError(
        f"{config.web.host}:{port}",
        "the pages cannot be served there",
        hint="Another program may have the port: choose one with --port or [web] port.",
    )


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s %(message)s"
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
