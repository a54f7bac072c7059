"""A real server around an application, and a client that follows nothing and keeps no cookie."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers in small letters, body as text."""

    status: int
    headers: dict[str, str]
    text: str
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one server."""

    port: int

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            given = answer.getheaders()
            cookies = tuple(v for k, v in given if k.lower() == "set-cookie")
            return Answer(answer.status, {k.lower(): v for k, v in given}, text, cookies)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page."""
        return self.ask("GET", path, headers=headers)

    def post(
        self, path: str, body: str = "", kind: str = "application/x-www-form-urlencoded"
    ) -> Answer:
        """Send a form."""
        return self.ask("POST", path, body, {"Content-Type": kind})


@contextmanager
def served(app: FastAPI) -> Iterator[Client]:
    """Serve an application on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", lifespan="off", server_header=False)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)
        yield Client(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
