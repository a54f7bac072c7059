"""A web server that says exactly the bytes a test gives it, and what the tests of feeds share."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from newsletter.config import Collect
from newsletter.feeds.visit import Visit, visit_feeds
from newsletter.model import Feed, Outlet

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Reply = bytes | Callable[["Request"], AsyncIterator[bytes]]


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    path: str
    headers: dict[str, str]


@dataclass
class ByteServer:
    """Answers each path with the bytes of ``replies``; keeps what it was asked."""

    port: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0

    @property
    def place(self) -> str:
        """host:port, as an allow list has it."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://{self.place}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.writers.append(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *rest = head.decode("latin-1").split("\r\n")
            path = first.split(" ")[1]
            pairs = (line.partition(": ") for line in rest if line)
            request = Request(path, {name.lower(): value for name, _, value in pairs})
            self.requests.append(request)
            self.busy += 1
            self.most_busy = max(self.busy, self.most_busy)
            reply = self.replies.get(path.partition("?")[0], NOT_FOUND)
            if isinstance(reply, bytes):
                writer.write(reply)
            else:
                async for part in reply(request):
                    writer.write(part)
                    await writer.drain()
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.busy -= 1
            writer.close()


@pytest.fixture
def server() -> Iterator[ByteServer]:
    """A server on a free port of loopback."""
    served = ByteServer()
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(served.answer, "127.0.0.1", 0)
        served.port = listening.sockets[0].getsockname()[1]
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            listening.close()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            left = asyncio.all_tasks(loop)
            for one in left:
                one.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            # What a client did not read to its end is still open, and ends in the next turn.
            for writer in served.writers:
                writer.transport.abort()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    task = loop.create_task(serve())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(5)
    yield served
    loop.call_soon_threadsafe(task.cancel)
    thread.join(5)


@pytest.fixture
def settings(server: ByteServer) -> Collect:
    """Settings with small sizes, and times that a stalled machine does not use up."""
    return Collect(
        allow_hosts=(server.place,),
        connect_seconds=30,
        first_byte_seconds=30,
        total_seconds=60,
        parse_seconds=5,
        wire_bytes=200_000,
        decoded_bytes=400_000,
        parsers=1,
    )


@pytest.fixture
def public(settings: Collect, server: ByteServer, monkeypatch: pytest.MonkeyPatch) -> Collect:
    """Settings with which the server is also every public host, as the environment's proxy.

    A path of ``replies`` is then a whole address. Hosts with a port of their own are asked directly.
    """
    monkeypatch.setenv("http_proxy", f"http://{server.place}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in ("NO_PROXY", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return settings.model_copy(update={"use_proxy_environment": True})


VisitAll = Callable[..., list[Visit]]


@pytest.fixture
def visit_all(settings: Collect) -> VisitAll:
    """Visit feeds to the end with a clock that stands still."""

    def visit(*feeds: Feed, **options: object) -> list[Visit]:
        given: dict[str, object] = {
            "clock": lambda: NOW,
            "random": random.Random(7),
            "outlets": {"paper": Outlet(id="paper", name="The Paper")},
            "settings": settings,
            **options,
        }
        outlets, used = given.pop("outlets"), given.pop("settings")
        return list(visit_feeds(feeds, outlets, used, **given))  # type: ignore[arg-type]

    return visit
