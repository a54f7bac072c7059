"""Pages that are the same for everybody, kept as bytes until something that is told changes.

Every page is made from what was approved; between two approvals, corrections or regroupings it is
the same to the byte. So the first answer is kept, and before it is given again one statement asks
the database for a stamp over all that pages are made from. No page is ever older than the
database, however many processes serve and whoever changed it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 2_000_000
"""Bytes of an answer that is kept."""
ALL = 64_000_000
"""Bytes that are kept in all; what was asked for least recently goes first."""


# The front page is kept by its own route: its form holds a word that says when it was shown.
_PUBLIC = re.compile(r"/(?:issues|stories/|method$|corrections$|feed\.xml$|sitemap\.xml$)")


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it went out, and the stamp of the data it was made from."""

    stamp: str
    tag: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Shelf:
    """ASGI middleware that keeps whatever the application calls public and gives a tag.

    :param stamp: gives a word that changes with everything a page is made from; asked before
        every answer.
    """

    def __init__(self, app: ASGIApp, stamp: Callable[[], str]):
        self._app = app
        self._stamp = stamp
        self._kept: OrderedDict[tuple[str, bytes], Kept] = OrderedDict()
        self._size = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give what is kept, or pass the request on and keep the answer."""
        if (
            scope["type"] != "http"
            or scope["method"] not in {"GET", "HEAD"}
            or not _PUBLIC.match(scope["path"])
        ):
            await self._app(scope, receive, send)
            return
        key = (str(scope["path"]), bytes(scope.get("query_string", b"")))
        # Asked before the page is made: what changes meanwhile makes the kept page stale.
        stamp = await run_in_threadpool(self._stamp)
        kept = self._kept.get(key)
        if kept and kept.stamp == stamp:
            self._kept.move_to_end(key)
            await _answer(kept, scope, send)
        elif scope["method"] == "HEAD":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, self._listening(key, stamp, send))

    def _listening(self, key: tuple[str, bytes], stamp: str, send: Send) -> Send:
        start: Message = {}
        parts: list[bytes] = []

        async def listen(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    self._keep(key, stamp, start, b"".join(parts))
            await send(message)

        return listen

    def _keep(self, key: tuple[str, bytes], stamp: str, start: Message, body: bytes) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        tag, public = headers.get("etag", ""), "public" in headers.get("cache-control", "")
        if start["status"] != 200 or not tag or not public or len(body) > LARGEST:
            return
        before = self._kept.pop(key, None)
        self._size += len(body) - (len(before.body) if before else 0)
        self._kept[key] = Kept(stamp, tag.encode("latin-1"), tuple(start["headers"]), body)
        while self._size > ALL:
            self._size -= len(self._kept.popitem(last=False)[1].body)


async def _answer(kept: Kept, scope: Scope, send: Send) -> None:
    asked = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    status, body, headers = 200, kept.body, list(kept.headers)
    if kept.tag in asked:
        status, body = 304, b""
        headers = [(n, v) for n, v in headers if n in {b"etag", b"cache-control"}]
    if scope["method"] == "HEAD":
        body = b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
