"""``run``, ``web``, ``scheduler``: the parts that stay up; and ``schedule``, what they will do."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Annotated, Any

import typer

from newsletter.cli.place import Json, Place, place, say, show_json
from newsletter.config import Config, Web
from newsletter.database.facts import take_into_use
from newsletter.errors import ConfigError
from newsletter.model import IssueState
from newsletter.operations import logs
from newsletter.operations.live import LiveRoom, Pulse
from newsletter.operations.machine import refuse_a_wrong_clock
from newsletter.operations.supervisor import say_ready
from newsletter.operations.watch import Watch
from newsletter.schedule import Scheduler, jobs
from newsletter.timetable import COLLECT, next_firings
from newsletter.work import Lanes, OnProcrastinate, Work

log = logging.getLogger(__name__)

GRACE_SECONDS = 9.0
"""How long a stop waits for the work at hand, so that all of it takes under ten seconds."""
READY_SECONDS = 20.0
"""The bells begin after so long even if the pages never get ready."""
CONNECTION_SECONDS = 3
"""How long open connections are waited for; pages are short."""

Port = Annotated[int | None, typer.Option(help="Another port than [web] port.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (run, web, scheduler, schedule):
        app.command()(command)


def run(context: typer.Context, port: Port = None) -> None:
    """Ring the bells and serve the pages, in one process."""
    ready = threading.Event()
    with live_room(place(context)) as (live, ending), _bells(live, ending, ready):
        config = live().config
        if config.schedule.enabled:
            for firing in next_firings(config, live().clock(), each=1):
                if firing.bell != COLLECT:
                    at = f"{firing.at:%Y-%m-%d %H:%M} UTC"
                    say(f"next {firing.bell:<8} {firing.edition:<8} {at}")
        _serve(live, ending, port, ready)


def web(context: typer.Context, port: Port = None) -> None:
    """Serve the pages alone; a scheduler runs elsewhere."""
    with live_room(place(context)) as (live, ending), pulse(live):
        database = live().database
        work = OnProcrastinate(database.url) if database.dialect == "postgresql" else None
        try:
            _serve(live, ending, port, work=work)
        finally:
            if work is not None:
                work.close(GRACE_SECONDS)


def scheduler(context: typer.Context) -> None:
    """Ring the bells alone; started twice, one leads and the other stands by.

    With PostgreSQL the work goes to "newsletter worker"; with SQLite it is done here.
    """
    ready = threading.Event()
    with live_room(place(context)) as (live, ending), _bells(live, ending, ready, apart=True):
        say("scheduler  (Ctrl-C stops)")
        say_ready()
        ready.set()
        ending.wait()


def schedule(
    context: typer.Context,
    each: Annotated[int, typer.Option(min=1, max=100, help="How many firings of each bell.")] = 10,
    as_json: Json = False,
) -> None:
    """Show when each bell rings next, in its own zone and in UTC."""
    here = place(context)
    config = here.config()
    with here.newsroom(config=config) as room:
        firings = next_firings(config, room.clock(), each)
        waiting = [plan for plan in room.plans.open(_UNSENT) if plan.at is not None]
    if as_json:
        show_json(
            [
                {
                    "bell": firing.bell,
                    "edition": firing.edition,
                    "day": firing.day.isoformat() if firing.day else None,
                    "at": firing.at.isoformat(),
                    "local": firing.at.astimezone(config.zone(firing.edition)).isoformat()
                    if firing.edition
                    else firing.at.isoformat(),
                }
                for firing in firings
            ]
            + [
                {
                    "bell": "planned send",
                    "edition": plan.issue,
                    "day": None,
                    "at": plan.at.isoformat(),
                    "local": plan.at.isoformat(),
                }
                for plan in waiting
                if plan.at
            ]
        )
        return
    bells = {(firing.edition, firing.bell): None for firing in firings}
    for edition, bell in sorted(bells, key=lambda one: (one[0], _ORDER.index(one[1]))):
        say(f"{bell} {edition}".strip())
        for firing in firings:
            if (firing.edition, firing.bell) == (edition, bell):
                say(f"  {_both(config, firing.at, edition)}")
    for plan in waiting:
        if plan.at:
            say(f"send {plan.issue} (set by {plan.by})")
            say(f"  {plan.at:%a %Y-%m-%d %H:%M} UTC")


_ORDER = (COLLECT, "draft", "remind", "send")
_UNSENT = (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENDING)


def _both(config: Config, at: datetime, edition: str) -> str:
    utc = f"{at:%a %Y-%m-%d %H:%M} UTC"
    return f"{at.astimezone(config.zone(edition)):%a %Y-%m-%d %H:%M %Z}   {utc}" if edition else utc


@contextmanager
def live_room(here: Place) -> Iterator[tuple[LiveRoom, threading.Event]]:
    """A newsroom that follows its configuration, and what is set when the process is to end."""
    config = here.config()
    logs.configure(config)
    ending = threading.Event()
    with here.newsroom(config=config) as room:
        take_into_use(room.database)
        live = LiveRoom(room, here.config)

        def end(_number: int, _frame: FrameType | None) -> None:
            ending.set()

        def reload(_number: int, _frame: FrameType | None) -> None:
            # Not here: a signal may arrive while a lock of the logging is held.
            threading.Thread(target=live.reload, name="reload", daemon=True).start()

        before = {
            number: signal.signal(number, handler)
            for number, handler in (
                (signal.SIGTERM, end),
                (signal.SIGINT, end),
                (signal.SIGHUP, reload),
            )
        }
        # What came since the process began (newsletter/__main__.py) is heard now.
        held = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        try:
            yield live, ending
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _bells(
    live: LiveRoom, ending: threading.Event, ready: threading.Event, *, apart: bool = False
) -> Iterator[None]:
    """Bells that ring in this process, for as long as the configuration wants any.

    :param apart: let workers of their own do the work, where the database allows it.
    """
    work: Work
    if apart and live().database.dialect == "postgresql":
        work = OnProcrastinate(live().config.database_url)
    else:
        work = Lanes(partial(jobs, live, stop=ending.is_set))
    alarm = Scheduler(live, work, watch=Watch())
    live.follow(lambda _room: alarm.reload())

    def begin() -> None:
        # Catching up is work: whoever looks at the pages meanwhile must not wait for it.
        ready.wait(READY_SECONDS)
        if not ending.is_set():
            alarm.start()

    beginning = threading.Thread(target=begin, name="begin", daemon=True)
    beginning.start()
    with pulse(live, alarm.clock_was_set):
        try:
            yield
        finally:
            ending.set()
            ready.set()
            beginning.join()
            until = time.monotonic() + GRACE_SECONDS
            alarm.stop_ringing()
            if not work.close(GRACE_SECONDS):
                log.warning("the work at hand did not end in time; the next start goes on with it")
            alarm.stop()
            log.info("stopped in %.1f s", GRACE_SECONDS - (until - time.monotonic()))


@contextmanager
def pulse(
    live: LiveRoom, clock_was_set: Callable[[float], None] = lambda _: None
) -> Iterator[None]:
    """Look every few seconds whether configuration or templates changed, and at the clock.

    :raises ConfigError: when the clock is not that of the database, which other machines share.
    """
    refuse_a_wrong_clock(live())

    def beat(jump: float) -> None:
        live.check()
        if jump:
            clock_was_set(jump)

    pulse = Pulse(beat)
    pulse.start()
    try:
        yield
    finally:
        pulse.stop()


def must_be_private(settings: Web) -> None:
    """Refuse to take passwords in the open.

    :raises ConfigError: when the pages would be served without TLS where others can reach them.
    """
    if settings.allow_plain_http or settings.host in {"127.0.0.1", "::1", "localhost"}:
        return
    raise ConfigError(
        f"[web] host {settings.host}",
        "other machines can reach this address, and it has no TLS",
        hint="Serve on 127.0.0.1 behind a proxy with TLS, or set [web] allow_plain_http = true.",
    )


def _serve(
    live: LiveRoom,
    ending: threading.Event,
    port: int | None,
    ready: threading.Event | None = None,
    *,
    work: Work | None = None,
) -> None:
    import uvicorn

    from newsletter.web.live import LiveApp

    settings = live().config.web
    must_be_private(settings)
    wanted = settings.port if port is None else port
    server = _server(
        uvicorn.Config(
            LiveApp(live, work),
            host=settings.host,
            port=wanted,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=CONNECTION_SECONDS,
            server_header=False,
        )
    )
    say(f"pages      http://{settings.host}:{wanted}/  (Ctrl-C stops)")
    threading.Thread(target=_attend, args=(server, ending, ready), daemon=True).start()
    try:
        server.run()
    except SystemExit as end:
        if end.code:
            raise _busy(live().config, wanted) from None


def _server(config: Any) -> Any:
    """A web server that leaves the signals to us."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(config)


def _attend(server: Any, ending: threading.Event, ready: threading.Event | None) -> None:
    """Say when the server takes visitors, and tell it when to stop."""
    while not server.started and not ending.wait(0.02):
        pass
    say_ready()
    if ready is not None:
        ready.set()
    ending.wait()
    server.should_exit = True


def _busy(config: Config, port: int) -> ConfigError:
    return ConfigError(
        f"{config.web.host}:{port}",
        "the pages cannot be served there",
        hint="Another program may have the port: choose one with --port or [web] port.",
    )
