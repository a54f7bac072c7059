"""The application of a newsroom whose configuration may change while it is served."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from newsletter.newsroom import Newsroom
from newsletter.operations.live import LiveRoom
from newsletter.operations.metrics import Metrics
from newsletter.web.app import create_app
from newsletter.work import Work


class LiveApp:
    """An ASGI application that is made anew with each new configuration.

    A request that is being answered keeps the application it began with.
    """

    def __init__(self, live: LiveRoom, work: Work | None = None):
        self._metrics = Metrics(live)
        self._work = work
        self._app = create_app(live(), metrics=self._metrics, work=work)
        live.follow(self._renew)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the present application."""
        await self._app(scope, receive, send)

    def _renew(self, room: Newsroom) -> None:
        self._app = create_app(room, metrics=self._metrics, work=self._work)
