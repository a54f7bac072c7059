"""Small real servers for transports to talk to: an SMTP server and a SendGrid of our own.

Both listen on a free loopback port, remember what they took, and misbehave on request.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Postbox:
    """An aiosmtpd handler: ``says`` maps an address to what is answered at RCPT."""

    def __init__(self, *, pipelining: bool = False) -> None:
        self.pipelining = pipelining
        self.says: dict[str, str] = {}
        self.after_data: dict[str, str] = {}
        self.messages: list[tuple[str, bytes]] = []
        self.senders: list[str] = []

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer what was asked for."""
        session.host_name = hostname
        more = ["250-PIPELINING"] if self.pipelining else []
        return [*responses[:-1], *more, responses[-1]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer for one address."""
        answer = self.says.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the letter, or do what was asked for instead."""
        [address] = envelope.rcpt_tos
        assert isinstance(envelope.content, bytes)
        said = self.after_data.get(address, "250 taken")
        if said.startswith("250") or said == "cut":
            self.messages.append((address, envelope.content))
            self.senders.append(envelope.mail_from or "")
        if said in {"cut", "cut before"}:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return said


class MailServer(Controller):
    """An SMTP server on a free port."""

    def __init__(self, box: Postbox, **more: Any):
        self.box = box
        super().__init__(box, hostname="127.0.0.1", port=0, **more)

    def start(self) -> None:
        """Start, and learn the port."""
        super().start()
        self._learn_port()

    def end(self) -> None:
        """Stop; safe to do twice."""
        if not self.loop.is_closed():
            self.stop(no_assert=True)

    def _learn_port(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]

    def _trigger_server(self) -> None:
        # The base class connects to the port it was given, which is 0 here.
        self._learn_port()
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd ships few types


Behaviour = Callable[["Grid", "GridHandler", dict[str, Any]], bool]
"""Looks at a request before the usual answer; True when it has answered (or cut) itself."""


class Grid:
    """What the stand-in for SendGrid knows."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.log_requests: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.keys: set[str] = {"SG.good"}
        self.bad: set[str] = set()
        self.names_field = True
        self.behaviour: Behaviour | None = None
        self.lock = threading.Lock()

    def addresses(self) -> list[str]:
        """Who was taken, in order."""
        return [
            one["to"][0]["email"] for request in self.taken for one in request["personalizations"]
        ]

    def take(self, request: dict[str, Any]) -> str:
        """Keep an accepted request; its message id."""
        with self.lock:
            self.taken.append(request)
            return f"msg{len(self.taken):04d}"

    def problems(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """What is wrong with a request, as the API says it."""
        found: list[dict[str, Any]] = []
        people = request["personalizations"]
        seen: set[str] = set()
        if len(people) > 1000:
            found.append({"field": "personalizations", "message": "limited to 1000"})
        for index, one in enumerate(people):
            [to] = one["to"]
            if to["email"] in self.bad:
                field = f"personalizations.{index}.to.0.email" if self.names_field else None
                found.append({"field": field, "message": "Does not contain a valid address."})
            if to["email"].lower() in seen:
                found.append({"field": "personalizations", "message": "more than once"})
            seen.add(to["email"].lower())
            if not all(isinstance(value, str) for value in one["custom_args"].values()):
                found.append({"field": "custom_args", "message": "must be strings"})
        if [part["type"] for part in request["content"]] != ["text/plain", "text/html"]:
            found.append({"field": "content", "message": "text/plain needs to be first"})
        return found


class GridHandler(BaseHTTPRequestHandler):
    """One request to the stand-in."""

    grid: Grid
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def reply(self, status: int, body: Any = None, **headers: str) -> None:
        """Answer with JSON."""
        raw = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(raw)

    def cut(self) -> None:
        """End the connection without an answer."""
        self.close_connection = True

    def do_POST(self) -> None:
        """mail/send and logs."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"].removeprefix("Bearer ") not in self.grid.keys:
            self.reply(401, {"errors": [{"field": None, "message": "invalid key"}]})
        elif self.path == "/v3/mail/send":
            self.mail_send(request)
        elif self.path == "/v3/logs":
            self.logs(request)
        else:
            self.reply(404, {"errors": [{"field": None, "message": "not found"}]})

    def mail_send(self, request: dict[str, Any]) -> None:
        """Take letters, or say why not."""
        with self.grid.lock:
            self.grid.requests.append(request)
        behaviour = self.grid.behaviour
        if behaviour is not None and behaviour(self.grid, self, request):
            return
        problems = self.grid.problems(request)
        if problems:
            self.reply(400, {"errors": problems})
        elif request.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            self.reply(200)
        else:
            self.reply(202, None, X_Message_Id=self.grid.take(request))

    def logs(self, request: dict[str, Any]) -> None:
        """Answer a search by category."""
        self.grid.log_requests.append(request)
        found = re.fullmatch(r"categories IN \('([^']+)'\)", request["query"])
        assert found, request["query"]
        self.reply(
            200,
            {
                "messages": [
                    {"to_email": one["to"][0]["email"], "sg_message_id": "msg.recv-1"}
                    for taken in self.grid.taken
                    if found[1] in taken["categories"]
                    for one in taken["personalizations"]
                ][: request["limit"]]
            },
        )


class QuietServer(ThreadingHTTPServer):
    """An HTTP server that takes clients for granted that hang up on it."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: being hung up on is what it is there for."""


class GridServer:
    """The stand-in on a free port, for a ``with`` block."""

    def __init__(self) -> None:
        self.grid = Grid()
        handler = type("Handler", (GridHandler,), {"grid": self.grid})
        self.server = QuietServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> GridServer:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


# -- behaviours


def take_and_cut(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Take the letters and end the connection without a word."""
    grid.take(request)
    handler.cut()
    return True


def take_and_fail(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Take the letters and answer 500."""
    grid.take(request)
    handler.reply(500, {"errors": [{"field": None, "message": "internal"}]})
    return True


def take_and_hang(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Take the letters and say nothing for a while."""
    grid.take(request)
    time.sleep(1.5)
    handler.cut()
    return True


def take_and_trickle(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Take the letters and answer one byte at a time."""
    grid.take(request)
    for byte in b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\n\r\n":
        try:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
        except OSError:
            break
        time.sleep(0.1)
    handler.cut()
    return True


def take_and_answer_half(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Take the letters and cut the answer inside its first line."""
    grid.take(request)
    handler.wfile.write(b"HTTP/1.1 2")
    handler.cut()
    return True


def slow_down(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Answer 429 and say for how long."""
    handler.reply(429, {"errors": [{"field": None, "message": "too many"}]}, Retry_After="7")
    return True
