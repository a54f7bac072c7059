"""``POST /hooks/sendgrid``: signed events of SendGrid.

Nothing is read of a post whose signature over the raw bytes does not fit. An answer other than
2xx makes SendGrid post the same events again, which is what is wanted when they could not be
stored, and harmless otherwise.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from newsletter import pipeline
from newsletter.delivery.events import MAX_BYTES, receive
from newsletter.errors import ConfigError, DeliveryError
from newsletter.newsroom import Newsroom
from newsletter.operations.place import public_key

log = logging.getLogger(__name__)


def router(room: Newsroom) -> APIRouter:
    """``/hooks/sendgrid``."""
    routes = APIRouter()

    @routes.post("/hooks/sendgrid")
    async def events(request: Request) -> Response:
        raw = await _body(request)
        if raw is None:
            return _answer(413, "the post is too large")
        headers = dict(request.headers)

        def act() -> Response:
            try:
                found = receive(raw, headers, public_key=public_key(room.config), now=room.clock())
            except ConfigError as error:
                log.error("events of SendGrid cannot be checked: %s. %s", error, error.hint)
                return _answer(503, "events are not taken here")
            except DeliveryError as error:
                log.warning("a post to /hooks/sendgrid was refused: %s", error.sentence)
                return _answer(403, error.sentence)
            pipeline.take_events(room, found)
            return _answer(200, "")

        return await run_in_threadpool(act)

    return routes


async def _body(request: Request) -> bytes | None:
    """The whole body; None when it is larger than any that SendGrid sends."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        return None
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MAX_BYTES:
            return None
    return bytes(body)


def _answer(status: int, problem: str) -> Response:
    return JSONResponse({"problem": problem} if problem else {"taken": True}, status)
