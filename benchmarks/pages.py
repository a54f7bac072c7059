"""Public pages over HTTP: requests a second on one process, and waiting time at 200 a second.

The server is the whole application under uvicorn in a process of its own, over SQLite with one
published issue; the client is another process with bounded connections, on the same machine. Two
figures for each page: as many as the server gives, and the waiting time of the 99th of a hundred
when requests come evenly, 200 a second.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 5.0
RATE = 200
CONNECTIONS = 16


def main() -> None:
    """Serve, ask, print."""
    if len(sys.argv) > 2 and sys.argv[1] == "serve":
        serve(Path(sys.argv[2]), int(sys.argv[3]))
        return
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        slug, day = prepare(Path(folder))
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pages", "serve", folder, str(port)],
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(port)
            for name, path in (
                ("issue", f"/issues/{day}"),
                ("story", f"/stories/{slug}"),
                ("front", "/"),
            ):
                asyncio.run(measure(name, port, path, server.pid))
        finally:
            server.terminate()
            server.wait()


def prepare(folder: Path) -> tuple[str, str]:
    """A place with one published issue of the invented day."""
    from newsletter.config import starter
    from newsletter.newsroom import open_newsroom
    from tests.web.test_app import DAY, publish

    room = open_newsroom(load_place(folder, starter()))
    publish(room)
    slug = room.issues.revision(room.issues.find("latest")).content.stories[0].slug
    room.close()
    return slug, DAY.isoformat()


def load_place(folder: Path, start: Path):  # type: ignore[no-untyped-def]
    """The configuration of the place; written on the first call."""
    import shutil

    from newsletter.config import load

    if not (folder / "config.toml").exists():
        (folder / "config.toml").write_text("[collect]\nsources = []\n")
        shutil.copytree(start / "templates", folder / "templates")
    return load(folder / "config.toml")


def serve(folder: Path, port: int) -> None:
    """The application as ``newsletter web`` runs it: one process."""
    import uvicorn

    from newsletter.config import starter
    from newsletter.newsroom import open_newsroom
    from newsletter.web.app import create_app

    app = create_app(open_newsroom(load_place(folder, starter())))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", access_log=False)


async def measure(name: str, port: int, path: str, server: int) -> None:
    """Ask one page at full speed, at a steady rate, and with the tag of what we have."""
    tag, size = await first(port, path)
    before = busy(server)
    fast, waits = await flood(port, path, "")
    each = (busy(server) - before) / len(waits)
    light, _ = await flood(port, path, tag)
    steady = await evenly(port, path)
    print(
        f"{name:<6} {size:>7,} bytes  {fast:>6,.0f} requests/s ({1000 * each:.2f} ms of a core "
        f"each, {1 / each:,.0f} a core), with a tag (304) {light:>6,.0f}; "
        f"at {RATE}/s: p50 {1000 * at(steady, 50):.1f} ms, p99 {1000 * at(steady, 99):.1f} ms; "
        f"at full speed p99 {1000 * at(waits, 99):.1f} ms"
    )


async def first(port: int, path: str) -> tuple[str, int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head, size = await ask(reader, writer, path, "")
    writer.close()
    tag = next(line for line in head.split("\r\n") if line.lower().startswith("etag"))
    return tag.partition(": ")[2], size


async def flood(port: int, path: str, tag: str) -> tuple[float, list[float]]:
    """Requests a second over some connections, each asking again as soon as it has an answer."""
    end, waits = time.perf_counter() + SECONDS, []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (start := time.perf_counter()) < end:
            await ask(reader, writer, path, tag)
            waits.append(time.perf_counter() - start)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return len(waits) / (time.perf_counter() - began), sorted(waits)


async def evenly(port: int, path: str) -> list[float]:
    """Waiting times when requests come evenly; counted from when each was due."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    waits: list[float] = []
    began = time.perf_counter()

    async def one(due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        pair = await free.get()
        await ask(*pair, path, "")
        free.put_nowait(pair)
        waits.append(time.perf_counter() - due)

    await asyncio.gather(*(one(began + n / RATE) for n in range(int(RATE * SECONDS))))
    while not free.empty():
        free.get_nowait()[1].close()
    return sorted(waits)


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, tag: str
) -> tuple[str, int]:
    """One request on a connection that stays open: (head, size of the body)."""
    known = f"If-None-Match: {tag}\r\n" if tag else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{known}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    if not head.startswith(("HTTP/1.1 200", "HTTP/1.1 304")):
        raise SystemExit(f"{path}: {head[:40]}")
    lines = head.lower().split("\r\n")
    size = next((int(line[15:]) for line in lines if line.startswith("content-length")), 0)
    if size and "304" not in head[:13]:
        await reader.readexactly(size)
    return head, size


def busy(process: int) -> float:
    """Seconds of processor time a process has had; what others do on the machine is not in it."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at(waits: list[float], percent: int) -> float:
    return waits[min(len(waits) - 1, len(waits) * percent // 100)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
