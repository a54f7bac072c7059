"""One line in the log for each request, with an id that the answer carries too."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.operations.logs import bound
from newsletter.operations.metrics import Metrics

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
_SAFE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_UNWATCHED = {"/healthz", "/readyz", "/metrics"}


class RequestLog:
    """ASGI middleware: an id for each request, its line in the log, and its figures.

    The line names the route's pattern and never the path: the paths of readers' own pages hold
    their keys.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, timed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        name = given if _SAFE.fullmatch(given) else secrets.token_hex(8)
        begun = time.perf_counter()
        code = 500

        async def numbered(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = int(message["status"])
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        with bound(request=name):
            try:
                await self._app(scope, receive, numbered)
            finally:
                seconds = time.perf_counter() - begun
                route = _route(scope)
                method = str(scope["method"])
                self._metrics.answered(route=route, method=method, code=code, seconds=seconds)
                level = logging.DEBUG if route in _UNWATCHED and code < 500 else logging.INFO
                log.log(level, "%s %s %s %.0f ms", method, route, code, seconds * 1000)


def _route(scope: Scope) -> str:
    route = scope.get("route")
    pattern = getattr(route, "path", "")
    if pattern:
        return str(pattern)
    return "/static" if str(scope["path"]).startswith("/static/") else "(none)"
